"""The whole star beside acme's ledger, and what a new, a restated and a withdrawn day rewrite: that, and nothing else."""

from collections.abc import Iterator
from datetime import date, timedelta

import dagster as dg
import pytest
from worlds import LAKE_TABLES, ROOT, TEAM, Acme, Lake

from headgate.testing import make_catalog
from star.ledger import ask_ledger

pytestmark = pytest.mark.services

TODAY = date(2026, 11, 2)
FIRST = TODAY - timedelta(days=40)
SIZE = ("--customers", "12", "--days", "40", "--dense-days", "1", "--dense-minutes", "120", "--seed", "5")
STAR = (
    "dim_day",
    "dim_customer_daily",
    "dim_product_daily",
    "dim_deployment_daily",
    "fact_usage_daily",
    "subscription_terms",
    "fact_entitlement_daily",
    "consumption_daily",
    "report_active_customers_by_product_daily",
    "renewal_risk",
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Acme:
    acme = Acme(tmp_path_factory.mktemp("acme"))
    acme.call("seed", "--today", TODAY.isoformat(), *SIZE)
    return acme


@pytest.fixture(scope="module")
def built(server: str, world: Acme, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Everything that is due, in one run."""
    home = tmp_path_factory.mktemp("home")
    catalog = make_catalog(server, [TEAM])
    with pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        for name, value in catalog.environment(TEAM, home).items():
            patch.setenv(name, value)
        patch.setenv("HEADGATE_ROOT", str(ROOT))
        patch.setenv("DROPS_URL", str(world.drops))
        lake = Lake(catalog, home, instance)
        make(lake)
        yield lake


def make(lake: Lake, *tables: str, full_refresh: bool = False) -> dict[str, list[str]]:
    """A run of what is due, or of everything: table → the days that it rewrote."""
    result = lake.run(*(tables or (*LAKE_TABLES, *STAR)), full_refresh=full_refresh)
    assert result.success, [event.step_failure_data.error for event in result.get_step_failure_events()]
    rewritten: dict[str, list[str]] = {}
    for event in result.get_asset_materialization_events():
        made = event.step_materialization_data.materialization
        if made.partition:
            rewritten.setdefault(made.asset_key.path[-1], []).append(made.partition)
    return rewritten


def compare(lake: Lake, acme: Acme, last: date) -> None:
    """All of the star with all of the ledger, from the first day to the last."""
    ledger = ask_ledger(acme, FIRST, last)
    assert len(ledger["consumption"]) > 100 and len(ledger["usage"]) > 100
    found = lake.query(
        "select customer_id, product, cast(day as varchar), used_vcpu, cast(entitled_vcpu as double), consumption "
        "from consumption_daily order by all"
    )
    expected = sorted(tuple(row) for row in ledger["consumption"])
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    for row, other in zip(found, expected, strict=True):
        assert row[3:5] == pytest.approx(other[3:5], rel=1e-12), row
        assert row[5] == (None if other[5] is None else pytest.approx(other[5], rel=1e-12)), row
    usage = lake.query(
        "select cast(day as varchar), deployment_id, customer_id, heartbeats, used_vcpu, peak_vcpu, used_memory_gb "
        "from fact_usage_daily order by all"
    )
    assert usage == sorted(
        (day, deployment, customer, beats, total / beats / 1_000, most / 1_000, memory / beats / 1_000)
        for day, deployment, customer, beats, total, most, memory in ledger["usage"]
    )
    report = lake.query(
        "select cast(day as varchar), product, active_customers, heartbeats, doubtful_heartbeats "
        "from report_active_customers_by_product_daily order by all"
    )
    clean: dict[tuple[str, str], int] = {}
    for day, deployment, _, beats, *_ in ledger["usage"]:
        key = (day, deployment[4].upper())
        clean[key] = clean.get(key, 0) + beats
    assert report == [
        (day, product, number, clean.get((day, product), 0), ledger["doubtful"].get(f"{day} {product}", 0))
        for day, products in sorted(ledger["active"].items())
        for product, number in sorted(products.items())
    ]


def test_the_star_is_what_the_ledger_says(built: Lake, world: Acme) -> None:
    compare(built, world, TODAY - timedelta(days=1))
    # Customers 1 to 4 used X for the last time 28, 29, 30 and 31 days before the newest day.
    spans = built.query(
        "select customer_id, max(day) from fact_usage_daily where customer_id <= 'C-000004' group by 1 order by 1"
    )
    newest = TODAY - timedelta(days=1)
    assert spans == [(f"C-00000{n}", newest - timedelta(days=27 + n)) for n in (1, 2, 3, 4)]
    rows = built.query("select count(*), count(distinct day) from renewal_risk")
    assert rows[0][0] > 100 and rows[0][1] == 40


def test_dimensions_keep_their_history(built: Lake) -> None:
    rows = built.query(
        "select count(*), count(distinct day), count(*) filter (where registered_on <> day) from dim_customer_daily"
    )
    assert rows[0][0] >= 40 * 7 and rows[0][1] == 40
    lost = built.query(
        "select count(*) from fact_usage_daily anti join dim_deployment_daily using (day, deployment_id, customer_id, product)"
    )
    assert lost == [(0,)]


def test_nothing_is_made_when_nothing_is_due(built: Lake) -> None:
    assert make(built, *STAR) == {}


def test_a_new_day_makes_that_day(built: Lake, world: Acme) -> None:
    world.call("advance", "--days", "1")
    rewritten = make(built)
    compare(built, world, TODAY)
    arrived = {one["day"] for one in world.deliveries() if one["arrived"] == TODAY.isoformat()}
    assert TODAY.isoformat() in arrived
    # Days that arrived late or again are restated with it, and their windows.
    assert set(rewritten["fact_usage_daily"]) <= arrived
    assert set(rewritten["consumption_daily"]) <= arrived
    assert min(rewritten["renewal_risk"]) >= min(arrived)


def test_a_late_day_restates_itself_and_its_window_alone(built: Lake, world: Acme) -> None:
    late = TODAY - timedelta(days=38)
    before = dict(
        built.query(
            "select cast(day as varchar), used_vcpu from report_active_customers_by_product_daily where product = 'X'"
        )
    )
    world.inject("negative_usage", "--source", "telemetry_x", "--day", late.isoformat(), "--count", "4")
    rewritten = make(built)
    compare(built, world, TODAY)
    window = [(late + timedelta(days=number)).isoformat() for number in range(30)]
    assert rewritten.pop("cloud_deployment_heartbeats") == [late.isoformat()]
    assert {table: sorted(days) for table, days in rewritten.items()} == {
        "dim_customer_daily": window[:1],
        "dim_product_daily": window[:1],
        "dim_deployment_daily": window[:1],
        "fact_usage_daily": window[:1],
        "fact_entitlement_daily": window[:1],
        "consumption_daily": window[:1],
        "report_active_customers_by_product_daily": window,
        "renewal_risk": window,
    }
    after = dict(
        built.query(
            "select cast(day as varchar), used_vcpu from report_active_customers_by_product_daily where product = 'X'"
        )
    )
    assert after == pytest.approx(before, rel=1e-12)
    doubtful = built.query(
        f"select sum(doubtful_heartbeats) from consumption_daily where day = '{late}' and product = 'X'"
    )
    assert doubtful[0][0] >= 4
    [(keys,)] = built.query(
        f"select json_extract(commit_extra_info, '$.partition_keys[*]') from ducklake_snapshots('{TEAM}') "
        "where commit_message = 'publish renewal_risk' order by snapshot_id desc limit 1"
    )
    assert [key.strip('"') for key in keys] == window


def test_lines_that_are_withdrawn_restate_the_days_they_entitled(built: Lake, world: Acme) -> None:
    # The first day holds all lines of former days; delivered without rows, most entitlements are gone.
    before = built.query("select count(*) from fact_entitlement_daily")[0][0]
    world.inject("empty", "--source", "invoices", "--day", FIRST.isoformat())
    rewritten = make(built)
    compare(built, world, TODAY)
    assert built.query("select count(*) from fact_entitlement_daily")[0][0] < before / 2
    assert len(rewritten["fact_entitlement_daily"]) == 41
    assert rewritten["invoice_order_lines"] == [FIRST.isoformat()] and "fact_usage_daily" not in rewritten
    world.call("fault", "clear")
    make(built)
    compare(built, world, TODAY)
    assert built.query("select count(*) from fact_entitlement_daily")[0][0] == before


def test_a_range_of_days_is_one_run(built: Lake) -> None:
    days = ("2026-10-01", "2026-10-12")
    result = built.run(*STAR[1:5], *STAR[6:], days=days)
    assert result.success
    made = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    counts = {one.asset_key.path[-1]: one.metadata["rewritten_partitions"].value for one in made if one.metadata}
    assert counts == dict.fromkeys((*STAR[1:5], *STAR[6:]), 12)
    assert len({one.partition for one in made if one.partition}) == 12
    commits = built.query(
        f"select count(*) from ducklake_snapshots('{TEAM}') where commit_message = 'publish consumption_daily' "
        "and json_extract_string(commit_extra_info, '$.run_id') = '" + result.run_id + "'"
    )
    assert commits == [(1,)]


def test_a_full_refresh_makes_every_day_anew(built: Lake) -> None:
    """As after rows that somebody deleted around the gate: no publication says that anything is due."""
    make(built, *STAR)
    lost = ("sku_register", "subscription_terms", "consumption_daily", "renewal_risk")
    with built.session() as session:
        before = {table: session.connection.execute(f"from {table} order by all").fetchall() for table in lost}
        for table in lost:
            assert len(before[table]) > 20
            session.connection.execute(f"delete from {table}")
    assert make(built, *lost) == {}
    rewritten = make(built, *lost, full_refresh=True)
    for table in ("sku_register", "consumption_daily", "renewal_risk"):
        held = built.query(f"select distinct cast(day as varchar) from {table}")
        assert len(held) >= 40 and set(rewritten[table]) == {day for (day,) in held}
    assert {table: built.query(f"from {table} order by all") for table in lost} == before
