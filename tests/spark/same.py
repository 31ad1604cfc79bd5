"""What equal means between engines: counts, times and texts exactly, floats within 1e-9 of each other."""

from __future__ import annotations

from typing import Any

import pandas as pd

EXACTLY: dict[str, Any] = {"check_exact": True}
NEARLY: dict[str, Any] = {"check_exact": False, "rtol": 1e-9, "atol": 0.0}


def assert_same(duckdb: pd.DataFrame, spark: pd.DataFrame, *keys: str) -> None:
    """Hold two answers against each other, whatever the order of their rows."""
    assert len(duckdb), "nothing to compare"
    assert list(duckdb.columns) == list(spark.columns)
    one, other = (frame.sort_values(list(keys or frame.columns), ignore_index=True) for frame in (duckdb, spark))
    floats = one.select_dtypes("float").columns
    pd.testing.assert_frame_equal(one.drop(columns=floats), other.drop(columns=floats), **EXACTLY)
    whole = [name for name in floats if (one[name].dropna() % 1 == 0).all()]
    pd.testing.assert_frame_equal(one[whole], other[whole], **EXACTLY)
    pd.testing.assert_frame_equal(one[floats], other[floats], **NEARLY)
