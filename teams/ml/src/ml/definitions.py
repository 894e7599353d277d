"""The code location of team ml. It has no schedule: it follows analytics by automation and, update by update, by a sensor."""

from headgate import team_definitions
from ml import checks, features, models, penguins, predictions

defs = team_definitions(modules=[features, models, predictions, penguins, checks], sensors=[penguins.follow_penguins])
