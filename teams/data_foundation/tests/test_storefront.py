"""From ACME's databases to the published tables, every row of them held against ACME's ledger."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from conftest import ROOT, Build

from headgate.lake.session import LakeSession
from headgate.testing import run_server

pytestmark = pytest.mark.services

VARIABLES = {
    "ACCOUNTS_DB_URL": "accounts_db",
    "TRANSACTION_DB_URL": "transaction_db",
    "INVENTORY_DB_URL": "inventory_db",
    "ENTITY_RESOLUTION_URL": "entity_resolution",
    "ADOBE_EXPERIENCE_URL": "adobe_experience",
}
RAW = ("raw_accounts", "raw_transactions", "raw_products", "raw_individual_party_keys", "raw_web_hits", "raw_app_hits")
PASSWORD = "a reader's"

EXPECTED = """
import sys
from pathlib import Path
import pyarrow.parquet as pq
from acme.storefront.ledger import StorefrontLedger

# In staging, wall times that happen twice are their second passing.
ledger = StorefrontLedger(Path(sys.argv[1]))
pq.write_table(ledger.attributions(reading="second"), sys.argv[2])
pq.write_table(ledger.rows("transactions"), sys.argv[3])
"""

DIFFERENCES = """
    with expected as (
        select l.*, t.quantity, t.revenue_cents
        from read_parquet('{attributions}') as l
        inner join read_parquet('{transactions}') as t using (order_id, product_id)
    ),
    clicks as (select click_key, hit_id from data_foundation_private.int_clicks),
    found as (
        select
            order_id, product_id, lines.individual_party_key, lines.quantity, lines.revenue,
            overall.hit_id as overall, same_brand.hit_id as same_brand, same_sku.hit_id as same_sku
        from data_foundation.fct_transactions as lines
        inner join data_foundation.fct_attributions as attributions using (order_id, product_id)
        left join clicks as overall on overall.click_key = overall_click_key
        left join clicks as same_brand on same_brand.click_key = same_brand_click_key
        left join clicks as same_sku on same_sku.click_key = same_sku_click_key
    )
    select count(*) from expected full join found using (order_id, product_id)
    where
        (expected.individual_party_key, expected.quantity, expected.revenue_cents) is distinct from
        (found.individual_party_key, found.quantity, cast(found.revenue * 100 as bigint))
        or (overall_hit_id, brand_hit_id, sku_hit_id) is distinct from (overall, same_brand, same_sku)
"""


@dataclass
class Storefront:
    """ACME's storefront on a server of its own; a program of another environment."""

    folder: Path
    url: str

    def call(self, *arguments: str) -> Any:
        done = subprocess.run(
            [*self.python, "-m", "acme", "storefront", *arguments],
            env={
                **os.environ,
                "ACME_URL": self.url,
                "ACME_STOREFRONT": str(self.folder / "ledger"),
                "ACME_READER_PASSWORD": PASSWORD,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def count_differences(self, lake: LakeSession) -> int:
        """Order lines that are missing, too many, or other than the ledger says in amounts, party or one of three clicks."""
        files = [self.folder / "attributions.parquet", self.folder / "transactions.parquet"]
        script = [*self.python, "-c", EXPECTED, str(self.folder / "ledger"), *map(str, files)]
        subprocess.run(script, check=True)
        row = lake.connection.execute(DIFFERENCES.format(attributions=files[0], transactions=files[1])).fetchone()
        assert row is not None
        return int(row[0])

    @property
    def python(self) -> list[str]:
        home = Path(os.environ.get("HEADGATE_TEST_HOME") or ROOT / ".headgate")
        python = home / "envs" / "acme" / "bin" / "python"
        assert python.exists(), "run `./headgate test teams/data_foundation`: it makes ACME's environment"
        return [str(python), "-P"]


@pytest.fixture(scope="module")
def storefront(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storefront]:
    """1,000 order lines of 60 days, one of them an hour longer; the addresses are in this process's environment."""
    with run_server() as url, pytest.MonkeyPatch.context() as patch:
        storefront = Storefront(tmp_path_factory.mktemp("acme"), url)
        storefront.call("seed", "--lines", "1k", "--days", "60", "--seed", "9", "--today", "2026-11-20")
        for variable, database in VARIABLES.items():
            patch.setenv(variable, f"postgresql://reader:a%20reader%27s@/{database}?{urlsplit(url).query}")
        yield storefront


def test_every_order_line_is_published_with_its_last_clicks(
    storefront: Storefront, lake: LakeSession, build: Build
) -> None:
    assert build(*RAW).success
    assert build().success
    lines, *clicks = lake.connection.execute(
        "select count(*), count(overall_click_key), count(same_brand_click_key), count(same_sku_click_key) "
        "from data_foundation.fct_attributions"
    ).fetchone()
    assert lines == storefront.call("info")["totals"]["transactions"]
    assert all(clicks)
    assert storefront.count_differences(lake) == 0


def test_days_with_late_lines_lagged_rows_and_copies_leave_it_exact(
    storefront: Storefront, lake: LakeSession, build: Build
) -> None:
    storefront.call("advance", "--days", "3")
    storefront.call("fault", "inject", "duplicate_line", "--count", "4")
    storefront.call("fault", "inject", "mixed_case_source_system", "--count", "1")
    storefront.call("fault", "inject", "new_column")
    assert build(*RAW).success
    assert build().success
    book = storefront.call("ledger")
    assert book["late_lines"] and book["lagged_lines"]
    assert storefront.count_differences(lake) == 0
    tiers = lake.connection.execute("select distinct loyalty_tier from data_foundation_private.raw_accounts").fetchall()
    assert ("standard",) in tiers
