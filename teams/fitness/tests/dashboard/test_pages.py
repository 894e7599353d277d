"""The pages in a real browser, without a network: numbers are read off them and compared with SQL on the rows."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ibis
import pandas as pd
import pytest
from energy.conftest import AS_OF as CLUB_AS_OF
from energy.conftest import Riders, make_riders
from playwright.sync_api import sync_playwright

from dashboard.club import AS_OF, FIRST_MONDAY, LAST_SUNDAY, activity, make_year, tables
from fitness.dashboard.activity_page import write_activity_page
from fitness.dashboard.model_page import write_model_page
from fitness.dashboard.summaries import load_activities
from fitness.energy.candidate import choose_family
from fitness.energy.drift import measure_drift
from headgate.pages import Page

pytestmark = pytest.mark.e2e

SQL = """
with chosen as (
    select
        fct_activities.*, recorded_sport_type, coalesce(distance_m, 0) / 1000 as km, moving_time_s / 3600 as hours,
        week_start between date '{first}' and date '{last}' as is_recent
    from fct_activities inner join dim_activities using (activity_id)
    where not is_doubtful and start_date <= date '{as_of}' and ({where})
)
select
    count(*) as "total-activities", coalesce(sum(km), 0) as "total-distance_km", coalesce(sum(hours), 0) as "total-hours",
    coalesce(sum(elevation_gain_m), 0) as "total-climb_m", coalesce(sum(energy_kj), 0) as "total-energy_kj",
    count(*) filter (is_recent) / 8 as "average-activities",
    coalesce(sum(km) filter (is_recent), 0) / 8 as "average-distance_km",
    coalesce(sum(hours) filter (is_recent), 0) / 8 as "average-hours",
    count(*) filter (year(start_date) = {year}) as "year-activities",
    count(*) filter (week_start > date '{last}') as "now-activities",
    coalesce(max(km) filter (not is_private), 0) as "record-distance_km",
from chosen left join (select activity_id, is_private from dim_activities) using (activity_id)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    assert found is not None, "no Chromium: `headgate test` installs it as root, else apt-get install chromium"
    with sync_playwright() as driver:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=found, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a file; afterwards no script may have failed and no other host may have been asked."""
    problems: list[str] = []
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(180_000)  # for what hangs: beside other suites a page takes long

    def open_one(page: Page, choice: str = "", *, width: int = 1400) -> Any:
        tab = context.new_page()
        tab.set_viewport_size({"width": width, "height": 900})
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("requestfailed", lambda request: problems.append(request.url))
        tab.on("request", lambda request: None if request.url.startswith("file://") else problems.append(request.url))
        tab.goto(page.path.as_uri() + choice)
        tab.wait_for_function("[...document.querySelectorAll('div.figure')].every(place => place.data)")
        return tab

    yield open_one
    context.close()
    assert problems == []


@pytest.fixture(scope="module")
def year() -> tuple[ibis.Table, ibis.Table]:
    return tables(make_year())


@pytest.fixture(scope="module")
def riders() -> Riders:
    return make_riders()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADGATE_HOME", str(tmp_path))


@pytest.fixture
def dashboard(year: tuple[ibis.Table, ibis.Table], home: None) -> Page:
    return write_activity_page(load_activities(*year, AS_OF), AS_OF, doubtful=3)


def _number(text: str) -> float:
    """`2026: 1,234.5 km` is 1234.5, and a dash is 0."""
    found = re.search(r"-?[\d,]+(\.\d+)?", re.sub(r"^\d{4}: ", "", text))
    return float(found.group().replace(",", "")) if found else 0.0


def _values(tab: Any, chart: str, trace: int, axis: str) -> list[Any]:
    """What Plotly draws."""
    place = f"document.querySelector('[data-chart={chart}] div.figure')"
    values: list[Any] = tab.evaluate(f"Array.from({place}._fullData[{trace}].{axis})")
    return values


def _expect(year: tuple[ibis.Table, ibis.Table], where: str) -> dict[str, float]:
    dates = {"first": FIRST_MONDAY, "last": LAST_SUNDAY, "as_of": AS_OF, "year": AS_OF.year}
    backend: Any = year[0].get_backend()
    (row,) = backend.raw_sql(SQL.format(where=where, **dates)).to_arrow_table().to_pylist()
    return row  # type: ignore[no-any-return]


SELECTIONS = {
    ("all", "all"): "true",
    ("1", "all"): "athlete_id = 1",
    ("2", "Cycling"): "athlete_id = 2 and sport_type = 'Cycling'",
    ("all", "GravelRide"): "recorded_sport_type = 'GravelRide'",
    ("1", "Other"): "athlete_id = 1 and sport_type = 'Other'",  # there is none
}


def test_numbers_on_the_page_are_those_of_the_rows(
    year: tuple[ibis.Table, ibis.Table], dashboard: Page, open_page: Callable[..., Any]
) -> None:
    tab = open_page(dashboard)
    seen = set()
    for (athlete, sport), where in SELECTIONS.items():
        tab.select_option("#athlete", athlete)
        tab.select_option("#sport", sport)
        tab.wait_for_function("wanted => location.hash.endsWith(wanted)", arg=f"athlete={athlete}&sport={sport}")
        expected = _expect(year, where)
        shown = {key: tab.inner_text(f"#{key}") for key in expected}
        decimals = {key: len(text.partition(".")[2].split(" ")[0]) for key, text in shown.items()}
        for key, value in expected.items():
            assert _number(shown[key]) == pytest.approx(value, abs=0.5001 * 10 ** -decimals[key]), (athlete, sport, key)
        seen.add(expected["total-activities"])
    assert 0 in seen and len(seen) == len(SELECTIONS)


def test_bars_are_the_weeks_and_the_line_is_their_average(
    year: tuple[ibis.Table, ibis.Table], dashboard: Page, open_page: Callable[..., Any]
) -> None:
    tab = open_page(dashboard, "#athlete=2&sport=Running")
    backend: Any = year[0].get_backend()
    weeks = backend.raw_sql(
        f"""
        select coalesce(sum(distance_m), 0) / 1000 as km
        from generate_series(date '{FIRST_MONDAY}', date '{LAST_SUNDAY}', interval 7 days) as weeks(monday)
        left join fct_activities on week_start = monday and athlete_id = 2 and sport_type = 'Running' and not is_doubtful
        group by monday order by monday
        """
    ).fetchall()
    bars, line = (_values(tab, "distance_km", trace, "y") for trace in (0, 1))
    assert bars == pytest.approx([km for (km,) in weeks], abs=0.001)
    assert len(bars) == 8 and len(set(bars)) > 4
    assert line == pytest.approx([sum(bars) / 8] * 8, abs=0.001)
    assert _values(tab, "shares", 0, "labels") == ["Run"]
    assert tab.input_value("#athlete") == "2"


def test_the_page_fits_a_phone_and_a_desk(dashboard: Page, open_page: Callable[..., Any]) -> None:
    for width in (390, 1400):
        tab = open_page(dashboard, width=width)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        tops = tab.evaluate(
            "[...document.querySelectorAll('[data-chart] div.figure')].slice(0, 3).map(f => f.getBoundingClientRect().top)"
        )
        assert (len(set(tops)) == 1) == (width == 1400)


def test_a_phone_names_every_sport(home: None, open_page: Callable[..., Any]) -> None:
    rows = [activity(AS_OF, sport=("Other", f"SportOfTheYear{year}")) for year in range(2015, 2027)]
    tab = open_page(write_activity_page(load_activities(*tables(rows), AS_OF), AS_OF, doubtful=0), width=375)
    assert tab.locator("[data-chart=shares] .legendtext").count() == 12
    hidden = tab.evaluate("document.querySelector('[data-chart=shares] .legend .scrollbar').getBBox().height")
    assert hidden == 0  # Plotly scrolls a legend that it does not show whole


def test_words_from_the_data_stay_words(home: None, open_page: Callable[..., Any]) -> None:
    odd = "</script><img src=x onerror=alert(1)>"
    rows = [activity(AS_OF, sport=("Other", odd)), activity(AS_OF)]
    tab = open_page(write_activity_page(load_activities(*tables(rows), AS_OF), AS_OF, doubtful=0))
    tab.select_option("#sport", odd)
    tab.wait_for_function("document.getElementById('total-activities').textContent === '1'")
    assert tab.locator("img").count() == 0
    assert odd in tab.inner_text("#holder-distance_km")


def test_a_club_without_activities_has_a_page(home: None, open_page: Callable[..., Any]) -> None:
    frame = load_activities(*tables([activity(AS_OF, is_doubtful=True)]), AS_OF)
    tab = open_page(write_activity_page(frame, AS_OF, doubtful=1))
    assert tab.inner_text("#total-activities") == "0"
    assert "1 doubtful activities" in tab.inner_text("footer")


def test_the_model_page_shows_what_the_backtest_says(riders: Riders, home: None, open_page: Callable[..., Any]) -> None:
    family = choose_family(riders.rows)
    drift = measure_drift(riders.rides, CLUB_AS_OF)
    page = write_model_page(riders.rows, drift, CLUB_AS_OF, family=family, version=7, decision="champion")
    tab = open_page(page)
    backend = ibis.duckdb.connect()
    backend.create_table("backtest", riders.rows)
    expected = backend.raw_sql(
        "select model, split, avg(abs(predicted_kj - actual_kj)), count(*) from backtest group by model, split"
    ).fetchall()
    assert len(expected) == 10
    for model, split, mae_kj, rides in expected:
        assert _number(tab.inner_text(f"[data-cell='{model} {split} mae_kj']")) == pytest.approx(mae_kj, abs=0.051)
        if (model, split) == (family, "holdout"):
            assert _number(tab.inner_text("#mae-kj")) == pytest.approx(mae_kj, abs=0.51)
            assert len(_values(tab, "predictions", 1, "x")) == rides == _number(tab.inner_text("#rides"))
    chosen = riders.rows[(riders.rows.model == family) & (riders.rows.split == "holdout")]
    assert sorted(_values(tab, "residuals", 1, "y")) == pytest.approx(
        sorted(chosen.predicted_kj - chosen.actual_kj), abs=0.051
    )
    assert len(_values(tab, "athletes", 1, "x")) == chosen.athlete_id.nunique()
    assert "7 · champion" in tab.inner_text("#version")
    assert "too few to compare" in tab.inner_text("[data-chart=drift]")
    # On a phone nothing lies over anything, and the table is there to its last column.
    phone = open_page(page, width=375)
    box = "document.querySelector('[data-chart=athletes] .{}').getBoundingClientRect()"
    assert phone.evaluate(f"{box.format('legend')}.bottom <= {box.format('barlayer')}.top")
    assert phone.evaluate("(card => card.scrollWidth <= card.clientWidth)(document.querySelector('.scroll'))")


def test_the_pages_lead_to_each_other(riders: Riders, dashboard: Page, open_page: Callable[..., Any]) -> None:
    twice = pd.concat([riders.rides, riders.rides.assign(activity_id=-riders.rides.activity_id)])
    drift = measure_drift(twice.sort_values("started_at", ignore_index=True), CLUB_AS_OF)
    family = choose_family(riders.rows)
    write_model_page(riders.rows, drift, CLUB_AS_OF, family=family, version=1, decision="champion")
    tab = open_page(dashboard)
    tab.click("nav a:not([aria-current])")
    tab.wait_for_selector("[data-chart=drift] .main-svg")
    assert tab.inner_text("h1") == "Energy of rides"
    tab.click("nav a:not([aria-current])")
    tab.wait_for_selector("#total-activities")
