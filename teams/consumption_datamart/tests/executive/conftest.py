"""The portfolio's tables, in a database of their own and published in a real lake; a browser; opening a page in it."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import ibis
import pytest
from playwright.sync_api import sync_playwright
from worlds import ROOT, TEAM

from consumption_datamart.executive.figures import Figures, make_figures
from consumption_datamart.executive.queries import (
    consumption_window,
    customer_names,
    doubtful_lines,
    fetch,
    product_window,
    risk_window,
    window_start,
)
from executive.portfolio import DAY, DAYS, GAP, NEWEST, TABLES
from headgate.contract import load_contract
from headgate.lake.gate import publish
from headgate.lake.publication import AuditError, RunInfo
from headgate.lake.session import LakeSession
from headgate.pages import Page
from headgate.testing import make_catalog

CONTRACTS = ROOT / "teams" / TEAM / "contracts"

OpenPage = Callable[..., Any]


@pytest.fixture(scope="session")
def tables() -> dict[str, ibis.Table]:
    """Each table of the portfolio, without a lake."""
    connection = ibis.duckdb.connect()
    for name, sql in TABLES.items():
        connection.raw_sql(f"create table {name} as {sql}")
    return {name: connection.table(name) for name in TABLES}


@pytest.fixture(scope="session")
def figures(tables: dict[str, ibis.Table]) -> Figures:
    return figures_of(tables)


def figures_of(tables: dict[str, ibis.Table]) -> Figures:
    first = window_start(NEWEST)
    return make_figures(
        fetch(consumption_window(tables["consumption_daily"], first)),
        fetch(product_window(tables["report_active_customers_by_product_daily"], first)),
        fetch(risk_window(tables["renewal_risk"], first)),
        fetch(customer_names(tables["dim_customer_daily"], first)),
        fetch(doubtful_lines(tables["invoice_order_lines"])),
        Figures().quality,
    )


@pytest.fixture(scope="module")
def session(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LakeSession]:
    """A lake in which nothing is published; variables of this process point to it."""
    home = tmp_path_factory.mktemp("home")
    catalog = make_catalog(server, [TEAM])
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("HEADGATE_") and "_TEST_" not in name]:
            patch.delenv(name)
        for name, value in catalog.environment(TEAM, home).items():
            patch.setenv(name, value)
        patch.setenv("HEADGATE_ROOT", str(ROOT))
        with LakeSession(catalog.settings(TEAM, home), TEAM) as opened:
            yield opened


@pytest.fixture(scope="module")
def published(session: LakeSession) -> LakeSession:
    """The lake with the portfolio, each table in one publication of all days; and one of renewal risk that was refused."""
    missing = {"telemetry_x": GAP, "telemetry_y": NEWEST}
    made_of = {
        "cloud_deployment_heartbeats": tuple(missing),
        "invoice_order_lines": ("invoices",),
        "customer_register": ("master_data",),
    }
    for name, sql in TABLES.items():
        sources = made_of.get(name, ())
        inputs = {
            day.isoformat(): {source: 1 for source in sources if missing.get(source) != day} for day in DAYS if sources
        }
        keys = tuple(day.isoformat() for day in DAYS)
        run = RunInfo(run_id=f"run-{name}", partition_keys=keys, partition_inputs=inputs)
        publish(session, load_contract(CONTRACTS / f"{name}.odcs.yaml"), sql, run)
    refused = RunInfo(run_id="run-refused", partition_keys=(DAY.isoformat(),))
    with pytest.raises(AuditError):
        bad = f"select * replace ('Z' as product) from ({TABLES['renewal_risk']}) where day = date '{DAY}'"
        publish(session, load_contract(CONTRACTS / "renewal_risk.odcs.yaml"), bad, refused)
    # Two days ago: service levels are not judged on seconds of history.
    for table, column in ((f"{TEAM}._publications", "published_at"), (f"{TEAM}_private._validations", "validated_at")):
        session.connection.execute(f"update {session.qualify(table)} set {column} = {column} - interval 2 day")
    return session


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
def open_page(browser: Any) -> Iterator[OpenPage]:
    """Opens a file; afterwards no script may have failed or complained, and no other host may have been asked."""
    problems: list[str] = []
    context = browser.new_context()
    context.set_default_timeout(180_000)  # for what hangs: beside other suites a page takes long

    def open_one(page: Page, choice: str = "", *, width: int = 1280) -> Any:
        tab = context.new_page()
        tab.set_viewport_size({"width": width, "height": 900})
        tab.on("pageerror", lambda error: problems.append(str(error)))
        tab.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
        tab.on("requestfailed", lambda request: problems.append(request.url))
        tab.on("request", lambda request: None if request.url.startswith("file://") else problems.append(request.url))
        tab.goto(page.path.as_uri() + choice)
        tab.wait_for_function("[...document.querySelectorAll('div.figure')].every(place => place.data)")
        return tab

    yield open_one
    context.close()
    assert problems == []
