"""What a build makes of a run's events: one line an asset, whatever happens to it after it was built."""

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console

from headgate_control.build.display import BuildDisplay
from headgate_control.build.graph import Asset
from headgate_control.build.loop import BuildLoop
from headgate_control.build.runs import AssetEvent, FollowedRun

ORDERS, DAYS, NAMES = ("shop", "orders"), ("shop", "days"), ("shop", "names")
ASSETS = {
    ORDERS: Asset(ORDERS, "shop", "g", "dbt", frozenset(), check_names=("unique", "known_status", "elsewhere")),
    DAYS: Asset(DAYS, "shop", "g", "dbt", frozenset({ORDERS})),
    NAMES: Asset(NAMES, "shop", "g", "dbt", frozenset(), check_names=("unique",)),
}


class Recorded:
    """An orchestrator whose one run has these events."""

    def __init__(self, events: Sequence[AssetEvent]) -> None:
        self.events = list(events)

    def launch(self, assets: Sequence[Asset], tags: Any) -> FollowedRun:
        assert tags == {"day": "today"}
        return FollowedRun("run", "shop", frozenset(asset.key for asset in assets))

    def read_events(self, run: FollowedRun) -> Iterator[AssetEvent]:
        yield from self.events
        run.is_finished = True


def build(*events: AssetEvent, is_summed_up: bool = False) -> tuple[dict[str, str], list[str]]:
    """State of each asset, and the lines that were printed."""
    console = Console(record=True, width=200, force_terminal=False)
    with BuildDisplay(console, ASSETS.values()) as display:
        orchestrator: Any = Recorded([AssetEvent("started", step="dbt"), *events])
        BuildLoop(orchestrator, ASSETS, set(ASSETS), display, {"shop": {"day": "today"}}).run()
        if is_summed_up:
            display.print_summary(seconds=1.0)
    states = {line.name: line.state for line in display.lines.values()}
    return states, [line.rstrip() for line in console.export_text().splitlines()]


def event(kind: str, key: tuple[str, ...], message: str = "", **options: Any) -> AssetEvent:
    return AssetEvent(kind, key=key, step="dbt", message=message, **options)


def test_an_asset_that_is_built_and_fails_its_test_has_one_line() -> None:
    failure = AssetEvent("failed", step="dbt", message="1 row is lost", failed_keys=frozenset({ORDERS}))
    states, lines = build(
        event("built", ORDERS, row_count=5),
        event("checked", ORDERS, "unique"),
        event("built", NAMES, row_count=4),
        event("checked", NAMES, "unique"),
        failure,
    )
    assert states == {"shop.orders": "failed", "shop.days": "skipped", "shop.names": "built"}
    assert [line[:13] for line in lines] == ["✓ shop.names ", "✗ shop.orders", "- shop.days  "]


def test_what_waits_for_checks_of_other_steps_is_built_when_its_step_ends() -> None:
    states, lines = build(
        event("built", ORDERS, row_count=5),
        event("warned", ORDERS, "known_status"),
        event("checked", ORDERS, "unique"),
        event("built", DAYS, row_count=2),
        event("built", NAMES, row_count=4),
        AssetEvent("ended", step="dbt"),
    )
    assert set(states.values()) == {"built"}
    assert [line[2:13].strip() for line in lines] == ["shop.days", "shop.names", "shop.orders"]


def test_a_run_that_breaks_off_leaves_what_was_built() -> None:
    states, _ = build(event("built", ORDERS), event("run_failed", None, "the worker died"))  # type: ignore[arg-type]
    assert states == {"shop.orders": "built", "shop.days": "failed", "shop.names": "failed"}


def test_the_summary_tells_what_an_alert_says() -> None:
    _, lines = build(
        event("built", NAMES, row_count=4),
        event(
            "warned",
            NAMES,
            "unique",
            alert="names-001.csv: it has 3 bytes; ask the source to deliver the day once more",
        ),
        event("built", ORDERS, row_count=5),
        event("warned", ORDERS, "known_status"),
        AssetEvent("ended", step="dbt"),
        is_summed_up=True,
    )
    told = "ALERT shop.names unique: names-001.csv: it has 3 bytes; ask the source to deliver the day once more"
    assert [line for line in lines if line.startswith("ALERT")] == [told]
    assert "shop.orders: checks that warn: known_status" in lines
    assert [line[:13] for line in lines if line[2:13] == "shop.orders"] == ["! shop.orders"]
