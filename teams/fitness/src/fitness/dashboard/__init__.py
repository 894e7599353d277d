"""Two pages for people: what the club did, and how good the energy model is.

What belongs here: summing up for the page, figures, words, `page.css` and `page.js`. What does not: where pages lie and how
they are served (`headgate.pages`), or any number that another asset reads. Nothing comes from another host.
"""
