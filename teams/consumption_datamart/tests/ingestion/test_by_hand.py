"""Three days, every row of which was written by hand, from the files to consumption: what is doubtful, what counts, and what a
day without any file does."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from worlds import LAKE_TABLES, Acme, Lake

from consumption_datamart.executive.provenance import read_deliveries
from consumption_datamart.ingestion.automation import DELIVERIES_TAG, delivered_days
from ingestion.dropping import drop

SUNDAY, MONDAY, TUESDAY = date(2026, 10, 25), date(2026, 10, 26), date(2026, 10, 27)
"""On Sunday clocks went back in Berlin. Nothing at all arrives of Monday; of Tuesday, Product X and the registers alone."""
STAR = (
    *("dim_customer_daily", "dim_deployment_daily", "fact_usage_daily"),
    *("subscription_terms", "fact_entitlement_daily", "consumption_daily"),
)

REGISTERS = {
    "customers-001.csv": (
        b"customer_id,name,segment,country,customer_since\n"
        b"C-000001,Acorn,small,NL,2024-01-01\nC-000002,Birch,small,DE,2024-01-01\n",
        2,
    ),
    "skus-001.csv": (
        b"sku,product,is_vcpu,list_price\nX-VCPU-STD,X,true,9.50\nY-VCPU-STD,Y,true,9.50\nX-SUPPORT,X,false,99.00\n",
        3,
    ),
    "deployments-001.csv": (
        b"deployment_id,customer_id,product,cloud,region,created_on,retired_on\n"
        b"dep-1,C-000001,X,aws,eu-central-1,2026-01-01,\ndep-2,C-000002,Y,aws,eu-central-1,2026-01-01,\n",
        2,
    ),
}
HEADER = "invoice_id,line,order_date,customer_id,sku,product,line_type,quantity,term_months,start_date,amount,replaces"
GOOD = "I-1,1,2026-10-25,C-000001,X-VCPU-STD,X,new,10,12,2026-10-01,95.00,"
LINES = [
    (GOOD, []),
    ("I-2,1,2026-10-25,C-000001,X-VCPU-STD,X,new,99,,2026-10-01,95.00,", ["term_months__missing"]),
    ("I-3,1,2026-10-25,C-000001,X-VCPU-STD,X,new,-5,12,2026-10-01,-47.50,", ["quantity__negative"]),
    ("I-4,1,2026-10-25,C-000001,X-VCPU-OLD,X,new,7,12,2026-10-01,66.50,", ["sku__unknown"]),
    ("I-5,1,2026-10-25,C-000009,X-VCPU-STD,X,new,7,12,2026-10-01,66.50,", ["customer_id__unknown"]),
    ("I-6,1,2026-10-25,nobody,X-VCPU-STD,X,new,7,12,2026-10-01,66.50,", ["customer_id__invalid"]),
    ("I-7,1,2026-10-25,C-000002,X-SUPPORT,X,new,1,12,2026-10-01,99.00,", ["sku__not_vcpu"]),
    (GOOD, ["row__repeated"]),
]
MIDNIGHT, NOON = datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 10, 25, 12, tzinfo=UTC)


def beat(at: datetime, vcpu: float, *, customer: str = "C-000001", deployment: str = "dep-1", factor: int = 1) -> str:
    ts = round(at.timestamp() * 1000) * factor
    place = {"customer": customer, "deployment": deployment, "cloud": "aws", "region": "eu-central-1"}
    return json.dumps({"ts": ts, **place, "vcpu": vcpu, "memory_gb": abs(vcpu)})


BEATS = [
    (beat(MIDNIGHT, 2.0), []),
    (beat(NOON, 4.0), []),
    (beat(MIDNIGHT + timedelta(days=1, milliseconds=-1), 3.0), []),
    (beat(MIDNIGHT + timedelta(days=1), 50.0), ["ts__outside_day"]),
    (beat(NOON + timedelta(days=400), 51.0), ["ts__outside_day"]),
    (beat(NOON, 52.0, factor=1_000_000), ["ts__nanoseconds"]),
    (beat(NOON, -1.0), ["vcpu__negative"]),
    (beat(NOON, 53.0, deployment="dep-9"), ["deployment_id__unknown"]),
    (beat(NOON, 54.0, customer="C-000009"), ["customer_id__unknown"]),
    (beat(NOON, 55.0, customer="acorn"), ["customer_id__invalid"]),
    (beat(NOON, 4.0), ["row__repeated"]),
]


def lines_file(lines: list[str]) -> dict[str, tuple[bytes, int]]:
    return {"invoice_order_lines-001.csv": ("\n".join([HEADER, *lines, ""]).encode(), len(lines))}


def beats_file(beats: list[str]) -> dict[str, tuple[bytes, int]]:
    return {"heartbeats-001.jsonl": ("".join(f"{one}\n" for one in beats).encode(), len(beats))}


def parquet_file(rows: list[tuple[str, int]]) -> dict[str, tuple[bytes, int]]:
    """Product Y's: local time and thousandths of a vCPU."""
    number, sink = len(rows), pa.BufferOutputStream()
    texts = {"customer_id": "C-000002", "deployment_id": "dep-2", "provider": "aws", "region": "eu-central-1"}
    table = pa.table(
        {
            "event_time": pa.array([at for at, _ in rows], pa.string()),
            **{name: pa.array([value] * number, pa.string()) for name, value in texts.items()},
            "cpu_millicores": pa.array([vcpu for _, vcpu in rows], pa.int64()),
            "memory_bytes": pa.array([10**9] * number, pa.int64()),
        }
    )
    pq.write_table(table, sink)
    return {"heartbeats-001.parquet": (sink.getvalue().to_pybytes(), number)}


@pytest.fixture
def acme(tmp_path: Path) -> Acme:
    """Drops of nobody's world."""
    made = Acme(tmp_path / "hand")
    drop(made.drops, "master_data", SUNDAY, REGISTERS)
    drop(made.drops, "invoices", SUNDAY, lines_file([line for line, _ in LINES]))
    drop(made.drops, "telemetry_x", SUNDAY, beats_file([one for one, _ in BEATS]))
    # 02:30 came twice.
    twice = [("2026-10-25T02:30:00+02:00", 1_250), ("2026-10-25T02:30:00+01:00", 750)]
    drop(made.drops, "telemetry_y", SUNDAY, parquet_file(twice))
    drop(made.drops, "master_data", TUESDAY, REGISTERS)
    drop(made.drops, "telemetry_x", TUESDAY, beats_file([beat(NOON + timedelta(days=2), 20.0)]))
    return made


def absent_days(result: dg.ExecuteInProcessResult) -> dict[str, str | None]:
    """Table → what its check says of days that nobody delivered."""
    found = [one for one in result.get_asset_check_evaluations() if one.check_name == "days_delivered"]
    assert not any(one.passed for one in found if one.description)
    return {one.asset_key.path[-1]: one.description for one in found}


def test_every_row_is_there_marked_and_counted_and_a_day_without_files_is_not_made_up(acme: Acme, lake: Lake) -> None:
    first = delivered_days(dg.build_sensor_context(instance=lake.instance))
    assert isinstance(first, dg.SensorResult)
    result = lake.run(*LAKE_TABLES, *STAR)
    assert result.success

    lines = lake.query("select invoice_id, quantity, meta__warnings from invoice_order_lines")
    expected = [(line.split(",")[0], Decimal(line.split(",")[7]), codes) for line, codes in LINES]
    assert sorted(lines) == sorted(expected)
    beats = lake.query(f"select vcpu, meta__warnings from cloud_deployment_heartbeats where day = '{SUNDAY}'")
    expected_beats = [(json.loads(one)["vcpu"], codes) for one, codes in BEATS] + [(1.25, []), (0.75, [])]
    assert sorted(beats) == sorted(expected_beats)
    years = "select distinct year(ts) from cloud_deployment_heartbeats where vcpu <> 51"
    assert lake.query(years) == [(2026,)]  # not 1970, and not far ahead

    # (2 + 4 + 3) ÷ 3 of 10; (1.25 + 0.75) ÷ 2 of nothing; Monday is no row, and Tuesday's entitlement is Sunday's.
    consumption = (
        "select day, customer_id, product, used_vcpu, entitled_vcpu, consumption, category, doubtful_heartbeats "
        "from consumption_daily order by day, customer_id"
    )
    sunday = [
        (SUNDAY, "C-000001", "X", 3.0, Decimal(10), pytest.approx(0.3), "under", 6),
        (SUNDAY, "C-000002", "Y", 1.0, Decimal(0), None, "no_entitlement", 0),
    ]
    tuesday = [(TUESDAY, "C-000001", "X", 20.0, Decimal(10), 2.0, "over", 0)]
    assert lake.query(consumption) == sunday + tuesday
    registers = dict.fromkeys(LAKE_TABLES[:3], "not delivered: master_data of 2026-10-26")
    assert absent_days(result) == {
        **registers,
        "invoice_order_lines": None,  # its newest day is Sunday: whether that is old, `is_fresh` says
        "cloud_deployment_heartbeats": "not delivered: telemetry_x of 2026-10-26, telemetry_y of 2026-10-26, "
        "telemetry_y of 2026-10-27",
    }
    [old] = [
        one.description
        for one in result.get_asset_check_evaluations()
        if (one.check_name, one.asset_key.path[-1]) == ("is_fresh", "invoice_order_lines")
    ]
    assert old == "the newest day is 2026-10-25, 8 days before 2026-11-02"
    with lake.session() as session:
        newest, absences = read_deliveries(session, SUNDAY)
    assert newest == {"invoices": SUNDAY, "telemetry_x": TUESDAY, "telemetry_y": SUNDAY, "master_data": TUESDAY}
    assert sorted((one.source, one.day) for one in absences) == [
        *(("invoices", MONDAY), ("invoices", TUESDAY), ("master_data", MONDAY)),
        *(("telemetry_x", MONDAY), ("telemetry_y", MONDAY), ("telemetry_y", TUESDAY)),
    ]

    # Monday comes after all: 5 of 10; an empty dump and an empty file are days without rows.
    drop(acme.drops, "master_data", MONDAY, REGISTERS)
    drop(acme.drops, "invoices", MONDAY, lines_file([]))
    drop(acme.drops, "telemetry_x", MONDAY, beats_file([beat(NOON + timedelta(days=1), 5.0)]))
    drop(acme.drops, "telemetry_y", MONDAY, parquet_file([]))
    again = delivered_days(dg.build_sensor_context(instance=lake.instance, cursor=first.cursor))
    assert isinstance(again, dg.SensorResult)
    assert again.run_requests[0].tags[DELIVERIES_TAG].split(", ") == [  # type: ignore[index]
        f"{source}/{MONDAY}/1" for source in ("invoices", "master_data", "telemetry_x", "telemetry_y")
    ]
    before = len(lake.query("select 1 from _publications"))
    result = lake.run(*LAKE_TABLES, *STAR)
    assert result.success
    assert lake.query(consumption) == [
        *sunday,
        (MONDAY, "C-000001", "X", 5.0, Decimal(10), 0.5, "under", 0),
        *tuesday,
    ]
    rewritten = lake.query(
        f"select distinct partition_key from (from _publications order by published_at offset {before}) "
        "where table_name <> 'subscription_terms'"
    )
    assert rewritten == [(MONDAY.isoformat(),)]
    told = absent_days(result)
    assert told["cloud_deployment_heartbeats"] == "not delivered: telemetry_y of 2026-10-27"
    assert told["customer_register"] is None
