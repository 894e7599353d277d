"""Sockets that fit, whatever the path of the clone."""

import socket
from pathlib import Path

import pytest

from headgate_control.workspace import (
    SOCKET_PATH_LIMIT,
    WorkspaceError,
    code_socket,
    read_workspace,
    run_folder,
    socket_folder,
    write_workspace,
)

LONGEST_TEAM = "a" * 39


def test_short_homes_keep_their_sockets_inside(tmp_path_factory: pytest.TempPathFactory) -> None:
    home = Path("/tmp/hg-test-short")
    try:
        assert socket_folder(home) == home / "run"
        assert (home / "run").stat().st_mode & 0o777 == 0o700
    finally:
        (home / "run").rmdir()
        home.rmdir()


@pytest.mark.parametrize("name", ["x" * 150, "with a space " * 12, "ünïcode" * 20])
def test_sockets_of_long_homes_can_be_bound(tmp_path: Path, name: str) -> None:
    home = tmp_path / name
    path = code_socket(home, LONGEST_TEAM)
    assert len(str(path).encode()) <= SOCKET_PATH_LIMIT
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    path.unlink()
    assert socket_folder(home) == socket_folder(home)
    assert socket_folder(home) != socket_folder(tmp_path / f"{name}2")
    socket_folder(home).rmdir()
    socket_folder(tmp_path / f"{name}2").rmdir()


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "home" / "run").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(WorkspaceError, match="belongs to somebody else"):
        run_folder(tmp_path / "home")


def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError, match="cannot be made"):
        run_folder(tmp_path / "file")


def test_a_workspace_is_read_as_it_was_written(tmp_path: Path) -> None:
    sockets = [("alpha", Path("/tmp/a.sock")), ("beta", Path("/tmp/with space/b.sock"))]
    path = write_workspace(tmp_path / "workspace.yaml", sockets)
    assert read_workspace(path) == sockets
    assert path.stat().st_mode & 0o777 == 0o600
