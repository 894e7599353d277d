"""From Strava's API into the team's private zone: who may read (`credentials`, `login`), what is read (`api`), when (`assets`).

What belongs here: speaking Strava's API v3. What does not: landing rows (`headgate.sources.dlt`), judging them (dbt, the gate).
"""
