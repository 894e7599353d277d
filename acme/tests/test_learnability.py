"""There is something to learn: an honest look at the orders finds what the generator put in, and a naive one does not."""

from collections.abc import Callable
from datetime import date

import numpy as np
import numpy.typing as npt
import pytest

from acme.company import Company
from acme.orders import Orders
from acme.world import HISTORY_DAYS, WorldSpec

Array = npt.NDArray[np.float64]


class History:
    """A world of 100,000 orders as columns: customer, product, day and quantity of each order."""

    def __init__(self) -> None:
        self.company = Company(WorldSpec(seed=11, orders=100_000, origin=date(2026, 8, 1)))
        self.orders = Orders.concatenate(list(self.company.history()))
        self.customer = self.orders.customer_id - 1
        self.product = self.orders.product
        self.day = self.orders.epoch_day - self.company.spec.first_epoch_day
        self.customers = self.company.population.count
        self.products = len(self.company.catalogue)

    def count(self, first: int, last: int) -> Array:
        """Orders of each customer on the days `first` to `last` (not included)."""
        at = (self.day >= first) & (self.day < last)
        return np.bincount(self.customer[at], minlength=self.customers).astype(float)

    def units(self, first: int, last: int) -> Array:
        """Units of each product on the days `first` to `last` (not included)."""
        at = (self.day >= first) & (self.day < last)
        return np.bincount(self.product[at], self.orders.quantity[at], minlength=self.products).astype(float)


@pytest.fixture(scope="module")
def history() -> History:
    return History()


def area_under_curve(score: Array, label: npt.NDArray[np.bool_]) -> float:
    """The share of (positive, negative) pairs that the score puts in the right order."""
    rank = np.argsort(np.argsort(score))
    positive, negative = label.sum(), (~label).sum()
    return float((rank[label].sum() - positive * (positive - 1) / 2) / (positive * negative))


def test_every_segment_is_reached(history: History) -> None:
    orders = history.count(0, HISTORY_DAYS)
    spent = np.bincount(history.customer, history.orders.revenue_cents / 100, minlength=history.customers)
    high = (spent >= 100) & (orders >= 3)
    medium = ~high & (spent >= 50) & (orders >= 2)
    assert 0.5 < high.mean() < 0.8
    assert 0.03 < medium.mean() < 0.15
    assert 0.15 < (~high & ~medium).mean() < 0.4


def churn_cases(history: History, cut: int) -> tuple[Array, npt.NDArray[np.bool_], Array]:
    """What was known before day `cut` of everybody who bought in the 180 days before it (standardised), who did not
    buy in the 90 days after it, and the days since the last order."""
    before = history.day < cut
    last, first = np.full(history.customers, -1), np.full(history.customers, HISTORY_DAYS)
    np.maximum.at(last, history.customer[before], history.day[before])
    np.minimum.at(first, history.customer[before], history.day[before])
    known = last >= cut - 180
    pace = history.count(0, cut)[known] / (cut - first[known])
    recency = (cut - last)[known].astype(float)
    recent = [np.log1p(history.count(cut - days, cut)[known]) for days in (30, 90, 180)]
    premium = history.company.population.is_premium[known]
    columns = np.column_stack([np.log(recency), np.log(pace), recency * pace, premium, *recent])
    features = np.column_stack([np.ones(len(columns)), (columns - columns.mean(axis=0)) / columns.std(axis=0)])
    return features, history.count(cut, cut + 90)[known] == 0, recency


def test_silence_is_learnt_better_than_by_recency(history: History) -> None:
    features, silent, _ = churn_cases(history, HISTORY_DAYS - 180)
    weights = np.zeros(features.shape[1])
    for _ in range(20):  # logistic regression by Newton's method
        chance = 1 / (1 + np.exp(-features @ weights))
        curvature = (features.T * (chance * (1 - chance))) @ features + 0.01 * np.eye(len(weights))
        weights += np.linalg.solve(curvature, features.T @ (silent - chance) - 0.01 * weights)

    features, silent, recency = churn_cases(history, HISTORY_DAYS - 90)
    chance = 1 / (1 + np.exp(-features @ weights))
    base_rate = silent.mean()
    assert 0.1 < base_rate < 0.4
    assert area_under_curve(chance, silent) > 0.86
    assert area_under_curve(chance, silent) > area_under_curve(recency, silent) + 0.02
    assert np.mean((chance - silent) ** 2) < 0.75 * base_rate * (1 - base_rate)


def test_the_premium_tier_stays_longer(history: History) -> None:
    bought = history.count(0, 200) > 0
    silent = history.count(HISTORY_DAYS - 180, HISTORY_DAYS) == 0
    premium = history.company.population.is_premium
    assert silent[bought & ~premium].mean() > silent[bought & premium].mean() + 0.2


def test_demand_has_seasons_promotions_and_trends(history: History) -> None:
    catalogue, spec = history.company.catalogue, history.company.spec
    demand = np.array([catalogue.demand(spec, day) * catalogue.popularity for day in range(HISTORY_DAYS)])
    share = demand / demand.sum(axis=1, keepdims=True)
    errors: dict[str, list[float]] = {"truth": [], "last": [], "season": []}
    for first in range(HISTORY_DAYS - 6 * 28, HISTORY_DAYS, 28):
        actual, last = history.units(first, first + 28), history.units(first - 28, first)
        usual = history.units(first - 364, first)
        expected = usual * share[first : first + 28].sum(axis=0) / share[first - 364 : first].sum(axis=0)
        forecasts = {
            "truth": expected * last.sum() / expected.sum(),
            "last": last,
            "season": history.units(first - 364, first - 336),
        }
        for name, forecast in forecasts.items():
            errors[name].append(float(np.abs(forecast - actual).sum() / actual.sum()))
    truth, last_period, season = (float(np.mean(errors[name])) for name in ("truth", "last", "season"))
    assert truth < 0.85 * min(last_period, season)


def test_customers_repeat_themselves_and_companions_follow(history: History) -> None:
    cut = HISTORY_DAYS - 30
    past, future = history.day < cut, history.day >= cut
    bought = np.zeros((history.customers, history.products))
    np.add.at(bought, (history.customer[past], history.product[past]), 1)
    wanted = np.zeros_like(bought, dtype=bool)
    wanted[history.customer[future], history.product[future]] = True
    buyers = np.flatnonzero(wanted.any(axis=1) & (bought.sum(axis=1) > 0))
    popular = np.bincount(history.product[past & (history.day >= cut - 30)], minlength=history.products)

    def recall(score: Callable[[int], Array]) -> float:
        hits = [wanted[b, np.argsort(-score(b))[:5]].sum() / wanted[b].sum() for b in buyers.tolist()]
        return float(np.mean(hits))

    assert recall(lambda b: bought[b] + popular / popular.sum()) > 1.4 * recall(lambda b: popular.astype(float))

    order = np.lexsort((history.orders.updated_at, history.customer))
    customer, product, day = history.customer[order], history.product[order], history.day[order]
    soon = (customer[1:] == customer[:-1]) & (day[1:] - day[:-1] <= 30)
    pairs = np.zeros((history.products, history.products))
    np.add.at(pairs, (product[:-1][soon], product[1:][soon]), 1)
    lift = pairs * pairs.sum() / (pairs.sum(axis=1, keepdims=True) * pairs.sum(axis=0) + 1e-9)
    companion = history.company.catalogue.companions[:, 0]
    assert np.median(lift[np.arange(history.products), companion]) > 5
    assert np.median(lift) < 1.2
