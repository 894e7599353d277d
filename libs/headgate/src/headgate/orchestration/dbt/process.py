"""Starting dbt in a process of its own and listening to it.

A process can be stopped for certain, and takes its memory with it; in this one dbt's threads would outlive a cancelled run.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from headgate.orchestration.dbt.errors import DbtError

_WORKER = "headgate.orchestration.dbt.worker"
_STOP_GRACE_S = 10
_QUIET = {
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DBT_VERSION_CHECK": "false",
    "DBT_STATIC_PARSER": "true",
    "DBT_USE_COLORS": "false",
    "DBT_LOG_LEVEL_FILE": "none",
    "DBT_PRINTER_WIDTH": "80",
}

Event = dict[str, Any]


def require_dbt(project: Path) -> None:
    """Raises: DbtError: this environment has no dbt."""
    if find_spec("dbt") is None or find_spec("dbt.adapters.duckdb") is None:
        raise DbtError(
            "this environment has no dbt",
            where=str(project),
            next_step='add "headgate[dbt]" to the dependencies in the team\'s pyproject.toml, then `headgate lock`',
        )


def run_dbt(
    project: Path,
    commands: Sequence[Sequence[str]],
    *,
    profiles: Path,
    scratch: Path,
    manifest: Path | None = None,
    variables: Mapping[str, str] | None = None,
    output: int | None = None,
) -> Generator[Event]:
    """Runs dbt commands one after the other, and yields what happens while it happens; each ends with an event of kind `end`.

    They share a process: starting dbt and reading the project takes longer than many a command.

    Args:
        project: folder of dbt_project.yml.
        commands: dbt's own arguments, without those about folders.
        profiles: folder of profiles.yml.
        scratch: folder for what dbt leaves behind.
        manifest: the parsed project, as dbt writes it for itself; None to parse it again.
        variables: environment variables beside this process's own.
        output: file descriptor for what dbt prints; None for this process's own standard output.

    Raises:
        DbtError: dbt is not there, or its process died.
    """
    require_dbt(project)
    places = {"--project-dir": project, "--profiles-dir": profiles, "--target-path": scratch, "--log-path": scratch}
    folders = [str(part) for place in places.items() for part in place]
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", _WORKER],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=[writing],
            cwd=project,
            env={**os.environ, **_QUIET, **(variables or {})},
            start_new_session=True,
        )
    finally:
        os.close(writing)
    try:
        job = {
            "commands": [[*command, *folders] for command in commands],
            "manifest": str(manifest) if manifest else None,
            "events": writing,
        }
        assert process.stdin is not None
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()  # and left open: dbt ends when it is closed
        ended = 0
        with os.fdopen(reading, encoding="utf-8") as events:
            for line in events:
                event = json.loads(line)
                ended += event["kind"] == "end"
                yield event
        code = process.wait()
        if ended < len(commands):
            raise DbtError(
                f"dbt's process died (exit code {code})",
                where=str(project),
                next_step="read what it printed in the run's output, and see that the machine has memory left",
            )
    finally:
        _stop(process)


def _stop(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
