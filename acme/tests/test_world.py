"""The generator alone: exact counts, the same world for the same parameters, days that do not depend on the horizon."""

from dataclasses import fields
from datetime import date

import numpy as np
import pytest

from acme.cli import parse_count
from acme.company import Company
from acme.encode import OrderEncoder
from acme.errors import AcmeError
from acme.orders import Orders
from acme.world import HISTORY_DAYS, Calendar, WorldSpec

SPEC = WorldSpec(seed=3, orders=20_000, origin=date(2026, 8, 1))


def history(spec: WorldSpec) -> tuple[Company, Orders]:
    company = Company(spec)
    return company, Orders.concatenate(list(company.history()))


def assert_same(one: Orders, other: Orders) -> None:
    for field in fields(Orders):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_history_holds_exactly_what_was_asked_for() -> None:
    for count in (1_000, 12_345):
        spec = WorldSpec(seed=1, orders=count, origin=date(2026, 8, 1))
        company, orders = history(spec)
        assert len(orders) == count
        assert company.population.count == spec.customers == round(count / 25)
        np.testing.assert_array_equal(orders.order_id, np.arange(1, count + 1))
        assert orders.epoch_day.max() < spec.first_epoch_day + HISTORY_DAYS
        np.testing.assert_array_equal(orders.updated_at // 86_400, orders.epoch_day)


def test_same_parameters_same_orders_and_another_seed_others() -> None:
    _, one = history(SPEC)
    _, again = history(SPEC)
    _, other = history(WorldSpec(seed=4, orders=20_000, origin=SPEC.origin))
    assert_same(one, again)
    assert (one.customer_id != other.customer_id).mean() > 0.9


def test_a_days_counts_do_not_depend_on_how_far_the_calendar_reaches() -> None:
    short, long = Calendar(SPEC, HISTORY_DAYS), Calendar(SPEC, HISTORY_DAYS + 400)
    np.testing.assert_array_equal(short.orders, long.orders[:HISTORY_DAYS])
    np.testing.assert_array_equal(short.signups, long.signups[:HISTORY_DAYS])
    assert short.orders.sum() == 20_000
    assert long.orders[HISTORY_DAYS:].min() > 0


def test_nobody_orders_before_signing_up() -> None:
    company, orders = history(SPEC)
    news = [company.advance() for _ in range(3)]
    everything = Orders.concatenate([orders, *(o for n in news for o in (n.regular, n.late, n.lagged))])
    signup = company.population.signup_day[everything.customer_id - 1] + SPEC.first_epoch_day
    assert (everything.epoch_day >= signup).all()


def test_lagged_rows_lie_within_a_day_before_what_was_visible() -> None:
    company, _ = history(SPEC)
    for _ in range(5):
        newest = company.newest
        news = company.advance()
        lagged = np.concatenate([news.lagged.updated_at, news.corrections.after.updated_at[news.corrections.is_lagged]])
        assert len(news.lagged) >= 5
        assert (lagged < newest).all() and (lagged > newest - 24 * 3_600).all()
        assert (news.corrections.after.updated_at > news.corrections.before.updated_at).all()
        assert (news.late.epoch_day < SPEC.first_epoch_day + news.day).all()
        assert (news.late.updated_at // 86_400 == SPEC.first_epoch_day + news.day).all()


def test_promotions_cut_the_price_to_the_cent() -> None:
    company = Company(SPEC)
    retail = company.catalogue.retail_cents
    for day in range(0, 56, 7):
        price = company.catalogue.price_cents(SPEC, day)
        cut = price != retail
        assert 0 < cut.sum() < len(retail)
        assert (price[cut] == (retail[cut] * 80 + 50) // 100).all()


def test_the_wire_format_of_one_order() -> None:
    one = np.array([1])
    order = Orders(one, one * 2, one * 0, one * 3, one * 123_456_789, one * 10_958, one * 946_684_801)
    expected = (
        "0007 00000008 0000000000000001 00000008 0000000000000002 00000004 00000003"
        # 1234567.89: three digits to base 10,000 (123, 4567, 8900), weight 1, positive, two decimals
        "0000000e 0003 0001 0000 0002 007b 11d7 22c4"
        "00000004 00000001 00000008 00000000000f4240 00000003"
    )
    assert OrderEncoder(["Pan", "Longer"]).encode(order).tobytes() == bytes.fromhex(expected) + b"Pan"


@pytest.mark.parametrize(("text", "count"), [("1k", 1_000), ("100K", 100_000), ("10M", 10_000_000), ("2500", 2_500)])
def test_counts_are_written_short(text: str, count: int) -> None:
    assert parse_count(text) == count


def test_a_world_too_small_is_refused() -> None:
    with pytest.raises(AcmeError, match="No world has 10 orders"):
        WorldSpec(seed=1, orders=10, origin=date(2026, 8, 1))
