"""Every way in which a delivery can be no good: it is set aside with its reason, its neighbours load, the day keeps what it had."""

import json
from datetime import date
from pathlib import Path

import pytest
from worlds import Acme, Lake
from ingestion.ledger import assert_exact

FAULTS = [
    ("truncated", "telemetry_x", "bytes"),
    ("zero_byte", "invoices", "0 bytes"),
    ("oversized", "telemetry_y", "bytes"),
    ("wrong_checksum", "telemetry_x", "sha256"),
    ("misnamed", "invoices", "not there"),
    ("symbolic_link", "telemetry_y", "symbolic link"),
    ("corrupt", "telemetry_y", "cannot be read"),
    ("corrupt", "invoices", "cannot be read"),
    ("wrong_encoding", "invoices", "header"),
    ("wrong_encoding", "telemetry_x", "cannot be read"),
    ("corrupt", "master_data", "cannot be read"),
]
TABLE = {
    "invoices": "invoice_order_lines",
    "telemetry_x": "cloud_deployment_heartbeats",
    "telemetry_y": "cloud_deployment_heartbeats",
    "master_data": "customer_register",
}


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
    """A day for each fault, so that one load meets them all."""
    days = [f"2026-10-{20 + n}" for n in range(len(FAULTS))]
    known = {(source, str(day)) for source, day in acme.current()}
    for (kind, source, _), day in zip(FAULTS, days, strict=True):
        assert (source, day) in known, "the fault needs a day that was delivered"
        acme.inject(kind, "--source", source, "--day", day)
    result = lake.run()
    assert result.success
    reasons = {(source, str(day)): (file, reason) for source, day, file, reason in set_aside(lake)}
    for (kind, source, words), day in zip(FAULTS, days, strict=True):
        file, reason = reasons.pop((source, day))
        assert words in reason, (kind, source, reason)
        assert file.startswith(f"{source}/{day.replace('-', '/')}/")
    assert reasons == {}
    told = warnings(result)
    assert told.keys() >= {TABLE[source] for _, source, _ in FAULTS}
    assert all("deliver the day once more" in text or "delivered once more" in text for text in told.values())
    acme.call("fault", "clear")
    assert warnings(lake.run()) == {}
    assert_exact(acme, lake)


def test_the_earlier_good_delivery_stays(acme: Acme, lake: Lake) -> None:
    lake.run()
    before = lake.query("select count(*) from _publications")
    acme.inject("truncated", "--source", "telemetry_x")
    acme.inject("corrupt", "--source", "invoices")
    result = lake.run()
    assert result.success and warnings(result).keys() == {"cloud_deployment_heartbeats", "invoice_order_lines"}
    assert_exact(acme, lake)
    assert lake.query("select count(*) from _publications") == before
    assert len(set_aside(lake)) == 2
    assert lake.run().success and len(set_aside(lake)) == 2  # it is known, and not tried again


def test_a_good_source_is_loaded_beside_a_bad_one_of_the_same_table(acme: Acme, lake: Lake) -> None:
    lake.run()
    acme.inject("wrong_checksum", "--source", "telemetry_x")
    acme.inject("negative_usage", "--count", "3", "--source", "telemetry_y")
    assert lake.run().success
    assert_exact(acme, lake)


def test_a_copy_that_no_marker_lists_is_not_read(acme: Acme, lake: Lake) -> None:
    acme.inject("duplicate_file", "--source", "telemetry_x")
    acme.inject("half_written", "--source", "invoices", "--day", "2026-10-30")
    assert lake.run().success
    assert lake.query("select count(*) from duckdb_tables() where table_name = 'rejected_deliveries'") == [(0,)]


def test_doubtful_rows_of_every_kind(acme: Acme, lake: Lake) -> None:
    kinds = [
        ("nanoseconds", "telemetry_x", 40),
        ("clock_skew", "telemetry_y", 7),
        ("clock_skew", "telemetry_x", 3),
        ("invalid_customer", "telemetry_x", 5),
        ("unknown_customer", "telemetry_x", 4),
        ("unknown_deployment", "telemetry_y", 4),
        ("duplicate_row", "telemetry_x", 6),
        ("duplicate_row", "telemetry_y", 2),
        ("duplicate_row", "invoices", 2),
        ("invalid_customer", "invoices", 5),
        ("unknown_customer", "invoices", 2),
        ("unknown_sku", "invoices", 2),
        ("negative_quantity", "invoices", 2),
        ("no_term", "invoices", 2),
    ]
    for kind, source, count in kinds:
        acme.inject(kind, "--source", source, "--count", str(count))
    assert lake.run().success
    assert_exact(acme, lake)
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


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda marker: "{", "marker cannot be read"),
        (lambda marker: json.dumps(marker | {"day": "2026-10-01"}), "the marker is about"),
        (lambda marker: json.dumps(marker | {"files": []}), "marker cannot be read"),
        (lambda marker: json.dumps(marker | {"delivery": 2}), "is no file of delivery 2"),
        (lambda marker: json.dumps(marker | {"files": [marker["files"][0] | {"name": "../../secret.csv"}]}), "is no file of"),
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
