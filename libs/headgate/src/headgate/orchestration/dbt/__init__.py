"""A dbt project as a team's assets: models, seeds, snapshots, tests and sources, built into the private zone.

What belongs here: what a dbt project means to Dagster and to the gate, and running dbt. What does not: dbt's own work (it
runs in a process of its own, `worker`), and anything a team without dbt would need. Loading this needs no dbt.
"""
