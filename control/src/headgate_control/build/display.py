"""What a person sees of a build: one line an asset, live on a terminal, line by line elsewhere, and a summary."""

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from headgate_control.build.graph import Asset, Key

_ICONS = {
    "pending": Text("·", style="dim"),
    "built": Text("✓", style="green"),
    "warned": Text("!", style="yellow"),
    "failed": Text("✗", style="bold red"),
    "skipped": Text("-", style="dim"),
}


@dataclass
class AssetLine:
    """What is known of one asset."""

    name: str
    state: str = "pending"
    row_count: int | None = None
    seconds: float | None = None
    warning_rows: int = 0
    warned_checks: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    page: str | None = None
    message: str = ""
    started_at: float | None = None
    """When its step began, and below when it was built: seconds since 1970."""
    built_at: float | None = None


class BuildDisplay:
    """Lines of all assets of a build; used as a context manager while it runs."""

    def __init__(self, console: Console, assets: Iterable[Asset]) -> None:
        self.console = console
        self.lines: dict[Key, AssetLine] = {asset.key: AssetLine(asset.name) for asset in assets}
        self._width = max((len(line.name) for line in self.lines.values()), default=10)
        self._started = time.monotonic()
        self._live = (
            Live(console=console, refresh_per_second=8, get_renderable=self._render) if console.is_terminal else None
        )

    def __enter__(self) -> "BuildDisplay":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def start(self, key: Key, at: float) -> None:
        line = self.lines[key]
        line.state, line.started_at = "running", at

    def warn(self, key: Key, check: str, *, alert: str = "") -> None:
        self.lines[key].warned_checks.append(check)
        if alert:
            self.lines[key].alerts.append(f"{check}: {alert}")

    def build(
        self,
        key: Key,
        *,
        at: float,
        row_count: int | None,
        seconds: float | None,
        warning_rows: int,
        page: str | None = None,
    ) -> None:
        line = self.lines[key]
        line.state, line.row_count, line.seconds, line.warning_rows = "built", row_count, seconds, warning_rows
        line.page, line.built_at = page, at
        self._print(line)

    def fail(self, key: Key, message: str) -> None:
        line = self.lines[key]
        line.state, line.message = "failed", message
        self._print(line)

    def skip(self, keys: Iterable[Key]) -> None:
        for key in sorted(keys):
            self.lines[key].state = "skipped"
            self._print(self.lines[key])

    def _print(self, line: AssetLine) -> None:
        if not self._live:
            self.console.print(self._row(line), soft_wrap=True, highlight=False)

    def _row(self, line: AssetLine) -> Text:
        icon = _icon(line)
        text = Text.assemble(icon, " ", line.name.ljust(self._width), "  ", _facts(line))
        if line.state == "skipped":
            text.append("skipped: something it needs failed", style="dim")
        return text

    def _render(self) -> RenderableType:
        table = Table.grid(padding=(0, 1))
        for line in self.lines.values():
            running = line.state == "running"
            icon = Spinner("dots") if running else _icon(line)
            facts = f"{time.time() - (line.started_at or time.time()):.0f} s" if running else _facts(line)
            table.add_row(icon, line.name, facts)
        return Group(table, Text(f"{time.monotonic() - self._started:.0f} s", style="dim"))

    def print_summary(self, *, seconds: float, notes: Iterable[str] = ()) -> None:
        """Failures in full, then one closing line."""
        for line in self.lines.values():
            if line.state == "failed":
                self.console.print()
                self._say(Text(f"{line.name} failed", style="bold red"))
                self._say(Text(line.message))
        for line in self.lines.values():
            if line.warned_checks:
                self._say(
                    Text(f"{line.name}: checks that warn: {', '.join(sorted(set(line.warned_checks)))}", style="yellow")
                )
            for alert in line.alerts:
                self._say(Text(f"ALERT {line.name} {alert}", style="bold red"))
        for line in self.lines.values():
            if line.page:
                self._say(Text(f"{line.name}: page {line.page}", style="dim"))
        for note in notes:
            self._say(Text(note, style="dim"))
        states = [line.state for line in self.lines.values()]
        counts = {state: states.count(state) for state in ("built", "failed", "skipped")}
        rows = sum(line.row_count or 0 for line in self.lines.values() if line.state == "built")
        doubtful = sum(line.warning_rows for line in self.lines.values())
        computing = sum(line.seconds or 0.0 for line in self.lines.values())
        style = "bold red" if counts["failed"] else "bold green"
        self.console.print()
        self._say(
            Text(
                f"{counts['built']} built, {counts['failed']} failed, {counts['skipped']} skipped"
                f" · {rows:,} rows · {doubtful:,} doubtful rows · {seconds:.1f} s, of which {computing:.1f} s in assets",
                style=style,
            )
        )

    def _say(self, text: Text) -> None:
        # The terminal breaks long lines; in a pipe an error keeps its three.
        self.console.print(text, soft_wrap=True)


def _facts(line: AssetLine) -> str:
    if line.state != "built":
        return ""
    rows = f"{line.row_count:>12,} rows" if line.row_count is not None else " " * 17
    seconds = f"{line.seconds:7.2f} s" if line.seconds is not None else ""
    doubtful = f"  {line.warning_rows:,} doubtful rows" if line.warning_rows else ""
    return f"{rows} {seconds}{doubtful}"


def _icon(line: AssetLine) -> Text:
    has_warned = line.state == "built" and (line.warning_rows or line.warned_checks)
    return _ICONS["warned" if has_warned else line.state]
