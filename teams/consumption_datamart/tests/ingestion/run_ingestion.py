"""A run of what is due, as a program. `KILL_AT` (`module:function:n`) ends it by SIGKILL when that function returns for the nth
time, or (`module:function:-n`) when it is entered for the nth time."""

import importlib
import os
import signal
import sys
from typing import Any

import dagster as dg

from consumption_datamart.definitions import defs


def arm(place: str) -> None:
    module_name, path, count = place.split(":")
    owner: Any = importlib.import_module(module_name)
    *holders, name = path.split(".")
    for holder in holders:
        owner = getattr(owner, holder)
    original, calls, wanted = getattr(owner, name), [0], int(count)

    def deadly(*arguments: Any, **options: Any) -> Any:
        calls[0] += 1
        if wanted < 0 and calls[0] == -wanted:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **options)
        if calls[0] == wanted:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)


if __name__ == "__main__":
    if place := os.environ.get("KILL_AT"):
        arm(place)
    keys = [dg.AssetKey(["consumption_datamart", name]) for name in sys.argv[1:]]
    with dg.DagsterInstance.ephemeral() as instance:
        job = defs.resolve_implicit_global_asset_job_def()
        done = job.execute_in_process(instance=instance, asset_selection=keys, raise_on_error=False)
    sys.exit(0 if done.success else 1)
