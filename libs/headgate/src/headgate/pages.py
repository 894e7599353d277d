"""Pages for people: charts and text that an asset writes beside its table, opened from the web app or as a file.

What belongs here: where pages lie, how one is made of text and Plotly figures, and replacing it. What does not: drawing,
data that another asset reads, serving them (the gateway's `/pages/<team>/<name>.html`).

A page holds no script of its own: figures are data, drawn by two scripts that lie beside the pages of a team and that all
of them share. So the gateway can serve pages under a policy that runs nothing else, and nothing comes from another host.
"""

import hashlib
import html
import os
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from headgate.environment import Settings, read_settings
from headgate.errors import HeadgateError
from headgate.team import TEAM_NAME

PAGE_NAME = re.compile(r"[a-z][a-z0-9_-]{0,79}")

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1c2733; background: #fff; max-width: 1200px; margin: 2rem auto; padding: 0 1rem; }
h1, h2 { line-height: 1.2; } h1 + p.of { color: #5b6876; margin-top: -0.6rem; }
table { border-collapse: collapse; } th, td { padding: 0.2rem 0.8rem; text-align: right; border-bottom: 1px solid #dde2e8; }
section { margin: 2rem 0; } div.figure { min-height: 300px; }
"""  # noqa: E501
_SCRIPT = """
"use strict";
for (const place of document.querySelectorAll("div.figure")) {
  const figure = JSON.parse(place.nextElementSibling.textContent);
  const config = { displaylogo: false, responsive: true };
  Plotly.newPlot(place, { data: figure.data, layout: figure.layout, frames: figure.frames, config });
}
"""


class PageError(HeadgateError):
    """A page cannot be written."""


@dataclass(frozen=True)
class Chart:
    """A Plotly figure with words around it.

    Args:
        figure: a `plotly.graph_objects.Figure`.
        title: heading above it, plain text.
        text: a paragraph above it, plain text.
    """

    figure: Any
    title: str = ""
    text: str = ""


@dataclass(frozen=True)
class Page:
    """A page that was written.

    Args:
        path: the file; it can be opened without a running platform.
        url: its address on the running platform, without the host.
    """

    path: Path
    url: str

    def metadata(self) -> dict[str, Any]:
        """For a `MaterializeResult`: `page`, a link that opens in Dagster's web app, and `page_file`, which a build prints."""
        import dagster as dg

        return {"page": dg.MetadataValue.url(self.url), "page_file": dg.MetadataValue.path(self.path)}


def pages_folder(settings: Settings) -> Path:
    """`$HEADGATE_HOME/pages/<lake>`, with a folder a team in it: a branch of the lake has pages of its own."""
    return settings.state_folder / "pages" / settings.lake_name


def write_page(
    team: str,
    name: str,
    content: Iterable[Any] | str,
    *,
    title: str,
    as_of: date | datetime | None = None,
    settings: Settings | None = None,
) -> Page:
    """Write a page, or replace it: readers see the page before or this one, never half of it.

    Everybody who can open the web app can read it: put on it what the team may publish.

    Args:
        team: whose page.
        name: of the page: lower-case letters, digits, `_` and `-`.
        content: from top to bottom: `Chart`s, Plotly figures, and HTML text. The text is taken as it is (escape what comes
            from data); scripts in it do not run, and images in it must be `data:` addresses.
        title: of the page, plain text.
        as_of: what the page's data are of; shown below the title.
        settings: where; this process's own by default.

    Raises:
        PageError: a name that no page can have, content of another kind, a figure without Plotly in the team's environment,
            or a folder that cannot be written.
    """
    _check_names(team, name)
    parts = [content] if isinstance(content, str) else list(content)
    charts = [_as_chart(part, f"{team}/{name}") for part in parts if not isinstance(part, str)]
    folder = pages_folder(settings or read_settings()) / team
    path = folder / f"{name}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scripts = [_share_plotly(folder), _share_script(folder)] if charts else []
        _replace(path, _render(title, as_of, parts, scripts).encode())
    except OSError as error:
        raise PageError(
            f"page {name} of team {team} cannot be written: {error.strerror}",
            where=str(path),
            next_step="free that place or make it writable, and build the asset again",
        ) from None
    return Page(path, f"/pages/{team}/{name}.html")


def _check_names(team: str, name: str) -> None:
    for value, pattern, what in ((team, TEAM_NAME, "team"), (name, PAGE_NAME, "page")):
        if not pattern.fullmatch(value):
            raise PageError(
                f"no {what} can be named {value[:60]!r}",
                where="write_page",
                next_step="use lower-case letters, digits and _, a letter first",
            )


def _as_chart(part: Any, page: str) -> Chart:
    chart = part if isinstance(part, Chart) else Chart(part)
    if not hasattr(chart.figure, "to_plotly_json"):
        raise PageError(
            f"a page is made of HTML text and Plotly figures, not of {type(chart.figure).__name__}",
            where=f"page {page}",
            next_step="give a plotly.graph_objects.Figure, a headgate.pages.Chart of one, or a string",
        )
    return chart


def _render(title: str, as_of: date | datetime | None, parts: list[Any], scripts: list[str]) -> str:
    of = f'<p class="of">as of {as_of.isoformat(" ", "minutes") if isinstance(as_of, datetime) else as_of}</p>\n'
    body = "".join(part if isinstance(part, str) else _render_chart(_as_chart(part, title)) for part in parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{html.escape(title)}</title>\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n"
        f"<h1>{html.escape(title)}</h1>\n{of if as_of else ''}{body}\n"
        + "".join(f'<script src="{script}"></script>\n' for script in scripts)
        + "</body>\n</html>\n"
    )


def _render_chart(chart: Chart) -> str:
    words = f"<h2>{html.escape(chart.title)}</h2>\n" if chart.title else ""
    words += f"<p>{html.escape(chart.text)}</p>\n" if chart.text else ""
    # Inside a script element nothing is an entity and `</script` ends it; in JSON `<` may be written by its number.
    data = chart.figure.to_json().replace("<", "\\u003c")
    return (
        f'<section>\n{words}<div class="figure"></div>\n<script type="application/json">{data}</script>\n</section>\n'
    )


def _share_plotly(folder: Path) -> str:
    """Plotly's script, once in a team's folder for each of its versions: a page keeps the one that it was written with."""
    try:
        from plotly.offline import get_plotlyjs, get_plotlyjs_version
    except ImportError:
        raise PageError(
            "this page has figures, and Plotly is not in the team's environment",
            where=str(folder),
            next_step="add plotly to the team's dependencies and run `headgate lock`",
        ) from None
    path = folder / f"plotly-{get_plotlyjs_version()}.min.js"
    if not path.exists():
        _replace(path, get_plotlyjs().encode())
    return path.name


def _share_script(folder: Path) -> str:
    path = folder / f"page-{hashlib.sha256(_SCRIPT.encode()).hexdigest()[:8]}.js"
    if not path.exists():
        _replace(path, _SCRIPT.encode())
    return path.name


def _replace(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    partial = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        partial.chmod(0o644)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
