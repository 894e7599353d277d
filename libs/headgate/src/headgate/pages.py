"""Pages for people: charts that an asset writes beside its table, to be opened in a browser without a network.

What belongs here: where pages lie and how one is replaced. What does not: drawing, or data that another asset reads.
"""

import os
from pathlib import Path
from typing import Any

from headgate.environment import Settings


def page_path(settings: Settings, team: str, name: str) -> Path:
    """`$HEADGATE_HOME/pages/<environment>/<team>/<name>.html`."""
    return settings.state_folder / "pages" / settings.environment.value / team / f"{name}.html"


def write_figure(figure: Any, path: Path) -> Path:
    """Write a Plotly figure as a page; readers see the page before or this one, never half of it.

    Plotly's script lies once beside the pages of a folder: nothing is loaded from another host.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        figure.write_html(partial, include_plotlyjs="directory", config={"displaylogo": False, "responsive": True})
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path
