from dataclasses import replace
from datetime import date, timedelta

import ibis
import pandas as pd
import pytest

from consumption_datamart.executive.figures import CHANGE_DAYS, Figures, choose_day, make_figures
from consumption_datamart.executive.quality import SET_ASIDE, Absence, CodeCount, Promise, Quality
from consumption_datamart.executive.queries import LOOK_BACK_DAYS, doubtful_lines, fetch
from consumption_datamart.executive.series import ALL
from consumption_datamart.executive.words import describe, describe_promises
from executive.conftest import figures_of
from executive.portfolio import DAY, FIRST, GAP, NEWEST

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)


def _consumption(*rows: tuple[object, ...]) -> pd.DataFrame:
    names = ["day", "customer_id", "product", "used_vcpu", "entitled_vcpu", "category", "doubtful_heartbeats"]
    return pd.DataFrame(rows, columns=names)


def _products(*rows: tuple[object, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["day", "product", "active_customers", "heartbeats", "doubtful_heartbeats"])


def _make(consumption: pd.DataFrame, products: pd.DataFrame, risk: pd.DataFrame | None = None) -> Figures:
    names = ["day", "customer_id", "product", "risk_tier", "term_ends_on", "recent_consumption", "trend_per_day"]
    nobody = pd.DataFrame(columns=["customer_id", "name"])
    lines = pd.DataFrame(columns=["day", "customer_id", "product", "line_count"])
    no_risk = pd.DataFrame(columns=[*names, "forecast_consumption", "entitled_vcpu"])
    return make_figures(consumption, products, no_risk if risk is None else risk, nobody, lines, Quality())


def test_sums_are_divided_and_ratios_never_averaged() -> None:
    """30 of 20 and 20 of 180 are 25 % together; the mean of 150 % and 11 % would be 81 %."""
    figures = _make(
        _consumption((D1, "A", "X", 30.0, 20.0, "over", 1), (D1, "B", "X", 20.0, 180.0, "under", 2)),
        _products((D1, "X", 2, 500, 4)),
    )
    everything = figures.selections[ALL, ALL]
    assert (everything.used_vcpu, everything.entitled_vcpu, everything.consumption) == (50, 200, 0.25)
    assert figures.selections["A", ALL].consumption == 1.5
    assert everything.customers == {"over": 1, "under": 1}
    assert (everything.doubtful_by_day, figures.selections["B", "X"].doubtful_by_day) == ((4,), (2,))


def test_use_without_an_entitlement_has_no_ratio() -> None:
    figures = _make(_consumption((D1, "A", "X", 5.0, 0.0, "no_entitlement", 0)), _products((D1, "X", 1, 9, 0)))
    assert figures.selections["A", "X"].consumption is None
    assert figures.positions[0].consumption is None
    assert figures.positions[0].beyond_vcpu == 5


def test_a_customer_with_two_products_counts_once_in_a_category() -> None:
    figures = _make(
        _consumption(
            (D1, "A", "X", 3.0, 1.0, "over", 0),
            (D1, "A", "Y", 3.0, 1.0, "over", 0),
            (D1, "B", "X", 0.0, 1.0, "no_usage", 0),
        ),
        _products((D1, "X", 1, 9, 0), (D1, "Y", 1, 9, 0)),
    )
    assert figures.selections[ALL, ALL].customers == {"over": 1, "no_usage": 1}
    assert figures.selections[ALL, ALL].customer_count == 2


def test_a_day_without_measurements_is_unknown_and_not_zero() -> None:
    rows = [(day, "A", product, 4.0, 8.0, "under", 0) for day in (D1, D2) for product in ("X", "Y")]
    figures = _make(
        _consumption(*rows), _products((D1, "X", 1, 0, 0), (D1, "Y", 1, 9, 0), (D2, "X", 1, 9, 0), (D2, "Y", 1, 9, 0))
    )
    assert figures.selections[ALL, ALL].used_by_day == (None, 8)
    assert figures.selections[ALL, "X"].used_by_day == (None, 4)
    assert figures.selections["A", "Y"].used_by_day == (4, 4)
    assert figures.selections[ALL, ALL].entitled_by_day == (16, 16)
    assert figures.selections[ALL, ALL].gaps == (D1,)


def test_a_day_that_nobody_computed_is_unknown_altogether() -> None:
    figures = _make(
        _consumption((D1, "A", "X", 4.0, 8.0, "under", 0), (D2 + timedelta(days=1), "A", "X", 4.0, 8.0, "under", 0)),
        _products((D1, "X", 1, 9, 0), (D2 + timedelta(days=1), "X", 1, 9, 0)),
    )
    assert figures.days == (D1, D2, D2 + timedelta(days=1))
    assert figures.selections[ALL, ALL].used_by_day == (4, None, 4)
    assert figures.selections[ALL, ALL].entitled_by_day == (8, None, 8)


def test_the_newest_day_is_passed_over_until_it_is_complete() -> None:
    rows = _consumption(*((day, "A", product, 1.0, 1.0, "on", 0) for day in (D1, D2) for product in ("X", "Y")))
    both = {("X", D1), ("Y", D1), ("X", D2)}
    assert choose_day(rows, both) == D1
    assert choose_day(rows, both | {("Y", D2)}) == D2


def test_a_product_that_is_silent_for_long_does_not_stop_the_page() -> None:
    days = [D1 + timedelta(days=number) for number in range(LOOK_BACK_DAYS + 3)]
    rows = _consumption(*((day, "A", product, 1.0, 1.0, "on", 0) for day in days for product in ("X", "Y")))
    assert choose_day(rows, {("X", day) for day in days} | {("Y", D1)}) == days[-1]


def test_change_is_against_thirty_days_before(figures: Figures) -> None:
    position = next(one for one in figures.positions if (one.customer_id, one.product) == ("C-000001", "X"))
    age = (DAY - FIRST).days
    # C-000001 grows by 0.4 % of its level a day from 1.3; `id % 3 - 1` is 0 for it, so it does not.
    assert position.consumption == pytest.approx(1.3)
    assert position.consumption_before == pytest.approx(1.3)
    growing = next(one for one in figures.positions if (one.customer_id, one.product) == ("C-000002", "X"))
    assert growing.consumption == pytest.approx(0.8 * (1 + 0.004 * age))
    assert growing.consumption_before == pytest.approx(0.8 * (1 + 0.004 * (age - CHANGE_DAYS)))
    summary = figures.selections["C-000002", "X"]
    assert summary.change == pytest.approx(0.8 * 0.004 * CHANGE_DAYS)
    # Who is not entitled any more has no change; what was before is known all the same.
    ended = replace(summary, entitled_by_day=(*summary.entitled_by_day[:-1], 0.0))
    assert ended.change is None and ended.consumption_before is not None
    said = describe(replace(figures, selections={("C-000002", "X"): ended}), ("C-000002", "X"), [], 0)
    assert said["consumption-note"] == f"30 days before: {100 * ended.consumption_before:.0f}\u00a0%"


def test_the_portfolio_has_a_gap_and_an_unfinished_day(figures: Figures) -> None:
    assert (figures.day, figures.newest) == (DAY, NEWEST)
    assert figures.selections[ALL, ALL].gaps == (GAP,)
    assert figures.selections[ALL, "Y"].gaps == ()
    assert figures.selections["C-000013", "X"].customers == {"no_entitlement": 1}
    assert figures.selections["C-000005", "X"].customers == {"no_usage": 1}


def test_risk_has_its_tier_of_thirty_days_before_and_its_sum_by_day(
    figures: Figures, tables: dict[str, ibis.Table]
) -> None:
    risk = fetch(tables["renewal_risk"])
    before = risk[risk.day == DAY - timedelta(days=30)].set_index(["customer_id", "product"]).risk_tier
    assert {one.tier_before for one in figures.renewals} == {"high", "medium", "low"}
    for one in figures.renewals:
        assert one.tier_before == before[one.customer_id, one.product]
    high = risk[(risk.risk_tier == "high") & (risk["product"] == "Y")].groupby("day").entitled_vcpu.sum().astype(float)
    assert figures.risk_by_day["Y", "high"] == tuple(high.get(day, 0.0) for day in figures.days)


def test_lines_of_other_skus_are_not_held_against_the_data(tables: dict[str, ibis.Table]) -> None:
    found = fetch(doubtful_lines(tables["invoice_order_lines"])).itertuples()
    rows = {(row.customer_id, row.product): row.line_count for row in found}
    assert rows == {("nobody", "X"): 1, ("nobody", "Y"): 1, ("C-000003", "X"): 1}


def test_without_consumption_there_is_no_day(tables: dict[str, ibis.Table]) -> None:
    empty = {name: table.limit(0) for name, table in tables.items()}
    assert figures_of(empty) == Figures()


def test_codes_are_counted_by_day_and_the_most_frequent_comes_first() -> None:
    quality = Quality(codes=[CodeCount("t", D1, "a", 3), CodeCount("t", D1, "b", 2), CodeCount("t", D2, "b", 5)])
    assert quality.count_codes([D1, D2]) == {("t", "b"): [2, 5], ("t", "a"): [3, 0]}


def test_absences_are_of_thirty_days_and_what_came_after() -> None:
    edge = D1 - timedelta(days=29)
    absences = [Absence("s", day, SET_ASIDE) for day in (edge - timedelta(days=1), edge, D1, D2)]
    assert [one.day for one in Quality(absences=absences).recent_absences(D1)] == [D2, D1, edge]


def _promise(table: str, level: str, left: float | None, state: str) -> Promise:
    return Promise(table, level, "", None if left is None else 99.0, left, state)


def test_a_figure_tells_the_worst_service_level_of_what_it_hangs_on() -> None:
    beats = [_promise("cloud_deployment_heartbeats", "freshness", 0.4, "kept")]
    kept = Quality(promises=[*beats, _promise("fact_usage_daily", "correctness", 0.9, "kept")])
    assert describe_promises(kept, "used") == ("kept", "Service levels kept, 40\u00a0% of the error budget left")
    burning = Quality(promises=[*beats, _promise("fact_usage_daily", "correctness", 0.1, "burning")])
    assert describe_promises(burning, "used") == ("burning", "Error budget running out: correctness of use")
    three = [_promise("renewal_risk", level, -1.0, "spent") for level in ("freshness", "correctness", "warnings")]
    spent = Quality(promises=[*burning.promises, *three])
    words = "Service level missed: freshness of renewal risk, correctness of renewal risk and 1 other"
    assert describe_promises(spent, "risk") == ("spent", words)
    assert describe_promises(spent, "used")[0] == "burning"


def test_without_history_no_service_level_is_said_to_be_kept() -> None:
    half = Quality(
        promises=[
            _promise("invoice_order_lines", "warnings", 1.0, "kept"),
            _promise("fact_entitlement_daily", "freshness", None, "no history"),
        ]
    )
    assert describe_promises(half, "entitled") == describe_promises(Quality(), "entitled")
    assert describe_promises(half, "entitled") == ("unknown", "Service levels: no history")
    young = Quality(
        promises=[half.promises[0], _promise("fact_entitlement_daily", "freshness", None, "too little history")]
    )
    assert describe_promises(young, "entitled") == ("unknown", "Service levels: too little history")
    missed = Quality(promises=[*young.promises, _promise("invoice_order_lines", "correctness", -1.0, "spent")])
    assert describe_promises(missed, "entitled")[0] == "spent"
