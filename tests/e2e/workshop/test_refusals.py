"""Names that do not exist, places that may not be written, disks that are full: three lines, an exit code, no change."""

import json
import os
import pwd
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from ..installation import Installation
from ..lake import TableState, open_lake
from ..world import assert_exact

pytestmark = pytest.mark.usefixtures("kept_databases")


def published_states(installation: Installation) -> dict[str, TableState]:
    with open_lake(installation) as lake:
        return lake.states("analytics")


def test_unknown_team(workshop: Installation) -> None:
    refused = workshop.build("--team", "analitics")
    assert refused.code == 2
    assert "choose one of analytics" in refused.error("there is no team 'analitics'", "--team")


def test_unknown_asset(workshop: Installation) -> None:
    refused = workshop.build("--select", "order_datta")
    assert refused.code == 2
    assert "analytics.order_data" in refused.error("no asset is named 'order_datta'", "--select")


def test_unusable_date_and_size(workshop: Installation) -> None:
    assert "2026-01-31" in workshop.build("--as-of", "yesterday").error("'yesterday' is no date", "--as-of")
    refused = workshop.build("--orders", "many")
    assert refused.code in (1, 2)
    assert "100k" in refused.error("'many' is not a count")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["history", "analytics.orders"], ["analytics.orders is not a published table", "order_data"]),
        (["history", "finance.orders"], ["there is no team 'finance'", "analytics"]),
        (
            ["rollback", "analytics.order_data", "--to", "999999"],
            ["analytics.order_data has no snapshot 999999", "history"],
        ),
        (
            ["rollback", "analytics.raw_orders", "--to", "1"],
            ["analytics.raw_orders is not a published table", "order_data"],
        ),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else None,
)
def test_unknown_table_and_snapshot(workshop: Installation, arguments: list[str], words: list[str]) -> None:
    before = published_states(workshop)
    refused = workshop.run(*arguments)
    assert refused.code != 0
    refused.error(*words)
    assert published_states(workshop) == before


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("select * from analytics.nothing", ["nothing", "analytics"]),
        ("select * from analytics_private.raw_customers", ["analytics_private"]),
        ("delete from analytics.order_data", []),
        ("select * from read_text('/etc/passwd')", []),
    ],
)
def test_query_reads_what_is_published_and_nothing_else(workshop: Installation, sql: str, words: list[str]) -> None:
    refused = workshop.run("query", sql)
    assert refused.code == 1, refused.text
    refused.error("where: the SQL", *words)
    assert "root:" not in refused.text


def test_query_writes_the_same_rows_in_every_format(workshop: Installation, tmp_path: Path) -> None:
    sql = "select tier, count(*) as n from analytics.customer_data group by tier order by tier; "
    with open_lake(workshop) as lake:
        rows = lake.rows(sql)
    assert [tier for tier, _ in rows] == ["basic", "premium"]
    table = workshop.run("query", sql)
    assert all(f"│ {tier:<7} │ {n} │" in table.out for tier, n in rows), table.text
    file = tmp_path / "rows.csv"
    assert workshop.run("query", sql, "--format", "csv", "--output", str(file)).code == 0
    assert file.read_text(encoding="utf-8").split() == ["tier,n", *(f"{tier},{n}" for tier, n in rows)]
    lines = workshop.run("query", sql, "--format", "json").out.splitlines()
    assert [json.loads(line) for line in lines] == [{"tier": tier, "n": n} for tier, n in rows]
    parquet = tmp_path / "rows.parquet"
    assert workshop.run("query", sql, "--format", "parquet", "--output", str(parquet)).code == 0
    assert duckdb.sql(f"from '{parquet}'").fetchall() == rows
    nowhere = workshop.run("query", sql, "--format", "csv", "--output", str(tmp_path / "no folder" / "rows.csv"))
    assert nowhere.code == 1
    nowhere.error("the rows cannot be written", str(tmp_path / "no folder"))


def test_rollback_brings_a_former_version_back(workshop: Installation) -> None:
    before = published_states(workshop)
    with open_lake(workshop) as lake:
        ((snapshot,),) = lake.rows(
            "select min(snapshot_id) from ducklake_snapshots('analytics') where commit_message = 'publish order_data'"
        )
        former = lake.value(f"select count(*) from analytics.order_data at (version => {snapshot})")
    done = workshop.run("rollback", "analytics.order_data", "--to", str(snapshot))
    assert done.code == 0, done.text
    counted = workshop.run("query", "select count(*) as orders from analytics.order_data", "--format", "csv")
    assert counted.out.split() == ["orders", str(former)]
    assert str(snapshot) in workshop.run("history", "analytics.order_data").out
    built = workshop.build()
    assert built.code == 0, built.text
    after = published_states(workshop)
    assert {name: state.digest for name, state in after.items()} == {name: s.digest for name, s in before.items()}


# -- places that may not be written, and disks that are full


@pytest.fixture
def closed_folder(folder: Path) -> Iterator[Path]:
    """A folder that the user of the test may not write."""
    closed = folder / "closed folder"
    closed.mkdir(mode=0o555)
    yield closed
    closed.chmod(0o755)
    shutil.rmtree(closed)


def test_state_folder_that_may_not_be_written(workshop: Installation, closed_folder: Path) -> None:
    prefix: list[str] = []
    if os.geteuid() == 0:  # permissions do not bind root: another user, who must be able to run our interpreter
        nobody = pwd.getpwnam("nobody")
        prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
        runs = subprocess.run([*prefix, *workshop.command[:1], "-c", ""], capture_output=True, check=False)
        if runs.returncode != 0:
            prefix = _read_only(closed_folder)
    refused = workshop.build(prefix=prefix, variables={"HEADGATE_HOME": str(closed_folder / "home")})
    assert refused.code == 2, refused.text
    assert "HEADGATE_HOME" in refused.error(str(closed_folder)).splitlines()[2]


def test_lake_that_may_not_be_written(workshop: Installation) -> None:
    before = published_states(workshop)
    failed = workshop.build("--full-refresh", prefix=_read_only(workshop.home / "lake"))
    assert failed.code == 1, failed.text
    assert failed.summary[0] == 0
    for error in failed.errors:
        assert "may not be written" in error and str(workshop.home / "lake") in error, error
    assert failed.errors
    assert published_states(workshop) == before


def test_full_disk_under_the_lake(workshop: Installation, folder: Path) -> None:
    before = published_states(workshop)
    lake = workshop.home / "lake"
    script = f"""
        set -e
        under={shlex.quote(str(folder / "under the full disk"))}
        mkdir -p "$under"
        mount --bind {shlex.quote(str(lake))} "$under"
        blocks=$(du -sk --apparent-size "$under" | cut -f1)
        files=$(find "$under" | wc -l)
        mount -t tmpfs -o mode=755,size=$((blocks + 4 * files + 160))k tmpfs {shlex.quote(str(lake))}
        cp -a "$under/." {shlex.quote(str(lake))}/
        code=0; "$@" || code=$?
        cp -a {shlex.quote(str(lake))}/. "$under/" # what was published before the disk was full is not to be lost
        exit $code
    """
    failed = workshop.build("--full-refresh", prefix=[*_namespace(), "sh", "-c", script, "sh"])
    assert failed.code == 1, failed.text
    assert failed.errors
    for error in failed.errors:
        assert error.startswith("the disk under the lake is full") and "free space, then run again" in error, error
    after = published_states(workshop)
    assert {name: state.digest for name, state in after.items()} == {name: s.digest for name, s in before.items()}
    built = workshop.build("--full-refresh")
    assert built.code == 0, built.text
    with open_lake(workshop) as opened:
        assert_exact(opened, workshop.home)


def _namespace() -> list[str]:
    """A mount namespace of its own: what is mounted there nobody else sees, and it ends with the command."""
    command = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*command, "true"], check=False).returncode != 0:
        pytest.skip("this machine has no mount namespaces")
    return command


def _read_only(place: Path) -> list[str]:
    quoted = shlex.quote(str(place))
    script = f'mount --bind {quoted} {quoted} && mount -o remount,bind,ro {quoted} && exec "$@"'
    return [*_namespace(), "sh", "-c", script, "sh"]
