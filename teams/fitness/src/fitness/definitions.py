"""The code location of team fitness."""

from headgate import team_definitions

defs = team_definitions(modules=[])
