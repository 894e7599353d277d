"""One-hot columns of a category whose values were agreed on beforehand, as a contract needs them."""

from collections.abc import Sequence

import ibis

from feature_helpers.errors import FeatureError


def one_hot(value: ibis.Value, categories: Sequence[str], *, prefix: str) -> dict[str, ibis.Value]:
    """A boolean column for each category, and `<prefix>_other` for any other value and for null: columns for `select`.

    Exactly one of them is true in each row, whatever comes: a category that appears later does not add a column.

    Raises:
        FeatureError: two categories would share a column.
    """
    columns: dict[str, ibis.Value] = {}
    for category in categories:
        name = indicator_name(prefix, category)
        if name in columns or name == f"{prefix}_other":
            raise FeatureError(
                f"two categories would share the column {name}",
                where=f"one_hot, category {category!r}",
                next_step="give one of them another name before encoding",
            )
        columns[name] = (value == category).fill_null(False)
    return {**columns, f"{prefix}_other": value.notin(list(categories)).fill_null(True)}


def indicator_name(prefix: str, category: str) -> str:
    """The column of a category: `category`, `Home & Garden` → `category_home_garden`."""
    words = "".join(letter if letter.isalnum() else " " for letter in category.lower()).split()
    return "_".join([prefix, *words])
