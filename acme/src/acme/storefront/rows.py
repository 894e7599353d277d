"""Rows as the databases and the ledger hold them: Arrow tables, made from the generator's numbers."""

import binascii
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from acme.storefront.accounts import COUNTRIES, AccountStates
from acme.storefront.catalogue import BRANDS, CATEGORIES, Catalogue, ProductStates
from acme.storefront.clock import is_repeated, to_wall
from acme.storefront.orders import CURRENCIES, KINDS, LAGGED, REGULAR, Lines
from acme.storefront.parties import Keys
from acme.storefront.visits import PAGES, Hits
from acme.storefront.world import StorefrontSpec
from acme.world import Ints, integer_hash

SOURCE_SYSTEMS = ("accounts_db", "adobe_experience")
ABOUT = ("instant", "is_repeated", "kind")
"""What the ledger says about lines and hits beside their columns."""

_CHANNELS = ("web", "app")
_WALL, _INSTANT = pa.timestamp("us"), pa.timestamp("us", tz="UTC")
_VISITOR, _PARTY = 341, 342  # purposes of hashes, apart from the streams
_GENDERS = ("f", "m", "x")
_FIRST_NAMES = (
    "Aiko", "Alice", "Amara", "Bruno", "Cora", "Daniel", "Elena", "Felix", "Gina", "Hugo", "Ida", "Jamal", "Kira",
    "Leo", "Mona", "Nadia", "Oscar", "Priya", "Quentin", "Rita", "Samuel", "Tessa", "Umar", "Violet", "Will", "Zora",
)  # fmt: skip
_LAST_NAMES = (
    "Abbott", "Baker", "Castillo", "Dawson", "Ellis", "Fuentes", "Garcia", "Hill", "Ibarra", "Jones", "Kim", "Lopez",
    "Miller", "Nguyen", "Ortiz", "Park", "Reyes", "Singh", "Turner", "Vargas", "Wong", "Young",
)  # fmt: skip


def transaction_rows(catalogue: Catalogue, lines: Lines) -> pa.Table:
    """Rows of `transactions`, with `ABOUT`."""
    return pa.table(
        {
            "order_id": pa.array(lines.order_id),
            "product_id": pa.array(product_ids(lines.product)),
            "account_id": pa.array(lines.account + 1),
            "date_time": _walls(to_wall(lines.instant)),
            "quantity": pa.array(lines.quantity.astype(np.int32)),
            "revenue_cents": pa.array(lines.revenue_cents),
            "tax_cents": pa.array(lines.tax_cents),
            "currency": _named(CURRENCIES, lines.currency),
            "channel": _named(_CHANNELS, lines.is_app),
            **_about(lines.instant, lines.kind),
        }
    )


def hit_rows(spec: StorefrontSpec, catalogue: Catalogue, hits: Hits) -> tuple[pa.Table, pa.Table]:
    """Rows of `web_hits` and of `app_hits`, with `ABOUT`."""
    return (
        _hits(spec, catalogue, hits.take(hits.is_app == 0), is_app=False),
        _hits(spec, catalogue, hits.take(hits.is_app == 1), is_app=True),
    )


def account_rows(states: AccountStates) -> pa.Table:
    """Rows of `accounts`."""
    identity = states.identity.view(np.uint64)
    first = _named(_FIRST_NAMES, _part(identity, 0) % len(_FIRST_NAMES))
    last = _named(_LAST_NAMES, (_part(identity, 8) + states.surname) % len(_LAST_NAMES))
    account = pa.array(states.account + 1)
    number, version = account.cast(pa.string()), pa.array(states.version).cast(pa.string())
    email = pc.utf8_lower(pc.binary_join_element_wise(first, last, number, version, "."))
    line = pa.array((_part(identity, 40, 16) + states.phone * 7_919) % 10_000)
    phone = pc.binary_join_element_wise("+1-555", pc.utf8_lpad(line.cast(pa.string()), 4, "0"), "-")
    born = 12_000 - _part(identity, 24, 16) % 16_000  # 1959 to 2002
    return pa.table(
        {
            "account_id": account,
            "first_name": first,
            "last_name": last,
            "email": pc.binary_join_element_wise(email, "example.com", "@"),
            "phone": phone,
            "gender": _named(_GENDERS, np.searchsorted([120, 240], _part(identity, 56), "right")),
            "date_of_birth": pa.array(born.astype(np.int32)).cast(pa.date32()),
            "country": _named(COUNTRIES, states.country),
            "is_active": pa.array(states.is_active == 1),
            "created_at": _walls(states.created_at),
            "updated_at": _walls(states.updated_at),
        }
    )


def product_rows(catalogue: Catalogue, states: ProductStates) -> pa.Table:
    """Rows of `products`."""
    versions = zip(states.product.tolist(), states.version.tolist(), strict=True)
    return pa.table(
        {
            "product_id": pa.array(product_ids(states.product)),
            "sku": _named(catalogue.skus, states.product),
            "product_name": pa.array(
                [catalogue.names[i] + (f" {v + 1}" if v else "") for i, v in versions], pa.string()
            ),
            "brand": _named(BRANDS, catalogue.brand[states.product]),
            "category": _named(CATEGORIES, catalogue.category[states.product]),
            "list_price_cents": pa.array(states.list_price_cents),
            "cost_cents": pa.array(states.cost_cents),
            "updated_at": _walls(states.updated_at),
        }
    )


def key_rows(spec: StorefrontSpec, keys: Keys) -> pa.Table:
    """Rows of `individual_party_keys`."""
    account = pa.array(keys.owner + 1).cast(pa.string())
    return pa.table(
        {
            "individual_party_key": _hex("pk", integer_hash(spec.seed, _PARTY, keys.party)),
            "source_system": _named(SOURCE_SYSTEMS, keys.is_visitor),
            "source_key": pc.if_else(pa.array(keys.is_visitor == 1), _visitor_ids(spec, keys.owner), account),
            "matched_at": _walls(keys.matched_at),
        }
    )


def product_ids(product: Ints) -> Ints:
    """Ids of products by number."""
    return product + 1_001


def _hits(spec: StorefrontSpec, catalogue: Catalogue, hits: Hits, *, is_app: bool) -> pa.Table:
    codes = [campaign.tracking_code for campaign in catalogue.campaigns]
    code = _named(codes, hits.campaign)
    sku = _named(catalogue.skus, hits.product)
    brand = _named(BRANDS, hits.brand)
    page = _named(PAGES, hits.page)
    columns = {
        "hit_id": pa.array(hits.hit_id),
        "visitor_id": _visitor_ids(spec, hits.visitor),
        "date_time": _walls(to_wall(hits.instant)),
    }
    if is_app:
        columns["screen"] = page
    else:
        slug = pc.coalesce(sku, pc.replace_substring_regex(pc.utf8_lower(brand), "[^a-z]+", "-"), "")
        path = pc.utf8_rtrim(pc.binary_join_element_wise("https://shop.acme.example", page, slug, "/"), "/")
        query = pc.coalesce(pc.binary_join_element_wise("?cmp", code, "="), "")
        columns |= {"page_url": pc.binary_join_element_wise(path, query, ""), "page_type": page}
    columns |= {"campaign_tracking_code": code, "sku": sku, "brand": brand}
    kind = np.where(to_wall(hits.instant) < spec.wall_start(0) + hits.appears * 86_400, LAGGED, REGULAR)
    return pa.table({**columns, **_about(hits.instant, kind)})


def _about(instant: Ints, kind: Ints) -> dict[str, pa.Array]:
    return {
        "instant": pa.array(instant * 1_000_000).cast(_INSTANT),
        "is_repeated": pa.array(is_repeated(instant)),
        "kind": _named(KINDS, kind),
    }


def _visitor_ids(spec: StorefrontSpec, visitor: Ints) -> pa.Array:
    return _hex("v", integer_hash(spec.seed, _VISITOR, visitor))


def _hex(prefix: str, value: npt.NDArray[np.uint64]) -> pa.Array:
    """Sixteen hexadecimal digits each, after a prefix."""
    digits = pa.py_buffer(binascii.hexlify(value.astype(">u8").tobytes()))
    text = pa.Array.from_buffers(pa.binary(16), len(value), [None, digits]).cast(pa.binary()).cast(pa.string())
    return pc.binary_join_element_wise(prefix, text, "_")


def _named(names: Sequence[str], code: Ints) -> pa.Array:
    """The name of each code; null for -1."""
    code = np.asarray(code, np.int64)
    return pa.array(list(names), pa.string()).take(pa.array(code, mask=code < 0))


def _walls(seconds: Ints) -> pa.Array:
    return pa.array(np.asarray(seconds, np.int64) * 1_000_000).cast(_WALL)


def _part(identity: npt.NDArray[np.uint64], shift: int, bits: int = 8) -> Ints:
    """Some bits of a hash as a number."""
    return (identity >> np.uint64(shift)).astype(np.int64) & ((1 << bits) - 1)
