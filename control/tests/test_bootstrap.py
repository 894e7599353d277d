"""The `headgate` script, as a newcomer meets it: a copy of the repository, nothing of this machine's but Python."""

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from repository import ROOT

from headgate_control.uv import uv_program

pytestmark = pytest.mark.e2e

CACHE = subprocess.run([uv_program(), "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
PYTHON_FOLDER = str(Path(sys.base_prefix) / "bin")
SYSTEM = "/usr/bin:/bin"


def copy_repository(target: Path) -> Path:
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy in a folder with spaces in its name and a path of more than 150 characters."""
    return copy_repository(tmp_path_factory.mktemp("new") / "a new user's" / ("x" * 130) / "headgate")


def start(
    clone: Path,
    *arguments: str,
    folder: Path | None = None,
    path: str | None = None,
    user: str | None = None,
    **variables: str,
) -> "subprocess.CompletedProcess[str]":
    environment = {
        "HOME": str(clone.parent),
        "PATH": path or f"{PYTHON_FOLDER}:{SYSTEM}",
        "LANG": "C.UTF-8",
        "UV_CACHE_DIR": CACHE or os.environ.get("UV_CACHE_DIR", ""),
        **{
            name: value
            for name, value in os.environ.items()
            if name.startswith(("PIP_", "SSL_")) and "CONFIG" not in name
        },
        **variables,
    }
    environment = {name: value for name, value in environment.items() if value}
    return subprocess.run(
        [str(clone / "headgate"), *arguments],
        cwd=folder or clone,
        env=environment,
        user=user,
        capture_output=True,
        text=True,
        check=False,
    )


def three_lines(result: "subprocess.CompletedProcess[str]") -> list[str]:
    lines = [line for line in result.stderr.splitlines() if not line.startswith("headgate: ")]
    assert result.returncode == 2, result.stderr
    assert len(lines) == 3 and lines[1].startswith("  where: ") and lines[2].startswith("  next:  "), result.stderr
    return lines


def test_a_newcomer_needs_python_alone(clone: Path, tmp_path: Path) -> None:
    """No uv on PATH: it is installed beside the environments. The command then runs from any folder."""
    result = start(clone, "--help", folder=tmp_path, path=f"{PYTHON_FOLDER}:{SYSTEM}")
    assert result.returncode == 0, result.stderr
    assert "headgate: installing uv" in result.stderr and "Usage: headgate" in result.stdout
    assert sorted(path.name for path in (clone / ".headgate").iterdir()) == ["envs", "logs", "uv"]
    assert not (clone.parent / ".local").exists() and not (clone.parent / ".config").exists()


def test_a_second_start_is_quick_and_silent(clone: Path) -> None:
    probe = clone.parent / "python"
    probe.write_text("#!/bin/sh\nexit 0\n")
    probe.chmod(0o755)
    python = clone / ".headgate" / "envs" / "control" / "bin" / "python"
    real = os.readlink(python)
    python.unlink()
    python.symlink_to(probe)  # what the script itself costs, without the command line it hands over to
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = start(clone, "--help")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    python.unlink()
    python.symlink_to(real)
    assert (result.returncode, result.stderr) == (0, "")
    # Of computing, its children's with it: whatever runs beside it takes time of the clock. In microseconds: the ticks of
    # `os.times` are longer than the script takes.
    computed_s = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    assert 0 < computed_s < 1.0


def test_a_link_to_the_script_finds_its_repository(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "hg").symlink_to(clone / "headgate")
    result = subprocess.run([str(tmp_path / "hg"), "--help"], cwd="/", capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_a_half_made_environment_is_made_anew(clone: Path) -> None:
    environment = clone / ".headgate" / "envs" / "control"
    (environment / "headgate.stamp").unlink()  # written last: what was interrupted has none
    shutil.rmtree(environment / "lib")
    result = start(clone, "lock", "--help")
    assert result.returncode == 0, result.stderr
    assert "headgate: making the control plane's environment" in result.stderr


def test_modules_of_the_folder_one_stands_in_are_not_imported(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise SystemExit('mine')\n")
    assert start(clone, "--help", folder=tmp_path).returncode == 0
    assert start(clone, "--help", PYTHONPATH=str(tmp_path)).returncode == 0


def test_a_broken_lock_is_three_lines(clone: Path, tmp_path: Path) -> None:
    lock = clone / "control" / "requirements.lock"
    text = lock.read_text()
    lock.write_text(text.replace("typer==", "typer==999."))
    result = start(clone, "--help", HEADGATE_HOME=str(tmp_path / "home"))
    lock.write_text(text)
    what, where, _ = three_lines(result)
    assert what.startswith("the control plane's environment cannot be made: ") and "typer==999." in what
    assert "control/requirements.lock" in where


def test_without_a_network_it_is_three_lines(clone: Path, tmp_path: Path) -> None:
    uv = str(clone / ".headgate" / "uv" / "bin")
    result = start(
        clone,
        "--help",
        path=f"{uv}:{SYSTEM}:{PYTHON_FOLDER}",
        HEADGATE_HOME=str(tmp_path / "home"),
        UV_CACHE_DIR=str(tmp_path / "cache"),
        UV_DEFAULT_INDEX="http://127.0.0.1:9/simple",
        UV_HTTP_RETRIES="0",
    )
    what, _, next_step = three_lines(result)
    assert "127.0.0.1:9" in what and "network" in next_step


def test_without_pip_index_uv_cannot_come(clone: Path, tmp_path: Path) -> None:
    result = start(
        clone,
        "--help",
        HEADGATE_HOME=str(tmp_path / "home"),
        PIP_INDEX_URL="http://127.0.0.1:9/simple",
        PIP_RETRIES="0",
        PIP_FIND_LINKS="",
        PIP_NO_CACHE_DIR="1",
        PIP_CONFIG_FILE=os.devnull,
    )
    what, _, next_step = three_lines(result)
    assert what.startswith("uv could not be installed: ") and "network" in next_step
    assert not (tmp_path / "home" / "uv").exists()


def test_an_old_python_is_refused(clone: Path, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("mkdir", "cat", "cksum", "readlink", "flock", "sed", "rm", "id"):
        if found := shutil.which(name):
            (tools / name).symlink_to(found)
    (tools / "python3").write_text("#!/bin/sh\necho 3.9 /old/python3\n")
    (tools / "python3").chmod(0o755)
    shell = tmp_path / "headgate"
    text = (clone / "headgate").read_text().replace(" /usr/bin/python3; do", "; do")
    shell.write_text(text)
    copied = copy_repository(tmp_path / "clone")
    (copied / "headgate").write_text(text)
    what, where, next_step = three_lines(start(copied, "--help", path=str(tools)))
    assert what == "no Python 3.11 or newer was found" and str(tools) in where and "python3.1" in next_step


def test_a_wrong_headgate_python_is_refused(clone: Path, tmp_path: Path) -> None:
    result = start(clone, "--help", HEADGATE_PYTHON="/nowhere/python", HEADGATE_HOME=str(tmp_path / "home"))
    assert three_lines(result)[0] == "HEADGATE_PYTHON is no Python 3.11 or newer"


def test_a_place_that_cannot_be_written_is_three_lines(clone: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    what, where, _ = three_lines(start(clone, "--help", HEADGATE_HOME=str(tmp_path / "file" / "home")))
    assert what == "the state folder cannot be written" and str(tmp_path) in where


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_somebody_elses_clone_is_three_lines(clone: Path, tmp_path: Path) -> None:
    copied = copy_repository(tmp_path / "clone")
    for folder in (copied, *copied.parents):
        if folder != Path("/") and folder.stat().st_mode & 0o11 != 0o11:
            folder.chmod(folder.stat().st_mode | 0o11)
    what, where, next_step = three_lines(start(copied, "--help", user="nobody", folder=Path("/")))
    assert what == "the state folder cannot be written"
    assert where == f"  where: {copied}/.headgate" and "HEADGATE_HOME" in next_step
