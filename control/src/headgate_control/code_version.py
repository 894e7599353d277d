"""Which version of the code publishes: the commit of the repository, marked when the tree has changes."""

import subprocess
from pathlib import Path


def read_code_version(root: Path) -> str:
    """`git describe`'s word for the tree, `unknown` outside a repository."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    return done.stdout.strip() or "unknown"
