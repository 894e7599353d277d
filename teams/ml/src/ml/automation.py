"""When team ml's assets run by themselves."""

from headgate import automation

FOLLOW_UPSTREAM = automation("eager_after_checks")
"""After any input was updated, once all are there, none is being updated and their blocking checks have passed."""
