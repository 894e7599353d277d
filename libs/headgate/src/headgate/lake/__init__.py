"""The lake: one DuckLake a zone, two zones a team, and the gate between them.

What belongs here: connecting under a team's own role, the gate, history and roll-back, landing what a source sent.
What does not: Dagster (see `headgate.orchestration`), and what a table promises (see `headgate.contract`).
"""
