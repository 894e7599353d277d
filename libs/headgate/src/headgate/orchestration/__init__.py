"""The Dagster side of Headgate: what a team's definitions are made of.

What belongs here: assets that publish through the gate, the I/O manager, checks, automation. What does not: anything the
lake, the contracts or quality need to know; those never import Dagster.
"""
