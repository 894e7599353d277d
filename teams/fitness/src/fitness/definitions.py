"""The code location of team fitness."""

from fitness.dashboard import assets as dashboard
from fitness.energy import assets as energy
from fitness.energy import checks
from headgate import dbt_assets, team_definitions

defs = team_definitions(modules=[energy, checks, dashboard], dbt=dbt_assets())
