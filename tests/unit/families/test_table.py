"""Rows as arrays: what a frame holds, and the rows at some places as pandas would reindex them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from funnelcast.families.table import Table, values_of

FRAME = pd.DataFrame({"number": [1.5, np.nan, 3.0], "count": [1, 2, 3], "word": ["a", None, "c"], "flag": [True, False, True]})


@given(st.lists(st.integers(-1, 2), max_size=6))
def test_rows_at_places_are_those_that_pandas_reindexes(places: list[int]) -> None:
    table = Table.of(FRAME).at(np.array(places, np.int64))
    found = pd.DataFrame(table.columns, range(len(table)))
    expected = FRAME.reindex(places).reset_index(drop=True)
    assert len(table) == len(places)
    pd.testing.assert_frame_equal(found[["number", "count"]], expected[["number", "count"]], check_dtype=False)
    assert [value for value in table["word"] if value is not None] == expected["word"].dropna().tolist()
    np.testing.assert_array_equal(table["flag"], expected["flag"].to_numpy(np.float64))


def test_types_of_pandas_own_become_numbers_and_objects() -> None:
    assert values_of(pd.Series([1, None], dtype="Int64")).tolist()[0] == 1.0
    assert np.isnan(values_of(pd.Series([1, None], dtype="Int64"))[1])
    assert values_of(pd.Series(["x"], dtype="string")).dtype == object
    stamp = pd.Timestamp("2025-01-31 06:00")
    assert values_of(pd.Series([stamp, None])).tolist() == [stamp, pd.NaT]


def test_what_is_no_column_is_left_out_and_rows_stay() -> None:
    table = Table.of(FRAME)
    assert list(table.only(["word", "surprise", "number"]).columns) == ["word", "number"]
    assert len(table.only([])) == 3
    assert "surprise" not in table
    assert Table.of(table) is table
