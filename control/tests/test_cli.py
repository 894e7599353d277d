"""The command line: how quickly it answers, and how it ends."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from repository import ROOT

from headgate_control.cli import COMMANDS, make_app


def headgate(*arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "headgate_control", *arguments]
    environment = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1", **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_help_names_every_command() -> None:
    result = headgate("--help")
    assert result.returncode == 0
    for command in COMMANDS:
        assert f" {command.name} " in result.stdout


def test_help_is_quick_and_imports_no_command() -> None:
    code = "import sys; from headgate_control.cli import main; main(['--help']); print(sorted(sys.modules))"
    result = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    imported = result.stdout.splitlines()[-1]
    for heavy in ("dagster", "duckdb", "psycopg", "pydantic", "headgate_control.commands"):
        assert f"'{heavy}'" not in imported
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    headgate("--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time: what else the machine does is not this command's fault.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 0.5


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_loads(command: object) -> None:
    assert make_app(command.name).registered_commands  # type: ignore[attr-defined]


def test_help_of_bench_names_every_benchmark() -> None:
    result = headgate("bench", "--help")
    assert result.returncode == 0
    benchmarks = [path.stem for path in (ROOT / "bench").glob("[a-z]*.py")]
    assert len(benchmarks) > 10 and all(f"\n {name} " in result.stdout for name in benchmarks)


@pytest.mark.parametrize("arguments", [["no-such-command"], ["lock", "--no-such-option"], ["sync", "no-such-project"]])
def test_usage_errors_end_with_2(arguments: list[str]) -> None:
    result = headgate(*arguments)
    assert result.returncode == 2
    assert "no-such" in result.stderr and "Traceback" not in result.stderr


def test_an_error_is_three_lines_and_a_traceback_only_with_debug() -> None:
    lines = headgate("sync", "nowhere").stderr.splitlines()
    assert lines[0] == "there is no project 'nowhere'"
    assert lines[1].startswith("  where: ") and lines[2].startswith("  next:  ") and len(lines) == 3
    for arguments in (["--debug", "sync", "nowhere"], ["sync", "nowhere", "--debug"]):
        assert "Traceback" in headgate(*arguments).stderr
    assert "Traceback" in headgate("sync", "nowhere", HEADGATE_DEBUG="1").stderr


def test_what_nobody_foresaw_is_three_lines_too(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import headgate_control.projects as p\ndef broken(*_):\n    raise ZeroDivisionError('by zero')\n"
        "p.choose_projects = broken\n"
    )
    result = headgate("sync", PYTHONPATH=str(tmp_path))
    lines = result.stderr.splitlines()
    assert result.returncode == 1
    assert lines[0] == "unexpected ZeroDivisionError: by zero" and "sitecustomize.py:3" in lines[1] and len(lines) == 3


def test_a_wrong_setting_is_three_lines() -> None:
    result = headgate("sync", HEADGATE_ENVIRONMENT="production")
    assert result.returncode == 2
    assert result.stderr.startswith("HEADGATE_ENVIRONMENT is not usable") and len(result.stderr.splitlines()) == 3


def test_variables_come_from_dotenv_but_those_set_win(tmp_path: Path) -> None:
    (tmp_path / "teams").mkdir()
    (tmp_path / ".env").write_text("HEADGATE_ENVIRONMENT=production\n")
    assert headgate("sync", HEADGATE_ROOT=str(tmp_path)).stderr.startswith("HEADGATE_ENVIRONMENT is not usable")
    result = headgate("sync", "nowhere", HEADGATE_ROOT=str(tmp_path), HEADGATE_ENVIRONMENT="dev")
    assert result.stderr.startswith("there is no project 'nowhere'")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_cleanly(number: signal.Signals, code: int, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import headgate_control.projects as p, time\ndef slow(*_):\n    try:\n        print('working', flush=True)\n"
        "        time.sleep(60)\n    finally:\n        print('cleaned up', flush=True)\np.choose_projects = slow\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "headgate_control", "sync"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    process.send_signal(number)
    output, errors = process.communicate(timeout=300)
    assert (process.returncode, output, errors) == (code, "cleaned up\n", "")
