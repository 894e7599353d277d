"""The import time of every code location, in its own environment and a fresh process. Promised: none above 3 s."""

import os
import statistics
import subprocess
from pathlib import Path

from _measure import print_machine

from headgate.environment import read_settings
from headgate.team import list_teams

SNIPPET = "import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"


def main() -> None:
    print_machine("headgate")
    settings = read_settings()
    slowest = 0.0
    for team in list_teams(settings.root):
        python = settings.state_folder / "envs" / team.name / "bin" / "python"
        seconds = statistics.median(_time_import(python, team.definitions_module, team.folder) for _ in range(3))
        slowest = max(slowest, seconds)
        print(f"  {team.definitions_module:<32} {seconds:6.2f} s")
    print(f"slowest: {slowest:.2f} s (promised: at most 3)")


def _time_import(python: Path, module: str, folder: Path) -> float:
    """Seconds; the process gets no setting, secret or network address of the platform."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = [str(python), "-c", SNIPPET.format(module=module)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


if __name__ == "__main__":
    main()
