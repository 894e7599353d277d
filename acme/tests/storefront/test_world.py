"""The generator alone: exact counts, the same world for the same parameters, what people do and how they are keyed."""

from dataclasses import fields
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from acme.errors import AcmeError
from acme.storefront.clock import is_repeated, to_wall
from acme.storefront.orders import LAGGED, LATE, Lines
from acme.storefront.parties import MOST_DEVICES
from acme.storefront.shop import Happenings, Shop
from acme.storefront.visits import Hits
from acme.storefront.world import ATTRIBUTION_HOURS, Calendar, Columns, StorefrontSpec

SPEC = StorefrontSpec(seed=3, lines=4_000, days=120, origin=date(2026, 11, 20))


def history(spec: StorefrontSpec) -> tuple[Shop, Lines, Hits]:
    shop = Shop(spec)
    lines, hits = zip(*shop.history(), strict=True)
    return shop, Lines.concatenate(list(lines)), Hits.concatenate(list(hits))


def assert_same(one: Columns, other: Columns) -> None:
    for field in fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_history_holds_what_was_asked_for_and_what_is_on_its_way() -> None:
    shop, lines, hits = history(SPEC)
    assert len(lines) + len(shop.waiting_lines) == 4_000
    assert len(hits) + len(shop.waiting_hits) == 40_000
    assert len(shop.accounts) == 1_000
    assert 2 <= len(shop.waiting_lines) < 40 and 2 <= len(shop.waiting_hits) < 40
    assert len(np.unique(hits.hit_id)) == len(hits)
    assert to_wall(lines.instant).max() < SPEC.wall_start(SPEC.days)
    assert shop.accounts.created_at.max() < SPEC.wall_start(SPEC.days)


def test_same_parameters_same_world_and_another_seed_another() -> None:
    (_, lines, hits), (_, lines_again, hits_again) = history(SPEC), history(SPEC)
    assert_same(lines, lines_again)
    assert_same(hits, hits_again)
    _, other, _ = history(StorefrontSpec(seed=4, lines=4_000, days=120, origin=SPEC.origin))
    assert (lines.account[:3_000] != other.account[:3_000]).mean() > 0.9


def test_a_shop_that_is_saved_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    shop, _, _ = history(SPEC)
    shop.advance()
    shop.save(tmp_path)
    straight = [shop.advance(), shop.advance()]
    restored = Shop(SPEC)
    restored.load(tmp_path)
    for expected in straight:
        found = restored.advance()
        for field in fields(Happenings):
            if field.name != "day":
                assert_same(getattr(found, field.name), getattr(expected, field.name))


def test_a_days_counts_do_not_depend_on_how_far_the_calendar_reaches() -> None:
    short, long = Calendar(SPEC, SPEC.days), Calendar(SPEC, SPEC.days + 300)
    np.testing.assert_array_equal(short.lines, long.lines[: SPEC.days])
    assert (short.lines.sum(), short.hits.sum()) == (4_000, 40_000)
    assert long.lines[SPEC.days :].min() > 0


def test_orders_have_one_to_five_different_products() -> None:
    shop, lines, _ = history(SPEC)
    everything = Lines.concatenate([lines, shop.waiting_lines])
    pairs = everything.order_id * 10_000 + everything.product
    assert len(np.unique(pairs)) == len(pairs)
    _, sizes = np.unique(everything.order_id, return_counts=True)
    assert set(sizes.tolist()) == {1, 2, 3, 4, 5}


def test_late_lines_come_hours_or_days_after_their_siblings() -> None:
    shop, lines, _ = history(SPEC)
    everything = Lines.concatenate([lines, shop.waiting_lines])
    first = dict(zip(everything.order_id.tolist(), everything.instant.tolist(), strict=True))
    for order_id, instant in zip(everything.order_id.tolist(), everything.instant.tolist(), strict=True):
        first[order_id] = min(first[order_id], instant)
    late = everything.take(everything.kind == LATE)
    hours = (late.instant - np.array([first[order_id] for order_id in late.order_id.tolist()])) / 3_600
    assert len(late) > 50 and hours.min() >= 1 and 48 < hours.max() <= 120
    others = everything.take(everything.kind != LATE)
    assert others.instant.tolist() == [first[order_id] for order_id in others.order_id.tolist()]
    assert (everything.kind == LAGGED).sum() >= 2 * SPEC.days * 0.8


def test_a_party_has_up_to_three_visitors_and_some_visitors_have_no_party() -> None:
    shop, _, hits = history(SPEC)
    for _ in range(5):
        shop.advance()
    keys = shop.parties.all_keys()
    visitors = keys.take(keys.is_visitor == 1)
    per_party = np.bincount(visitors.party, minlength=len(shop.accounts))
    assert set(per_party.tolist()) == {0, 1, 2, 3}
    np.testing.assert_array_equal(per_party, shop.parties.resolved)
    assert len(np.unique(visitors.owner)) == len(visitors)
    assert 0.3 < np.isin(hits.visitor, visitors.owner).mean() < 0.8
    assert (visitors.party != visitors.owner // MOST_DEVICES).sum() >= 10  # re-matched
    accounts = keys.take(keys.is_visitor == 0)
    assert (accounts.party != accounts.owner).sum() >= 10  # second accounts


def test_clicks_lead_to_pages_about_their_campaigns_brand() -> None:
    shop, _, hits = history(SPEC)
    clicks = hits.take(hits.campaign >= 0)
    brand = shop.catalogue.campaign_brand[clicks.campaign]
    assert 0.03 < len(clicks) / len(hits) < 0.1
    about = clicks.brand >= 0
    assert (clicks.brand[about & (brand >= 0)] == brand[about & (brand >= 0)]).mean() > 0.95
    assert {True, False} == set(about.tolist()) and (clicks.product >= 0).any()
    with_product = clicks.take(clicks.product >= 0)
    np.testing.assert_array_equal(shop.catalogue.brand[with_product.product], with_product.brand)


def test_some_buy_in_the_hour_that_happens_twice_and_some_on_the_edge_of_the_window() -> None:
    _, lines, hits = history(SPEC)
    clicks = hits.take(hits.campaign >= 0)
    assert is_repeated(lines.instant).sum() >= 2 and is_repeated(clicks.instant).sum() >= 2
    distance = np.subtract.outer(lines.instant, clicks.instant) - ATTRIBUTION_HOURS * 3_600
    assert all((distance == second).sum() >= 5 for second in (-1, 0, 1))


@pytest.mark.parametrize(("lines", "days"), [(10, 456), (20_000, 5)])
def test_a_world_too_small_is_refused(lines: int, days: int) -> None:
    with pytest.raises(AcmeError, match="No storefront has"):
        StorefrontSpec(seed=1, lines=lines, days=days, origin=date(2026, 8, 1))
