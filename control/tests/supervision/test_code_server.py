"""One team's code server beside the caller, and why a team does not load."""

from pathlib import Path

import psutil
import pytest
from tiny_platform import TinyRepository, wait_for

from headgate.team import read_team
from headgate_control.code_server import CodeServer, CodeServerError, connect
from headgate_control.workspace import socket_folder

pytestmark = pytest.mark.services


@pytest.fixture
def server(repository: TinyRepository, tmp_path: Path) -> CodeServer:
    return CodeServer(
        read_team(repository.root / "teams" / "alpha"),
        python=repository.home / "envs" / "alpha" / "bin" / "python",
        environment={"PATH": "/usr/bin:/bin", "SECRET_OF_ALPHA": "a"},
        socket=socket_folder(repository.home) / "test-alpha.sock",
        log=tmp_path / "alpha.log",
    )


def test_serves_definitions_and_stops(server: CodeServer) -> None:
    with server:
        server.wait_ready()
        assert server.pid is not None
        process = psutil.Process(server.pid)
        assert connect(server.socket).ping("hello")["echo"] == "hello"
        # Exactly what it was given: nothing is inherited.
        assert set(process.environ()) <= {"PATH", "SECRET_OF_ALPHA", "LC_CTYPE"}
    assert not process.is_running()
    assert not server.socket.exists()


def test_two_servers_start_side_by_side(server: CodeServer, repository: TinyRepository, tmp_path: Path) -> None:
    beta = CodeServer(
        read_team(repository.root / "teams" / "beta"),
        python=repository.home / "envs" / "beta" / "bin" / "python",
        environment={"PATH": "/usr/bin:/bin"},
        socket=socket_folder(repository.home) / "test-beta.sock",
        log=tmp_path / "beta.log",
    )
    for one in (server, beta):
        one.start()
    for one in (server, beta):
        one.wait_ready()
    for one in (server, beta):
        one.terminate()
    for one in (server, beta):
        one.stop()
        assert not one.is_alive()


@pytest.mark.parametrize(
    ("definitions", "reason", "line"),
    [
        ("import dagster as dg\ndefs = (\n", "SyntaxError: '(' was never closed", 2),
        ("\nfrom alpha import missing_thing\n", "cannot import name 'missing_thing'", 2),
        ("def make() -> None:\n    raise RuntimeError('no such order')\n\n\nmake()\n", "no such order", 2),
    ],
)
def test_an_import_error_is_three_lines_with_its_place(
    server: CodeServer, repository: TinyRepository, definitions: str, reason: str, line: int
) -> None:
    path = repository.definitions("alpha")
    sound = path.read_text(encoding="utf-8")
    path.write_text(definitions, encoding="utf-8")
    try:
        server.start()
        with pytest.raises(CodeServerError) as error:
            server.wait_ready()
    finally:
        path.write_text(sound, encoding="utf-8")
    assert reason in error.value.what
    assert error.value.where == f"{path}:{line}"
    assert len(str(error.value).splitlines()) == 3
    assert not server.is_alive()


def test_an_import_that_hangs_is_named_with_its_line(server: CodeServer, repository: TinyRepository) -> None:
    path = repository.definitions("alpha")
    begun = path.with_name("begun")
    sound = path.read_text(encoding="utf-8")
    path.write_text(
        "import pathlib, time\n\npathlib.Path(__file__).with_name('begun').touch()\ntime.sleep(3600)\n",
        encoding="utf-8",
    )
    try:
        server.start()
        assert wait_for(begun.exists)
        with pytest.raises(CodeServerError) as error:
            server.wait_ready(timeout=2)
    finally:
        path.write_text(sound, encoding="utf-8")
        begun.unlink(missing_ok=True)
    assert "still importing after 2 s" in error.value.what
    assert error.value.where == f"{path}:4"
    assert not server.is_alive()


def test_a_missing_environment_is_named(server: CodeServer) -> None:
    server.python = server.python.with_name("nothing")
    with pytest.raises(CodeServerError, match="has no environment"):
        server.start()


def test_an_environment_without_the_library_is_named(server: CodeServer) -> None:
    server.python = Path("/usr/bin/python3")
    server.start()
    with pytest.raises(CodeServerError, match="No module named 'headgate'") as error:
        server.wait_ready()
    assert error.value.where == str(server.log)
