"""Building the site from Python, as `python -m sphinx -W` does."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from headgate_docs.pages import DOCS


@dataclass(frozen=True)
class Site:
    """What came of a build."""

    folder: Path
    exit_code: int
    """0 only when there was no warning."""
    warnings: str

    def read(self, page: str) -> str:
        """The HTML of a page, such as `dictionary/analytics/order_data.html`."""
        return (self.folder / page).read_text(encoding="utf-8")


def build_site(folder: Path) -> Site:
    """Builds all pages into `folder/html`, from nothing."""
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-d", str(folder / "doctrees")]
    done = subprocess.run(
        [*command, "-b", "html", str(DOCS), str(folder / "html")], capture_output=True, text=True, check=False
    )
    return Site(folder / "html", done.returncode, done.stderr)
