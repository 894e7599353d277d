"""The storefront's ledger: what its databases must contain, written by the generator and never read from them.

A checker opens it with `StorefrontLedger(folder)`. Layout of the folder:

    world.json              the world, its clock and its totals
    campaigns.json          the campaigns that tracking codes stand for
    batches/0000/           rows that a batch added, a Parquet file for each table: 0000 is the seeding, later ones are days
    batches/0001/changed/   rows of accounts, products and keys as they stand after a change
    attributions.parquet    each order line with its last clicks
    faults.json             what was injected, with the rows, and what was cleared
    state/                  what the generator needs to go on; no statement about the data

Rows of transactions and hits have three columns more than the databases: `instant` (the true time, UTC), `is_repeated`
(the wall time happens twice, so that it alone does not tell the instant) and `kind` (regular, late or lagged).
"""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acme.errors import AcmeError
from acme.ledger import batch_folder, find_world, read_faults
from acme.storefront.attribution import MATCHES, Reading, attribute
from acme.storefront.tables import CURSORS, KEYS

TABLES = tuple(CURSORS)


class StorefrontLedger:
    """The ledger in a folder. The clean world: injected faults are told apart, by `faults`."""

    def __init__(self, folder: Path, world: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.world = world or read_storefront(folder)

    @property
    def today(self) -> date:
        """The world clock, a Pacific day: the data covers the days before it."""
        return date.fromisoformat(self.world["today"])

    def totals(self) -> dict[str, int]:
        """Rows of each table, and clicks, quantity, revenue_cents, tax_cents."""
        totals: dict[str, int] = self.world["totals"]
        return totals

    def campaigns(self) -> list[dict[str, Any]]:
        """Campaigns: campaign_id, platform, name, brand (null: all), tracking_code, starts_on, ends_on (null: always)."""
        campaigns: list[dict[str, Any]] = json.loads((self.folder / "campaigns.json").read_text(encoding="utf-8"))
        return campaigns

    def rows(
        self,
        table: str,
        *,
        columns: Sequence[str] | None = None,
        begin: datetime | None = None,
        end: datetime | None = None,
    ) -> pa.Table:
        """Every row of a table as it stands now, with `instant`, `is_repeated` and `kind` for transactions and hits.

        Args:
            table: one of `TABLES`.
            columns: for transactions and hits: only these.
            begin: for transactions and hits: only those at this instant or later.
            end: the same: only those before this instant.
        """
        wanted = [pc.field("instant") >= begin] if begin else []
        wanted += [pc.field("instant") < end] if end else []
        where = wanted[0] & wanted[1] if len(wanted) == 2 else wanted[0] if wanted else None
        batches = self._batches(begin=begin, end=end)
        names = list(columns) if columns else None
        added = pa.concat_tables([pq.read_table(b / f"{table}.parquet", columns=names, filters=where) for b in batches])
        return _replace(added, self.changes(table), KEYS[table]) if table in KEYS else added

    def changes(self, table: str) -> pa.Table:
        """Rows of accounts, products or individual_party_keys after each change since the seeding, with its `batch`."""
        found = []
        for number, batch in enumerate(self._batches()):
            rows = pq.read_table(batch / "changed" / f"{table}.parquet")
            found.append(rows.append_column("batch", pa.array(np.full(len(rows), number, np.int32))))
        return pa.concat_tables(found)

    def late_lines(self) -> pa.Table:
        """Lines that were written hours or days after their siblings."""
        return self.rows("transactions").filter(pc.field("kind") == "late")

    def attributions(self, *, reading: Reading = "true") -> pa.Table:
        """Each order line with its party and its last clicks, as `acme.storefront.attribution` defines them.

        Args:
            reading: what wall times mean that happen twice: `true` is what really happened; `first` and `second` are
                what somebody finds who takes each as its first or second occurrence.
        """
        if reading == "true":
            return pq.read_table(self.folder / "attributions.parquet")
        return pa.concat_tables(list(attribute(self, reading=reading)))

    def summary(self) -> dict[str, Any]:
        """World, totals, lines by Pacific month, attributed lines, late and lagged ids, campaigns, faults, as JSON has it."""
        lines, attributions = self.rows("transactions"), self.attributions()
        months = lines.append_column("month", pc.strftime(lines["date_time"], "%Y-%m")).group_by("month")
        sums = months.aggregate([("order_id", "count"), ("quantity", "sum"), ("revenue_cents", "sum")]).sort_by("month")
        keys = lines.select(["order_id", "product_id"])
        return {
            **self.world,
            "orders": pc.count_distinct(lines["order_id"]).as_py(),
            "months": {
                row["month"]: {
                    "lines": row["order_id_count"],
                    "quantity": row["quantity_sum"],
                    "revenue_cents": row["revenue_cents_sum"],
                }
                for row in sums.to_pylist()
            },
            "attributed_lines": {match: pc.count(attributions[f"{match}_hit_id"]).as_py() for match in MATCHES},
            **{
                f"{kind}_lines": [list(row.values()) for row in keys.filter(pc.equal(lines["kind"], kind)).to_pylist()]
                for kind in ("late", "lagged")
            },
            "changed_accounts": sorted(set(self.changes("accounts")["account_id"].to_pylist())),
            "campaigns": self.campaigns(),
            "faults": self.faults(),
        }

    def faults(self, *, active_only: bool = False) -> list[dict[str, Any]]:
        """Injected faults: number, kind, table, count, ids, rows, and whether they are still there."""
        return [fault for fault in read_faults(self.folder) if not (active_only and fault["is_cleared"])]

    def _batches(self, *, begin: datetime | None = None, end: datetime | None = None) -> list[Path]:
        """Folders of the batches; without days on which nothing happened between two instants."""
        numbers = [0]
        for number in range(1, self.world["batches"]):
            # A day's rows are of that Pacific day and the one before.
            day = datetime.fromisoformat(self.world["origin"]).replace(tzinfo=UTC) + timedelta(days=number - 1)
            if (begin is None or begin < day + timedelta(days=2)) and (end is None or end > day - timedelta(days=1)):
                numbers.append(number)
        return [batch_folder(self.folder, number) for number in numbers]


def read_storefront(folder: Path) -> dict[str, Any]:
    """world.json of a complete world."""
    world = find_world(folder)
    if world is None or world["status"] != "ready":
        raise AcmeError(
            "There is no complete storefront yet",
            where=str(folder),
            next_step="run `acme storefront seed` with the same --ledger",
        )
    return world


def _replace(rows: pa.Table, changes: pa.Table, key: tuple[str, ...]) -> pa.Table:
    """Rows with those that changed replaced by their last change."""
    if not len(changes):
        return rows
    last = {text: position for position, text in enumerate(_join(changes, key).to_pylist())}
    found = pc.index_in(_join(rows, key), pa.array(list(last)))
    change = len(rows) + np.array(list(last.values()))
    position = np.arange(len(rows))
    is_changed = found.is_valid().to_numpy(zero_copy_only=False)
    position[is_changed] = change[found.drop_null().to_numpy()]
    return pa.concat_tables([rows, changes.select(rows.column_names)]).take(position)


def _join(rows: pa.Table, key: tuple[str, ...]) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(*(rows[name].cast(pa.string()) for name in key), "/")
