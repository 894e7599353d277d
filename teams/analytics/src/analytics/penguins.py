"""Group `analytics`: the penguins that ACME's researchers measured on three islands of the Palmer Archipelago.

What belongs here: the birds as they were measured. What does not: anything learnt from them (team ml).
"""

from typing import TYPE_CHECKING

from headgate import asset

if TYPE_CHECKING:
    import pandas as pd

_WHOLE_NUMBERS = ("flipper_length_mm", "body_mass_g", "year")


@asset(group_name="analytics", kinds={"pandas", "ducklake"})
def penguins() -> "pd.DataFrame":
    """The 344 Palmer penguins, measured 2007 to 2009. Grain: one row a bird; two of them were never measured.

    Source: A. Horst, A. Hill and K. Gorman, palmerpenguins, CC0; the rows lie in the package, nothing is fetched.
    """
    from palmerpenguins import load_penguins

    birds: pd.DataFrame = load_penguins()
    birds.insert(0, "penguin_id", range(1, len(birds) + 1))
    return birds.astype(dict.fromkeys(_WHOLE_NUMBERS, "Int64"))
