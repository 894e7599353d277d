"""Files of each layout as typed rows, on values that can be worked out by hand."""

import gzip
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from consumption_datamart.ingestion.drops import Drops, Rejected
from consumption_datamart.ingestion.read import stage
from consumption_datamart.ingestion.verify import verify
from headgate.contract import load_contract
from ingestion.dropping import drop

DAY = date(2026, 10, 25)
CONTRACTS = Path(__file__).parents[2] / "contracts"
NOON_MS = 1_792_929_600_000
"""2026-10-25 12:00 UTC."""


def deliver(root: Path, source: str, name: str, data: bytes, rows: int) -> None:
    drop(root, source, DAY, {name: (data, rows)})


def read(root: Path, source: str, table: str) -> list[dict[str, Any]]:
    drops = Drops(str(root))
    delivery = drops.read_delivery(source, DAY)
    [(stem, path)] = verify(drops, delivery).items()
    columns = [
        column for column in load_contract(CONTRACTS / f"{table}.odcs.yaml").columns if column.name != "meta__warnings"
    ]
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        shape = ", ".join(f"{column.name} {column.sql_type}" for column in columns)
        connection.execute(f"create table rows ({shape}, _given varchar[])")
        stage(connection, drops, delivery, path, stem, "rows")
        return connection.execute("from rows").to_arrow_table().to_pylist()


OLD = b"""invoice_id,line,order_date,customer_id,sku,product,line_type,quantity,term_months,start_date,amount,replaces
INV-1,1,2026-10-25,C-000001,X-VCPU-STD,X,new,12,6,2026-11-01,1368.00,
INV-1,2,2026-10-25,C-000001,X-VCPU-STD,X,credit,-5,6,2026-10-25,-70.50,INV-0/3
"""
NEW = b"""invoice_id,line_number,account_id,order_date,line_type,replaces,subscription_sku,product,\
start_date,term_months,quantity,net_amount,currency,sales_channel
INV-2,1,,2026-10-25,new,,Y-VCPU-STD,Y,2026-10-26,,3,37.50,USD,partner
"""


def test_the_old_layout_of_invoices(tmp_path: Path) -> None:
    deliver(tmp_path, "invoices", "invoice_order_lines-001.csv", OLD, 2)
    first, second = read(tmp_path, "invoices", "invoice_order_lines")
    assert first == {
        "day": DAY,
        "invoice_id": "INV-1",
        "line_number": 1,
        "order_date": DAY,
        "customer_id": "C-000001",
        "sku": "X-VCPU-STD",
        "product": "X",
        "line_type": "new",
        "quantity": Decimal("12.000"),
        "term_months": 6,
        "start_date": date(2026, 11, 1),
        "amount": Decimal("1368.00"),
        "currency": "USD",
        "sales_channel": None,
        "replaces": None,
        "meta__delivery": 1,
        "meta__file": "invoices/2026/10/25/invoice_order_lines-001.csv",
        "_given": [],
    }
    assert (second["quantity"], second["amount"], second["replaces"]) == (Decimal(-5), Decimal("-70.50"), "INV-0/3")


def test_the_new_layout_of_invoices(tmp_path: Path) -> None:
    deliver(tmp_path, "invoices", "invoice_order_lines-001.csv", NEW, 1)
    [line] = read(tmp_path, "invoices", "invoice_order_lines")
    told = {
        name: line[name] for name in ("customer_id", "sku", "term_months", "amount", "sales_channel", "line_number")
    }
    assert told == {
        "customer_id": None,
        "sku": "Y-VCPU-STD",
        "term_months": None,
        "amount": Decimal("37.50"),
        "sales_channel": "partner",
        "line_number": 1,
    }


def test_milliseconds_and_nanoseconds_are_the_same_moment(tmp_path: Path) -> None:
    beat = {"customer": "C-000001", "deployment": "D-1", "cloud": "aws", "region": "r", "vcpu": 1.5, "memory_gb": 6.0}
    lines = [json.dumps({"ts": ts, **beat}) for ts in (NOON_MS, NOON_MS * 1_000_000)]
    deliver(tmp_path, "telemetry_x", "heartbeats-001.jsonl", "\n".join(lines).encode(), 2)
    rows = read(tmp_path, "telemetry_x", "cloud_deployment_heartbeats")
    noon = datetime(2026, 10, 25, 12, tzinfo=UTC)
    assert sorted((row["ts"] == noon, row["_given"], row["vcpu"], row["memory_gb"]) for row in rows) == [
        (True, [], 1.5, 6.0),
        (True, ["ts__nanoseconds"], 1.5, 6.0),
    ]


def y_file(**changed: pa.Array) -> bytes:
    """Product Y's, of one heartbeat."""
    values = {
        "event_time": pa.array(["2026-10-25T02:30:00.000+02:00"]),
        **{name: pa.array(["x"]) for name in ("customer_id", "deployment_id", "provider", "region")},
        "cpu_millicores": pa.array([1_250], pa.int64()),
        "memory_bytes": pa.array([4_000_000_000], pa.int64()),
    }
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({**values, **changed}), sink)
    return bytes(sink.getvalue().to_pybytes())


def test_local_times_of_the_day_the_clocks_change_are_two_moments(tmp_path: Path) -> None:
    """02:30 came twice in Berlin on 25 October 2026."""
    table = pa.table(
        {
            "event_time": ["2026-10-25T02:30:00.000+02:00", "2026-10-25T02:30:00.000+01:00"],
            "customer_id": ["C-000001"] * 2,
            "deployment_id": ["D-1"] * 2,
            "provider": ["aws"] * 2,
            "region": ["eu-central-1"] * 2,
            "cpu_millicores": pa.array([1_250, 500], pa.int64()),
            "memory_bytes": pa.array([4_000_000_000, 1_500_000_000], pa.int64()),
        }
    )
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    deliver(tmp_path, "telemetry_y", "heartbeats-001.parquet", sink.getvalue().to_pybytes(), 2)
    rows = sorted(read(tmp_path, "telemetry_y", "cloud_deployment_heartbeats"), key=lambda row: row["ts"])
    assert [(row["ts"], row["vcpu"], row["memory_gb"], row["cloud"]) for row in rows] == [
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), 1.25, 4.0, "aws"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), 0.5, 1.5, "aws"),
    ]


@pytest.mark.parametrize(
    ("data", "rows", "reason"),
    [
        (OLD.replace(b"1368.00", b"a lot"), 2, "cannot be read"),
        (OLD.replace(b"2026-11-01", b"01/11/2026"), 2, "cannot be read: start_date is not of type DATE: 01/11/2026"),
        (OLD.replace(b"2026-11-01", b"infinity"), 2, "start_date is not of type DATE"),
        (OLD.replace(b"2026-11-01", b"2026-11-01 10:00"), 2, "start_date is not of type DATE"),
        (OLD.replace(b",12,6,", b",12,6.5,"), 2, "term_months is not of type INTEGER: 6.5"),
        (OLD.replace(b",12,6,", b",12,999999999,"), 2, "term_months is not at most 1,200 months: 999999999"),
        (OLD.replace(b",12,6,", b",12.3456,6,"), 2, "quantity is not of type"),
        (OLD.replace(b",12,6,", b",1000000000000,6,"), 2, r"quantity is not of type DECIMAL\(18,3\) below 1,000,000"),
        (OLD.replace(b"1368.00", b"1368.005"), 2, "amount is not of type"),
        (OLD.replace(b"1368.00", b"1_368.00"), 2, "amount is not of type"),
        (b"\xef\xbb\xbf" + OLD, 2, r"no known layout: from byte 1 on it is '\\ufeffinvoice_id"),
        (gzip.compress(OLD), 2, "no known layout"),
        (OLD.replace(b",new,", ",né,".encode("cp1252")), 2, "Line: 2; Invalid unicode"),
        (OLD.replace(b",amount,", b",price,"), 2, "from byte 94 on it is 'price,replaces' and not 'amount,replaces'"),
        (OLD + b"INV-1,3\n", 3, "Line: 4; Expected Number of Columns: 12 Found: 2"),
        (OLD, 3, "2 rows, the marker says 3"),
        (OLD.decode().encode("utf-16"), 2, "header"),
        (b"", 0, "header"),
    ],
)
def test_a_file_that_is_not_of_its_layout_is_not_read_at_all(
    tmp_path: Path, data: bytes, rows: int, reason: str
) -> None:
    deliver(tmp_path, "invoices", "invoice_order_lines-001.csv", data, rows)
    with pytest.raises(Rejected, match=reason) as caught:
        read(tmp_path, "invoices", "invoice_order_lines")
    assert str(tmp_path) not in caught.value.reason


BEAT = {"ts": NOON_MS, "customer": "C", "deployment": "D", "cloud": "a", "region": "r", "vcpu": 1.5, "memory_gb": 6.0}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"vcpu": float("nan")}, "vcpu is not of type DOUBLE below 1,000,000,000,000: NaN"),
        ({"memory_gb": float("-inf")}, "memory_gb is not of type DOUBLE below 1,000,000,000,000: -Inf"),
        ({"vcpu": -1e12}, "vcpu is not of type DOUBLE below 1,000,000,000,000: -1"),
        ({"vcpu": True}, "vcpu is not of type DOUBLE"),
        ({"vcpu": {"cores": 1.5}}, "vcpu is not of type DOUBLE"),
        ({"ts": True}, "ts is not of type BIGINT"),
        ({"ts": NOON_MS + 0.5}, "ts is not of type BIGINT"),
        ({"ts": NOON_MS * 1_000}, "ts is not in milliseconds or nanoseconds: 1792929600000000"),
        ({"ts": 10**17 - 1}, "ts is not in milliseconds or nanoseconds"),
        ({"zone": "a"}, "keys that the layout has not: zone"),
        ({"Vcpu": 1.5}, "keys that the layout has not: Vcpu|duplicate"),
    ],
)
def test_a_heartbeat_of_x_that_is_not_of_its_layout(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    lines = f"{json.dumps(BEAT)}\n{json.dumps(BEAT | changed)}\n".encode()
    deliver(tmp_path, "telemetry_x", "heartbeats-001.jsonl", lines, 2)
    with pytest.raises(Rejected, match=reason):
        read(tmp_path, "telemetry_x", "cloud_deployment_heartbeats")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"event_time": pa.array(["2026-10-25T02:30:00"])}, "event_time is not an ISO time with its offset"),
        ({"event_time": pa.array(["2026-10-25 02:30:00 Europe/Berlin"])}, "not an ISO time"),
        ({"event_time": pa.array(["2026-10-25T02:30:00+25:00"])}, "not an ISO time"),
        ({"event_time": pa.array(["infinity"])}, "not an ISO time"),
        ({"cpu_millicores": pa.array([1.25])}, "not the layout's: cpu_millicores is DOUBLE and not BIGINT"),
        ({"cpu_millicores": pa.array([2**63 - 1])}, "cpu_millicores is not below 1,000,000,000,000 vCPU: 9223"),
        ({"zone": pa.array(["a"])}, "not the layout's: zone is unknown"),
    ],
)
def test_a_heartbeat_of_y_that_is_not_of_its_layout(tmp_path: Path, changed: dict[str, Any], reason: str) -> None:
    deliver(tmp_path, "telemetry_y", "heartbeats-001.parquet", y_file(**changed), 1)
    with pytest.raises(Rejected, match=reason):
        read(tmp_path, "telemetry_y", "cloud_deployment_heartbeats")


def test_values_that_are_null_and_folders_that_look_like_partitions_are_read(tmp_path: Path) -> None:
    root = tmp_path / "stage=prod" / "day=2020-01-01"
    deliver(root, "telemetry_y", "heartbeats-001.parquet", y_file(event_time=pa.array([None], pa.string())), 1)
    [row] = read(root, "telemetry_y", "cloud_deployment_heartbeats")
    assert (row["ts"], row["vcpu"], row["day"]) == (None, 1.25, DAY)
    lines = f"{json.dumps(BEAT | {'ts': None})}\r\n{{}}\r\n".encode()
    deliver(root, "telemetry_x", "heartbeats-001.jsonl", lines, 2)
    rows = read(root, "telemetry_x", "cloud_deployment_heartbeats")
    assert [(row["ts"], row["vcpu"], row["day"]) for row in rows] == [(None, 1.5, DAY), (None, None, DAY)]


def test_a_register_that_names_one_thing_twice_is_not_read(tmp_path: Path) -> None:
    from consumption_datamart.ingestion.drops import Delivery, ListedFile

    text = b"sku,product,is_vcpu,list_price\nA,X,true,1.00\nA,X,false,2.00\n"
    path = tmp_path / "skus-001.csv"
    path.write_bytes(text)
    file = ListedFile(name="skus-001.csv", rows=2, bytes=len(text), sha256="")
    delivery = Delivery("master_data", DAY, number=1, fingerprint=0, files=(file,))
    with duckdb.connect() as connection, pytest.raises(Rejected, match="sku A is there more than once"):
        stage(
            connection,
            Drops(str(tmp_path.parent)),
            delivery,
            f"{tmp_path.name}/skus-001.csv",
            "skus",
            "rows",
            unique="sku",
        )
