"""Data quality as numbers: limits of warnings, what is usual, anomalies. Pure functions; no Dagster and no lake in them.

What belongs here: judging counts and profiles. What does not: counting them (`headgate.contract`), keeping them
(`headgate.lake`), showing them (`headgate.orchestration`, the command line).
"""
