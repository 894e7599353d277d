"""Landing what a dlt source yields: dlt pulls and normalises, the lake takes the rows in one transaction.

What belongs here: running a source (`pull`), writing its tables (`landing`), what is kept between runs (`memory`). What does
not: Dagster (`headgate.orchestration.dlt`), one service's API (its team). Needs the extra `dlt` of this library.
"""
