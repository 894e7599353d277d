"""The code location of team ml. It has no schedule: it follows analytics by automation."""

from headgate import team_definitions
from ml import checks, features, models, predictions

defs = team_definitions(modules=[features, models, predictions, checks])
