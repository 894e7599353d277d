"""Every way in which a delivery can be no good: set aside with its reason; neighbours load, the day keeps what it had."""

import json
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from worlds import LAKE_TABLES, Acme, Lake

from consumption_datamart.ingestion.automation import delivered_days
from ingestion.dropping import drop
from ingestion.ledger import assert_exact

FAULTS = [
    ("truncated", "telemetry_x", "2026-10-27", "bytes"),
    ("wrong_checksum", "telemetry_x", "2026-10-28", "sha256"),
    ("wrong_encoding", "telemetry_x", "2026-10-29", "cannot be read"),
    ("oversized", "telemetry_y", "2026-10-27", "bytes"),
    ("symbolic_link", "telemetry_y", "2026-10-28", "symbolic link"),
    ("corrupt", "telemetry_y", "2026-10-29", "cannot be read"),
    ("zero_byte", "invoices", "2026-10-27", "0 bytes"),
    ("misnamed", "invoices", "2026-10-28", "not there"),
    ("wrong_encoding", "invoices", "2026-10-29", "header"),
    ("corrupt", "invoices", "2026-10-30", "header|cannot be read"),
    ("corrupt", "master_data", "2026-10-30", "header|cannot be read"),
]


def set_aside(lake: Lake) -> list[tuple[str, date, str, str]]:
    return lake.query(
        "select source, day, file, reason from consumption_datamart_private.rejected_deliveries order by all"
    )


def warnings(result) -> dict[str, str]:
    return {
        one.asset_key.path[-1]: one.description or ""
        for one in result.get_asset_check_evaluations()
        if one.check_name == "deliveries_accepted" and not one.passed
    }


def test_each_kind_is_set_aside_with_its_reason_and_the_neighbours_load(acme: Acme, lake: Lake) -> None:
    """All in one load; each day keeps what it had."""
    assert lake.run().success
    before = lake.query("select count(*) from _publications")
    acme.inject_all(*((kind, source, day, 1) for kind, source, day, _ in FAULTS))
    result = lake.run()
    assert result.success
    reasons = {(source, str(day)): (file, reason) for source, day, file, reason in set_aside(lake)}
    for kind, source, day, words in FAULTS:
        file, reason = reasons.pop((source, day))
        assert re.search(words, reason), (kind, source, reason)
        assert file.startswith(f"{source}/{day.replace('-', '/')}/")
    assert reasons == {}
    told = warnings(result)
    assert told.keys() == set(LAKE_TABLES)
    assert all("deliver the day once more" in text or "delivered once more" in text for text in told.values())
    assert_exact(acme, lake)
    assert lake.query("select count(*) from _publications") == before
    kept = len(set_aside(lake))
    assert kept == len(FAULTS) + 2  # one source, three registers

    acme.call("fault", "clear")
    assert warnings(lake.run()) == {}
    assert_exact(acme, lake)
    assert len(set_aside(lake)) == kept  # what was is kept


def test_a_delivery_that_is_sent_again_word_for_word_is_loaded_once(acme: Acme, lake: Lake) -> None:
    """What a supplier does when an upload broke: the same file once more, and its marker after it, which says the same."""
    day, table = date(2026, 10, 28), "cloud_deployment_heartbeats"
    folder = acme.day_folder("telemetry_x", day)
    marker = folder / "_SUCCESS"
    told_of = json.loads(marker.read_text(encoding="utf-8"))
    file = folder / told_of["files"][0]["name"]
    whole = file.read_bytes()
    file.write_bytes(whole[:-100])

    def loaded() -> list[tuple[int]]:
        return lake.query(
            f"select written_rows from _publications where table_name = '{table}' and partition_key = '{day}' "
            "order by published_at"
        )

    context = dg.build_sensor_context(instance=lake.instance)
    first = delivered_days(context)
    told = warnings(lake.run())
    assert f"{file.relative_to(acme.drops)}: it has" in told[table] and "deliver the day once more" in told[table]
    before = loaded()
    file.write_bytes(whole)
    assert warnings(lake.run(table)) == {table: told[table]}  # a file alone is no delivery: it may be half-written
    assert len(set_aside(lake)) == 1

    marker.write_bytes(marker.read_bytes())
    second = delivered_days(dg.build_sensor_context(instance=lake.instance, cursor=first.cursor))
    assert [one.tags["consumption_datamart/deliveries"] for one in second.run_requests] == [
        f"telemetry_x/{day}/{told_of['delivery']}"
    ]
    assert second.run_requests[0].run_key not in {one.run_key for one in first.run_requests}
    assert warnings(lake.run(table)) == {}
    assert_exact(acme, lake)
    assert len(loaded()) == len(before) + 1

    marker.write_bytes(marker.read_bytes())  # and once more, though it is loaded
    assert lake.run(table).success and len(loaded()) == len(before) + 1


def test_what_is_set_aside_over_a_loaded_day_warns_until_a_good_delivery_came(acme: Acme, lake: Lake) -> None:
    """Also where its number is no help: a marker that cannot be read has none, and a source may give the same one twice."""
    table = "sku_register"
    assert lake.run(table).success
    before = lake.query("select count(*) from _publications")
    broken, repeated = (acme.day_folder("master_data", date(2026, 10, day)) / "_SUCCESS" for day in (29, 30))
    good = {path: path.read_text(encoding="utf-8") for path in (broken, repeated)}
    broken.write_text("{", encoding="utf-8")
    repeated.write_text(good[repeated].replace('"rows": ', '"rows": 1'), encoding="utf-8")
    told = warnings(lake.run(table))[table]
    assert "master_data/2026/10/29/_SUCCESS: the marker cannot be read" in told
    assert "master_data/2026/10/30/skus-" in told and "the marker says 1" in told
    assert warnings(lake.run(table)) == {table: told}
    assert lake.query("select count(*) from _publications") == before

    for path, text in good.items():
        path.write_text(text, encoding="utf-8")  # word for word what the day holds
    assert warnings(lake.run(table)) == {}
    [(after,)] = lake.query("select count(*) from _publications")
    assert after == before[0][0] + 2
    assert lake.run(table).success and lake.query("select count(*) from _publications") == [(after,)]


def test_a_day_that_cannot_be_is_set_aside_and_the_others_load(acme: Acme, lake: Lake) -> None:
    for day in (date(1970, 1, 1), date(2206, 11, 1)):
        file = b"sku,product,is_vcpu,list_price\n"
        registers = {"customers-001.csv": (b"", 0), "skus-001.csv": (file, 0), "deployments-001.csv": (b"", 0)}
        drop(acme.drops, "master_data", day, registers)
    result = lake.run("sku_register")
    assert result.success
    told = warnings(result)["sku_register"]
    assert "1970-01-01 is not one of the days from 2020-01-01 to " in told and "2206-11-01 is not" in told
    [days] = lake.query("select min(day), max(day) from sku_register")
    assert days == (date(2026, 10, 22), date(2026, 11, 1))


def test_doubtful_rows_are_kept_and_marked_beside_bad_files(acme: Acme, lake: Lake) -> None:
    day = "2026-11-01"
    acme.inject_all(
        ("nanoseconds", "telemetry_x", day, 40),
        ("clock_skew", "telemetry_x", day, 3),
        ("invalid_customer", "telemetry_x", day, 5),
        ("unknown_customer", "telemetry_x", day, 4),
        ("duplicate_row", "telemetry_x", day, 6),
        ("clock_skew", "telemetry_y", day, 7),
        ("unknown_deployment", "telemetry_y", day, 4),
        ("duplicate_row", "telemetry_y", day, 2),
        ("duplicate_row", "invoices", "2026-10-22", 2),  # the first day, which has the lines of all former days
        ("invalid_customer", "invoices", day, 5),
        ("unknown_customer", "invoices", day, 2),
        ("unknown_sku", "invoices", day, 2),
        ("negative_quantity", "invoices", day, 2),
        ("no_term", "invoices", day, 2),
        # What no marker lists is not read.
        ("duplicate_file", "telemetry_y", "2026-10-30", 1),
        ("half_written", "invoices", "2026-10-30", 1),
    )
    assert lake.run().success
    acme_without = acme.forget("invoices", "2026-10-30")
    assert_exact(acme_without, lake)
    # Milliseconds and nanoseconds land on the same day: 2026, not 1970.
    assert lake.query(
        "select min(ts)::date > date '2026-10-01', max(ts)::date <= date '2026-11-01' from cloud_deployment_heartbeats "
        "where not list_contains(meta__warnings, 'ts__outside_day')"
    ) == [(True, True)]
    counted = lake.query(
        "select sum(failed_rows) from _audit_results where table_name = 'cloud_deployment_heartbeats' "
        "and rule = 'ts__nanoseconds' and partition_key = '2026-11-01'"
    )
    assert counted == [(40,)]
    tables = "select count(*) from duckdb_tables() where table_name = 'rejected_deliveries'"
    assert lake.query(tables) == [(0,)]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda marker: "{", "marker cannot be read"),
        (lambda marker: json.dumps(marker | {"day": "2026-10-01"}), "the marker is about"),
        (lambda marker: json.dumps(marker | {"files": []}), "marker cannot be read"),
        (lambda marker: json.dumps(marker | {"delivery": 2}), "is no file of delivery 2"),
        (lambda marker: json.dumps(marker | {"delivery": 10**30}), "marker cannot be read: delivery"),
        (
            lambda marker: json.dumps(marker | {"files": [marker["files"][0] | {"name": "../../secret.csv"}]}),
            "is no file of",
        ),
        (lambda marker: json.dumps(marker | {"files": [marker["files"][0] | {"rows": 5}]}), "the marker says 5"),
        (lambda marker: json.dumps(marker | {"files": marker["files"] * 2}), "lists it twice"),
    ],
)
def test_a_marker_that_is_no_good(acme: Acme, change, reason: str) -> None:
    """Without a lake: what is verified before a row is read, and the count of rows after."""
    from consumption_datamart.ingestion.drops import Drops, Rejected
    from consumption_datamart.ingestion.read import stage
    from consumption_datamart.ingestion.verify import verify

    day = date(2026, 10, 31)
    path = acme.day_folder("invoices", day) / "_SUCCESS"
    assert path.exists()
    path.write_text(change(json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
    drops = Drops(str(acme.drops))
    delivery = drops.read_delivery("invoices", day)
    with pytest.raises(Rejected, match=reason):
        [file] = verify(drops, delivery).values()
        import duckdb

        stage(duckdb.connect(), drops, delivery, file, "invoice_order_lines", "nowhere")


def test_a_link_among_the_folders_is_seen_too(acme: Acme, tmp_path: Path) -> None:
    from consumption_datamart.ingestion.drops import Drops, Rejected
    from consumption_datamart.ingestion.verify import verify

    day = date(2026, 10, 31)
    folder = acme.day_folder("invoices", day)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    drops = Drops(str(acme.drops))
    with pytest.raises(Rejected, match="symbolic link"):
        verify(drops, drops.read_delivery("invoices", day))


@contextmanager
def somebody() -> Iterator[None]:
    """As a user who may not read everything."""
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        yield
    finally:
        os.seteuid(user)


def test_a_file_that_this_user_may_not_read_is_set_aside() -> None:
    from consumption_datamart.ingestion.drops import Drops, Rejected
    from consumption_datamart.ingestion.verify import verify

    day = date(2026, 10, 31)
    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        drop(Path(root), "invoices", day, {"invoice_order_lines-001.csv": (b"x", 1)})
        Path(root, "invoices/2026/10/31/invoice_order_lines-001.csv").chmod(0)
        drops = Drops(root)
        with somebody(), pytest.raises(Rejected, match="may not read it"):
            verify(drops, drops.read_delivery("invoices", day))


@pytest.mark.parametrize("closed", ["invoices/2026/10/31/_SUCCESS", "invoices/2026/10/31"])
def test_a_marker_that_this_user_may_not_read_is_no_good_and_the_others_are(closed: str) -> None:
    from consumption_datamart.ingestion.drops import Drops

    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        days = [date(2026, 10, 30), date(2026, 10, 31)]
        for day in days:
            drop(Path(root), "invoices", day, {"invoice_order_lines-001.csv": (b"x", 1)})
        Path(root, closed).chmod(0)
        with somebody():
            deliveries = Drops(root).read_deliveries(["invoices"])
        assert [deliveries["invoices", day].problem for day in days] == ["", "this user may not read the marker"]


def test_links_that_lead_in_circles_are_not_followed(tmp_path: Path) -> None:
    from consumption_datamart.ingestion.drops import Drops

    days = [date(2026, 10, 30), date(2026, 10, 31)]
    for day in days:
        drop(tmp_path, "invoices", day, {"invoice_order_lines-001.csv": (b"x", 1)})
        (tmp_path / f"invoices/{day:%Y/%m/%d}/again").symlink_to(tmp_path / "invoices")
    assert [day for _, day in Drops(str(tmp_path)).list_markers(["invoices"])] == days
