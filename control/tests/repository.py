"""Where the repository is, for tests that use its real files."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
