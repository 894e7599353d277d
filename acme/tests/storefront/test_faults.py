"""Faults: exactly as many rows as asked for, known to the ledger, and gone again without a trace."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from acme.errors import AcmeError
from acme.source import Source
from acme.storefront import faults
from acme.storefront.faults import COLUMN_KINDS, KINDS, clear, inject
from acme.storefront.growth import advance
from acme.storefront.ledger import StorefrontLedger
from acme.storefront.tables import CURSORS

from .conftest import Query, Snapshot

COUNTS = {
    "null_key": ("transactions", "select count(*) from transactions where order_id is null"),
    "negative_quantity": ("transactions", "select count(*) from transactions where quantity < 0"),
    "unknown_product": ("transactions", "select count(*) from transactions where product_id > 900000"),
    "orphan_account": ("transactions", "select count(*) from transactions where account_id > 900000"),
    "duplicate_hit": ("web_hits", "select count(*) - count(distinct hit_id) from web_hits"),
    "duplicate_line": (
        "transactions",
        "select count(order_id) - count(distinct (order_id, product_id)) from transactions where order_id > 0",
    ),
    "mixed_case_source_system": (
        "individual_party_keys",
        "select count(*) from individual_party_keys where source_system <> lower(source_system)",
    ),
}


def test_every_kind_has_its_count_here() -> None:
    assert {*COUNTS, *COLUMN_KINDS} == set(KINDS)


@pytest.mark.parametrize("kind", COUNTS)
def test_a_fault_is_exact_and_goes_without_a_trace(
    kind: str, ledger: Path, source: Source, query: Query, snapshot: Snapshot
) -> None:
    before = snapshot()
    table, count = COUNTS[kind]
    fault = inject(source, ledger, kind, count=2)
    assert query(table, count) == [(2,)]
    assert (fault["count"], len(fault["ids"]), len(fault["rows"])) == (2, 2, 2)
    assert fault["table"].endswith(f".{table}")
    assert StorefrontLedger(ledger).faults() == [fault]
    after = snapshot()
    assert [name for name in after if after[name] != before[name]] == [table]
    newest = datetime.fromisoformat(StorefrontLedger(ledger).world["newest"][table])
    for row in fault["rows"]:
        stamp = datetime.fromisoformat(row[CURSORS[table]])
        assert newest - timedelta(hours=12) < stamp <= newest + timedelta(minutes=1)
    (cleared,) = clear(source, ledger)
    assert cleared["is_cleared"] and snapshot() == before
    assert StorefrontLedger(ledger).faults(active_only=True) == []


def test_all_kinds_at_once_and_back_one_by_one(ledger: Path, source: Source, query: Query, snapshot: Snapshot) -> None:
    before = snapshot()
    for kind in [*COUNTS, *COUNTS]:
        inject(source, ledger, kind, count=1)
    counts = {kind: query(table, count) for kind, (table, count) in COUNTS.items()}
    assert all(found == [(2,)] for found in counts.values()), counts
    for kind in COUNTS:
        assert len(clear(source, ledger, kind=kind)) == 2
    assert snapshot() == before


def columns_of(query: Query, table: str) -> list[str]:
    statement = "select column_name from information_schema.columns where table_name = %s order by ordinal_position"
    return [row[0] for row in query(table, statement, [table])]


def test_columns_change_and_change_back(ledger: Path, source: Source, query: Query, snapshot: Snapshot) -> None:
    before, names = snapshot(), {table: columns_of(query, table) for table in CURSORS}
    inject(source, ledger, "null_key")
    inject(source, ledger, "drop_column")
    assert "tax_cents" not in columns_of(query, "transactions")
    with pytest.raises(AcmeError, match="column tax_cents is changed"):
        inject(source, ledger, "null_key")
    inject(source, ledger, "new_column", column="inventory_db.products.is_fragile")
    assert columns_of(query, "products")[-1] == "is_fragile"
    assert query("products", "select distinct is_fragile from products") == [("standard",)]
    inject(source, ledger, "rename_column", column="adobe_experience.app_hits.screen")
    assert "screen_renamed" in columns_of(query, "app_hits")
    clear(source, ledger)
    assert {table: columns_of(query, table) for table in CURSORS} == names
    assert snapshot() == before
    assert len(advance(source, ledger, days=1)) == 1


def test_what_cannot_be_injected_is_refused(ledger: Path, source: Source, snapshot: Snapshot) -> None:
    before = snapshot()
    for kind, count, column, message in (
        ("nonsense", 1, None, "There is no fault"),
        ("null_key", 0, None, "cannot be injected"),
        ("drop_column", 2, None, "cannot be injected"),
        ("drop_column", 1, "transaction_db.transactions.prize", "There is no column"),
        ("drop_column", 1, "crm.transactions.quantity", "column crm.transactions.quantity"),
        ("new_column", 1, "accounts_db.accounts.email", "There is such a column"),
        ("mixed_case_source_system", 500, None, "500 keys were asked for"),
    ):
        with pytest.raises(AcmeError, match=message):
            inject(source, ledger, kind, count=count, column=column)
    assert snapshot() == before and StorefrontLedger(ledger).faults() == []


def test_days_wait_until_faults_are_cleared(ledger: Path, source: Source) -> None:
    inject(source, ledger, "duplicate_hit")
    with pytest.raises(AcmeError, match="Faults are active"):
        advance(source, ledger, days=1)
    clear(source, ledger)
    assert len(advance(source, ledger, days=1)) == 1


def test_a_killed_injection_can_be_cleared(
    ledger: Path, source: Source, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot()
    for kind in (*COUNTS, "new_column", "rename_column"):
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(faults, "_write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            inject(source, ledger, kind)
        clear(source, ledger)
    assert snapshot() == before
