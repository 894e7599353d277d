"""Which files the gateway serves as pages, and under which policy; asked through the guard, without Dagster behind it."""

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from headgate.environment import Settings
from headgate.pages import write_page
from headgate_control.gateway_guard import Application, Guard, Receive, Scope, Send, allowed_hosts
from headgate_control.gateway_pages import add_pages

SCRIPTS = ("plotly-3.7.0.min.js", "page-0123abcd.js")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(root=tmp_path, home=tmp_path)


@pytest.fixture
def gateway(settings: Settings) -> Application:
    """The guard and the pages before an app that answers everything else; team `fit` has one page and two scripts."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"the app"})

    page = write_page("fit", "week", "<p>12 rides</p>", title="Week", settings=settings)
    for name in SCRIPTS:
        (page.path.parent / name).write_text("1;", encoding="utf-8")
    return Guard(add_pages(app, settings), allowed_hosts(3000))


def ask(gateway: Application, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app=gateway)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:3000") as client:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            return await client.send(client.build_request(method, path, headers=named))

    return asyncio.run(send())


def test_a_page_and_its_scripts_are_served_by_their_types(gateway: Application) -> None:
    page = ask(gateway, "/pages/fit/week.html")
    assert page.status_code == 200 and "<p>12 rides</p>" in page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["x-content-type-options"] == "nosniff"
    for name in SCRIPTS:
        script = ask(gateway, f"/pages/fit/{name}")
        assert script.status_code == 200 and script.text == "1;"
        assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    again = ask(gateway, "/pages/fit/week.html", if_none_match=page.headers["etag"])
    assert again.status_code == 304 and again.text == ""
    assert ask(gateway, "/pages/fit/week.html", "HEAD").headers["content-length"] == str(len(page.content))


def test_a_page_is_sandboxed_and_runs_no_script_of_its_own_text(gateway: Application) -> None:
    policy = ask(gateway, "/pages/fit/week.html").headers["content-security-policy"]
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
    assert rules["default-src"] == ["'none'"] and rules["script-src"] == ["'self'"]
    assert "allow-same-origin" not in rules["sandbox"] and "allow-scripts" in rules["sandbox"]
    assert "connect-src" not in rules and "unsafe-eval" not in policy
    assert "http:" not in policy and "https:" not in policy


@pytest.mark.parametrize(
    "path",
    [
        *("/pages", "/pages/", "/pages/fit", "/pages/fit/", "/pages/fit/other.html", "/pages/none/week.html"),
        *("/pages/../secrets/fit", "/pages/fit/%2e%2e/%2e%2e/secret.html", "/pages/fit/..%2fsecret.html"),
        *("/pages/fit/%2fetc%2fpasswd", "/pages//etc/passwd", "/pages/fit/week.html%00", "/pages/fit/week.html/"),
        *("/pages/fit/.week.html.1.part", "/pages/fit/notes.txt", "/pages/fit/other.js", "/pages/fit/deep/week.html"),
        *("/pages/fit/linked.html", "/pages/alias/week.html", "/pages/fit/folder.html", "/pages/fit/pipe.html"),
        "/pages/fit/" + "a" * 5000 + ".html",
    ],
)
def test_nothing_else_is_there(gateway: Application, settings: Settings, path: str) -> None:
    folder = settings.state_folder / "pages" / "dev"
    (settings.state_folder / "secret.html").write_text("secret", encoding="utf-8")
    for name in ("notes.txt", "other.js", ".week.html.1.part"):
        (folder / "fit" / name).write_text("secret", encoding="utf-8")
    (folder / "fit" / "linked.html").symlink_to(settings.state_folder / "secret.html")
    (folder / "alias").symlink_to(folder / "fit")
    (folder / "fit" / "folder.html").mkdir()
    os.mkfifo(folder / "fit" / "pipe.html")
    answer = ask(gateway, path)
    if answer.text != "the app":  # a client that resolves `..` itself asks the app
        assert answer.status_code == 404
        assert answer.text.startswith("there is no such page\n") and len(answer.text.splitlines()) == 3
    assert "secret" not in answer.text.splitlines()[0]


def test_pages_are_only_read(gateway: Application, settings: Settings) -> None:
    answer = ask(gateway, "/pages/fit/week.html", "POST", content_type="application/json")
    assert answer.status_code == 405
    assert ask(gateway, "/pages/fit/week.html", "DELETE").status_code == 405
    assert ask(gateway, "/pages/fit/week.html", host="evil.example").status_code == 421
    assert ask(gateway, "/pagesandmore").text == "the app"
    assert (settings.state_folder / "pages" / "dev" / "fit" / "week.html").exists()


def test_a_branch_shows_its_own_pages(gateway: Application, settings: Settings) -> None:
    branch = settings.model_copy(update={"branch": "try"})
    write_page("fit", "week", "<p>tried</p>", title="Week", settings=branch)
    assert "tried" in ask(add_pages(gateway, branch), "/pages/fit/week.html").text
    assert "tried" not in ask(gateway, "/pages/fit/week.html").text
