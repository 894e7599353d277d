"""What a fork of the supervisor becomes, tried in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

PROBE = """
import json, os, sys

from setproctitle import getproctitle


def main(arguments):
    state = {"arguments": arguments, "variables": dict(os.environ), "title": getproctitle()}
    state["first"] = open("/proc/self/environ").read()
    print(json.dumps(state))
    raise SystemExit(int(os.environ.get("LC_CODE", "0")))
"""

RUN_PROBE = """
import os, sys

from headgate_control import launch

launch._RESIDENT = {"gateway": "probe"}
launch._WHAT_THEY_NEED = ()
launch.preload("gateway")
launch.run("gateway", ["--port", "3000"], {**os.environ, "SUPERVISOR_ENABLED": "1"})
"""

COUNT_THREADS = """
import os, sys

from headgate_control import launch

launch.preload("code-alpha")
assert "dagster" not in sys.modules
launch.preload("daemon")
launch.preload("gateway")
print("dagster" in sys.modules, "dagster_webserver" in sys.modules, len(os.listdir("/proc/self/task")))
"""


def python(program: str, folder: Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    (folder / "teams").mkdir(exist_ok=True)
    home = {"HEADGATE_ROOT": str(folder), "HEADGATE_HOME": str(folder / "home"), "PYTHONPATH": str(folder)}
    environment = {**os.environ, **home, **variables}
    command = [sys.executable, "-c", program]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=600)


def test_what_is_imported_before_a_fork_starts_no_thread(tmp_path: Path) -> None:
    done = python(COUNT_THREADS, tmp_path)
    assert done.stdout.split() == ["True", "True", "1"], done.stderr


def test_a_program_that_stays_has_the_platforms_variables_a_title_and_its_exit_code(tmp_path: Path) -> None:
    (tmp_path / "probe.py").write_text(PROBE, encoding="utf-8")
    done = python(RUN_PROBE, tmp_path, CRM_URL="postgresql://secret", HEADGATE_SUPERVISED="x", LC_CODE="3")
    assert done.returncode == 3, done.stderr
    state = json.loads(done.stdout)
    workspace = next(tmp_path.glob("home/run/workspace.yaml"), tmp_path / "home" / "run" / "workspace.yaml")
    assert state["arguments"] == ["--workspace", str(workspace), "--port", "3000"]
    assert state["title"] == "headgate gateway --port 3000"
    variables = state["variables"]
    assert not {"CRM_URL", "SUPERVISOR_ENABLED", "PYTHONPATH", "SPT_NOENV"} & variables.keys()
    assert variables["HEADGATE_SUPERVISED"] == os.path.realpath(tmp_path / "home")
    assert variables["DAGSTER_HOME"] == str(tmp_path / "home" / "dagster")
    # What the system shows of a process is what it was started with: the mark that it is found by stays readable.
    assert "HEADGATE_SUPERVISED=x" in state["first"].split("\0")


def test_what_cannot_start_says_why_and_leaves_the_reason(tmp_path: Path) -> None:
    program = "import os; from headgate_control import launch; launch.run('nonsense', [], os.environ.copy())"
    done = python(program, tmp_path)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 3
    assert "there is no program 'nonsense'" in done.stderr
    problem = json.loads((tmp_path / "home" / "run" / "nonsense.problem.json").read_text(encoding="utf-8"))
    assert problem["what"] == "there is no program 'nonsense'"
