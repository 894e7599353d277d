"""What goes wrong: three lines, nothing changed, nothing left behind, and no password anywhere."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from headgate.orchestration.assets import AssetError
from headgate.sources.sling import extract

ACCOUNTS = """\
source: SHOP_DB
streams:
  public.accounts:
    mode: incremental
    primary_key: id
    update_key: changed_on
"""
PARTS = "  public.parts: {mode: truncate}\n"
SECRETS = ("s3cr%t/word", "s3cr%25t%2Fword")


@pytest.fixture
def landed(team, source, rows_of) -> Callable[[], bool]:
    """One account that was landed; tells whether it still is all there is."""
    source.run(
        "create table accounts (id int, changed_on date)",
        "insert into accounts values (1, '2026-01-01')",
        "create table parts (id int)",
    )
    team.load(ACCOUNTS + PARTS)
    team.run("accounts")
    return lambda: rows_of("select id from accounts") == [(1,)]


def check_message(message: str, *parts: str) -> None:
    lines = message.splitlines()
    assert len(lines) == 3 and lines[1].startswith("  where: ") and lines[2].startswith("  next:  "), message
    assert all(part in message for part in parts), message
    assert not any(secret in message for secret in SECRETS)


def test_a_missing_variable_fails_its_assets_alone_and_is_named(team, landed, monkeypatch) -> None:
    monkeypatch.delenv("SHOP_DB")
    team.load(ACCOUNTS + PARTS)  # code loads without it
    check_message(team.fail("accounts"), "the secret SHOP_DB is not set", "shop.yaml:3", "export SHOP_DB=…")


def test_code_loads_with_nothing_there(team, landed) -> None:
    loading = "import sys, analytics_sling; print(sorted({'sling', 'psycopg', 'duckdb', 'pyarrow'} & set(sys.modules)))"
    command = [sys.executable, "-c", loading]
    environment = {"PATH": os.defpath, "PYTHONPATH": str(team.folder)}
    loaded = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"


def test_a_source_that_does_not_let_us_in(team, source, landed, monkeypatch) -> None:
    monkeypatch.setenv("SHOP_DB", source.url.replace("/shop?", "/nowhere?"))
    check_message(team.fail("accounts"), 'database "nowhere" does not exist', "landed and published stays as it is")
    monkeypatch.setenv("SHOP_DB", f"postgresql://reader:{SECRETS[1]}@127.0.0.1:1/shop")
    check_message(team.fail("accounts"), "is down", "database shop on 127.0.0.1:1")
    monkeypatch.setenv("SHOP_DB", f"reader:{SECRETS[1]}@shop")
    check_message(team.fail("accounts"), "a URL that PostgreSQL does not understand")
    assert landed()


def test_what_is_gone_at_the_source_is_named(team, source, landed) -> None:
    source.run("alter table accounts rename changed_on to changed")
    check_message(team.fail("accounts"), "has no column changed_on, which update_key names", "shop.yaml:6")
    source.run("drop table accounts")
    check_message(team.fail("accounts"), "no table public.accounts", "shop.yaml:3", "grants")
    assert landed()


def test_a_key_that_is_null_is_refused(team, source, landed) -> None:
    source.run("insert into accounts values (null, '2026-01-02')")
    check_message(team.fail("accounts"), "the key id is null in 1 rows", "shop.yaml:5")
    assert landed()


def test_what_sling_says_is_passed_on_without_its_login(team, source, landed, tmp_path: Path) -> None:
    team.load(ACCOUNTS + "    where: id / 0 > 1\n")
    check_message(team.fail("accounts"), "Sling could not read the stream", "division by zero")
    assert landed()
    assert list((tmp_path / "run" / "sling").iterdir()) == []


def test_a_source_lost_half_way_changes_nothing(team, source, landed, tmp_path: Path) -> None:
    source.run(
        "create view slow as select i as id, pg_sleep(case when i = 200000 then 60 else 0 end)::text as waited "
        "from generate_series(1, 200000) as i"
    )
    team.load("source: SHOP_DB\nstreams:\n  public.slow: {object: accounts, columns: {id: integer}}\n")
    killer = threading.Thread(target=end_reading, args=[source, "slow"])
    killer.start()
    message = team.fail("accounts", tags={"headgate/full_refresh": "true"})
    killer.join()
    check_message(message, "lost half-way", "shop.yaml:3", "run again")
    assert landed()
    assert list((tmp_path / "run" / "sling").iterdir()) == []


def end_reading(source, table: str) -> None:
    """Ends the connection that reads a table, once it sleeps."""
    ended = "select pg_terminate_backend(pid) from pg_stat_activity where wait_event = 'PgSleep' and query like %s"
    with psycopg.connect(source.admin_url, autocommit=True) as connection:
        for _ in range(300):
            if connection.execute(ended, [f'%"{table}"%']).fetchall():
                return
            time.sleep(0.1)


def test_the_login_is_in_no_argument_no_file_and_no_log(team, source, landed, monkeypatch, tmp_path, capfd) -> None:
    seen: dict[str, str] = {}
    real_run = subprocess.run

    def run(arguments, **options):
        result = real_run(arguments, **options)
        folder = Path(options["cwd"])
        files = [path for path in folder.rglob("*") if path.is_file()]
        seen["files"] = " ".join(path.read_bytes().decode(errors="replace") for path in files)
        seen["arguments"] = " ".join(arguments)
        seen["output"] = result.stdout
        seen["mode"] = oct(folder.stat().st_mode & 0o777)
        return result

    monkeypatch.setattr(extract.subprocess, "run", run)
    team.run("accounts")
    assert "accounts" in seen["files"] and seen["mode"] == "0o700"
    printed = "".join(capfd.readouterr())
    for text in (*seen.values(), printed):
        assert not any(secret in text for secret in SECRETS)
    kept = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert kept and not any(secret.encode() in path.read_bytes() for path in kept for secret in SECRETS)


def test_definitions_that_do_not_go_together_are_refused(team) -> None:
    with pytest.raises(AssetError, match="OTHER_DB is not among the secrets of team analytics"):
        team.load(ACCOUNTS.replace("SHOP_DB", "OTHER_DB"))
    with pytest.raises(AssetError, match=r"(?s)public.parts is partitioned, and does not say by what.*shop.yaml:7"):
        team.load(ACCOUNTS + PARTS, "partitions_def=MONTHS")
    with pytest.raises(AssetError, match="StaticPartitionsDefinition does not say which times"):
        team.load(ACCOUNTS, "partitions_def=dg.StaticPartitionsDefinition(['a'])")
    with pytest.raises(AssetError, match="is to be backfilled, and does not say what"):
        team.load(ACCOUNTS.replace("incremental", "backfill"))
    assert team.load(ACCOUNTS.replace("incremental", "backfill"), "partitions_def=MONTHS").landed
