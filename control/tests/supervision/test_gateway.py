"""The gateway in front of Dagster's real web server, asked over HTTP and in a browser."""

import json
import time
from pathlib import Path

import httpx
import pytest
from tiny_platform import LAUNCH, RunningPlatform, launch_parameters
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

pytestmark = pytest.mark.e2e

CHROMIUM = Path("/usr/bin/chromium")
COUNT = "{runsOrError {... on Runs {count}}}"


def count_runs(platform: RunningPlatform) -> int:
    return int(platform.query(COUNT)["runsOrError"]["count"])


def mutation_text() -> str:
    """A mutation with its parameters in the text, as a page would put it in an address."""
    return (
        'mutation {launchRun(executionParams: {selector: {repositoryLocationName: "alpha", '
        'repositoryName: "__repository__", jobName: "__ASSET_JOB", assetSelection: [{path: ["alpha", "one"]}]}, '
        'runConfigData: "{}"}) {__typename}}'
    )


def test_a_mutation_by_address_launches_nothing(platform: RunningPlatform) -> None:
    before = count_runs(platform)
    answer = httpx.get(f"{platform.url}/graphql", params={"query": mutation_text()})
    assert answer.status_code == 405
    assert len(answer.text.strip().splitlines()) == 3
    assert answer.headers["allow"] == "POST"
    assert count_runs(platform) == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "text/plain; x=application/json"}, 415),
        ({"content-type": "application/json", "origin": "http://evil.example"}, 403),
        ({"content-type": "application/json", "host": "evil.example"}, 421),
    ],
)
def test_a_foreign_mutation_launches_nothing(platform: RunningPlatform, headers: dict[str, str], status: int) -> None:
    before = count_runs(platform)
    body = json.dumps({"query": LAUNCH, "variables": {"parameters": launch_parameters("alpha", "one")}})
    answer = httpx.post(f"{platform.url}/graphql?query={mutation_text()}", content=body, headers=headers)
    assert answer.status_code == status
    assert len(answer.text.strip().splitlines()) == 3
    assert count_runs(platform) == before


def test_a_report_of_a_materialization_by_form_is_refused(platform: RunningPlatform) -> None:
    answer = httpx.post(f"{platform.url}/report_asset_materialization/alpha/one", data={"description": "forged"})
    assert answer.status_code == 415
    query = 'query {assetOrError(assetKey: {path: ["alpha", "one"]}) {... on Asset {assetMaterializations {runId}}}}'
    assert not platform.query(query)["assetOrError"].get("assetMaterializations")


def test_the_same_mutation_of_a_local_tool_launches_a_run_that_succeeds(platform: RunningPlatform) -> None:
    before = count_runs(platform)
    run_id = platform.launch("alpha", "one", "two")
    platform.wait_for_run(run_id)
    assert count_runs(platform) == before + 1


def test_websockets_are_for_own_pages(platform: RunningPlatform) -> None:
    url = f"ws://127.0.0.1:{platform.port}/graphql"
    protocols = [Subprotocol("graphql-ws")]
    with connect(url, origin=Origin(platform.url), subprotocols=protocols) as websocket:
        websocket.send(json.dumps({"type": "connection_init"}))
        assert json.loads(websocket.recv(timeout=10)) == {"type": "connection_ack"}
    with pytest.raises(InvalidStatus) as refused:
        connect(url, origin=Origin("http://evil.example"), subprotocols=protocols)
    assert refused.value.response.status_code == 403


def test_health_tells_locations_daemons_and_runs(platform: RunningPlatform) -> None:
    health = httpx.get(f"{platform.url}/headgate/health").json()
    assert {name: (one["state"], one["problem"]) for name, one in health["locations"].items()} == {
        "alpha": ("loaded", None),
        "beta": ("loaded", None),
    }
    assert all(time.time() - 600 < one["loaded_at"] <= time.time() for one in health["locations"].values())
    assert set(health["required_daemons"]) <= set(health["daemons"])
    assert "SENSOR" in health["required_daemons"]
    assert set(health["runs"]) == {"queued", "running", "failed", "succeeded"}


def test_pages_cannot_be_framed_elsewhere(platform: RunningPlatform) -> None:
    answer = httpx.get(f"{platform.url}/")
    assert answer.status_code == 200
    assert answer.headers["x-frame-options"] == "SAMEORIGIN"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Debian's chromium")
def test_the_ui_works_in_a_browser(platform: RunningPlatform, tmp_path: Path) -> None:
    """The asset graph is drawn, and a run that is launched by a click is followed live over the websocket."""
    from playwright.sync_api import sync_playwright

    failures: list[str] = []
    frames: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(CHROMIUM),
            args=["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(120_000)
        page.on("response", lambda answer: failures.append(answer.url) if answer.status >= 400 else None)
        page.on("request", lambda sent: failures.append(sent.url) if platform.url not in sent.url else None)
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))
        page.goto(f"{platform.url}/locations/alpha/jobs")
        page.goto(f"{platform.url}/asset-groups?expanded=default")
        for asset in ("one", "two", "three"):
            page.get_by_text(asset, exact=True).first.wait_for()
        run_id = platform.launch("alpha", "one")
        page.goto(f"{platform.url}/runs/{run_id}")
        page.get_by_text("Success", exact=True).first.wait_for()
        page.screenshot(path=str(tmp_path / "run.png"))
        browser.close()
    assert any('"data"' in frame and "RUN_SUCCESS" in frame for frame in frames), frames[:3]
    assert not [url for url in failures if not url.startswith(("data:", "blob:", "ws:"))]
