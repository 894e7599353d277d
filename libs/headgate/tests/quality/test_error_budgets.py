"""Error budgets by hand: hours, audits and rows, at the edges of the window, and without any history."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from headgate.contract import ServiceLevel
from headgate.quality.service_levels import Event, Refresh, describe_budget, measure_events, measure_freshness

NOW = datetime(2026, 3, 31, tzinfo=UTC)
MONTH = timedelta(days=30)
FRESH = ServiceLevel("freshness", 26, "h", target=Decimal(99), limit=timedelta(hours=26))
CORRECT = ServiceLevel("correctness", 99, "percent", target=Decimal(99))


def ago(days: float = 0, hours: float = 0) -> datetime:
    return NOW - timedelta(days=days, hours=hours)


def published(*moments: datetime) -> list[Refresh]:
    return [Refresh(moment, moment) for moment in moments]


def audits(*groups: tuple[datetime, int, int]) -> list[Event]:
    """Groups of (moment, failed, all)."""
    return [Event(at, int(i < failed), 1) for at, failed, count in groups for i in range(count)]


def test_a_table_that_is_refreshed_daily_keeps_its_budget() -> None:
    level = measure_freshness(FRESH, published(*(ago(day) for day in range(40, -1, -1))), window=MONTH, now=NOW)
    assert (level.tally, level.attained, level.budget_left) == ((0, 720), 100.0, 1.0)
    assert (level.burn_rate, level.days_left, level.state) == (0.0, None, "kept")
    assert level.measured_from == ago(30)


def test_a_table_that_nobody_refreshed_for_three_days_has_spent_its_budget() -> None:
    """Late from hour 26 of 72: 46 hours. Allowed are 1 % of 720."""
    level = measure_freshness(FRESH, published(*(ago(day) for day in range(40, 2, -1))), window=MONTH, now=NOW)
    assert (level.tally, float(level.allowed)) == ((46, 720), 7.2)
    assert level.attained == pytest.approx(100 * 674 / 720)
    assert level.budget_left == pytest.approx(1 - 46 / 7.2)
    assert level.burn_rate == pytest.approx(46 / 72 / 0.01)
    assert (level.days_left, level.state) == (None, "spent")
    assert "93.61 % of 720 hours" in level.words


def test_late_hours_count_within_the_window_alone() -> None:
    """Late since 30 days and 22 hours ago, until the refresh 29 days ago: of that one day is in the window."""
    level = measure_freshness(FRESH, published(ago(32), ago(29), *map(ago, range(28, -1, -1))), window=MONTH, now=NOW)
    assert level.tally == (24, 720)
    assert level.recent == (0, 72)
    # A refresh exactly when the age is reached is in time; the history before the first one is not measured.
    edge = measure_freshness(FRESH, published(ago(hours=52), ago(hours=26)), window=MONTH, now=NOW)
    assert (edge.tally, edge.budget_left, edge.measured_from) == ((0, 52), 1.0, ago(hours=52))
    microsecond = timedelta(microseconds=1)
    late = measure_freshness(FRESH, published(ago(hours=52), ago(hours=26) + microsecond), window=MONTH, now=NOW)
    assert float(late.tally.bad) == pytest.approx(1 / 3_600_000_000)


def test_the_age_can_count_from_the_end_of_a_day() -> None:
    """The day before yesterday, published yesterday at noon: its 26 hours end today at 02:00, five hours ago."""
    now = datetime(2026, 3, 31, 7, tzinfo=UTC)
    day = Refresh(datetime(2026, 3, 30, 12, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC))
    assert measure_freshness(FRESH, [day], window=MONTH, now=now).tally == (5, 19)
    # Published when it was too old already: late from then on, not before.
    late = Refresh(datetime(2026, 3, 31, 4, tzinfo=UTC), datetime(2026, 3, 30, tzinfo=UTC))
    assert measure_freshness(FRESH, [late], window=MONTH, now=now).tally == (3, 3)


def test_without_history_nothing_is_said_to_be_kept() -> None:
    for level in (
        measure_freshness(FRESH, [], window=MONTH, now=NOW),
        measure_events(CORRECT, "audits", [], window=MONTH, now=NOW),
        measure_events(CORRECT, "audits", audits((ago(31), 0, 9)), window=MONTH, now=NOW),
        measure_events(CORRECT, "rows", [Event(ago(1), 0, 0)], window=MONTH, now=NOW),
    ):
        assert (level.attained, level.budget_left, level.burn_rate) == (None, None, None)
        assert (level.state, level.measured_from) == ("no history", None)
        assert "no history within 30 days" in level.words


def test_a_level_is_judged_from_a_day_of_history_on() -> None:
    """Late and refused from the first moment on: not judged a microsecond before the day is full, spent then."""
    day, microsecond = timedelta(days=1), timedelta(microseconds=1)

    def late(begun: datetime) -> list[Refresh]:
        return [Refresh(begun, ago(9))]

    for history, told in ((timedelta(seconds=1), "less than a minute"), (timedelta(minutes=2, seconds=59), "2 minutes"),
                          (timedelta(hours=1), "1 hour"), (day - microsecond, "23 hours")):  # fmt: skip
        for level in (
            measure_freshness(FRESH, late(NOW - history), window=MONTH, now=NOW),
            measure_events(CORRECT, "audits", audits((NOW - history, 1, 2)), window=MONTH, now=NOW),
        ):
            assert level.tally.bad and level.state == "too little history"
            assert (level.attained, level.budget_left, level.burn_rate, level.days_left) == (None, None, None, None)
            assert level.words.endswith(f"too little history yet: {told} of the 24 hours needed")
    judged = measure_freshness(FRESH, late(NOW - day), window=MONTH, now=NOW)
    assert (judged.tally, judged.state) == ((24, 24), "spent")
    assert judged.words.endswith("promised 99 %; error budget: spent 100 times over")
    assert measure_events(CORRECT, "audits", audits((NOW - day, 1, 2)), window=MONTH, now=NOW).budget_left == -49
    # History is not only what is within the window: a monthly audit is judged at once.
    monthly = audits((ago(31), 0, 1), (ago(hours=1), 1, 1))
    assert measure_events(CORRECT, "audits", monthly, window=MONTH, now=NOW).state == "spent"
    # Rows are all there are, however young.
    assert measure_events(CORRECT, "rows", [Event(NOW, 1, 10)], window=MONTH, now=NOW).state == "spent"


@pytest.mark.parametrize(
    ("left", "told"),
    [
        (1.0, "100 % left"), (0.29, "29 % left"), (0.001, "less than 1 % left"), (0.0, "spent"),
        (-0.25, "spent 1.2 times over"), (-19.0, "spent 20 times over"), (-1999.0, "spent 2,000 times over"),
    ],
)  # fmt: skip
def test_a_budget_is_readable_however_far_it_is_overspent(left: float, told: str) -> None:
    assert describe_budget(left) == told


def test_the_window_is_open_at_its_beginning() -> None:
    at_edges = audits((ago(30), 1, 1), (NOW, 1, 1), (NOW + timedelta(seconds=1), 1, 1))
    assert measure_events(CORRECT, "audits", at_edges, window=MONTH, now=NOW).tally == (1, 1)


@pytest.mark.parametrize(("bad", "left", "state"), [(0, 1.0, "kept"), (1, 0.0, "spent"), (2, -1.0, "spent")])
def test_a_target_met_exactly_leaves_nothing(bad: int, left: float, state: str) -> None:
    """One of a thousand at 99.9 %: exactly, not about."""
    strict = ServiceLevel("correctness", 99.9, target=Decimal("99.9"))
    level = measure_events(strict, "audits", [Event(ago(10), bad, 1000)], window=MONTH, now=NOW)
    assert (level.budget_left, level.state) == (left, state)


def test_a_budget_that_burns_says_how_long_it_lasts() -> None:
    """1 of 200 in 30 days is half of what 99 % allows; 1 of 20 in the last 3 is five times too fast."""
    level = measure_events(CORRECT, "audits", audits((ago(10), 0, 180), (ago(1), 1, 20)), window=MONTH, now=NOW)
    assert (level.tally, level.recent) == ((1, 200), (1, 20))
    assert (level.attained, level.budget_left, level.burn_rate) == (99.5, 0.5, 5.0)
    assert (level.days_left, level.state) == (3.0, "burning")
    calm = measure_events(CORRECT, "audits", audits((ago(10), 1, 200)), window=MONTH, now=NOW)
    assert (calm.budget_left, calm.burn_rate, calm.state) == (0.5, None, "kept")
