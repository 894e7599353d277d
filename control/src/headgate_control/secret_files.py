"""Generated secrets: one file each in `$HEADGATE_HOME/secrets`, readable by their owner only.

What belongs here: passwords this installation made up for itself. What does not: secrets a person gives (they come from
the environment or `.env`).
"""

import os
import secrets
import tempfile
from pathlib import Path

from headgate.errors import HeadgateError


class SecretFileError(HeadgateError):
    """A generated secret cannot be kept."""


def read_secret_file(folder: Path, name: str) -> str | None:
    """The secret, or None when it has not been made."""
    try:
        return (folder / name).read_text(encoding="ascii").strip() or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _cannot_keep(folder / name, error) from None


def make_secret(folder: Path, name: str) -> str:
    """The secret, made when it does not exist: 256 random bits as URL-safe text. Two processes get the same one.

    Raises:
        SecretFileError: the folder or file cannot be read or written.
    """
    if (existing := read_secret_file(folder, name)) is not None:
        return existing
    path = folder / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.chmod(0o700)
        descriptor, partial = tempfile.mkstemp(prefix=f"{name}.", suffix=".part", dir=folder)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
            file.flush()
            os.fsync(file.fileno())
        if path.exists() and not path.read_text(encoding="ascii").strip():
            path.unlink()
        try:
            # A link fails when another process was first: its secret is the one.
            os.link(partial, path)
        except FileExistsError:
            pass
        Path(partial).unlink()
    except OSError as error:
        raise _cannot_keep(path, error) from None
    made = read_secret_file(folder, name)
    assert made is not None
    return made


def _cannot_keep(path: Path, error: OSError) -> SecretFileError:
    return SecretFileError(
        f"a generated secret cannot be kept: {error.strerror}",
        where=str(path),
        next_step="make the folder readable and writable for you, or set HEADGATE_HOME to one that is",
    )
