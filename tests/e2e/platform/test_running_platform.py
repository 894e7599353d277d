"""The running platform beside builds, and its UI in a real browser."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.team import list_teams
from headgate_control.browser import find_browser

from ..installation import Installation, Result
from ..lake import open_lake
from ..world import assert_exact


@pytest.fixture(scope="module")
def port(platform: Installation, first_build: Result) -> Iterator[int]:
    """The port of the UI of a platform that is up with every team."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    up = platform.run("up", "--detach", "--port", str(port))
    assert up.code == 0, up.text
    yield port
    platform.run("down")


@pytest.fixture
def page(port: int) -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = find_browser()
    assert chromium is not None, "no Chromium: `headgate test` installs it as root, else apt-get install chromium"
    with playwright.sync_playwright() as driver:
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.set_default_timeout(180_000)  # for what hangs: beside other suites a page takes long
        yield page
        browser.close()


def test_browser_shows_the_asset_graph_of_every_team(
    platform: Installation, port: int, page: Any, tmp_path: Path
) -> None:
    errors: list[str] = []
    requests: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    lineage = f"http://127.0.0.1:{port}/asset-groups"
    page.goto(lineage)
    for team in list_teams(platform.root):
        for group in GROUPS[team.name]:
            page.get_by_text(group, exact=True).locator("visible=true").first.wait_for()
    page.screenshot(path=str(tmp_path / "groups.png"))
    for group, assets in SHOWN.items():
        page.goto(f"{lineage}?expanded=global%40global%3A{group}")
        for asset in assets:
            page.get_by_text(asset, exact=True).locator("visible=true").first.wait_for()
        page.screenshot(path=str(tmp_path / f"{group}.png"))
    with open_lake(platform) as lake:
        orders = lake.value("select count(*) from analytics.order_data")
    for name, shown in (("analytics/order_data", f"{orders:,}"), ("ml/customer_risk_scores", "Row count")):
        page.goto(f"http://127.0.0.1:{port}/assets/{name}")
        page.get_by_text("Latest materialization", exact=True).first.wait_for()
        page.get_by_text(shown, exact=True).first.wait_for()
    assert errors == []
    foreign = [url for url in requests if not url.startswith((f"http://127.0.0.1:{port}/", "data:", "blob:"))]
    assert foreign == [], "the page asks another host"


GROUPS = {
    "analytics": ("raw_data", "analytics"),
    "consumption_datamart": ("lake", "star", "executive"),
    "data_foundation": ("raw", "staging", "marts"),
    "fitness": ("energy", "dashboard"),
    "ml": ("ml_features", "ml_models", "ml_predictions"),
}
SHOWN = {
    "raw_data": ("customer_data", "order_data", "product_catalog"),
    "ml_features": ("customer_features", "market_data", "product_features"),
}


def test_a_page_of_a_team_opens_from_its_asset_and_draws(
    platform: Installation, first_build: Result, port: int, page: Any, tmp_path: Path
) -> None:
    """Through the link in the asset's metadata; sandboxed, with nothing from another host."""
    file = platform.home / "pages" / "dev" / "ml" / "penguin_cluster.html"
    assert f"ml.penguin_cluster: page {file}" in first_build.out
    requests: list[str] = []
    page.context.on("request", lambda request: requests.append(request.url))
    page.goto(f"http://127.0.0.1:{port}/assets/ml/penguin_cluster")
    with page.expect_popup() as opened:
        page.get_by_text("/pages/ml/penguin_cluster.html", exact=True).locator("visible=true").first.click()
    shown = opened.value
    errors: list[str] = []
    shown.on("pageerror", lambda error: errors.append(str(error)))
    shown.locator(".scatterlayer .trace").first.wait_for()
    points = shown.locator(".scatterlayer path.point").count()
    assert points == 2 * 342, "each measured bird, for each of two methods"
    assert shown.evaluate("self.origin") == "null", "a page has an origin of its own"
    shown.screenshot(path=str(tmp_path / "page.png"))
    assert errors == []
    foreign = [url for url in requests if not url.startswith((f"http://127.0.0.1:{port}/", "data:", "blob:"))]
    assert foreign == [], "the page asks another host"


def test_build_goes_on_beside_a_platform_and_refuses_a_second_of_each(platform: Installation, port: int) -> None:
    lock = platform.home / "run" / "build.lock"
    lock.unlink(missing_ok=True)
    first = platform.start("build", "--team", "analytics")
    deadline = time.monotonic() + 300
    while not (lock.exists() and lock.read_text(encoding="utf-8") == str(first.pid)):
        assert first.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    second = platform.build("--team", "analytics")
    assert second.code == 2
    assert "wait until it has ended" in second.error(
        f"another build is running (process {first.pid})", str(platform.home)
    )
    again = platform.run("up", "--detach", "--port", str(port + 1))
    assert again.code == 2
    running = again.error("the platform of this home is running already")
    assert f"http://127.0.0.1:{port}" in running and "headgate down" in running

    down = platform.run("down")
    assert down.code == 2
    assert "Ctrl-C" in down.error(f"a build is running (process {first.pid})", str(platform.home))

    out, err = first.communicate(timeout=900)
    assert first.returncode == 0, out + err
    assert os.environ.get("HEADGATE_HOME") != str(platform.home)
    status = platform.run("status")
    assert status.code == 0, status.text
    with open_lake(platform) as lake:
        assert_exact(lake, platform.home)


def test_down_leaves_nothing(platform: Installation, port: int) -> None:
    assert platform.left_processes() != []
    down = platform.run("down")
    assert down.code == 0, down.text
    assert platform.left_processes() == []
    with socket.socket() as client:
        assert client.connect_ex(("127.0.0.1", port)) != 0
    status = platform.run("status")
    assert status.code == 2
    assert "the platform is not running" in status.out
