"""Pacific wall time by hand: an hour that happens twice, one that does not happen, days of 23 and 25 hours."""

from datetime import UTC, date, datetime

import numpy as np

from acme.storefront.clock import day_start, is_repeated, to_instant, to_wall
from acme.world import EPOCH


def second(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def seconds(*texts: str) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.array([second(text) for text in texts])


def test_an_hour_of_november_happens_twice() -> None:
    instants = seconds("2026-11-01T07:59:59", "2026-11-01T08:30:00", "2026-11-01T09:30:00", "2026-11-01T10:00:00")
    walls = seconds("2026-11-01T00:59:59", "2026-11-01T01:30:00", "2026-11-01T01:30:00", "2026-11-01T02:00:00")
    np.testing.assert_array_equal(to_wall(instants), walls)
    assert is_repeated(instants).tolist() == [False, True, True, False]
    assert to_instant(walls, second=False).tolist() == instants[[0, 1, 1, 3]].tolist()
    assert to_instant(walls, second=True).tolist() == instants[[0, 2, 2, 3]].tolist()


def test_an_hour_of_march_does_not_happen() -> None:
    instants = seconds("2026-03-08T09:59:59", "2026-03-08T10:00:00")
    np.testing.assert_array_equal(to_wall(instants), seconds("2026-03-08T01:59:59", "2026-03-08T03:00:00"))
    assert not is_repeated(instants).any()


def test_days_have_23_24_or_25_hours() -> None:
    def hours(day: date) -> float:
        number = (day - EPOCH).days
        return (day_start(number + 1) - day_start(number)) / 3_600

    assert [hours(date(2026, 3, 8)), hours(date(2026, 3, 9)), hours(date(2026, 11, 1))] == [23, 24, 25]
    assert day_start((date(2026, 7, 1) - EPOCH).days) == second("2026-07-01T07:00:00")
    assert day_start((date(2026, 11, 2) - EPOCH).days) == second("2026-11-02T08:00:00")
