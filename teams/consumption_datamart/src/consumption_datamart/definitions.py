"""The code location of team consumption_datamart: the layers that are there, in the order in which data goes through them."""

from importlib import import_module
from importlib.util import find_spec

from headgate import team_definitions

LAYERS = ("ingestion", "star", "executive")
"""Each is a package with a module `assets`; jobs, schedules and sensors are what its module `automation` lists, if it has one."""

_modules = [import_module(f"{__package__}.{layer}.assets") for layer in LAYERS if find_spec(f"{__package__}.{layer}")]
_automation = [
    import_module(f"{module.__package__}.automation")
    for module in _modules
    if find_spec(f"{module.__package__}.automation")
]

defs = team_definitions(
    modules=_modules,
    jobs=[job for module in _automation for job in getattr(module, "JOBS", ())],
    schedules=[schedule for module in _automation for schedule in getattr(module, "SCHEDULES", ())],
    sensors=[sensor for module in _automation for sensor in getattr(module, "SENSORS", ())],
)
