"""What a source does to its tables: new columns, columns that are gone, other types."""

STREAM = "source: SHOP_DB\nstreams:\n  public.accounts: {mode: incremental, primary_key: id, update_key: changed_on}\n"
FULL_REFRESH = {"headgate/full_refresh": "true"}


def make_accounts(source) -> None:
    source.run("create table accounts (id int, changed_on date)", "insert into accounts values (1, '2026-01-01')")


def test_a_new_column_is_added(team, source, rows_of) -> None:
    make_accounts(source)
    team.load(STREAM)
    assert team.run("accounts")["accounts"]["new_columns"] == "none"
    source.run("alter table accounts add column tier text", "insert into accounts values (2, '2026-01-02', 'gold')")
    assert team.run("accounts")["accounts"]["new_columns"] == "tier"
    assert rows_of("select id, tier from accounts order by id") == [(1, None), (2, "gold")]


def test_a_column_that_is_gone_fails_until_somebody_says_so(team, source, rows_of) -> None:
    make_accounts(source)
    source.run("alter table accounts add column tier text default 'gold'")
    team.load(STREAM)
    team.run("accounts")
    source.run("alter table accounts drop column tier", "insert into accounts values (2, '2026-01-02')")
    what, where, next_step = team.fail("accounts").splitlines()
    assert "no column tier any more" in what and where.endswith("shop.yaml:3") and "full_refresh" in next_step
    assert rows_of("select id, tier from accounts") == [(1, "gold")]
    team.run("accounts", tags=FULL_REFRESH)
    assert rows_of("select * exclude (_loaded_at, changed_on) from accounts order by 1") == [(1,), (2,)]


def test_another_type_fails_until_somebody_says_so(team, source, rows_of) -> None:
    make_accounts(source)
    team.load(STREAM)
    team.run("accounts")
    source.run("alter table accounts alter column id type text", "insert into accounts values ('x', '2026-01-02')")
    message = team.fail("accounts")
    assert "column id is now text, and integer was landed" in message and len(message.splitlines()) == 3
    assert rows_of("select id from accounts") == [(1,)]
    team.run("accounts", tags=FULL_REFRESH)
    assert rows_of("select id from accounts order by 1") == [("1",), ("x",)]


def test_a_full_refresh_follows_another_type(team, source, rows_of) -> None:
    make_accounts(source)
    team.load("source: SHOP_DB\nstreams:\n  public.accounts:\n")
    team.run("accounts")
    source.run("alter table accounts alter column id type numeric(9,2)")
    team.run("accounts")
    assert rows_of("select typeof(id) from accounts") == [("DECIMAL(9,2)",)]


def test_snapshots_outlive_a_column(team, source, rows_of) -> None:
    make_accounts(source)
    team.load("source: SHOP_DB\nstreams:\n  public.accounts: {mode: snapshot}\n")
    team.run("accounts")
    source.run("alter table accounts drop column changed_on")
    assert "no column changed_on any more" in team.fail("accounts")
    team.run("accounts", tags=FULL_REFRESH)
    assert rows_of("select id, count(changed_on), count(*) from accounts group by 1") == [(1, 1, 2)]
    source.run("alter table accounts alter column id type text")
    assert "column id is now text" in team.fail("accounts", tags=FULL_REFRESH)


def test_a_column_of_the_landings_own_name_is_refused(team, source, rows_of) -> None:
    source.run("create table accounts (id int, _loaded_at date)", "insert into accounts values (1, '2026-01-01')")
    team.load("source: SHOP_DB\nstreams:\n  public.accounts:\n")
    assert "select: [-_loaded_at]" in team.fail("accounts")
    team.load("source: SHOP_DB\nstreams:\n  public.accounts: {select: [-_loaded_at]}\n")
    team.run("accounts")
    assert rows_of("select id from accounts where _loaded_at > now() - interval 1 hour") == [(1,)]
