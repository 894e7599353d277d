"""Writing the storefront's ledger, from what was generated. What the files mean is said in `acme.storefront.ledger`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from acme.bookkeeping import write_json
from acme.ledger import batch_folder
from acme.storefront.attribution import attribute
from acme.storefront.catalogue import Catalogue
from acme.storefront.ledger import StorefrontLedger
from acme.storefront.tables import CURSORS

_ROW_GROUP = 50_000
"""Few enough that who reads some weeks reads little more."""


class Batch:
    """The part of the ledger one batch adds: used as a context, its files are complete when the block ends."""

    def __init__(self, folder: Path, number: int) -> None:
        self._folder = batch_folder(folder, number)
        (self._folder / "changed").mkdir(parents=True, exist_ok=True)
        self._writers: dict[str, pq.ParquetWriter] = {}
        self.totals: dict[str, int] = {}
        self.newest: dict[str, str] = {}
        """The greatest cursor of each table, as wall time."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for writer in self._writers.values():
            writer.close()

    def add(self, table: str, rows: pa.Table) -> pa.Table:
        """Note rows that are added, and hand them on."""
        self._write(table, rows)
        self._count(table, len(rows))
        if table == "transactions":
            for name in ("quantity", "revenue_cents", "tax_cents"):
                self._count(name, pc.sum(rows[name]).as_py() or 0)
        if table in ("web_hits", "app_hits"):
            self._count("clicks", pc.count(rows["campaign_tracking_code"]).as_py())
        return rows

    def change(self, table: str, rows: pa.Table) -> pa.Table:
        """Note rows that are changed, and hand them on."""
        self._write(f"changed/{table}", rows)
        return rows

    def _write(self, name: str, rows: pa.Table) -> None:
        table = name.rpartition("/")[2]
        if len(rows):
            cursor = pc.max(rows[CURSORS[table]]).as_py().isoformat()
            self.newest[table] = max(cursor, self.newest.get(table, ""))
        if name not in self._writers:
            self._writers[name] = pq.ParquetWriter(self._folder / f"{name}.parquet", rows.schema, compression="zstd")
        self._writers[name].write_table(rows, row_group_size=_ROW_GROUP)

    def _count(self, name: str, number: int) -> None:
        self.totals[name] = self.totals.get(name, 0) + number


def write_campaigns(folder: Path, catalogue: Catalogue) -> None:
    campaigns = [asdict(campaign) for campaign in catalogue.campaigns]
    write_json(folder / "campaigns.json", json.loads(json.dumps(campaigns, default=str)))


def write_attributions(folder: Path, ledger: StorefrontLedger) -> None:
    """Attribute all lines anew: a key that was matched since may change any of them."""
    draft = folder / "attributions.new"
    parts = attribute(ledger)
    first = next(parts)
    with pq.ParquetWriter(draft, first.schema, compression="zstd") as writer:
        writer.write_table(first)
        for part in parts:
            writer.write_table(part)
    draft.replace(folder / "attributions.parquet")
