"""The guard's rules, on scopes alone."""

from typing import Any

import pytest

from headgate_control.gateway_guard import Refusal, allowed_hosts, check_request

HOSTS = allowed_hosts(3000, ["data.example.org"])
JSON = ("content-type", "application/json")


def scope(kind: str = "http", method: str = "GET", path: str = "/", **headers: str) -> dict[str, Any]:
    pairs = {"host": "127.0.0.1:3000"} | {name.replace("_", "-"): value for name, value in headers.items()}
    encoded = [(name.encode(), value.encode()) for name, value in pairs.items() if value]
    return {"type": kind, "method": method, "path": path, "headers": encoded}


@pytest.mark.parametrize(
    "request_scope",
    [
        scope(),
        scope(path="/assets/alpha/one"),
        scope(host="localhost:3000"),
        scope(host="LOCALHOST:3000"),
        scope(host="[::1]:3000"),
        scope(host="data.example.org", origin="https://data.example.org"),
        scope(method="POST", path="/graphql", content_type="application/json", origin="http://127.0.0.1:3000"),
        scope(method="POST", path="/graphql", content_type="application/json; charset=utf-8"),
        scope("websocket", path="/graphql", origin="http://localhost:3000"),
        scope(sec_fetch_site="cross-site", sec_fetch_mode="navigate", sec_fetch_dest="document"),
        scope(method="POST", path="/graphql", content_type="application/json", sec_fetch_site="same-origin"),
        # To a sandboxed page of a team, the script beside it is another site's.
        scope(path="/pages/ml/x.js", sec_fetch_site="cross-site", sec_fetch_mode="no-cors", sec_fetch_dest="script"),
    ],
)
def test_own_pages_and_local_tools_pass(request_scope: dict[str, Any]) -> None:
    check_request(request_scope, HOSTS)


@pytest.mark.parametrize(
    ("request_scope", "status"),
    [
        (scope(host=""), 421),
        (scope(host="evil.example"), 421),
        (scope(host="127.0.0.1:3001"), 421),
        (scope(host="127.0.0.1"), 421),
        (scope("websocket", path="/graphql", host="evil.example:3000"), 421),
        (scope(origin="http://evil.example"), 403),
        (scope(origin="null"), 403),
        (scope(origin="http://127.0.0.1:8000"), 403),
        (scope(origin="http://127.0.0.1:3000.evil.example"), 403),
        (scope(origin="http://127.0.0.1:3000@evil.example"), 403),
        (scope(origin="http://[::1"), 403),
        (scope("websocket", path="/graphql", origin="https://evil.example"), 403),
        (scope(sec_fetch_site="cross-site", sec_fetch_mode="no-cors", sec_fetch_dest="image"), 403),
        (scope(sec_fetch_site="cross-site", sec_fetch_mode="navigate", sec_fetch_dest="iframe"), 403),
        (scope(sec_fetch_site="same-site", sec_fetch_mode="cors"), 403),
        (scope(path="/x.js", sec_fetch_site="cross-site", sec_fetch_mode="no-cors", sec_fetch_dest="script"), 403),
        (scope(path="/pages/a/x.js", sec_fetch_site="cross-site", sec_fetch_mode="cors", sec_fetch_dest="empty"), 403),
        (
            scope(
                path="/pages/a/b.html", sec_fetch_site="cross-site", sec_fetch_mode="no-cors", sec_fetch_dest="script"
            ),
            403,
        ),
        (scope(path="/graphql"), 405),
        (scope(path="/graphql/"), 405),
        (scope(method="HEAD", path="/graphql"), 405),
        (scope(method="PUT", path="/graphql", content_type="application/json"), 405),
        (scope(method="DELETE", path="/anything"), 405),
        (scope(method="OPTIONS", path="/graphql"), 405),
        (scope(method="POST", path="/graphql"), 415),
        (scope(method="POST", path="/graphql", content_type="text/plain"), 415),
        (scope(method="POST", path="/graphql", content_type="text/plain; x=application/json"), 415),
        (scope(method="POST", path="/graphql", content_type="application/graphql"), 415),
        (scope(method="POST", path="/graphql", content_type="application/x-www-form-urlencoded"), 415),
        (scope(method="POST", path="/graphql", content_type="multipart/form-data; boundary=x"), 415),
        (scope(method="POST", path="/report_asset_materialization/a", content_type="text/plain"), 415),
    ],
)
def test_what_a_foreign_page_could_send_is_refused(request_scope: dict[str, Any], status: int) -> None:
    with pytest.raises(Refusal) as refusal:
        check_request(request_scope, HOSTS)
    assert refusal.value.status == status
    assert len(str(refusal.value).splitlines()) == 3


def test_two_host_headers_are_refused() -> None:
    twice = scope()
    twice["headers"].append((b"host", b"evil.example"))
    with pytest.raises(Refusal) as refusal:
        check_request(twice, HOSTS)
    assert refusal.value.status == 421
