"""What a running platform was started with, kept in its home for `status` and `down`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from headgate_control.home_lock import HomeLock
from headgate_control.workspace import replace_text, run_folder


@dataclass(frozen=True)
class Platform:
    """What a running platform was started with; kept in `run/platform.json`."""

    port: int
    teams: tuple[str, ...]
    allow_hosts: tuple[str, ...]
    started_at: float
    supervisor_pid: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def platform_file(home: Path) -> Path:
    return run_folder(home) / "platform.json"


def read_platform(home: Path) -> Platform | None:
    """What the last `up` wrote, or None. Whether it still runs is another question."""
    try:
        values = json.loads(platform_file(home).read_text(encoding="utf-8"))
        return Platform(**{**values, "teams": tuple(values["teams"]), "allow_hosts": tuple(values["allow_hosts"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write_platform(home: Path, platform: Platform) -> None:
    replace_text(platform_file(home), json.dumps(asdict(platform)))


def is_running(home: Path) -> bool:
    return HomeLock(home, "up").is_held()
