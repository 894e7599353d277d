"""The browser that tests of pages need: Debian's Chromium.

What belongs here: finding it, and installing it where that is ours to do (root on Debian). What does not: driving it.
"""

import os
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_browser() -> str | None:
    """The path of a Chromium or Chrome."""
    return next((path for name in _PROGRAMS if (path := shutil.which(name))), None)


def uses_browser(folders: Iterable[Path]) -> bool:
    """Whether any test below `folders` drives a browser."""
    return any(
        "playwright" in path.read_text(encoding="utf-8", errors="replace")
        for folder in folders
        for path in folder.rglob("*.py")
    )


def install_browser() -> str | None:
    """Install Chromium with apt-get when this is root on Debian.

    Returns:
        What is wrong, for a person to read; None when a browser is there now.
    """
    if find_browser():
        return None
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return "no Chromium was found, and only root on Debian can install it here (apt-get install chromium)"
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    reason = ""
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-qy", "--no-install-recommends", "chromium"]):
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        reason = "".join(result.stderr.strip().splitlines()[-1:])
    return None if find_browser() else f"apt-get could not install Chromium: {reason}"
