from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelcast.errors import BadValues
from funnelcast.families.clv.process.distinct import distinct
from funnelcast.families.clv.rows import Rows

GOOD = {"frequency": 2.0, "recency": 30.0, "T": 60.0, "monetary_value": 10.0}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"frequency": -1.0}, "column frequency: 1 of 2 rows are negative; first: -1.0 in row 1"),
        ({"frequency": 1.5}, "no whole number"),
        ({"recency": 61.0}, "lie beyond T"),
        ({"T": float("nan")}, "not a finite number"),
        ({"monetary_value": float("inf")}, "not a finite number"),
        ({"monetary_value": -0.01}, "are negative"),
    ],
)
def test_a_customer_that_cannot_be_is_refused_by_name(change: dict[str, float], said: str) -> None:
    with pytest.raises(BadValues, match=said):
        Rows.of(pd.DataFrame([GOOD, {**GOOD, **change}]))


def test_distinct_rows_give_every_row_back() -> None:
    frame = pd.DataFrame([GOOD, {**GOOD, "T": 61.0}, GOOD, {**GOOD, "T": 61.0}, GOOD] * 4)
    rows, place = Rows.of(frame).distinct()
    assert len(rows.x) == 2
    assert rows.T[place].tolist() == frame["T"].tolist()


@given(rows=st.lists(st.tuples(*[st.sampled_from([0.0, -0.0, 1.0, 1 / 7, 1e300, 5e-324])] * 3), max_size=40), width=st.integers(1, 3))
def test_distinct_against_a_dictionary(rows: list[tuple[float, ...]], width: int) -> None:
    seen: dict[tuple[float, ...], int] = {}
    places = [seen.setdefault(row[:width], len(seen)) for row in rows]
    firsts = [places.index(place) for place in range(len(seen))]
    columns = np.array(rows, dtype=np.float64).reshape(-1, 3).T[:width]
    first, place = distinct(*columns)
    each = np.arange(len(rows))
    once = each[first]
    assert once.tolist() == (each.tolist() if len(rows) <= 16 else firsts)
    assert np.arange(len(once))[place].tolist() == (each.tolist() if len(rows) <= 16 else places)
