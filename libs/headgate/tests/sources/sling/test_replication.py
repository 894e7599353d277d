"""Replication files: what is read from them, and what a wrong one is told, with its line."""

from datetime import timedelta
from pathlib import Path

import pytest

from headgate.sources.sling.columns import ColumnNote
from headgate.sources.sling.replication import ReplicationError, read_replication

GOOD = """\
source: SHOP_DB
target: LAKE
defaults:
  mode: incremental
  update_key: updated_at
  object: shop_{stream_table}
streams:
  public.Accounts:
    description: Who has an account
    primary_key: account_id
    tags: [crm]
    columns:
      account_id: {type: bigint, description: Number of the account}
      balance: decimal(12, 2)
    meta: {headgate: {lookback: 2 days, automation: eager, deps: [src_accounts]}}
  sales."Order Lines":
    object: order_lines
    primary_key: [order_id, product_id]
  public.old:
    disabled: true
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "shop.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_is_read_with_its_defaults(tmp_path: Path) -> None:
    replication = read_replication(write(tmp_path, GOOD))
    accounts, lines = replication.streams
    assert replication.source == "SHOP_DB"
    assert (accounts.schema, accounts.source_table, accounts.table) == ("public", "Accounts", "shop_accounts")
    assert (accounts.mode, accounts.update_key, accounts.primary_key) == ("incremental", "updated_at", ("account_id",))
    assert (accounts.lookback, accounts.automation, accounts.tags) == (timedelta(days=2), "eager", ("crm",))
    assert accounts.deps == ("src_accounts",)
    assert accounts.columns == {
        "account_id": ColumnNote("bigint", "Number of the account"),
        "balance": ColumnNote("decimal(12, 2)"),
    }
    assert (lines.schema, lines.source_table, lines.table) == ("sales", "Order Lines", "order_lines")
    assert lines.primary_key == ("order_id", "product_id")
    assert accounts.place("primary_key").endswith("shop.yaml:10") and lines.place("mode").endswith("shop.yaml:4")


@pytest.mark.parametrize(
    ("old", "new", "line", "what"),
    [
        ("mode: incremental", "mode: increment", 4, "there is no mode 'increment'"),
        ("mode: incremental", "mode: [", 6, "is not YAML"),
        ("  update_key: updated_at\n", "  update_keys: updated_at\n", 5, "the key update_keys is not kept here"),
        ("source: SHOP_DB", "source: postgresql://u:pw@host/db", 1, "source does not name a connection"),
        ("target: LAKE", "target: SNOWFLAKE", 2, "the target 'SNOWFLAKE' is not the team's private zone"),
        ("    object: order_lines\n", "    object: shop_accounts\n", 16, "both become the table shop_accounts"),
        ("    object: order_lines\n", "    object: raw.lines\n", 17, "'raw.lines' is not the name of a landed table"),
        ("  public.old:", "  public.Accounts:", 19, "the key public.Accounts stands here a second time"),
        ('sales."Order Lines"', '"sales.*"', 16, "'sales.*' does not name one table"),
        ("    primary_key: account_id\n", "    primary_key: {a: b}\n", 10, "primary_key is not a list of names"),
        ("decimal(12, 2)", "money", 14, "there is no type 'money' of a column"),
        ("{type: bigint, desc", "{kind: bigint, desc", 13, "column account_id says something else"),
        ("lookback: 2 days", "lookback: some", 15, "the lookback 'some' is no length of time"),
        ("lookback: 2 days", "look: 2 days", 15, "the key look is not kept here"),
        ("    tags: [crm]\n", "    sql: select 1\n", 11, "the key sql is not kept here"),
        ("    tags: [crm]\n", "    select: [account_id, -name]\n", 11, "select both names columns and leaves some"),
        ("    tags: [crm]\n", "    select: [-updated_at]\n", 11, "select leaves out updated_at, which is a key"),
        ("    tags: [crm]\n", "    where: name <> '{stream_table}'\n", 11, "Sling would fill in"),
        ("    tags: [crm]\n", "    source_options: {limit: 5}\n", 11, "of source_options only range"),
        ("    tags: [crm]\n", "    source_options: {range: '1,2'}\n", 11, "a range is for backfill"),
        ("    tags: [crm]\n", "    mode: backfill\n    update_key: ''\n", 11, "backfill needs an update_key"),
        ("    tags: [crm]\n", "    mode: truncate\n", 15, "a lookback is for incremental streams"),
    ],
)
def test_a_wrong_file_is_told_where_and_what_next(tmp_path: Path, old: str, new: str, line: int, what: str) -> None:
    path = write(tmp_path, GOOD.replace(old, new))
    assert path.read_text(encoding="utf-8") != GOOD
    with pytest.raises(ReplicationError) as caught:
        read_replication(path)
    first, where, next_step = str(caught.value).splitlines()
    assert what in first and where == f"  where: {path}:{line}" and next_step.startswith("  next:  ")
    assert "pw@" not in str(caught.value)


def test_incremental_needs_a_key(tmp_path: Path) -> None:
    path = write(tmp_path, "source: DB\nstreams:\n  public.accounts:\n    mode: incremental\n")
    with pytest.raises(ReplicationError, match=r"(?s)which rows are new.*shop.yaml:4"):
        read_replication(path)


@pytest.mark.parametrize("text", ["", "source: DB\nstreams:\n", "source: DB\nstreams: [a]\n", "- a\n"])
def test_a_file_without_streams_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ReplicationError):
        read_replication(write(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ReplicationError, match=r"(?s)the replication cannot be read.*none.yaml"):
        read_replication(tmp_path / "none.yaml")
