"""The executive page: how much of what customers may use they use, who will buy more, who less, and how good the data are.

What belongs here: what is asked of the star (`queries`), arithmetic for the page (`figures`, `quality`), its words, figures
and layout. What does not: where pages lie and how they are served (`headgate.pages`), or any number that another asset reads.
"""
