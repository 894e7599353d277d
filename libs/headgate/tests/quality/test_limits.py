"""Limits of warnings, at their edges."""

import pytest

from headgate.contract import Limits, Rule
from headgate.quality.limits import Count, judge


def rule(*, alert: Limits | None = None, error: Limits | None = None) -> Rule:
    return Rule(name="sku__unknown", kind="sql", severity="warning", violation="true", alert=alert, error=error)


@pytest.mark.parametrize(
    ("limits", "failed", "checked", "level"),
    [
        (Limits(rows=10), 10, 100, "none"),
        (Limits(rows=10), 11, 100, "alert"),
        (Limits(rows=0), 0, 100, "none"),
        (Limits(rows=0), 1, 100, "alert"),
        (Limits(percent=5), 5, 100, "none"),
        (Limits(percent=5), 6, 100, "alert"),
        (Limits(percent=0.1), 1, 1000, "none"),  # 0.1 * 1000 is 100.00000000000001 hundredths as a float
        (Limits(percent=0.1), 2, 1000, "alert"),
        (Limits(percent=5), 0, 0, "none"),
        (Limits(rows=100, percent=5), 6, 100, "alert"),
    ],
)
def test_a_limit_is_exceeded_by_more_than_its_value(limits: Limits, failed: int, checked: int, level: str) -> None:
    assert judge(rule(alert=limits), Count(failed, checked), []).level == level


def test_a_change_against_the_usual_is_measured_in_spreads() -> None:
    """Shares of 8, 10, 12 %: the median is 10 %, the MAD 2 points, a spread 1.4826 × 2 = 2.9652 points. Of 1,000 rows
    100 are expected, a spread is 29.652, above the square root of 100: four of them end at 218.6."""
    history = [Count(8, 100), Count(10, 100), Count(12, 100)] * 3
    limits = rule(alert=Limits(deviations=4, minimum_history=9))
    assert judge(limits, Count(218, 1000), history).level == "none"
    judged = judge(limits, Count(219, 1000), history)
    assert judged.level == "alert"
    assert judged.words == "alert: 4.0 deviations above the usual 100 rows, more than 4"
    assert judge(limits, Count(0, 1000), history).level == "none"  # less than usual is no alarm


def test_without_variation_the_square_root_of_the_expected_count_is_a_spread() -> None:
    """Always 10 of 100: a spread is sqrt(10) = 3.16, four end at 22.6. Always none: a spread is one row."""
    limits = rule(alert=Limits(deviations=4))
    assert judge(limits, Count(22, 100), [Count(10, 100)] * 8).level == "none"
    assert judge(limits, Count(23, 100), [Count(10, 100)] * 8).level == "alert"
    assert judge(limits, Count(4, 100), [Count(0, 100)] * 8).level == "none"
    assert judge(limits, Count(5, 100), [Count(0, 100)] * 8).level == "alert"


def test_below_the_minimum_history_the_change_is_not_judged_and_says_so() -> None:
    limits = rule(alert=Limits(deviations=4, minimum_history=8))
    judged = judge(limits, Count(99, 100), [Count(1, 100)] * 7)
    assert (judged.level, judged.words) == ("none", "deviations not judged: 7 of 8 former counts are there")
    assert judge(limits, Count(99, 100), [Count(1, 100)] * 8).level == "alert"
    # Partitions without rows say nothing of what is usual.
    assert judge(limits, Count(99, 100), [Count(1, 100)] * 7 + [Count(0, 0)]).level == "none"
    both = rule(alert=Limits(rows=50, deviations=4))
    assert judge(both, Count(51, 100), []).words == "alert: 51 rows, more than 50"


def test_only_the_window_says_what_is_usual() -> None:
    limits = rule(alert=Limits(deviations=4, window=3, minimum_history=3))
    assert judge(limits, Count(50, 100), [Count(0, 100)] * 20 + [Count(50, 100)] * 3).level == "none"
    assert judge(limits, Count(50, 100), [Count(50, 100)] * 20 + [Count(0, 100)] * 3).level == "alert"


def test_the_limits_of_an_error_come_first() -> None:
    limits = rule(alert=Limits(rows=10), error=Limits(percent=50))
    assert judge(limits, Count(50, 100), []).level == "alert"
    judged = judge(limits, Count(51, 100), [])
    assert (judged.level, judged.words) == ("error", "error: 51 % of the rows, more than 50 %")
    assert judge(rule(), Count(99, 100), []).level == "none"
