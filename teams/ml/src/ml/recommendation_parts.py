"""Why a customer may want a product next: three reasons, each a number between 0 and about 1. Ibis expressions.

- `repeat`: they buy it themselves. Its share among the customer's own orders, older ones counting half every 365 days.
- `companion`: people who buy what they just bought buy this next. The sum over the customer's recent orders of how much
  likelier this product follows that one, older orders counting half every 15 days.
- `popular`: everybody buys it now. Its share among all orders of the last 28 days, for the 20 most bought.

All of it from orders before a date; joins stay in the engine.
"""

from datetime import date, timedelta

import ibis

PARTS = ("repeat", "companion", "popular")
ACTIVE_DAYS = 180
"""Recommendations are for customers who ordered within so many days."""
HISTORY_DAYS = 730
POPULAR_DAYS = 28
POPULAR_PRODUCTS = 20
REPEAT_HALF_LIFE_DAYS = 365.0
COMPANION_HALF_LIFE_DAYS = 15.0
COMPANION_WITHIN_DAYS = 30
COMPANION_REACH_DAYS = 60
COMPANIONS_PER_PRODUCT = 10


def build_parts(orders: ibis.Table, as_of: date, customers: ibis.Table | None = None) -> ibis.Table:
    """One row an active customer and product with at least one reason: customer_id, product, and the three `PARTS`.

    Args:
        orders: order_id, customer_id, product, order_date; orders on or after `as_of` are not looked at.
        as_of: the day the recommendations are for.
        customers: customer_id of those wanted; all active ones by default.
    """
    past = orders.filter((orders.order_date < as_of) & (orders.order_date >= as_of - timedelta(days=HISTORY_DAYS)))
    past = past.select("order_id", "customer_id", "product", "order_date")
    active = past.filter(past.order_date >= as_of - timedelta(days=ACTIVE_DAYS)).select("customer_id").distinct()
    if customers is not None:
        active = active.semi_join(customers, "customer_id")
    own = past.semi_join(active, "customer_id")
    reasons = ibis.union(
        _as_reason(_repeat(own, as_of), "repeat"),
        _as_reason(_companion(own, companions(past), as_of), "companion"),
        _as_reason(active.cross_join(most_popular(orders, as_of)), "popular"),
    )
    return reasons.group_by("customer_id", "product").agg(**{part: reasons[part].sum() for part in PARTS})


def most_popular(orders: ibis.Table, as_of: date) -> ibis.Table:
    """The 20 products ordered most in the 28 days before `as_of`: product, popular (share of all orders)."""
    since = as_of - timedelta(days=POPULAR_DAYS)
    recent = orders.filter((orders.order_date < as_of) & (orders.order_date >= since))
    counted = recent.group_by("product").agg(bought=recent.count())
    shared = counted.select("product", popular=counted.bought / counted.bought.sum())
    return shared.order_by(ibis.desc("popular"), "product").limit(POPULAR_PRODUCTS)


def companions(past: ibis.Table) -> ibis.Table:
    """For each product its ten likeliest companions: product, companion, probability.

    Probability: how often the customer's very next order, within 30 days, is of the companion, above how often any
    order is of it. (All orders of the next 30 days would say what heavy buyers like, not what goes with the product.)
    """
    order = [past.order_date, past.order_id]
    following = past.mutate(
        companion=past["product"].lead().over(group_by="customer_id", order_by=order),
        companion_date=past.order_date.lead().over(group_by="customer_id", order_by=order),
    )
    is_near = following.companion_date <= following.order_date + ibis.interval(days=COMPANION_WITHIN_DAYS)
    near = following.filter(is_near & (following["product"] != following.companion))
    counted = near.group_by("product", "companion").agg(followed=near.count())
    bought = past.group_by("product").agg(bought=past.count())
    usual = bought.select(companion=bought["product"], share=bought.bought / bought.bought.sum())
    known = counted.join(bought, "product").join(usual, "companion")
    excess = known.select("product", "companion", probability=known.followed / known.bought - known.share)
    likely = excess.filter(excess.probability > 0)
    best = [ibis.desc(likely.probability), likely.companion]
    ranked = likely.mutate(place=ibis.row_number().over(group_by="product", order_by=best))
    return ranked.filter(ranked.place < COMPANIONS_PER_PRODUCT).drop("place")


def _repeat(own: ibis.Table, as_of: date) -> ibis.Table:
    weighed = own.mutate(weight=_fading(own, as_of, REPEAT_HALF_LIFE_DAYS))
    summed = weighed.group_by("customer_id", "product").agg(weight=weighed.weight.sum())
    share = summed.weight / summed.weight.sum().over(group_by="customer_id")
    return summed.select("customer_id", "product", repeat=share)


def _companion(own: ibis.Table, pairs: ibis.Table, as_of: date) -> ibis.Table:
    recent = own.filter(own.order_date >= as_of - timedelta(days=COMPANION_REACH_DAYS))
    weighed = recent.mutate(weight=_fading(recent, as_of, COMPANION_HALF_LIFE_DAYS))
    newest = weighed.group_by("customer_id", "product").agg(weight=weighed.weight.max())
    joined = newest.join(pairs, "product")
    wanted = joined.group_by("customer_id", "companion").agg(companion_score=(joined.weight * joined.probability).sum())
    return wanted.select("customer_id", product=wanted.companion, companion=wanted.companion_score)


def _fading(orders: ibis.Table, as_of: date, half_life_days: float) -> ibis.Value:
    age_days = ibis.literal(as_of).delta(orders.order_date, unit="day")
    return (age_days * (-0.6931471805599453 / half_life_days)).exp()


def _as_reason(table: ibis.Table, part: str) -> ibis.Table:
    values = {name: table[part].cast("float64") if name == part else ibis.literal(0.0) for name in PARTS}
    return table.select("customer_id", "product", **values)
