"""Standardising arrays and frames: the same numbers on every major of pandas."""

import ibis
import numpy as np
import pandas as pd
import pytest

from feature_helpers import FeatureError, standardise


def test_two_columns_count_alike() -> None:
    scaled = standardise(np.array([[1, 1000], [2, 3000], [3, 2000]]))
    root = np.sqrt(1.5)
    assert scaled == pytest.approx(np.array([[-root, -root], [0, root], [root, 0]]))
    assert scaled.dtype == np.float64


def test_a_constant_column_is_nothing() -> None:
    scaled = standardise(np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 3.0]]))
    assert scaled[:, 0].tolist() == [0.0, 0.0, 0.0]
    assert standardise(np.array([[7]])).tolist() == [[0.0]]


@pytest.mark.parametrize("dtype", ["int64", "Int64", "float32", "Float64", "int64[pyarrow]", "bool"])
def test_frames_are_taken_in_every_kind_of_number(dtype: str) -> None:
    frame = pd.DataFrame({"a": [0, 1, 1, 0]}).astype(dtype)
    assert standardise(frame).tolist() == [[-1.0], [1.0], [1.0], [-1.0]]


def test_what_the_engine_returns_is_taken() -> None:
    frame = ibis.duckdb.connect().sql("select i, i * 2.5::double as j from range(3) as t (i)").to_pandas()
    root = np.sqrt(1.5)
    assert standardise(frame) == pytest.approx(np.array([[-root, -root], [0, 0], [root, root]]))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (np.array([[1.0], [np.nan]]), "1 of 2 rows have a missing"),
        (np.array([[1.0, 2.0], [np.inf, np.nan]]), "1 of 2 rows have a missing"),
        (pd.DataFrame({"a": [1, None]}).astype("Int64"), "1 of 2 rows have a missing"),
        (np.array([1.0, 2.0]), r"shape \(2,\)"),
        (np.empty((0, 3)), r"shape \(0, 3\)"),
        (np.array([["x"]]), "not the array"),
        (pd.DataFrame({"a": [1], "word": ["x"]}), r"not word \("),
        (pd.DataFrame({"day": pd.to_datetime(["2026-01-05"])}), r"not day \(datetime64"),
    ],
)
def test_what_is_no_number_is_refused_in_three_lines(values: np.ndarray | pd.DataFrame, problem: str) -> None:
    with pytest.raises(FeatureError, match=problem) as caught:
        standardise(values)
    assert len(str(caught.value).splitlines()) == 3
