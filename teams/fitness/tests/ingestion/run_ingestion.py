"""A run of the activities as a program. `KILL_AT` (`module:function:n`) ends it by SIGKILL when that function returns for the
nth time, or (`module:function:-n`) when it is entered for the nth time."""

import importlib
import os
import signal
import sys
from typing import Any

import dagster as dg

from fitness.ingestion import assets
from headgate.orchestration.resources import LakeResource


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
    with dg.DagsterInstance.ephemeral() as instance:
        resources = {"lake": LakeResource(team="fitness"), "lake_io": dg.mem_io_manager}
        done = dg.materialize([assets.activities], resources=resources, instance=instance, raise_on_error=False)
    sys.exit(0 if done.success else 1)
