"""Months of a large table: one, a range, again, and the moments at their edges."""

import dagster as dg

HITS = """
source: SHOP_DB
streams:
  public.web_hits:
    mode: incremental
    update_key: date_time
    primary_key: hit_id
"""
TABLE = "create table web_hits (hit_id bigint, date_time {kind}, page text)"
# Two hits a month, at the first and at the last microsecond of it, from December to March.
ROWS = """
    insert into web_hits
    select 2 * n + part, month + case part when 0 then interval '0' else interval '1 month' - interval '1 microsecond' end, 'p'
    from generate_series(0, 3) as n, generate_series(0, 1) as part,
        lateral (select {kind} '2025-12-01' + n * interval '1 month' as month) as months
"""


def test_a_month_is_replaced_exactly(team, source, rows_of) -> None:
    source.run(TABLE.format(kind="timestamp"), ROWS.format(kind="timestamp"))
    team.load(HITS, "partitions_def=MONTHS")
    assert team.run("web_hits", partition_key="2026-01-01")["web_hits"]["written_rows"] == 2
    assert rows_of("select hit_id from web_hits order by 1") == [(2,), (3,)]
    team.run("web_hits", partition_key="2026-02-01")
    source.run(
        "delete from web_hits where hit_id = 2",
        "update web_hits set page = 'q'",
        "update web_hits set date_time = '2026-02-10' where hit_id = 3",
    )
    told = team.run("web_hits", partition_key="2026-01-01")["web_hits"]
    assert (told["written_rows"], told["gone_rows"]) == (0, 2)
    assert rows_of("select hit_id, page from web_hits order by 1") == [(4, "p"), (5, "p")]
    team.run("web_hits", partition_key="2026-02-01")
    assert rows_of("select hit_id, page from web_hits order by 1") == [(3, "q"), (4, "q"), (5, "q")]
    assert rows_of("select partition_key, count(*) from _refused_rows group by 1") == [("2026-01-01", 2)]


def test_a_range_of_months_is_one_run(team, source, rows_of) -> None:
    source.run(TABLE.format(kind="date"), ROWS.format(kind="date"))
    module = team.load(HITS, "partitions_def=MONTHS")
    assert module.landed[0].backfill_policy == dg.BackfillPolicy.single_run()
    span = {"dagster/asset_partition_range_start": "2026-01-01", "dagster/asset_partition_range_end": "2026-02-01"}
    result = team.execute("web_hits", tags=span)
    made = result.get_asset_materialization_events()
    assert [event.partition for event in made] == ["2026-01-01", "2026-02-01"]
    assert rows_of("select hit_id from web_hits order by 1") == [(2,), (3,), (4,), (5,)]


def test_a_month_begins_where_the_cursor_says(team, source, rows_of) -> None:
    # Midnight of Los Angeles is 08:00 UTC in January; a cursor with a time zone is of a moment, one without of a wall clock.
    source.run(
        "create table web_hits (hit_id bigint, date_time timestamptz)",
        "insert into web_hits values (1, '2026-01-01 07:59+00'), (2, '2026-01-01 08:00+00'), (3, '2026-02-01 07:59+00')",
    )
    zone = 'dg.MonthlyPartitionsDefinition("2026-01-01", timezone="America/Los_Angeles")'
    team.load(HITS, f"partitions_def={zone}")
    team.run("web_hits", partition_key="2026-01-01")
    assert rows_of("select hit_id from web_hits order by 1") == [(2,), (3,)]
    team.run("web_hits", partition_key="2026-01-01")
    assert rows_of("select hit_id, date_time::varchar from web_hits order by 1") == [
        (2, "2026-01-01 08:00:00+00"),
        (3, "2026-02-01 07:59:00+00"),
    ]


def test_a_run_without_partition_reads_what_is_new(team, source, rows_of) -> None:
    source.run(TABLE.format(kind="timestamp"), ROWS.format(kind="timestamp"))
    team.load(HITS, "partitions_def=MONTHS")
    team.run("web_hits", partition_key="2026-01-01")
    assert team.run("web_hits")["web_hits"]["written_rows"] == 5  # the newest again, and the four after it
    assert rows_of("select count(*), count(distinct hit_id) from web_hits") == [(6, 6)]
