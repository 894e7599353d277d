"""Each mode of a stream, run through Dagster, on rows one can count."""

ACCOUNTS = """
source: SHOP_DB
target: LAKE
streams:
  public.accounts:
    mode: full-refresh
"""


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
