"""Calling uv: which one, with which variables, and what it says when it fails.

What belongs here: one call. What does not: what is installed where (`environments`), what is locked (`locks`).
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

_NETWORK = re.compile(
    r"failed to fetch|error sending request|dns error|connect error|connection refused|timed out|network was disabled",
    re.IGNORECASE,
)
_CAUSE = re.compile(r"(?:cause:|Caused by:|╰─▶|├─▶) *(.+)")
_LONGEST_REASON = 600


@dataclass(frozen=True)
class UvFailure(Exception):
    """uv ended with an error.

    Args:
        reason: its own words, on one line.
        output: all it printed.
    """

    reason: str
    output: str

    @property
    def is_network(self) -> bool:
        return bool(_NETWORK.search(self.output))

    def __str__(self) -> str:
        return self.reason


def uv_program() -> str:
    """The uv of this environment: it is in the control plane's lock, so its version is the same everywhere."""
    beside = Path(sys.prefix) / "bin" / "uv"
    return str(beside) if beside.exists() else "uv"


def run_uv(*arguments: str, folder: Path) -> str:
    """Run uv and return what it printed.

    Raises:
        UvFailure: it failed, or cannot be run.
    """
    environment = {
        **{name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")},
        "UV_COMPILE_BYTECODE": "0",  # `bytecode` compiles, once for all environments
        "UV_PYTHON_DOWNLOADS": "never",
        "UV_NO_PROGRESS": "1",
        "NO_COLOR": "1",
    }
    try:
        result = subprocess.run(
            [uv_program(), *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise UvFailure(f"uv cannot be run: {error.strerror}", "") from None
    if result.returncode != 0:
        raise UvFailure(_reason(result.stderr) or f"uv ended with exit code {result.returncode}", result.stderr)
    return result.stdout


def _reason(text: str) -> str:
    """uv's error and its innermost cause as one line. Different versions of uv draw their causes differently."""
    lines = [line.strip() for line in text.splitlines()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    starts = [(number, match[1]) for number, line in enumerate(lines) if (match := _CAUSE.match(line))]
    causes = []
    if starts:
        number, first = starts[-1]
        # The resolver's explanation goes on below: what excludes what, and only then because of whom.
        more = takewhile(lambda line: line and not line.startswith(("error:", "hint:")), lines[number + 1 :])
        causes = [" ".join([first, *more])]
    told = errors[:1] + causes or [line for line in lines if line][-1:]
    reason = re.sub(r"\s+", " ", ": ".join(part.rstrip(":") for part in told))
    # The conclusion of a long one is at its end.
    half = (_LONGEST_REASON - 3) // 2
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[:half]} … {reason[-half:]}"
