"""Injected faults: exact numbers, known ids, gone without a trace; and what an incremental loader makes of all this."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from acme.errors import AcmeError
from acme.faults import KINDS, clear, inject
from acme.ledger import Ledger
from acme.seeding import advance, seed
from acme.source import Source
from acme.world import LOOKBACK_HOURS

from .conftest import TODAY, Query

Row = tuple[Any, ...]
Snapshot = Callable[[], dict[str, list[Row]]]

COUNTS = {
    "null_key": ("shop", "select count(*) from orders where order_id is null"),
    "duplicate": ("shop", "select count(*) - count(distinct order_id) from orders where order_id is not null"),
    "negative_price": ("shop", "select count(*) from orders where price < 0"),
    "unknown_product": ("shop", "select count(*) from orders where product like 'Unknown%'"),
    "out_of_range_date": ("shop", "select count(*) from orders where order_date in ('1970-01-01', '2999-12-31')"),
    "broken_email": ("crm", r"select count(*) from customers where email !~ '^[^@\s]+@[^@\s]+\.[^@\s]+$'"),
    "future_signup": ("crm", "select count(*) from customers where signup_date > '2026-08-01'"),
}


@pytest.mark.parametrize("kind", sorted(COUNTS))
def test_a_fault_comes_in_its_exact_number_and_goes(
    kind: str, ledger: Path, source: Source, query: Query, snapshot: Snapshot
) -> None:
    before = snapshot()
    fault = inject(source, ledger, kind, count=7)
    assert query(*COUNTS[kind]) == [(7,)]
    assert sum(query(*COUNTS[other])[0][0] for other in COUNTS) == 7
    assert fault["count"] == len(fault["ids"]) == len(fault["rows"]) == 7
    assert Ledger(ledger).faults(active_only=True) == [fault]

    clear(source, ledger)
    assert snapshot() == before
    assert Ledger(ledger).faults(active_only=True) == []
    assert Ledger(ledger).faults()[0]["is_cleared"] is True


def test_the_ledger_names_the_faulty_rows(ledger: Path, source: Source, query: Query) -> None:
    fault = inject(source, ledger, "negative_price", count=3)
    rows = query("shop", "select order_id, price from orders where price < 0 order by 1")
    assert [row[0] for row in rows] == fault["ids"]
    assert [row[1] for row in rows] == [Decimal(row["price"]) for row in fault["rows"]]

    fault = inject(source, ledger, "duplicate", count=2)
    twice = query("shop", "select order_id from orders group by 1 having count(*) > 1 order by 1")
    assert sorted(set(fault["ids"])) == [row[0] for row in twice if row[0] is not None]

    fault = inject(source, ledger, "broken_email", count=2)
    emails = query(
        "crm", "select email from customers where customer_id = any(%s) order by customer_id", [fault["ids"]]
    )
    assert [row[0] for row in emails] == ["not-an-address", "nobody@"]


def test_all_kinds_at_once_and_back_one_by_one(ledger: Path, source: Source, query: Query, snapshot: Snapshot) -> None:
    before = snapshot()
    for kind in [*COUNTS, *COUNTS]:
        inject(source, ledger, kind, count=4)
    for kind, count in COUNTS.items():
        assert query(*count) == [(8,)], kind
    for kind in COUNTS:
        assert len(clear(source, ledger, kind=kind)) == 2
    assert snapshot() == before


def test_a_dropped_column_comes_back(ledger: Path, source: Source, query: Query, snapshot: Snapshot) -> None:
    before = snapshot()
    names = "select column_name from information_schema.columns where table_name = 'orders' order by ordinal_position"
    known = query("shop", names)
    inject(source, ledger, "null_key", count=2)
    inject(source, ledger, "drop_column", column="shop.orders.price")
    assert ("price",) not in query("shop", names)
    with pytest.raises(AcmeError, match="column price is dropped"):
        inject(source, ledger, "null_key")
    clear(source, ledger)
    assert query("shop", names) == known
    assert snapshot() == before


def test_what_cannot_be_injected_is_refused(ledger: Path, source: Source, snapshot: Snapshot) -> None:
    before = snapshot()
    for kind, count, column, message in (
        ("nonsense", 1, "", "There is no fault"),
        ("null_key", 0, "", "cannot be injected"),
        ("drop_column", 2, "shop.orders.price", "cannot be injected"),
        ("drop_column", 1, "shop.orders.prize", "There is no column"),
        ("broken_email", 201, "", "201 customers were asked for, 200 are"),
    ):
        with pytest.raises(AcmeError, match=message):
            inject(source, ledger, kind, count=count, column=column)
    assert snapshot() == before and Ledger(ledger).faults() == []


def test_days_wait_until_faults_are_cleared(ledger: Path, source: Source) -> None:
    inject(source, ledger, "duplicate", count=1)
    with pytest.raises(AcmeError, match="Faults are active"):
        advance(source, ledger, days=1)
    clear(source, ledger)
    assert len(advance(source, ledger, days=1)) == 1


def test_a_killed_injection_can_be_cleared(
    ledger: Path, source: Source, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot()
    for kind in KINDS:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("acme.faults._write", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            inject(source, ledger, kind, count=1)
    clear(source, ledger)
    assert snapshot() == before


class Loader:
    """The simplest loader that is right: it replaces its look-back window, and whatever key comes again."""

    def __init__(self, query: Query, lookback: timedelta) -> None:
        self._query, self._lookback = query, lookback
        self.rows: list[Row] = []

    def load(self) -> None:
        newest = max((row[6] for row in self.rows), default=datetime(1970, 1, 1, tzinfo=UTC) + self._lookback)
        since = newest - self._lookback
        batch = self._query("shop", "select * from orders where updated_at >= %s", [since])
        keys = {row[0] for row in batch}
        self.rows = [row for row in self.rows if row[6] < since and row[0] not in keys] + batch


def test_a_loader_with_the_lookback_stays_exact_and_one_without_loses_rows(
    source: Source, query: Query, tmp_path: Path
) -> None:
    folder = tmp_path / "ledger"
    seed(source, folder, orders=1_000, seed=5, today=TODAY, force=True)
    careful, trusting = Loader(query, timedelta(hours=LOOKBACK_HOURS)), Loader(query, timedelta())

    def assert_exact(loader: Loader) -> None:
        loader.load()
        assert sorted(loader.rows, key=repr) == sorted(query("shop", "select * from orders"), key=repr)

    assert_exact(careful)
    trusting.load()
    for days in (1, 3, 1):
        for kind in ("null_key", "duplicate", "negative_price", "unknown_product", "out_of_range_date"):
            inject(source, folder, kind, count=3)
        assert_exact(careful)
        clear(source, folder)
        if days == 3:  # cleared and advanced between two loads
            assert_exact(careful)
        advance(source, folder, days=days)
        assert_exact(careful)
        trusting.load()
    book = Ledger(folder)
    assert len(careful.rows) == book.totals().orders
    lost = set(book.order_ids()) - {row[0] for row in trusting.rows}
    assert lost and lost <= set(book.order_ids(kind="lagged"))


def test_faults_lie_inside_the_lookback(ledger: Path, source: Source, query: Query) -> None:
    newest = datetime.fromisoformat(Ledger(ledger).world["newest_updated_at"])
    for kind in ("null_key", "negative_price", "out_of_range_date", "duplicate"):
        for row in inject(source, ledger, kind, count=5)["rows"]:
            stamp = datetime.fromisoformat(row["updated_at"])
            assert newest - timedelta(hours=12) < stamp <= newest + timedelta(minutes=1)
    assert {row[0] for row in query("shop", "select order_date from orders where order_id > 900000000000")} >= {
        date(1970, 1, 1),
        date(2999, 12, 31),
    }
