"""Columns on one scale, for methods that measure distances."""

from typing import TYPE_CHECKING

from feature_helpers.errors import FeatureError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def standardise(values: "np.ndarray | pd.DataFrame") -> "np.ndarray":
    """Each column with mean 0 and variance 1 (of the population), as float64; a constant column is all 0.

    Args:
        values: rows × columns of numbers, as an array or a frame; a frame's nullable numbers are taken too.

    Returns:
        An array of the same shape.

    Raises:
        FeatureError: a value is missing or infinite, a column holds no numbers, or there is no row.
    """
    # Here and not above: a code location is to load in a second.
    import numpy as np

    array = _as_numbers(values)
    if array.ndim != 2 or not len(array) or not np.isfinite(array).all():
        found = f"shape {array.shape}"
        if array.ndim == 2 and len(array):
            found = (
                f"{int((~np.isfinite(array)).any(axis=1).sum())} of {len(array)} rows have a missing or infinite value"
            )
        raise FeatureError(
            f"the values cannot be standardised: {found}",
            where="standardise",
            next_step="give rows × columns, and drop or impute what is missing first",
        )
    deviation = array.std(axis=0)
    # The mean of equal numbers may miss them by a rounding error, which must not be blown up to 1.
    is_constant = np.ptp(array, axis=0) == 0
    centred = np.where(is_constant, 0.0, array - array.mean(axis=0))
    scaled: np.ndarray = centred / np.where(is_constant, 1.0, deviation)
    return scaled


def _as_numbers(values: "np.ndarray | pd.DataFrame") -> "np.ndarray":
    import numpy as np

    if isinstance(values, np.ndarray):
        kinds = {} if values.dtype.kind in "biuf" else {"the array": values.dtype}
    else:
        from pandas.api.types import is_numeric_dtype

        # Not left to the conversion: it takes dates for numbers, of another size on pandas 2 than on pandas 3.
        kinds = {str(name): kind for name, kind in values.dtypes.items() if not is_numeric_dtype(kind)}
    if kinds:
        raise FeatureError(
            f"only numbers can be standardised, not {', '.join(f'{name} ({kind})' for name, kind in kinds.items())}",
            where="standardise",
            next_step="choose other columns, or encode or cast these first (decimals to float64)",
        )
    if isinstance(values, np.ndarray):
        return values.astype("float64")
    return values.to_numpy(dtype="float64", na_value=np.nan)
