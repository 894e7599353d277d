"""Use, entitlement and doubtful measurements by day, of every customer and product and of any sum of them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ALL = "all"
Selection = tuple[str, str]
"""Customer and product; each may be ALL."""


def ratio(used_vcpu: float | None, entitled_vcpu: float | None) -> float | None:
    """Used ÷ entitled; None where nothing is entitled, or use is not known."""
    return used_vcpu / entitled_vcpu if used_vcpu is not None and entitled_vcpu else None


@dataclass(frozen=True)
class Values:
    """By day; None where it is not known."""

    used: tuple[float | None, ...]
    entitled: tuple[float | None, ...]
    doubtful: tuple[int, ...]
    gaps: tuple[date, ...]
    """Days on which use of some part is unknown."""


class Series:
    """The days of the trend. Use is unknown on days on which a product sent no measurement at all.

    Args:
        consumption: day, customer_id, product, used_vcpu, entitled_vcpu, doubtful_heartbeats.
        products: day, product, doubtful_heartbeats; those of customers whom nobody knows too.
        days: consecutive, oldest first.
        measured: products and days with measurements.
    """

    def __init__(
        self,
        consumption: "pd.DataFrame",
        products: "pd.DataFrame",
        days: Sequence[date],
        measured: set[tuple[str, date]],
    ) -> None:
        self.days = tuple(days)
        self.products: tuple[str, ...] = tuple(sorted(consumption["product"].unique()))
        self._gaps = {name: {day for day in days if (name, day) not in measured} for name in self.products}
        wide = consumption.pivot(
            index="day",
            columns=["customer_id", "product"],
            values=["used_vcpu", "entitled_vcpu", "doubtful_heartbeats"],
        ).reindex(list(days))
        is_computed = wide.notna().any(axis=1).to_numpy()
        wide = wide.fillna(0.0)
        self.pairs: list[Selection] = list(wide["used_vcpu"].columns)
        self._places = {pair: place for place, pair in enumerate(self.pairs)}
        self._used = wide["used_vcpu"].to_numpy("float64", copy=True)
        self._entitled = wide["entitled_vcpu"].to_numpy("float64", copy=True)
        self._doubtful = wide["doubtful_heartbeats"].to_numpy("int64")
        self._entitled[~is_computed] = float("nan")
        for place, (_, product) in enumerate(self.pairs):
            self._used[[number for number, day in enumerate(days) if day in self._gaps[product]], place] = float("nan")
        self._doubtful_of_product = {
            (row.product, row.day): int(row.doubtful_heartbeats) for row in products.itertuples()
        }

    def each_selection(self) -> Iterator[tuple[Selection, Values]]:
        """All customers and each, with all products and each that they have."""
        groups: dict[Selection, list[int]] = {}
        for place, (customer, product) in enumerate(self.pairs):
            for selection in ((ALL, ALL), (ALL, product), (customer, ALL), (customer, product)):
                groups.setdefault(selection, []).append(place)
        for selection, places in groups.items():
            doubtful = (
                self._count_doubtful(selection[1])
                if selection[0] == ALL
                else tuple(self._doubtful[:, places].sum(axis=1).tolist())
            )
            gaps = set().union(*(self._gaps[self.pairs[place][1]] for place in places))
            used, entitled = _add(self._used, places), _add(self._entitled, places)
            yield selection, Values(used, entitled, doubtful, tuple(sorted(gaps)))

    def consumption_before(self, pair: Selection, days: int) -> float | None:
        """Of one customer and product, so many days before the last."""
        if len(self.days) <= days:
            return None
        day, places = slice(-1 - days, -days), [self._places[pair]]
        return ratio(_add(self._used[day], places)[0], _add(self._entitled[day], places)[0])

    def _count_doubtful(self, product: str) -> tuple[int, ...]:
        names = self.products if product == ALL else (product,)
        return tuple(sum(self._doubtful_of_product.get((name, day), 0) for name in names) for day in self.days)


def _add(values: "np.ndarray", places: Sequence[int]) -> tuple[float | None, ...]:
    """The sum by day; None where any part of it is unknown."""
    return tuple(None if value != value else value for value in values[:, list(places)].sum(axis=1).tolist())
