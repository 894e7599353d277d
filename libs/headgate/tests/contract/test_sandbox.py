"""SQL in contracts: what runs, and everything that must not."""

from pathlib import Path

import duckdb
import pytest

from headgate.contract import ContractError, load_contract, restrict_access
from headgate.contract.engine_check import UnsafeQuery, check_with_engine
from headgate.contract.queries import bind_query, tables_of
from headgate.contract.sandbox import check_query
from headgate.lake.session import extension_file

COLUMNS = {"order_id": "BIGINT", "price": "DECIMAL(12,2)", "product": "VARCHAR", "day": "DATE"}
FOREIGN = {"crm.customers", "shop.products"}


def check(query: str, column: str | None = None):
    return check_query(query, team="shop", table="orders", column=column, columns=COLUMNS, foreign=FOREIGN)


@pytest.mark.parametrize(
    ("query", "violation"),
    [
        ("select count(*) from {table} where price < 0", "price < 0"),
        (
            "SELECT COUNT(*) AS n FROM ${object} o WHERE o.price < 0 OR o.product IS NULL",
            "price < 0 OR product IS NULL",
        ),
        ("select count(*) from shop.orders where shop.orders.price < 0", "price < 0"),
        ("select count(*) from orders where not (day > current_date + 1)", "NOT (day > CURRENT_DATE + 1)"),
        ("-- a comment\nselect count(*) from `{table}` where {column} is null;", '"price" IS NULL'),
    ],
)
def test_a_count_of_rows_becomes_a_predicate(query: str, violation: str) -> None:
    assert check(query, "price").violation == violation


@pytest.mark.parametrize(
    "query",
    [
        "select count(*) from orders",
        "select count(product) from orders where price < 0",
        "select count(*) from orders where price < (select avg(price) from orders)",
        "select count(*) + 1 from orders where price < 0",
        "select count(*) from orders where price < 0 limit 1",
        "select count(*) from orders, crm.customers where price < 0",
        "select count(*) from (select * from orders) where price < 0",
        "select sum(price) from orders where price < 0",
        "(select count(*) from orders)",
        "select count(*) from orders union all select 1",
        "with big as (select * from orders where price > 9) select max(price) from big",
        "with a as (select 1 as x), b as (select x + 1 as x from a) select max(x) from b",
        "select count(*) from orders o anti join products p on p.name = o.product",
        "select max(n) from (select product, count(*) as n from orders group by 1)",
        "select max(price) from (select price, row_number() over (order by day) as r from orders) where r = 1",
        "select list_sum(list_transform([1, 2], lambda x: x + 1))",
        "select coalesce(sum(case when product ilike 'a%' then 1 else 0 end), 0) from orders",
    ],
)
def test_any_other_select_stays_a_query(query: str) -> None:
    assert check(query).violation is None


def test_names_are_put_in_when_the_query_runs() -> None:
    safe = check("select count(*) from orders o left join crm.customers c on c.id = o.order_id where c.id is null")
    assert (safe.columns, tables_of(safe.text)) == (("order_id",), ["crm.customers"])
    bound = bind_query(safe.text, "(select 1 as order_id)", {"crm.customers": '"lake"."customers"'})
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as lake; create table lake.customers as select 2 as id")
        assert connection.execute(bound).fetchone() == (1,)


@pytest.mark.parametrize(
    ("query", "what"),
    [
        # files and addresses
        ("select count(*) from read_text('/etc/passwd')", "table functions are not allowed"),
        ("select content from read_blob('/etc/passwd')", "table functions are not allowed"),
        ("select count(*) from read_csv_auto('/etc/passwd')", "table functions are not allowed"),
        ("select count(*) from read_parquet('s3://bucket/x')", "table functions are not allowed"),
        ("select count(*) from glob('*')", "table functions are not allowed"),
        ("select count(*) from sniff_csv('/etc/passwd')", "table functions are not allowed"),
        ("select count(*) from '/etc/passwd'", "the SQL reads /etc/passwd, and may read only"),
        ('select count(*) from "/etc/passwd"', "the SQL reads /etc/passwd, and may read only"),
        ("select count(*) from orders where product in (select content from read_text('/x'))", "table functions"),
        ("select (with f as (select * from '/x.csv') select count(*) from f)", "WITH stands only at the beginning"),
        ("select 1 from postgres_query('lake', 'select 1')", "table functions are not allowed"),
        ("select read_text('/etc/passwd')", "read_text"),
        # other tables
        ("select count(*) from crm.orders", "the SQL reads crm.orders, and may read only"),
        ("select count(*) from shop_private.orders", "the SQL reads shop_private.orders"),
        ("select count(*) from main.orders", "the SQL reads main.orders"),
        ("select count(*) from lake.shop.orders", "the SQL reads lake.shop.orders"),
        ("select count(*) from information_schema.tables", "the SQL reads information_schema.tables"),
        ("select count(*) from duckdb_secrets()", "table functions are not allowed"),
        ("select count(*) from query('select 1')", "table functions are not allowed"),
        ("select count(*) from query_table('secrets')", "table functions are not allowed"),
        ("select count(*) from (show tables)", "the SQL reads show"),
        ("select count(*) from range(1000000000)", "table functions are not allowed"),
        ("with a as (select x from b), b as (select 1 as x) select max(x) from a", "the SQL reads b"),
        ("with orders as (select 1 as x) select max(x) from orders", "WITH hides the table orders"),
        ("with r as (select 1 as x) select max(x) from r, (select x from s)", "the SQL reads s"),
        ("with recursive r as (select 1 union all select 1 from r) select count(*) from r", "never RECURSIVE"),
        # other statements
        ("delete from orders", "not one SELECT"),
        ("with d as (delete from orders returning 1) select 1 from d", "DELETE"),
        ("drop table orders", "not one SELECT"),
        ("create table x as select 1", "not one SELECT"),
        ("copy orders to '/tmp/x'", "not one SELECT"),
        ("attach '/tmp/x' as x", "not one SELECT"),
        ("install httpfs", "not one SELECT"),
        ("load httpfs", "not one SELECT"),
        ("set threads = 1", "not one SELECT"),
        ("pragma database_list", "not one SELECT"),
        ("call pragma_version()", "not one SELECT"),
        ("explain select 1", "not one SELECT"),
        ("from orders", "not one SELECT"),
        ("pivot orders on product using sum(price)", "not one SELECT"),
        ("select 1; drop table orders", "not one SELECT"),
        ("select * into x from orders", "more than one column"),
        ("select price into x from orders", "INTO"),
        ("", "not one SELECT"),
        ("-- nothing", "not one SELECT"),
        # functions
        ("select current_setting('s3_secret_access_key')", "calls current_setting"),
        ("select getvariable('key')", "calls getvariable"),
        ("select getenv('HOME')", "calls getenv"),
        ("select error(product) from orders", "calls error"),
        ("select nextval('s')", "calls nextval"),
        ("select write_log('x')", "calls write_log"),
        ("select sleep_ms(1000)", "calls sleep_ms"),
        ("select random()", "calls random"),
        ("select json_execute_serialized_sql('x')", "calls json_execute_serialized_sql"),
        ("select http_get('http://x')", "calls http_get, which is not a function"),
        ("select pg_read_file('/etc/passwd')", "calls pg_read_file"),
        # forms that answer differently each time, or wait for parameters
        ("select count(*) from orders tablesample 10%", "TABLESAMPLE"),
        ("select count(*) from orders using sample 10", "TABLESAMPLE"),
        ("select count(*) from orders at (version => 3)", "the SQL does not parse"),
        ("select count(*) from orders where price > ?", "PLACEHOLDER"),
        ("select count(*) from orders where price > $1", "PLACEHOLDER"),
        ("select unnest([1, 2])", "only selects"),
        ("select count(*) from orders, lateral (select 1)", "LATERAL"),
        # what cannot be planned or compared
        ("select nope from orders", 'column "nope" not found'),
        ("select count(*) from orders where nope > 1", 'column "nope" not found'),
        ("select count(*) from orders where day > price", "Cannot compare"),
        ("select price, day from orders", "more than one column"),
        ("select * from orders", "more than one column"),
        ("select count(*) from orders where", "the SQL does not parse"),
        ("selec 1", "not one SELECT"),
        ('select count(*) from "@table"', "which no name of the lake does"),
        ("select count(*) from orders where {column} > 1", "means nothing in a rule of the table"),
    ],
)
def test_what_is_refused(query: str, what: str) -> None:
    with pytest.raises(UnsafeQuery) as refusal:
        check(query)
    assert what in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "select count(*) from read_text('/etc/passwd')",
        "select count(*) from '/etc/passwd'",
        "select count(*) from lake.shop.secrets",
        "select count(*) from (describe t)",
        "select count(*) from t at (version => 1)",
        "select count(*) from t tablesample 10%",
        "select current_setting('threads')",
        "select 1; select 2",
        "drop table t",
    ],
)
def test_the_engines_own_parser_is_a_wall_by_itself(text: str) -> None:
    check_with_engine("select count(*) from t", COLUMNS, own_table="t", foreign=[])
    with pytest.raises(UnsafeQuery):
        check_with_engine(text, COLUMNS, own_table="t", foreign=[])


def test_the_error_names_the_file_and_the_line(write_contract) -> None:
    path = write_contract(
        """
- name: id
  logicalType: integer
  quality:
    - type: sql
      name: passwords
      mustBe: 0
      query: |
        select count(*)
        from read_text('/etc/passwd')
"""
    )
    with pytest.raises(ContractError) as refusal:
        load_contract(path)
    assert refusal.value.what.startswith("rule passwords: the SQL reads from READ_TEXT('/etc/passwd')")
    assert refusal.value.where == f"{path}:20"


def test_a_restricted_engine_still_works_on_an_attached_lake(connection, tmp_path: Path) -> None:
    connection.execute(f"load '{extension_file('ducklake')}'")
    connection.execute(f"attach 'ducklake:{tmp_path}/catalog.ducklake' as lake (data_path '{tmp_path}/data')")
    restrict_access(connection, [str(tmp_path)])
    connection.execute("create table lake.orders as select i as id from range(5000) r(i)")
    connection.execute("begin; truncate lake.orders; insert into lake.orders select i from range(4000) r(i); commit")
    assert connection.execute("select count(*), max(id) from lake.orders").fetchone() == (4000, 3999)


def test_a_restricted_engine_reads_its_folders_and_nothing_else(connection, tmp_path: Path) -> None:
    inside = tmp_path / "lake"
    inside.mkdir()
    connection.execute(f"copy (select 7 as x) to '{inside}/x.parquet'")
    connection.execute(f"copy (select 7 as x) to '{tmp_path}/outside.parquet'")
    assert connection.execute("select count(*) from read_text('/etc/passwd')").fetchone() == (1,)
    restrict_access(connection, [str(inside)])
    assert connection.execute(f"select x from read_parquet('{inside}/x.parquet')").fetchone() == (7,)
    connection.execute(f"copy (select 8 as x) to '{inside}/y.parquet'")
    for statement in [
        "select * from read_text('/etc/passwd')",
        "select * from '/etc/passwd.csv'",
        f"select * from '{tmp_path}/outside.parquet'",
        f"select * from '{inside}/../outside.parquet'",
        f"copy (select 1) to '{tmp_path}/new.csv'",
        f"attach '{tmp_path}/new.duckdb'",
        "install httpfs from 'http://localhost'",
        "set enable_external_access = true",
        f"set allowed_directories = ['{tmp_path}/']",
    ]:
        with pytest.raises(duckdb.Error):
            connection.execute(statement)
    assert not (tmp_path / "new.csv").exists()
