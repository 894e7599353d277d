"""Each mode of a stream, run through Dagster, on rows one can count."""

from pathlib import Path

FULL_REFRESH = {"headgate/full_refresh": "true"}
ACCOUNTS = """
source: SHOP_DB
target: LAKE
streams:
  public.accounts:
    mode: full-refresh
"""
ORDERS = """
source: SHOP_DB
defaults:
  mode: incremental
  update_key: changed_at
streams:
  public.orders:
    primary_key: [order_id, product_id]
    {more}
"""
ORDER_LINES = "create table orders (order_id bigint, product_id bigint, quantity int, changed_at timestamp)"


def test_full_refresh_takes_the_place_of_everything(team, source, rows_of) -> None:
    source.run("create table accounts (id bigint, name text)", "insert into accounts values (1, 'Ann'), (2, null)")
    team.load(ACCOUNTS)
    told = team.run("accounts")["accounts"]
    assert (told["written_rows"], told["dagster/row_count"]) == (2, 2)
    assert rows_of("select id, name from accounts order by id") == [(1, "Ann"), (2, None)]
    assert rows_of("select count(*) from accounts where _loaded_at > now() - interval 1 hour") == [(2,)]
    source.run("delete from accounts where id = 1")
    assert team.run("accounts")["accounts"]["dagster/row_count"] == 1
    source.run("delete from accounts")
    assert team.run("accounts")["accounts"]["dagster/row_count"] == 0
    assert rows_of("select * from accounts") == []


def test_a_table_without_rows_lands_with_its_columns(team, source, rows_of) -> None:
    source.run("create table accounts (id bigint, name text)")
    team.load(ACCOUNTS.replace("full-refresh", "truncate"))
    assert team.run("accounts")["accounts"]["dagster/row_count"] == 0
    source.run("insert into accounts values (7, 'Bo')")
    team.run("accounts")
    assert rows_of("select id, name from accounts") == [(7, "Bo")]


def test_a_late_order_line_never_takes_its_siblings_away(team, source, rows_of) -> None:
    source.run(ORDER_LINES, "insert into orders values (1, 10, 1, '2026-01-01 10:00'), (1, 11, 2, '2026-01-01 10:00')")
    team.load(ORDERS.format(more=""))
    team.run("orders")
    source.run("insert into orders values (1, 12, 3, '2026-01-02 09:00')")
    told = team.run("orders")["orders"]
    assert told["read"] == '"changed_at" >= \'2026-01-01 10:00:00\' or "changed_at" is null'
    source.run("update orders set quantity = 5, changed_at = '2026-01-03' where product_id = 10")
    told = team.run("orders")["orders"]
    assert (told["written_rows"], told["dagster/row_count"]) == (2, 3)  # the changed line, and the newest again
    assert rows_of("select product_id, quantity from orders order by 1") == [(10, 5), (11, 2), (12, 3)]


def test_a_row_of_the_newest_moment_that_was_committed_later_is_found(team, source, rows_of) -> None:
    source.run(ORDER_LINES, "insert into orders values (1, 10, 1, '2026-01-01 10:00')")
    team.load(ORDERS.format(more=""))
    team.run("orders")
    source.run("insert into orders values (2, 10, 1, '2026-01-01 10:00')", "insert into orders values (3, 10, 1, null)")
    team.run("orders")
    team.run("orders")
    assert rows_of("select order_id from orders order by 1") == [(1,), (2,), (3,)]


def test_the_lookback_finds_late_rows_with_older_cursors(team, source, rows_of) -> None:
    late = "insert into orders values ({}, 1, 1, '{}')"
    source.run(ORDER_LINES, late.format(1, "2026-01-10 12:00"))
    team.load(ORDERS.format(more="meta: {headgate: {lookback: 3 days}}"))
    team.run("orders")
    source.run(late.format(2, "2026-01-07 12:00"), late.format(3, "2026-01-07 11:59"))
    told = team.run("orders")["orders"]
    assert told["read"].startswith("\"changed_at\" >= '2026-01-07 12:00:00'")
    assert rows_of("select order_id from orders order by 1") == [(1,), (2,)]  # 3 was later than three days
    team.run("orders", tags=FULL_REFRESH)
    assert rows_of("select order_id from orders order by 1") == [(1,), (2,), (3,)]


def test_a_clock_that_is_ahead_holds_nothing_up(team, source, rows_of) -> None:
    source.run(ORDER_LINES, "insert into orders values (1, 1, 1, '2026-01-10'), (2, 1, 1, '2999-01-01')")
    team.load(ORDERS.format(more=""))
    team.run("orders")
    source.run("insert into orders values (3, 1, 1, '2026-01-11')")
    team.run("orders")
    assert rows_of("select order_id from orders order by 1") == [(1,), (2,), (3,)]


def test_of_a_key_sent_twice_the_newest_row_stays(team, source, rows_of) -> None:
    source.run(ORDER_LINES, "insert into orders values (1, 1, 5, '2026-01-02'), (1, 1, 4, '2026-01-01')")
    team.load(ORDERS.format(more=""))
    assert team.run("orders")["orders"]["written_rows"] == 1
    assert rows_of("select quantity from orders") == [(5,)]


def test_without_a_key_rows_are_added_once(team, source, rows_of) -> None:
    source.run("create table hits (page text, n bigint)", "insert into hits values ('a', 1), ('a', 1), ('b', 2)")
    team.load("source: SHOP_DB\nstreams:\n  hits: {mode: incremental, update_key: n}\n")
    team.run("hits")
    source.run("insert into hits values ('b', 2), ('c', 3)")
    told = team.run("hits")["hits"]
    assert (told["written_rows"], told["dagster/row_count"]) == (3, 5)  # both rows of 2, and 3
    assert rows_of("select page, count(*) from hits group by 1 order by 1") == [("a", 2), ("b", 2), ("c", 1)]


def test_a_key_without_cursor_compares_the_whole_table(team, source, rows_of) -> None:
    source.run("create table parts (id bigint, name text)", "insert into parts values (1, 'nut'), (2, 'bolt')")
    team.load("source: SHOP_DB\nstreams:\n  public.parts: {mode: incremental, primary_key: id}\n")
    team.run("parts")
    source.run("update parts set name = 'Nut' where id = 1", "delete from parts where id = 2")
    team.run("parts")
    assert rows_of("select id, name from parts order by id") == [(1, "Nut"), (2, "bolt")]


def test_a_snapshot_is_added_at_each_run_and_once_by_a_run_that_repeats_it(team, source, rows_of) -> None:
    source.run("create table accounts (id bigint)", "insert into accounts values (1), (2)")
    team.load(ACCOUNTS.replace("full-refresh", "snapshot"))
    first = team.execute("accounts")
    again = {"dagster/root_run_id": first.run_id, "dagster/parent_run_id": first.run_id}
    assert team.run("accounts", tags=again)["accounts"]["written_rows"] == 0
    assert rows_of("select count(*) from accounts") == [(2,)]
    team.run("accounts")
    assert rows_of("select count(*), count(distinct _loaded_at) from accounts") == [(4, 2)]


def test_a_backfill_replaces_its_range_and_nothing_else(team, source, rows_of) -> None:
    source.run(
        ORDER_LINES,
        "insert into orders select i, 1, i, timestamp '2026-01-01' + i * interval '12 hours' from generate_series(0, 9) i",
    )
    backfill = ORDERS.replace("mode: incremental", "mode: backfill")
    team.load(backfill.format(more="source_options: {range: '2026-01-02,2026-01-03'}"))
    told = team.run("orders")["orders"]
    assert told["written_rows"] == 4  # the second half of the last day too
    source.run("delete from orders where order_id = 2", "update orders set quantity = 0")
    told = team.run("orders")["orders"]
    assert (told["written_rows"], told["gone_rows"]) == (3, 1)
    assert rows_of("select order_id, quantity from orders order by 1") == [(3, 0), (4, 0), (5, 0)]
    [(reason, kept)] = rows_of("select rule, refused_row from _refused_rows")
    assert reason == "gone at the source" and '"order_id":2' in kept


def test_columns_are_chosen_and_rows_too(team, source, rows_of) -> None:
    source.run(
        'create table accounts (id bigint, "Full Name" text, secret text)',
        "insert into accounts values (1, 'a', 'x'), (2, 'b', 'y'), (3, '{a,b}', ''), (4, '$HOME', '')",
        "insert into accounts values (5, repeat('long ', 1000000), '')",
    )
    kept = """"Full Name" <> 'a' and "Full Name" not in ('{a,b}', '$HOME') or id = 9"""
    team.load(ACCOUNTS + f"    object: people\n    select: [-secret]\n    where: {kept!r}\n".replace("\\'", "''"))
    team.run("people")
    assert rows_of('select id, length("Full Name") from people order by 1') == [(2, 1), (5, 5000000)]
    assert rows_of("select column_name from duckdb_columns() where table_name = 'people'")[1:] == [
        ("Full Name",),
        ("_loaded_at",),
    ]


def test_what_the_file_says_of_columns_is_on_the_table_and_the_asset(team, source, rows_of) -> None:
    source.run("create table accounts (id bigint, name text)", "comment on column accounts.name is 'As signed'")
    more = "    description: Who has an account\n    tags: [crm]\n    columns:\n      id: {description: Number}\n"
    module = team.load(ACCOUNTS + more, 'group_name="crm", automation="eager"')
    [spec] = module.landed[0].specs
    assert (spec.description, spec.group_name, dict(spec.tags)) == (
        "Who has an account",
        "crm",
        {"crm": ""} | spec.tags,
    )
    assert spec.automation_condition is not None and module.landed[0].op.pool == "shop_db"
    schema = team.run("accounts")["accounts"]["dagster/column_schema"]
    assert [(column.name, column.type, column.description) for column in schema.columns] == [
        ("id", "BIGINT", "Number"),
        ("name", "VARCHAR", "As signed"),
        ("_loaded_at", "TIMESTAMP WITH TIME ZONE", "When the row was landed"),
    ]
    assert rows_of("select comment from duckdb_columns() where table_name = 'accounts' order by column_index") == [
        ("Number",),
        ("As signed",),
        (None,),
    ]
    assert rows_of("select comment from duckdb_tables() where table_name = 'accounts'") == [("Who has an account",)]


def test_nothing_stays_in_the_scratch_folder(team, source, tmp_path: Path) -> None:
    source.run("create table accounts (id bigint)", "insert into accounts values (1)")
    team.load(ACCOUNTS)
    team.run("accounts")
    assert list((tmp_path / "run" / "sling").iterdir()) == []
