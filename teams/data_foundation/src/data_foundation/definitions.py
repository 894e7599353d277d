"""The code location of team data_foundation: the raw tables, and the dbt project in `dbt/`."""

from data_foundation import hits, ingestion
from headgate import dbt_assets, team_definitions

defs = team_definitions(
    modules=[ingestion],
    jobs=[hits.raw_months, hits.months_of_hits],
    schedules=[hits.newest_raw_hits, hits.newest_hits],
    dbt=dbt_assets(),
)
