"""The code location of team fitness."""

from fitness.ingestion import assets as ingestion
from headgate import dbt_assets, team_definitions

defs = team_definitions(
    modules=[ingestion], jobs=[ingestion.ingest], schedules=[ingestion.daily_ingest], dbt=dbt_assets()
)
