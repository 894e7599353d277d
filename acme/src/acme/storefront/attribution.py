"""Whose click it was: each order line with the last clicks of its party.

A *click* is a hit with a campaign's tracking code. The *party* of a line is what the table of keys says now of its
account, that of a click what it says now of its visitor; lines and clicks without one are not attributed. The *last
click* of a line is the party's newest one with

    line − 720 hours  ≤  click  ≤  line

in true time, not wall time; of two in the same second, the one with the greater hit_id. Three of them: of all clicks
(`overall`), of those whose landing page was about the line's brand (`brand`), and about its SKU (`sku`).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from acme.storefront.clock import to_instant
from acme.storefront.world import ATTRIBUTION_HOURS
from acme.world import Ints

if TYPE_CHECKING:
    from acme.storefront.ledger import StorefrontLedger

Reading = Literal["true", "first", "second"]
MATCHES = ("overall", "brand", "sku")
_AT_ONCE_DAYS = 91
_LINE_COLUMNS = ("order_id", "product_id", "account_id", "date_time", "instant")
_CLICK_COLUMNS = ("hit_id", "visitor_id", "date_time", "campaign_tracking_code", "sku", "brand", "instant")
_SECONDS = 1 << 33
"""More than a second's number ever gets: a group and a second fit into one number."""


def attribute(ledger: "StorefrontLedger", *, reading: Reading = "true") -> Iterator[pa.Table]:
    """The attributions of all lines, three months of them at a time: memory stays bounded.

    Yields:
        Tables of order_id, product_id, date_time, instant, individual_party_key, and for each of `MATCHES` the click's
        hit_id, campaign_tracking_code and instant, as `overall_hit_id`, `overall_code`, `overall_clicked_at`.
    """
    keys = ledger.rows("individual_party_keys")
    products = ledger.rows("products").select(["product_id", "sku", "brand"])
    begin = datetime.fromisoformat(ledger.world["first_day"]).replace(tzinfo=UTC)
    end = datetime.fromisoformat(ledger.world["today"]).replace(tzinfo=UTC) + timedelta(days=1)
    while begin < end:
        until = begin + timedelta(days=_AT_ONCE_DAYS)
        lines = ledger.rows("transactions", columns=_LINE_COLUMNS, begin=begin, end=until)
        # An hour more at both ends: other readings of a wall time differ by that.
        since = begin - timedelta(hours=ATTRIBUTION_HOURS + 1)
        hits = [
            ledger.rows(table, columns=_CLICK_COLUMNS, begin=since, end=until + timedelta(hours=1))
            for table in ("web_hits", "app_hits")
        ]
        clicks = pa.concat_tables([table.filter(pc.field("campaign_tracking_code").is_valid()) for table in hits])
        yield _attribute(lines, clicks, keys, products, reading)
        begin = until


def last_clicks(line_group: Ints, line_second: Ints, click_group: Ints, click_second: Ints) -> Ints:
    """For each line the position of its last click, or -1. Clicks are sorted by time; groups below 0 match nothing.

    A line's clicks are those of its group. Group and second make one number; the greatest click's number that does not
    exceed the line's is the last click, if it is of the same group and not older than the window.
    """
    usable = np.flatnonzero(click_group >= 0)
    groups, click_number = np.unique(click_group[usable], return_inverse=True)
    clicks = click_number * _SECONDS + click_second[usable]
    order = np.argsort(clicks, kind="stable")
    clicks = clicks[order]
    number = np.searchsorted(groups, line_group)
    is_known = (number < len(groups)) & (line_group >= 0)
    is_known[is_known] = groups[number[is_known]] == line_group[is_known]
    found = np.searchsorted(clicks, number * _SECONDS + line_second, "right") - 1
    oldest = number * _SECONDS + line_second - ATTRIBUTION_HOURS * 3_600
    is_hit = is_known & (found >= 0)
    is_hit[is_hit] = clicks[found[is_hit]] >= oldest[is_hit]
    result = np.full(len(line_group), -1, np.int64)
    result[is_hit] = usable[order[found[is_hit]]]
    return result


def _attribute(lines: pa.Table, clicks: pa.Table, keys: pa.Table, products: pa.Table, reading: Reading) -> pa.Table:
    names = keys["individual_party_key"].combine_chunks().dictionary_encode()
    party = names.indices.to_numpy()
    line_party = _look_up(lines["account_id"].cast(pa.string()), keys, "accounts_db", party)
    click_party = _look_up(clicks["visitor_id"], keys, "adobe_experience", party)
    click_second, line_second = _seconds(clicks, reading), _seconds(lines, reading)
    order = np.lexsort((clicks["hit_id"].to_numpy(), click_second))
    clicks, click_party, click_second = clicks.take(pa.array(order)), click_party[order], click_second[order]

    product = pc.index_in(lines["product_id"], products["product_id"]).to_numpy(zero_copy_only=False).astype(np.int64)
    brands = products["brand"].unique()
    product_brand = pc.index_in(products["brand"], brands).to_numpy(zero_copy_only=False).astype(np.int64)
    click_brand = _codes(clicks["brand"], brands)
    click_sku = _codes(clicks["sku"], products["sku"])
    about = {
        "overall": (line_party, click_party),
        "brand": (_pair(line_party, product_brand[product]), _pair(click_party, click_brand)),
        "sku": (_pair(line_party, product), _pair(click_party, click_sku)),
    }
    columns = {name: lines[name] for name in ("order_id", "product_id", "date_time", "instant")}
    columns["individual_party_key"] = names.dictionary.take(pa.array(line_party, mask=line_party < 0))
    for match, (line_group, click_group) in about.items():
        found = last_clicks(line_group, line_second, click_group, click_second)
        position = pa.array(found, mask=found < 0)
        columns[f"{match}_hit_id"] = clicks["hit_id"].take(position)
        columns[f"{match}_code"] = clicks["campaign_tracking_code"].take(position)
        columns[f"{match}_clicked_at"] = clicks["instant"].take(position)
    return pa.table(columns)


def _look_up(key: pa.ChunkedArray, keys: pa.Table, system: str, party: Ints) -> Ints:
    """The party's number of each source key; -1 without one."""
    here = np.flatnonzero(pc.equal(keys["source_system"], system).to_numpy(zero_copy_only=False))
    position = _codes(key, keys["source_key"].take(pa.array(here)))
    return np.where(position >= 0, party[here[position]] if len(here) else -1, -1).astype(np.int64)


def _codes(values: pa.ChunkedArray, known: pa.Array | pa.ChunkedArray) -> Ints:
    """Where each value stands among the known ones; -1 where it does not."""
    found = pc.index_in(
        values, pa.chunked_array(known).combine_chunks() if isinstance(known, pa.ChunkedArray) else known
    )
    return pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)


def _pair(party: Ints, code: Ints) -> Ints:
    return np.where((party >= 0) & (code >= 0), party * 4_096 + code, -1)


def _seconds(rows: pa.Table, reading: Reading) -> Ints:
    if reading == "true":
        return rows["instant"].cast(pa.int64()).to_numpy() // 1_000_000
    return to_instant(rows["date_time"].cast(pa.int64()).to_numpy() // 1_000_000, second=reading == "second")
