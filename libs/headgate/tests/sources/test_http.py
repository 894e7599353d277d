"""The polite session against a server that misbehaves, on a loopback address."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from headgate.sources.errors import SourceError
from headgate.sources.http import PoliteAdapter, Traffic, retry_after_seconds

GOOD = (200, {}, b'{"ok": true}')
Answer = tuple[int, dict[str, str], bytes]


class Server(ThreadingHTTPServer):
    answers: list[Answer]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/data?key=secret"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        status, headers, body = server.answers.pop(0)
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def open_session(slept: list[float]) -> Callable[[Traffic], requests.Session]:
    def make(traffic: Traffic) -> requests.Session:
        session = requests.Session()
        adapter = PoliteAdapter(
            traffic,
            attempts=4,
            timeout_seconds=1,
            longest_wait_seconds=100,
            wait_seconds=retry_after_seconds,
            sleep=slept.append,
        )
        session.mount("http://", adapter)
        return session

    return make


def test_what_may_pass_is_tried_again(server, open_session, slept) -> None:
    cut = (200, {"Content-Length": "100"}, b'{"ok":')
    server.answers = [(503, {}, b"{}"), cut, (200, {}, b'{"ok": tr'), GOOD]
    traffic = Traffic()
    assert open_session(traffic).get(server.url).json() == {"ok": True}
    assert (traffic.requests, traffic.retries, traffic.pages, traffic.waits) == (4, 3, 1, 0)
    assert len(slept) == 3 and slept == sorted(slept) and traffic.bytes >= len(GOOD[2])


def test_after_its_attempts_the_source_is_down(server, open_session) -> None:
    server.answers = [(500, {}, b"{}")] * 4
    with pytest.raises(SourceError, match="answers 500, 4 times in a row") as raised:
        open_session(Traffic()).get(server.url)
    assert "secret" not in str(raised.value) and server.answers == []


def test_no_server_at_all_is_said(open_session) -> None:
    with pytest.raises(SourceError, match="no connection"):
        open_session(Traffic()).get("http://127.0.0.1:9/data")


def test_a_limit_is_waited_out_up_to_the_maximum(server, open_session, slept) -> None:
    limit = (429, {"Retry-After": "45"}, b"{}")
    server.answers = [limit, limit, GOOD]
    traffic = Traffic()
    assert open_session(traffic).get(server.url).ok
    assert slept == [45, 45] and (traffic.waits, traffic.waited_seconds, traffic.retries) == (2, 90, 0)
    server.answers = [limit]
    with pytest.raises(SourceError, match="longer than a run waits"):
        open_session(traffic).get(server.url)


def test_a_web_page_is_refused_at_once(server, open_session) -> None:
    server.answers = [(200, {"Content-Type": "text/html"}, b"<html>Sign in</html>")]
    with pytest.raises(SourceError, match="a web page where data should be"):
        open_session(Traffic()).get(server.url)


def test_other_refusals_are_the_callers_to_read(server, open_session) -> None:
    server.answers = [(404, {}, b'{"message": "not found"}')]
    assert open_session(Traffic()).get(server.url).status_code == 404
