"""The cycling club's accounts, behind an HTTP server that speaks as the Strava API v3 is publicly described.

What belongs here: athletes, their activities, and the protocol with its limits and faults. What does not: anything that
reads them for a purpose, and the shop's databases (the rest of `acme`).
"""
