from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from funnelcast.forecast.flows import NOT_YET, Flows


def flows(*amounts: tuple[int, int, float, int], draws: int = 3, ids: tuple[str, ...] = ("a", "b")) -> Flows:
    draw, day, amount, lineage = zip(*amounts, strict=True) if amounts else ((), (), (), ())
    return Flows(draws, np.array(draw, np.int32), np.array(day, np.int32), np.array(amount, np.float64), np.array(lineage, np.int32), ids)


def test_periods_are_half_open_and_what_lies_outside_is_not_counted() -> None:
    given = flows((0, -1, 1, 0), (0, 0, 2, 0), (0, 6, 4, 0), (0, 7, 8, 1), (2, 13, 16, -1), (2, 14, 32, -1))
    assert given.by_period([0, 7, 14]).tolist() == [[6, 8], [0, 0], [0, 16]]
    assert given.by_period([3, 7]).tolist() == [[4], [0], [0]]
    assert given.totals().tolist() == [15, 0, 48]


def test_a_partial_first_period_and_periods_of_different_length() -> None:
    assert flows((1, 2, 5, 0), (1, 3, 7, 0), (1, 40, 9, 0)).by_period([0, 3, 33, 64])[1].tolist() == [5, 7, 9]


def test_concatenation_makes_one_id_of_equal_ids() -> None:
    together = Flows.concatenate([flows((0, 1, 1, 1)), flows((0, 1, 2, 0), (1, 2, 4, NOT_YET), ids=("b", "c")), Flows.none(3)])
    assert together.ids == ("a", "b", "c")
    assert together.lineage.tolist() == [1, 1, NOT_YET]
    assert together.of(["b"]).totals().tolist() == [3, 0, 0]


def test_what_does_not_exist_yet_belongs_to_no_id() -> None:
    given = flows((0, 1, 1, NOT_YET), (0, 1, 2, 1))
    assert given.of(["a", "b"]).amount.tolist() == [2]
    assert given.of([]).size == 0
    assert given.where(given.lineage == NOT_YET).amount.tolist() == [1]


def test_nothing_flows() -> None:
    assert Flows.none(2).by_period([0, 7]).tolist() == [[0], [0]]
    assert Flows.none(2).totals().tolist() == [0, 0]
    assert Flows.concatenate([Flows.none(2), Flows.none(2)]).size == 0


@pytest.mark.parametrize(
    ("draw", "lineage", "message"), [([3], [0], "outside of 0 to 2"), ([0], [2], "outside of -1 to 1"), ([0, 1], [0], "one entry per")]
)
def test_what_cannot_be_is_refused_when_built(draw: list[int], lineage: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Flows(3, np.array(draw, np.int32), np.array([0], np.int32), np.array([1.0]), np.array(lineage, np.int32), ("a", "b"))


def test_other_draws_are_other_futures() -> None:
    with pytest.raises(ValueError, match="share their draws"):
        Flows.concatenate([Flows.none(2), Flows.none(3)])


@given(
    day=arrays.arrays(np.int32, 30, elements=st.integers(0, 400)),
    draw=arrays.arrays(np.int32, 30, elements=st.integers(0, 4)),
    cuts=st.lists(st.integers(1, 400), max_size=8, unique=True),
)
def test_any_periods_that_cover_the_days_conserve_each_draw(day: np.ndarray, draw: np.ndarray, cuts: list[int]) -> None:
    amount = np.arange(1.0, 31.0)
    given = Flows(5, draw, day, amount, np.full(30, NOT_YET, np.int32))
    edges = [0, *sorted(cuts), 401]
    table = given.by_period(edges)
    np.testing.assert_allclose(table.sum(axis=1), given.totals())
    slow = [
        [sum(a for a, w, d in zip(amount, draw, day, strict=True) if w == k and low <= d < high) for low, high in itertools.pairwise(edges)]
        for k in range(5)
    ]
    np.testing.assert_allclose(table, slow)
