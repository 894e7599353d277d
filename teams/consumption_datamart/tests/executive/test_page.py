"""The page in a real browser, without a network: numbers are read off it and compared with SQL over the published tables."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from consumption_datamart.executive.figures import Figures
from consumption_datamart.executive.page import write_executive_page
from executive.portfolio import DAY, FIRST, GAP, ODD_NAME
from headgate.lake.session import LakeSession
from headgate.pages import Page
from headgate.quality.service_levels import describe_budget

pytestmark = pytest.mark.e2e

OpenPage = Callable[..., Any]

SQL = """
with chosen as (from consumption_datamart.consumption_daily where {where}),
today as (from chosen where day = date '{day}')
select
    sum(used_vcpu) as used,
    sum(entitled_vcpu) as entitled,
    100 * sum(used_vcpu) / nullif(sum(entitled_vcpu), 0) as consumption,
    count(distinct customer_id) filter (category = 'over') as over,
    count(distinct customer_id) filter (category in ('under', 'no_usage')) as under,
    count(distinct customer_id) filter (category = 'no_entitlement') as unentitled,
    (
        select count(*) from consumption_datamart.renewal_risk
        where day = date '{day}' and risk_tier = 'high' and {where}
    ) as risk,
    (
        select sum(entitled_vcpu) from consumption_datamart.renewal_risk
        where day = date '{day}' and risk_tier = 'high' and {where}
    ) as "risk-note"
from today
"""
SELECTIONS = {
    ("all", "all"): "true",
    ("all", "Y"): "product = 'Y'",
    ("C-000006", "all"): "customer_id = 'C-000006'",
    ("C-000008", "X"): "customer_id = 'C-000008' and product = 'X'",
    ("C-000013", "X"): "customer_id = 'C-000013' and product = 'X'",
}


@pytest.fixture(scope="module")
def page(published: LakeSession) -> Page:
    """Written by a run of the asset, as in production."""
    from consumption_datamart.definitions import defs

    key = dg.AssetKey(["consumption_datamart", "executive_page"])
    job = defs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(instance=dg.DagsterInstance.ephemeral(), asset_selection=[key])
    (event,) = result.asset_materializations_for_node("consumption_datamart__executive_page")
    assert event.metadata["day"].value == DAY.isoformat()
    path = event.metadata["page_file"].value
    assert isinstance(path, str)
    return Page(Path(path), str(event.metadata["page"].value))


def _number(text: str) -> float:
    """`1,234.5 vCPU` is 1234.5; a text without a number is 0."""
    found = re.search(r"-?[\d,]*\d(\.\d+)?", text)
    return float(found.group().replace(",", "")) if found else 0.0


def _ask(lake: LakeSession, sql: str) -> list[dict[str, Any]]:
    return lake.connection.execute(sql).to_arrow_table().to_pylist()  # type: ignore[no-any-return]


def _drawn(tab: Any, chart: str, trace: int, axis: str = "y") -> list[Any]:
    place = f"document.querySelector('[data-chart={chart}] div.figure')"
    values: list[Any] = tab.evaluate(f"Array.from({place}._fullData[{trace}].{axis})")
    return values


def _choose(tab: Any, customer: str, product: str) -> None:
    tab.select_option("#customer", customer)
    tab.select_option("#product", product)
    tab.wait_for_function("wanted => location.hash.endsWith(wanted)", arg=f"customer={customer}&product={product}")


def test_numbers_are_those_of_the_published_tables(published: LakeSession, page: Page, open_page: OpenPage) -> None:
    tab = open_page(page)
    seen = set()
    for (customer, product), where in SELECTIONS.items():
        if (customer, product) != ("all", "all"):
            _choose(tab, customer, product)
        (expected,) = _ask(published, SQL.format(where=where, day=DAY))
        for key, value in expected.items():
            shown = tab.inner_text(f"#{key}")
            decimals = len(shown.partition(".")[2].split("\u00a0")[0]) if "." in shown else 0
            found = _number(shown.partition(", ")[2]) if key == "risk-note" else _number(shown)
            assert found == pytest.approx(float(value or 0), abs=0.5001 * 10**-decimals), (customer, product, key)
        seen.add(tab.inner_text("#headline"))
    assert len(seen) == len(SELECTIONS)
    assert tab.inner_text("#consumption") == "not entitled"
    assert "without being entitled" in tab.inner_text("#headline")


def test_the_first_view_says_what_matters(published: LakeSession, page: Page, open_page: OpenPage) -> None:
    tab = open_page(page)
    (expected,) = _ask(published, SQL.format(where="true", day=DAY))
    headline = tab.inner_text("#headline")
    assert headline.startswith("On Friday, 20 November 2026, customers used ")
    assert f"{expected['consumption']:.0f}\u00a0%" in headline
    assert tab.inner_text("p.of") == "as of 2026-11-20"
    lead = tab.inner_text("#lead")
    assert f"Of 14 customers, {expected['over']} used more" in lead
    assert f"{expected['risk']} subscriptions are at high risk" in lead


def test_the_trend_is_that_of_the_tables_and_empty_where_nothing_was_measured(
    published: LakeSession, page: Page, open_page: OpenPage
) -> None:
    tab = open_page(page, "#customer=C-000006&product=X")
    rows = _ask(
        published,
        "select day, used_vcpu, cast(entitled_vcpu as double) as entitled_vcpu, doubtful_heartbeats "
        f"from consumption_datamart.consumption_daily where customer_id = 'C-000006' and product = 'X' and day <= date '{DAY}' "
        "order by day",
    )
    entitled, used, shares, doubtful = (_drawn(tab, "trend", trace) for trace in range(4))
    gap = (GAP - FIRST).days
    assert len(rows) == len(used) == (DAY - FIRST).days + 1
    assert used[gap] is None and shares[gap] is None
    assert entitled == [row["entitled_vcpu"] for row in rows]
    for day, row in enumerate(rows):
        if day != gap:
            assert used[day] == pytest.approx(row["used_vcpu"], abs=0.0051)
            assert shares[day] == pytest.approx(100 * row["used_vcpu"] / row["entitled_vcpu"], abs=0.02)
    assert doubtful == [row["doubtful_heartbeats"] for row in rows] and sum(doubtful) > 0
    bands = tab.evaluate(
        "document.querySelector('[data-chart=trend] div.figure').layout.shapes.filter(s => s.type == 'rect')"
    )
    assert [band["x1"] for band in bands] == [f"{GAP}T12:00"]
    tab.select_option("#product", "Y")
    tab.wait_for_function("location.hash.endsWith('product=Y')")
    assert tab.evaluate("document.querySelector('[data-chart=trend] div.figure').layout.shapes.length") == 1


def test_rankings_are_in_order_and_follow_the_choice(published: LakeSession, page: Page, open_page: OpenPage) -> None:
    tab = open_page(page)
    categories = {"over": "('over')", "under": "('under', 'no_usage')", "unentitled": "('no_entitlement')"}
    for product in ("all", "Y"):
        if product == "Y":
            _choose(tab, "all", "Y")
        for name, category in categories.items():
            rows = _ask(
                published,
                "select customer_id, product from consumption_datamart.consumption_daily "
                f"where day = date '{DAY}' and category in {category} and product in ('Y', '{'X' if product == 'all' else 'Y'}') "
                "order by abs(used_vcpu - entitled_vcpu) desc, customer_id, product",
            )
            shown = tab.eval_on_selector_all(
                f"#ranking-{name} tbody tr:not([hidden])",
                "rows => rows.map(row => ({customer_id: row.dataset.customer, product: row.dataset.product}))",
            )
            assert shown == rows[:8], (name, product)
            assert tab.is_visible(f"#ranking-{name} ~ .none") == (not rows)
            assert tab.is_visible(f"#ranking-{name} ~ .more") == (len(rows) > 8)
    assert tab.is_visible("#ranking-unentitled ~ .none")
    everything = _ask(
        published,
        f"select count(*) as n from consumption_datamart.consumption_daily where day = date '{DAY}' and product = 'Y'",
    )
    assert tab.locator("#everything tbody tr:visible").count() == everything[0]["n"] == 7


def test_a_click_on_a_customer_chooses_it(page: Page, open_page: OpenPage) -> None:
    tab = open_page(page)
    tab.click("#ranking-unentitled button.who")
    tab.wait_for_function("document.getElementById('customer').value === 'C-000013'")
    tab.wait_for_function("document.getElementById('headline').textContent.includes('Company 13')")


def test_risk_and_active_customers_are_those_of_the_tables(
    published: LakeSession, page: Page, open_page: OpenPage
) -> None:
    tab = open_page(page, "#product=X")
    for trace, tier in enumerate(("high", "medium")):
        rows = _ask(
            published,
            f"""
            select cast(coalesce(sum(entitled_vcpu), 0) as double) as vcpu
            from (select distinct day from consumption_datamart.consumption_daily where day <= date '{DAY}') as days
            left join consumption_datamart.renewal_risk as risk
                on risk.day = days.day and product = 'X' and risk_tier = '{tier}'
            group by days.day order by days.day
            """,
        )
        assert _drawn(tab, "risk", trace) == [row["vcpu"] for row in rows] and any(row["vcpu"] for row in rows)
    for trace, product in enumerate(("X", "Y")):
        rows = _ask(
            published,
            "select active_customers from consumption_datamart.report_active_customers_by_product_daily "
            f"where product = '{product}' and day <= date '{DAY}' order by day",
        )
        assert _drawn(tab, "active", trace) == [row["active_customers"] for row in rows]
        assert tab.inner_text(f"#active-{product}") == str(rows[-1]["active_customers"])


def test_the_data_behind_are_told_exactly(published: LakeSession, page: Page, open_page: OpenPage) -> None:
    """Codes are counted here from the rows' own marks, and on the page from the gate's history."""
    tab = open_page(page)
    names = tab.evaluate("document.querySelector('[data-chart=codes] div.figure').data.map(trace => trace.meta)")
    assert len(names) == 4
    for trace, name in enumerate(names):
        table, code = name.split(".")
        rows = _ask(
            published,
            f"select day, count(*) as rows from consumption_datamart.{table} where list_contains(meta__warnings, '{code}') "
            f"and day between date '{DAY}' - 59 and date '{DAY}' group by day",
        )
        drawn = dict(zip(_drawn(tab, "codes", trace, "x"), _drawn(tab, "codes", trace), strict=True))
        assert {day: count for day, count in drawn.items() if count} == {str(row["day"]): row["rows"] for row in rows}
    last_days = f"day between date '{DAY}' - 29 and date '{DAY}'"
    (doubtful,) = _ask(
        published,
        f"""
        select
            (
                select sum(doubtful_heartbeats)::bigint
                from consumption_datamart.report_active_customers_by_product_daily where {last_days}
            ) as measurements,
            (
                select count(*) from consumption_datamart.invoice_order_lines
                where {last_days} and len(list_filter(meta__warnings, lambda code: code <> 'sku__not_vcpu')) > 0
            ) as lines
        """,
    )
    banner = tab.inner_text("#quality")
    assert "21 November 2026 is not shown" in banner
    assert "2 deliveries are missing" in banner
    assert f"{doubtful['measurements']} doubtful measurements and {doubtful['lines']} doubtful invoice line" in banner
    assert doubtful["measurements"] > 0 < doubtful["lines"]
    assert tab.eval_on_selector_all("#absent tbody tr", "rows => rows.map(row => row.innerText)") == [
        "Measurements of Product Y\t21 Nov 2026\tnot arrived",
        "Measurements of Product X\t10 Nov 2026\tnot arrived",
    ]
    assert "Measurements of Product Y\t20 Nov 2026" in tab.inner_text("#sources")
    assert "measurements missing on 1 day" in tab.inner_text("#used-quality")
    assert tab.inner_text("#entitled-quality") == "3 doubtful invoice lines left out so far"
    assert "UTC" in tab.inner_text("#tables")


def test_service_levels_are_those_of_the_tables_and_stand_beside_the_figures(
    published: LakeSession, page: Page, open_page: OpenPage
) -> None:
    """Audits and doubtful rows are counted here from rows and the gate's records; budgets follow from what is promised."""
    tab = open_page(page, "#customer=C-000006&product=X")
    shown = tab.eval_on_selector_all("#levels tbody tr", "rows => rows.map(r => [...r.cells].map(c => c.textContent))")
    rows = {(table, level): (promise, attained, left, state) for table, level, promise, attained, left, state in shown}
    for table, name, promised in (
        ("cloud_deployment_heartbeats", "Measurements", 5),
        ("invoice_order_lines", "Invoice lines", 40),
    ):
        (found,) = _ask(
            published,
            f"select 100.0 * count(*) filter (len(meta__warnings) > 0) / count(*) as bad from consumption_datamart.{table}",
        )
        bad = float(found["bad"])
        promise, attained, left, state = rows[name, "warnings"]
        assert promise == f"at most {promised} % of the rows doubtful" and bad > 0
        assert _number(attained) == pytest.approx(100 - bad, abs=0.0501)
        assert left.replace("\u00a0", " ") == describe_budget(1 - bad / promised)
        assert state == ("missed" if bad > promised else "kept")
    (audits,) = _ask(
        published,
        """
        select
            (
                select count(distinct (published_at, run_id))
                from consumption_datamart._publications where table_name = 'renewal_risk'
            ) as passed,
            (
                select count(*) from consumption_datamart_private._validations
                where table_name = 'renewal_risk' and not passed
            ) as refused
        """,
    )
    assert audits == {"passed": 1, "refused": 1}
    assert rows["Renewal risk", "correctness"][1:] == ("50.0\u00a0%", "spent 10 times over", "missed")
    assert rows["Consumption", "correctness"][1:] == ("100.0\u00a0%", "100\u00a0% left", "kept")
    assert rows["Use", "freshness"][1:] == ("no data", "no data", "no history")
    beside = {key: tab.inner_text(f"#{key}-levels") for key in ("consumption", "used", "entitled", "risk", "active")}
    assert "warnings of measurements" in beside["used"] and "correctness of renewal risk" not in beside["used"]
    assert all("missed" in beside[key] for key in ("consumption", "used", "risk", "active"))
    assert "missed" not in beside["entitled"] or "freshness" in beside["entitled"]
    chosen = tab.inner_text("#headline")
    tab.click("#used-levels a")
    tab.wait_for_function("location.hash === '#levels'")
    assert tab.inner_text("#headline") == chosen


def test_an_axis_of_counts_says_no_number_twice(page: Page, open_page: OpenPage) -> None:
    """Also where there is nothing to count: an axis from 0 to 1 would have a tick at one half."""
    tab = open_page(page)
    told = tab.evaluate(
        """async () => {
            const place = [...document.querySelectorAll('div.figure')].find(one => one.querySelector('.y3tick'));
            await Plotly.restyle(place, { y: [place.data[3].y.map(() => 0)] }, [3]);
            return [...place.querySelectorAll('.y3tick')].map(tick => tick.textContent);
        }"""
    )
    assert told == ["0", "1", "2"]


def test_words_from_the_data_stay_words(page: Page, open_page: OpenPage) -> None:
    tab = open_page(page, "#customer=C-000008&product=all")
    assert ODD_NAME in tab.inner_text("#headline")
    assert tab.locator("img").count() == 0


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_fits_a_phone_and_a_desk(page: Page, open_page: OpenPage, width: int) -> None:
    tab = open_page(page, width=width)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    cards = "[...document.querySelectorAll('.cards .card')].slice(0, 2)"
    tops = tab.evaluate(f"{cards}.map(card => card.getBoundingClientRect().top)")
    assert (len(set(tops)) == 1) == (width == 1280)
    # Only the table of everything may have to be moved sideways.
    hidden = "[...document.querySelectorAll('.scroll:not(.tall)')].filter(card => card.scrollWidth > card.clientWidth)"
    assert tab.evaluate(f"{hidden}.map(card => card.textContent)") == []
    # A date stays on its line.
    lines_of_dates = tab.eval_on_selector_all(
        "#absent td:nth-child(2)",
        """cells => cells.map(cell => {
            const words = document.createRange();
            words.selectNodeContents(cell);
            return words.getClientRects().length;
        })""",
    )
    assert lines_of_dates == [1, 1]


def test_without_data_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, open_page: OpenPage) -> None:
    monkeypatch.setenv("HEADGATE_HOME", str(tmp_path))
    tab = open_page(write_executive_page(Figures()))
    assert tab.inner_text("#headline") == "There are no figures yet: no consumption has been published."
    assert tab.locator("p.of, output, .figure").count() == 0
    assert "No data." in tab.inner_text("body")
