"""The documentation, built once for all tests."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from sources import DOCS, ROOT


@dataclass(frozen=True)
class Site:
    """What `python -m sphinx -W` made."""

    folder: Path
    exit_code: int
    warnings: str

    def read(self, page: str) -> str:
        return (self.folder / page).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(folder / "doctrees")]
    done = subprocess.run(
        [*command, "-b", "html", str(DOCS), str(folder / "html")], capture_output=True, text=True, check=False
    )
    return Site(folder / "html", done.returncode, done.stderr)


@pytest.fixture(scope="session")
def pages() -> dict[str, str]:
    """The Markdown a person writes, by path from the root; neither decisions nor what is generated."""
    return {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in [ROOT / "README.md", *DOCS.glob("*.md")]}
