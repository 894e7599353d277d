"""Where an athlete's newest tokens are kept: a file only its owner may read, changed by one process at a time.

Strava gives a new refresh token with each refresh and refuses the old one from then on. The new one is on disk before anything
uses it, so a run that is killed leaves a file that the next run can go on with.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from headgate import read_settings


@dataclass(frozen=True)
class Tokens:
    refresh_token: str = field(repr=False)
    access_token: str = field(repr=False)
    expires_at: float
    """Epoch seconds."""
    athlete_id: int | None = None
    """Whose they are, once the API has said so."""


class TokenFile:
    """The tokens that came out of one refresh token somebody configured. A newly configured one begins a new file."""

    def __init__(self, folder: Path, configured_token: str, *, token_url: str) -> None:
        name = hashlib.sha256(f"{token_url}\n{configured_token}".encode()).hexdigest()[:24]
        self.path = folder / f"{name}.json"

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Other processes wait here, also those that only want to read."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(self.path.with_suffix(".lock"), "a", opener=_owner_only, encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def read(self) -> Tokens | None:
        """None when there is none yet, or none that can be read."""
        with suppress(FileNotFoundError, ValueError, TypeError):
            return Tokens(**json.loads(self.path.read_text(encoding="utf-8")))
        return None

    def write(self, tokens: Tokens) -> None:
        """On the disk when it returns; a process killed at any moment leaves the old file or the new one."""
        draft = self.path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with open(draft, "x", opener=_owner_only, encoding="utf-8") as file:
            json.dump(asdict(tokens), file)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path)
        folder = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def token_folder() -> Path:
    """In the state folder, for all environments: a refresh token has one newest successor, not one for each."""
    return read_settings().state_folder / "tokens" / "fitness"


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
