"""The star schema: dimensions, facts and what follows from them, day by day.

Every module but `assets`, `automation` and `days` is pure: functions from Ibis tables to an Ibis table, which run on DuckDB
and on Snowflake alike. They see only the days that they are given.
"""
