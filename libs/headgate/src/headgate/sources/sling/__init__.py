"""Landing PostgreSQL tables by Sling: it reads them into files, the landing brings these into the lake.

What belongs here: a replication file's meaning (`replication`), the source's tables (`postgres`), running Sling (`extract`) and
the transaction (`landing`). What does not: Dagster (`headgate.orchestration.sling`).
"""
