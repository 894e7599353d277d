"""Everything that is known before a single day is drawn: customers, their chains, deployments, and use by day.

A plan is made from the parameters alone, in a second for 500 customers; nothing of it is stored.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from acme.drops.population import Customer, Deployment, make_customers, make_deployments
from acme.drops.subscriptions import LOOK_AHEAD, Chain, Grant, Line, make_chain
from acme.drops.world import PRODUCTS, DropsSpec


@dataclass(frozen=True)
class Fleet:
    """A product's deployments, as parallel lists, with the chain each belongs to."""

    deployments: list[Deployment]
    chain: npt.NDArray[np.int64]

    @cached_property
    def starts(self) -> npt.NDArray[np.int64]:
        return np.array([one.start for one in self.deployments], np.int64)

    @cached_property
    def ends(self) -> npt.NDArray[np.int64]:
        return np.array([one.end for one in self.deployments], np.int64)

    @cached_property
    def shares(self) -> npt.NDArray[np.float64]:
        return np.array([one.share for one in self.deployments])


class Plan:
    """The world from `first` up to, without, `until`."""

    def __init__(self, spec: DropsSpec, *, first: int, until: int) -> None:
        self.spec, self.first, self.until = spec, first, until
        self.customers: list[Customer] = make_customers(spec, until + LOOK_AHEAD)
        self.chains: dict[str, list[Chain]] = {
            product: [
                make_chain(spec, customer, product, until)
                for customer in self.customers
                if product in customer.products
            ]
            for product in PRODUCTS
        }
        self.fleets = {product: self._fleet(product) for product in PRODUCTS}
        self._demand = {
            product: np.stack([chain.demand(first, until - first) for chain in chains] or [np.zeros(until - first)])
            for product, chains in self.chains.items()
        }

    def use(self, product: str, day: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """The deployments that beat on a day, as positions in the fleet, and the vCPU that each uses on average."""
        fleet = self.fleets[product]
        demand = self._demand[product][:, day - self.first]
        live = np.flatnonzero((fleet.starts <= day) & (day < fleet.ends) & (demand[fleet.chain] > 0))
        weight = np.zeros(len(demand))
        np.add.at(weight, fleet.chain[live], fleet.shares[live])
        return live, demand[fleet.chain[live]] * fleet.shares[live] / weight[fleet.chain[live]]

    def lines(self, day: int) -> list[Line]:
        """What is invoiced on a day; on the first day of the world, also whatever was invoiced before."""
        return self._lines.get(day, [])

    @cached_property
    def _lines(self) -> dict[int, list[Line]]:
        found: dict[int, list[Line]] = defaultdict(list)
        for chains in self.chains.values():
            for chain in chains:
                for line in chain.lines:
                    found[max(line.order_day, self.spec.first)].append(line)
        return {day: sorted(lines, key=lambda line: line.key) for day, lines in found.items()}

    def grants(self, until: int) -> list[Grant]:
        """What was sold before a day, in the order of its lines."""
        everything = (grant for chains in self.chains.values() for chain in chains for grant in chain.grants)
        return sorted((one for one in everything if one.line.order_day < until), key=lambda one: one.line.key)

    def _fleet(self, product: str) -> Fleet:
        deployments, owner = [], []
        for position, chain in enumerate(self.chains[product]):
            for one in make_deployments(self.spec, chain.customer, product, chain.start):
                deployments.append(one)
                owner.append(position)
        return Fleet(deployments, np.array(owner, np.int64))
