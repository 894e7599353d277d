"""The embedded server, for real: made, started twice, killed, started again, in a folder with an awkward name."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest

from headgate.environment import Settings
from headgate_control.postgres import PostgresServer, platform_server
from headgate_control.postgres_cluster import PostgresError
from headgate_control.processes import TEST_RUN, end_processes, find_of_test_run

pytestmark = pytest.mark.services

LONGEST_SOCKET_PATH = 107


@pytest.fixture
def server(settings: Settings) -> PostgresServer:
    return platform_server(settings)


def ask(server: PostgresServer, query: str) -> object:
    with psycopg.connect(server.admin_url(), connect_timeout=10) as connection:
        row = connection.execute(query).fetchone()
    return row[0] if row else None


def postmaster(server: PostgresServer) -> psutil.Process:
    return psutil.Process(int((server.data / "postmaster.pid").read_text().splitlines()[0]))


def test_second_start_finds_it_running(server: PostgresServer) -> None:
    assert server.start() is True
    process = postmaster(server)
    assert server.start() is False
    assert postmaster(server) == process
    assert ask(server, "select current_setting('server_version_num')::int >= 160000") is True


def test_a_killed_test_suites_server_is_found_and_ended(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TEST_RUN, f"of this test, {os.getpid()}")
    server.start()
    process = postmaster(server)
    assert process in find_of_test_run(os.environ[TEST_RUN])
    assert end_processes(find_of_test_run(os.environ[TEST_RUN])) == []
    assert not process.is_running() and not server.is_running()


def test_data_survives_a_stop(server: PostgresServer) -> None:
    server.start()
    with psycopg.connect(server.admin_url()) as connection:
        connection.execute("create table kept as select generate_series(1, 5) as number")
    process = postmaster(server)
    server.stop()
    assert not server.is_running() and not process.is_running()
    server.stop()  # a second stop finds nothing to do
    assert server.start() is True
    assert ask(server, "select sum(number) from kept") == 15


def test_starts_again_after_sigkill(server: PostgresServer) -> None:
    server.start()
    with psycopg.connect(server.admin_url()) as connection:
        connection.execute("create table kept as select 7 as number")
    process = postmaster(server)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert (server.data / "postmaster.pid").exists()
    assert not server.is_running()
    assert server.start() is True
    assert ask(server, "select number from kept") == 7


def test_starts_again_after_a_reboot(server: PostgresServer) -> None:
    """The pid file names a process that lives and has nothing to do with it; the socket's folder is gone."""
    server.start()
    server.stop()
    with subprocess.Popen(["sleep", "60"]) as other:
        (server.data / "postmaster.pid").write_text(f"{other.pid}\n{server.data}\n0\n5432\n/nowhere\n\n0\nready   \n")
        assert not server.is_running()
        assert server.start() is True
        other.kill()
    assert ask(server, "select 1") == 1


def test_a_home_deleted_under_a_running_server_is_made_anew(server: PostgresServer, settings: Settings) -> None:
    server.start()
    orphan = postmaster(server)
    shutil.rmtree(settings.state_folder)
    assert server.start() is True
    assert ask(server, "select 1") == 1
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE


def test_two_processes_may_start_it_at_once(server: PostgresServer) -> None:
    code = (
        "from headgate.environment import read_settings; from headgate_control.postgres import platform_server; "
        "print(platform_server(read_settings()).start())"
    )
    command = [sys.executable, "-c", code]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert sorted(process.communicate(timeout=300)[0].strip() for process in both) == ["False", "True"]
    assert ask(server, "select 1") == 1


def test_interrupted_making_is_done_anew(server: PostgresServer) -> None:
    unfinished = server.data.with_name("data.new")
    (unfinished / "base").mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    assert server.start() is True
    assert ask(server, "select 1") == 1
    assert not unfinished.exists()


def test_only_a_private_socket_and_only_with_a_password(server: PostgresServer) -> None:
    server.start()
    assert len(f"{server.socket_folder}/.s.PGSQL.5432") <= LONGEST_SOCKET_PATH
    assert stat.S_IMODE(server.socket_folder.stat().st_mode) == 0o700
    assert ask(server, "show listen_addresses") == ""
    assert ask(server, "show fsync") == "on"
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(server.url("postgres", role="headgate_admin"))
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url("postgres", role="headgate_admin", password="guess"))
    methods = "select array_agg(distinct auth_method) from pg_hba_file_rules"
    assert ask(server, methods) == ["scram-sha-256"]


def test_password_file_is_for_its_owner_only(server: PostgresServer, settings: Settings) -> None:
    server.start()
    folder = settings.state_folder / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [path.name for path in folder.iterdir()] == ["headgate_admin"]
    assert stat.S_IMODE((folder / "headgate_admin").stat().st_mode) == 0o600
    password = (folder / "headgate_admin").read_text().strip()
    assert len(password) == 43  # 256 bits in base64
    family = [postmaster(server), *postmaster(server).children()]
    assert len(family) > 3
    assert all(password not in " ".join(process.cmdline()) for process in family)
    assert not list(server.data.parent.glob("*.password"))


def test_lost_password_is_replaced(server: PostgresServer, settings: Settings) -> None:
    server.start()
    with psycopg.connect(server.admin_url()) as connection:
        connection.execute("create table kept as select 3 as number")
    server.stop()
    (settings.state_folder / "secrets" / "headgate_admin").unlink()
    server.start()
    assert ask(server, "select number from kept") == 3


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands over to another user")
def test_root_hands_over_and_opens_nothing_but_the_way(server: PostgresServer, tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    server.start()
    assert postmaster(server).uids().real != 0
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o701
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700


def test_a_supervisor_runs_it_in_the_foreground(server: PostgresServer, settings: Settings) -> None:
    code = (
        "from headgate.environment import read_settings; from headgate_control import databases; "
        "databases.execute('postgres', read_settings(), {'HEADGATE_SUPERVISED': 'here'})"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    deadline = time.monotonic() + 300
    while not server.is_running():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    assert postmaster(server).pid == process.pid
    assert server.start() is False
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0


def test_a_place_that_cannot_be_written_is_three_lines(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    server = platform_server(Settings(root=settings.root, home=tmp_path / "file" / "home"))
    with pytest.raises(PostgresError) as caught:
        server.start()
    what, where, next_step = str(caught.value).splitlines()
    assert "platform database" in what and str(tmp_path) in where and "HEADGATE_HOME" in next_step


def test_the_servers_own_reason_is_told(server: PostgresServer) -> None:
    server.start()
    server.stop()
    (server.data / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(PostgresError, match="incompatible with server"):
        server.start()
