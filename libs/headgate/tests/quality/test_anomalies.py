"""The robust rule on series whose medians and spreads can be worked out by hand."""

from datetime import date, timedelta

from headgate.quality.anomalies import Metric, Parameters, Profile, find_anomalies

START = date(2026, 1, 5)  # a Monday
FORTNIGHT = Parameters(minimum_history=14)


def series(values: list[float], metric: Metric = "row_count", column: str = "", rows: int = 1000) -> list[Profile]:
    days = [(START + timedelta(days=index)).isoformat() for index in range(len(values))]
    return [Profile(day, column, metric, value, rows) for day, value in zip(days, values, strict=True)]


def test_a_count_far_from_the_median_is_an_anomaly_and_its_edge_is_not() -> None:
    """10,000 rows every day: a spread is the tolerance, 2 % = 200 rows; five of them reach to 11,000."""
    former = [10_000.0] * 14
    for value, expected in ((11_000.0, 0), (11_001.0, 1), (9_000.0, 0), (8_999.0, 1)):
        found, judged = find_anomalies(series([*former, value]), "2026-01-19", FORTNIGHT)
        assert (len(found), judged) == (expected, 1), value
    [anomaly] = find_anomalies(series([*former, 5_000.0]), "2026-01-19", FORTNIGHT)[0]
    assert (anomaly.usual, anomaly.deviations) == (10_000.0, -25.0)
    assert anomaly.words == "row_count is 5,000, 25.0 deviations below the usual 10,000"


def test_chance_is_no_anomaly_in_small_counts() -> None:
    """Of 100 expected rows a spread is 10, the square root, and not 2 %."""
    assert find_anomalies(series([100.0] * 14 + [150.0]), "2026-01-19", FORTNIGHT)[0] == []
    assert len(find_anomalies(series([100.0] * 14 + [151.0]), "2026-01-19", FORTNIGHT)[0]) == 1


def test_too_little_history_is_not_judged() -> None:
    assert find_anomalies(series([100.0] * 27 + [9_999.0]), "2026-02-01") == ([], 0)
    assert find_anomalies(series([100.0] * 28 + [9_999.0]), "2026-02-02")[1] == 1
    assert find_anomalies(series([100.0] * 13 + [9_999.0]), "2026-01-18", FORTNIGHT) == ([], 0)
    assert find_anomalies(series([100.0] * 14 + [9_999.0]), "2026-01-19", FORTNIGHT)[1] == 1


def test_a_weekday_is_held_against_its_own_kind() -> None:
    """Five weeks: 10,000 rows from Monday to Friday, 1,000 on Saturday and Sunday. A Sunday of 10,000 rows is an
    anomaly, and a Monday of 1,000; both would be usual in a series without seasons."""
    weeks = [10_000.0] * 5 + [1_000.0] * 2
    days = weeks * 5
    sunday = find_anomalies(series([*days, *weeks[:6], 10_000.0]), "2026-02-15")[0]
    assert [(each.usual, each.value) for each in sunday] == [(1_000.0, 10_000.0)]
    assert [each.usual for each in find_anomalies(series([*days, 1_000.0]), "2026-02-09")[0]] == [10_000.0]
    assert find_anomalies(series([*days, *weeks]), "2026-02-15")[0] == []
    # With too few of each weekday all days are one season, and its spread is wide enough for neither to stand out.
    unseasonal = Parameters(minimum_weekdays=99, minimum_history=14)
    assert find_anomalies(series([*days, 1_000.0]), "2026-02-09", unseasonal)[0][0].usual == 10_000.0


def test_a_former_anomaly_does_not_hide_the_next() -> None:
    former = [10_000.0] * 10 + [90_000.0] * 4
    assert len(find_anomalies(series([*former, 90_000.0]), "2026-01-19", FORTNIGHT)[0]) == 1


def test_nulls_are_judged_as_a_share() -> None:
    """1 % of 1,000 rows is 10 by chance, give or take 3.16: five spreads reach to 25.8 rows."""
    former = [0.01] * 14
    assert find_anomalies(series([*former, 0.025], "nulls", "sku"), "2026-01-19", FORTNIGHT)[0] == []
    [anomaly] = find_anomalies(series([*former, 0.026], "nulls", "sku"), "2026-01-19", FORTNIGHT)[0]
    assert anomaly.words.startswith("nulls of sku is 0.026, 5.1 deviations above the usual 0.01")


def test_every_series_is_judged_by_itself_and_only_the_past_counts() -> None:
    rows = series([100.0] * 14 + [100.0, 5.0])
    sums = series([7.0] * 14 + [700.0, 7.0], "sum", "price")
    found, judged = find_anomalies([*rows, *sums], "2026-01-19", FORTNIGHT)
    assert ([(each.column, each.metric) for each in found], judged) == ([("price", "sum")], 2)
