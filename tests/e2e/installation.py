"""An installation of the platform as a person has it: a repository, a state folder and the command line.

What belongs here: running commands as real processes, and finding what they leave behind. What does not: what the lake
holds (`lake`), what ACME's world holds (`world`).
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from headgate.environment import Settings
from headgate_control.environments import _STAMP, _stamp
from headgate_control.projects import find_projects

ROOT = Path(__file__).resolve().parents[2]

_PASSED_ON = ("PATH", "HOME", "USER", "LANG", "TMPDIR", "TZ", "HEADGATE_TEST_RUN")
_PASSED_ON_PREFIXES = ("UV_", "LC_", "SSL_")
_ASSET_LINE = re.compile(
    r"^(?P<icon>[✓!✗-]) (?P<name>[a-z_]+\.[a-z0-9_]+) +(?:(?P<rows>[\d,]+) rows +(?P<seconds>[\d.]+) s|skipped: .*)?"
)
_SUMMARY = re.compile(r"^(\d+) built, (\d+) failed, (\d+) skipped", re.MULTILINE)
_ICONS = {"✓": "built", "!": "warned", "✗": "failed", "-": "skipped"}


@dataclass(frozen=True)
class Result:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str
    seconds: float

    @property
    def text(self) -> str:
        return self.out + self.err

    @property
    def assets(self) -> dict[str, str]:
        """What a build said of each asset: built, warned, failed or skipped."""
        found = [match for line in self.out.splitlines() if (match := _ASSET_LINE.match(line))]
        names = [match["name"] for match in found]
        assert len(names) == len(set(names)), f"an asset has two lines:\n{self.out}"
        return {match["name"]: _ICONS[match["icon"]] for match in found}

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each asset that was built."""
        found = [match for line in self.out.splitlines() if (match := _ASSET_LINE.match(line)) and match["rows"]]
        return {match["name"]: int(match["rows"].replace(",", "")) for match in found}

    @property
    def summary(self) -> tuple[int, int, int]:
        """Built, failed, skipped, as the closing line counts them."""
        match = _SUMMARY.search(self.out)
        assert match, f"no closing line:\n{self.text}"
        return int(match[1]), int(match[2]), int(match[3])

    def error(self, *words: str) -> str:
        """The one error with all of these words: exactly three lines, what, where and next; it is returned."""
        found = [error for error in self.errors if all(word in error for word in words)]
        assert len(found) == 1, f"{len(found)} errors say {words}:\n{self.text}"
        return found[0]

    @property
    def errors(self) -> list[str]:
        """Every error of three lines that was printed; a `where:` without the others around it fails the test."""
        lines = self.text.splitlines()
        errors = []
        for number, line in enumerate(lines):
            if line.startswith("  where: "):
                assert number and lines[number - 1].strip(), f"nothing says what happened:\n{self.text}"
                assert lines[number + 1].startswith("  next:  "), f"no next step right after where:\n{self.text}"
                errors.append("\n".join(lines[number - 1 : number + 2]))
        assert "Traceback (most recent call last)" not in self.text, self.text
        return errors


@dataclass(frozen=True)
class Installation:
    """A repository and its state folder.

    Args:
        root: the repository.
        home: the state folder, HEADGATE_HOME.
        command: what starts the command line.
        variables: further environment variables of every command.
    """

    root: Path
    home: Path
    command: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return Settings(root=self.root, home=self.home)

    @property
    def environment(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name in _PASSED_ON or name.startswith(_PASSED_ON_PREFIXES)
        }
        return {**kept, "HEADGATE_ROOT": str(self.root), "HEADGATE_HOME": str(self.home), **self.variables}

    def run(
        self,
        *arguments: str,
        variables: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
        timeout: float = 900,
    ) -> Result:
        """Run one command to its end.

        Args:
            arguments: of `headgate`.
            variables: further environment variables.
            prefix: a program that runs the command: setpriv, unshare.
            timeout: seconds after which the test has failed; the command and all of its processes are then ended.
        """
        process = self.start(*arguments, variables=variables, prefix=prefix)
        began = time.monotonic()
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            end_group(process)
            raise
        return Result(process.returncode, out, err, time.monotonic() - began)

    def start(
        self, *arguments: str, variables: Mapping[str, str] | None = None, prefix: Sequence[str] = ()
    ) -> "subprocess.Popen[str]":
        """Start a command as the leader of a process group, as a shell does; its output comes line by line."""
        return subprocess.Popen(
            [*prefix, *self.command, *arguments],
            cwd=self.root,
            env={**self.environment, "PYTHONUNBUFFERED": "1", **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def build(self, *arguments: str, **options: Any) -> Result:
        return self.run("build", *arguments, **options)

    def acme(self, *arguments: str) -> Any:
        """What a command of the stand-in company printed, which is JSON."""
        result = self.run("acme", *arguments)
        assert result.code == 0, result.text
        return json.loads(result.out)

    def left_processes(self) -> list[str]:
        """Every process that belongs to this state folder: by its environment, its command line or its working folder.

        PostgreSQL overwrites its environment with its title: it has its data folder as working folder.
        """
        own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error, OSError):
                if process.pid in own or process.status() == psutil.STATUS_ZOMBIE:
                    continue
                home = str(self.home)
                is_ours = (
                    process.environ().get("HEADGATE_HOME") == home
                    or any(home in argument for argument in process.cmdline())
                    or f"{process.cwd()}/".startswith(f"{home}/")
                )
                if is_ours:
                    found.append(f"{process.pid} {' '.join(process.cmdline())}")
        return found

    def wait_for_end(self, timeout: float = 20) -> list[str]:
        """What is left when everything that is ending had this long to end."""
        deadline = time.monotonic() + timeout
        while (left := self.left_processes()) and time.monotonic() < deadline:
            time.sleep(0.2)
        return left


def make_home(folder: Path, environments: Path) -> Path:
    """A state folder that uses the environments of another one: they hold no state."""
    home = folder / "state folder"
    home.mkdir(parents=True)
    (home / "envs").symlink_to(environments, target_is_directory=True)
    return home


def copy_repository(folder: Path, environments: Path, *, teams: Sequence[str]) -> Installation:
    """A copy of the repository with some of its teams, to be changed by tests, and a state folder inside it.

    Its environments see the packages of those that are there, and the copy's own source code before them: they are what
    an installation would make, in a tenth of a second.
    """
    root = folder / "a clone"
    skipped = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "tests", "requirements-*.txt")
    for place in ("headgate", "pyproject.toml", "acme", "libs", *(f"teams/{team}" for team in teams)):
        source, target = ROOT / place, root / place
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=skipped)
        else:
            shutil.copy2(source, target)
    home = root / ".headgate"
    (home / "envs").mkdir(parents=True)
    for name in ("control", "headgate"):  # what a new environment has in common with them is compiled
        (home / "envs" / f"{name} of the original").symlink_to(environments / name)
    for project in find_projects(root):
        if project.is_team or project.name == "acme":
            make_overlay(home / "envs" / project.name, environments / project.name, project.folder, root)
    stamp_environments(root, home)
    return Installation(root, home, (sys.executable, "-P", "-m", "headgate_control"))


def stamp_environments(root: Path, home: Path) -> None:
    """Environments that are there pass for current: after a manifest was changed in a way that no package follows."""
    for project in find_projects(root):
        if (folder := home / "envs" / project.name).is_dir():
            (folder / _STAMP).write_text(_stamp(project), encoding="utf-8")


def make_overlay(folder: Path, original: Path, project: Path, root: Path) -> None:
    """An environment with the packages of another one and with the source code of a copied repository."""
    venv.EnvBuilder(symlinks=True).create(folder)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    sources = [project / "src", *sorted((root / "libs").glob("*/src"))]
    paths = [*sources, original / "lib" / version / "site-packages"]
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder)}))
    (packages / "copy.pth").write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")


def end_group(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextlib.contextmanager
def changed(path: Path, *replacements: tuple[str, str]) -> Iterator[None]:
    """A file of a copied repository with other text in some places, for as long as the block runs."""
    before = text = path.read_text(encoding="utf-8")
    for old, new in replacements:
        assert text.count(old) == 1, f"{path} has {text.count(old)} times {old!r}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(before, encoding="utf-8")
