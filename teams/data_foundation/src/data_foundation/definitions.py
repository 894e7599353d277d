"""The code location of team data_foundation: the dbt project in `dbt/`."""

from headgate import dbt_assets, team_definitions

defs = team_definitions(modules=[], dbt=dbt_assets())
