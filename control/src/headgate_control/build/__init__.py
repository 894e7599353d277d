"""`headgate build`: the whole graph across all code locations, without a browser.

`graph` decides what may run next, `runs` launches and follows, `display` shows, `command` puts them together.
"""
