"""The code location of team fitness."""

from fitness.dashboard import assets as dashboard
from fitness.energy import assets as energy
from fitness.energy import checks
from fitness.ingestion import assets as ingestion
from headgate import dbt_assets, team_definitions

defs = team_definitions(
    modules=[ingestion, energy, checks, dashboard],
    jobs=[ingestion.ingest],
    schedules=[ingestion.daily_ingest],
    dbt=dbt_assets(),
)
