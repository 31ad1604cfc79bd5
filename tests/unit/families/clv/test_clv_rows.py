from __future__ import annotations

import pandas as pd
import pytest

from funnelcast.errors import BadValues
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
        Rows.of_frame(pd.DataFrame([GOOD, {**GOOD, **change}]))


def test_distinct_rows_give_every_row_back() -> None:
    frame = pd.DataFrame([GOOD, {**GOOD, "T": 61.0}, GOOD, {**GOOD, "T": 61.0}, GOOD])
    rows, place = Rows.of_frame(frame).distinct()
    assert len(rows.x) == 2
    assert rows.T[place].tolist() == frame["T"].tolist()
