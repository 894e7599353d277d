"""The code location of team data_foundation: the dbt project in `dbt/`."""

from data_foundation import hits
from headgate import dbt_assets, team_definitions

defs = team_definitions(modules=[], jobs=[hits.months_of_hits], schedules=[hits.newest_hits], dbt=dbt_assets())
