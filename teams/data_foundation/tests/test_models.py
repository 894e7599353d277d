"""The dbt project on DuckLake, as a run of the code location builds it: rows by hand against figures worked out by hand."""

import csv
from datetime import date, datetime
from typing import Any

import dagster as dg
import pytest
from conftest import EXAMPLE, Build

from headgate.lake.session import LakeSession

pytestmark = pytest.mark.services

PUBLISHED = {"fct_transactions", "fct_attributions", "dim_products", "dim_accounts", "dim_campaigns"}
PERSONAL = ("Grace", "Hopper", "grace.hopper", "5550137", "555-0137", "1987-12-09", "Nguyen", "omar@", "Silva")
"""What the example's accounts hold in clear."""

ATTRIBUTIONS = """
    select
        order_id, product_id, individual_party_key, transacted_at,
        overall_campaign_tracking_code as overall, overall_clicked_at, overall_campaign_id,
        same_brand_campaign_tracking_code as same_brand, same_brand_clicked_at,
        same_sku_campaign_tracking_code as same_sku, same_sku_clicked_at
    from data_foundation.fct_attributions
"""


def expected(name: str) -> list[dict[str, str | None]]:
    with (EXAMPLE / name).open(encoding="utf-8", newline="") as file:
        return [{key: value or None for key, value in row.items()} for row in csv.DictReader(file)]


def as_text(value: Any) -> str | None:
    """A value as the example's files write it."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    return value.isoformat() if isinstance(value, date) else str(value)


def read(shop: LakeSession, query: str) -> list[dict[str, str | None]]:
    relation = shop.connection.sql(query)
    return [dict(zip(relation.columns, map(as_text, row), strict=True)) for row in relation.fetchall()]


def rows_of(shop: LakeSession, query: str) -> list[tuple[str | None, ...]]:
    return [tuple(row.values()) for row in read(shop, query)]


def warnings_of(result: dg.ExecuteInProcessResult) -> dict[str, int]:
    """Check → rows it warns of."""
    return {
        check.check_name: int(check.metadata["failed_rows"].value)  # type: ignore[arg-type]
        for check in result.get_asset_check_evaluations()
        if not check.passed
    }


@pytest.fixture(scope="module")
def first(build: Build) -> dg.ExecuteInProcessResult:
    result = build()
    assert result.success
    return result


def test_order_lines_are_attributed_as_worked_out_by_hand(shop: LakeSession, first: dg.ExecuteInProcessResult) -> None:
    assert read(shop, f"{ATTRIBUTIONS} order by order_id, product_id") == expected("attributions.csv")


def test_order_lines_have_the_amounts_worked_out_by_hand(shop: LakeSession, first: dg.ExecuteInProcessResult) -> None:
    columns = ", ".join(expected("transactions.csv")[0])
    found = read(shop, f"select {columns} from data_foundation.fct_transactions order by order_id, product_id")
    assert found == expected("transactions.csv")


def test_a_visitor_without_party_and_a_code_without_campaign_are_kept_and_counted(
    shop: LakeSession, first: dg.ExecuteInProcessResult
) -> None:
    clicks = "data_foundation_private.int_clicks"
    assert rows_of(shop, f"select individual_party_key, campaign_tracking_code from {clicks} where hit_id = 106") == [
        (None, "ggl-025")
    ]
    assert warnings_of(first) == {"campaigns_are_known": 1, "products_are_known": 1, "accounts_are_known": 1}


def test_days_on_which_clocks_change_are_read_as_documented(
    shop: LakeSession, first: dg.ExecuteInProcessResult
) -> None:
    found = rows_of(shop, "select account_id, updated_at from data_foundation.dim_accounts order by account_id")
    assert found == [
        ("101", "2026-03-08 09:59:59"),
        ("102", "2026-03-08 10:00:00"),
        ("103", "2025-11-02 07:59:59"),
        ("104", "2025-11-02 09:30:00"),
        ("105", "2025-11-02 10:00:00"),
        ("106", "2026-03-08 10:30:00"),
    ]


def test_equal_addresses_have_equal_hashes_under_the_platforms_key(
    shop: LakeSession, first: dg.ExecuteInProcessResult
) -> None:
    accounts = "select first_name_masked, last_name_masked, email_hash, birth_year from {}.{} order by account_id"
    grace, li, nobody, *_ = rows_of(shop, accounts.format("data_foundation", "dim_accounts"))
    staged = rows_of(shop, accounts.format("data_foundation_private", "stg_accounts"))
    assert (grace[:2], li[:2], grace[3]) == (("G***", "H***"), ("l***", "N***"), "1987")
    assert nobody == (None, None, None, None)
    assert grace[2] == li[2] != staged[0][2]


def test_nothing_personal_is_in_clear_after_staging(shop: LakeSession, first: dg.ExecuteInProcessResult) -> None:
    tables = shop.connection.sql("select table_catalog, table_name from information_schema.tables").fetchall()
    looked_at = set()
    for zone, table in tables:
        if zone in ("data_foundation", "data_foundation_private") and not table.startswith("raw_"):
            text = str(shop.connection.sql(f'select * from {zone}."{table}"').fetchall())
            assert [value for value in PERSONAL if value.lower() in text.lower()] == [], table
            looked_at.add(table)
    assert looked_at >= PUBLISHED | {"stg_accounts", "stg_web_hits", "int_hits", "accounts_history"}


def test_every_column_is_described_and_every_model_is_tested(
    shop: LakeSession, first: dg.ExecuteInProcessResult
) -> None:
    from data_foundation.definitions import defs

    specs = [spec for spec in defs.resolve_all_asset_specs() if "dbt" in spec.kinds]
    assert len(specs) == 18
    for spec in specs:
        described = {column.name for column in spec.metadata["dagster/column_schema"].columns if column.description}
        table = shop.connection.sql(f"select * from data_foundation_private.{spec.key.path[-1]} limit 0")
        assert set(table.columns) == described, spec.key
    tested = {check.asset_key for check in first.get_asset_check_evaluations()}
    assert {spec.key for spec in specs} <= tested


@pytest.fixture(scope="module")
def second(shop: LakeSession, build: Build, first: dg.ExecuteInProcessResult) -> dg.ExecuteInProcessResult:
    """A day later: a late line of order 1, order 2 corrected, account 104 matched again, account 101 closed."""
    shop.connection.execute(
        """
        begin;
        insert into raw_transactions values
            (1, 2, 101, '2026-07-02 08:00:00', 1, 1949, 161, 'usd', 'web', '2026-10-02 06:00:00+00');
        update raw_transactions set revenue_cents = 11999, _loaded_at = '2026-10-02 06:00:00+00' where order_id = 2;
        update raw_individual_party_keys set matched_at = '2026-10-01 12:00:00', _loaded_at = '2026-10-02 06:00:00+00'
            where source_system = 'accounts_db' and source_key = '104';
        update raw_accounts set is_active = false, updated_at = '2026-10-01 12:00:00', _loaded_at = '2026-10-02 06:00:00+00'
            where account_id = 101;
        commit;
        """
    )
    result = build()
    assert result.success
    return result


def test_a_late_line_stands_beside_its_siblings(shop: LakeSession, second: dg.ExecuteInProcessResult) -> None:
    found = rows_of(
        shop, "select product_id, revenue from data_foundation.fct_transactions where order_id = 1 order by 1"
    )
    assert found == [("1", "129.99"), ("2", "19.49"), ("3", "480.00")]
    codes = "overall_campaign_tracking_code, same_brand_campaign_tracking_code, same_sku_campaign_tracking_code"
    found = rows_of(
        shop, f"select product_id, {codes} from data_foundation.fct_attributions where order_id = 1 order by 1"
    )
    assert found == [
        ("1", "ggl-003", "fbk-002", "ggl-001"),
        ("2", "fbk-002", "fbk-002", "fbk-002"),
        ("3", "ggl-003", "ggl-003", None),
    ]


def test_an_account_that_is_matched_again_has_the_clicks_of_its_new_party(
    shop: LakeSession, second: dg.ExecuteInProcessResult
) -> None:
    columns = "individual_party_key, overall_campaign_tracking_code"
    found = rows_of(shop, f"select {columns} from data_foundation.fct_attributions where order_id = 7")
    assert found == [("P3", "ggl-001")]


def test_history_keeps_each_version(shop: LakeSession, second: dg.ExecuteInProcessResult) -> None:
    accounts = rows_of(
        shop,
        """
        select is_active, dbt_valid_from, dbt_valid_to
        from data_foundation_private.accounts_history where account_id = 101 order by dbt_valid_from
        """,
    )
    assert accounts == [
        ("True", "2026-03-08 09:59:59", "2026-10-01 19:00:00"),
        ("False", "2026-10-01 19:00:00", None),
    ]
    lines = rows_of(
        shop,
        """
        select revenue, dbt_valid_to is null
        from data_foundation_private.transactions_history where order_id = 2 order by dbt_valid_from
        """,
    )
    assert lines == [("129.99", "False"), ("119.99", "True")]
    versions = "select count(*), count(dbt_valid_to) from data_foundation_private.{}"
    # Seven accounts' rows are six accounts; thirteen lines and the late one.
    assert rows_of(shop, versions.format("accounts_history")) == [("7", "1")]
    assert rows_of(shop, versions.format("transactions_history")) == [("15", "1")]


def test_a_run_without_a_month_makes_no_hit_twice(shop: LakeSession, second: dg.ExecuteInProcessResult) -> None:
    # Sixteen hits of the web shop and three of the app.
    assert rows_of(shop, "select count(*), count(distinct hit_key) from data_foundation_private.int_hits") == [
        ("19", "19")
    ]


def test_a_run_of_a_month_replaces_that_month_alone(
    shop: LakeSession, build: Build, second: dg.ExecuteInProcessResult
) -> None:
    """August went. In May a hit was corrected, one went, and one came in the month's last second; June has one more, too."""
    shop.connection.execute(
        """
        begin;
        delete from raw_web_hits where date_time >= '2026-08-01' and date_time < '2026-09-01';
        update raw_web_hits set campaign_tracking_code = 'ggl-003' where hit_id = 500;
        delete from raw_app_hits where hit_id = 501;
        insert into raw_web_hits by name
            select * replace (900 as hit_id, timestamp '2026-05-31 16:59:59' as date_time) from raw_web_hits where hit_id = 500;
        insert into raw_web_hits by name
            select * replace (901 as hit_id, timestamp '2026-05-31 17:00:00' as date_time) from raw_web_hits where hit_id = 500;
        commit;
        """
    )
    hits = """
        select hit_id, hit_source, hit_month, campaign_tracking_code from data_foundation_private.int_hits
        where hit_month in ('2026-05-01', '2026-08-01') or hit_id in (101, 901) order by hit_id, hit_source
    """
    june, august = ("101", "web", "2026-06-01", "ggl-001"), ("201", "web", "2026-08-01", "ggl-001")
    may = [
        ("500", "web", "2026-05-01", "ggl-001"),
        ("501", "app", "2026-05-01", "fbk-002"),
        ("600", "app", "2026-05-01", "fbk-004"),
        ("600", "web", "2026-05-01", "ggl-003"),
    ]
    assert rows_of(shop, hits) == [june, august, *may]
    assert build("int_hits", partition="2026-08-01").success
    assert rows_of(shop, hits) == [june, *may]
    assert build("int_hits", partition="2026-05-01").success
    assert rows_of(shop, hits) == [
        june,
        ("500", "web", "2026-05-01", "ggl-003"),
        *may[2:],
        ("900", "web", "2026-05-01", "ggl-003"),
    ]
    shop.connection.execute("alter table raw_app_hits rename to mislaid")
    try:
        before = rows_of(shop, hits)
        assert not build("int_hits", partition="2026-05-01").success
        assert rows_of(shop, hits) == before
    finally:
        shop.connection.execute("alter table mislaid rename to raw_app_hits")
