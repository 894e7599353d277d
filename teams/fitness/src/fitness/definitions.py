"""The code location of team fitness."""

from headgate import dbt_assets, team_definitions

defs = team_definitions(modules=[], dbt=dbt_assets())
