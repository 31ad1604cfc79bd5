from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from funnelcast.forecast.sales.fit import fit
from funnelcast.forecast.sales.state import Floats, Scale, State, back, forth, scale_of
from tests.unit.forecast.sales.series import history

RESPONSE = np.array([1.0, 0.5, 0.25])


def state(**changes: object) -> State:
    plain = State(history([5.0, 7.0, 9.0]), "combination", "log", np.array([1.0, 2.0, 3.0]), RESPONSE, np.array([-1.0, 0.0, 2.0]), 0.0)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_errors_worked_by_hand() -> None:
    """Picks 0 and 1 are the newest error (2) and its mirror image, 4 and 5 the oldest (-1) and its own."""
    picks = np.array([[2, 0, 5, 1], [0, 4, 2, 2]])
    assert state().errors(picks).tolist() == [
        [2.0, 0.5 * 2 + 1, 0.25 * 2 + 0.5 * 1 - 2],
        [-1.0, -0.5, -0.25],
    ]


def test_the_error_of_the_level_is_the_same_all_along_the_path() -> None:
    picks = np.array([[0, 2, 2, 2], [1, 2, 2, 2]])
    assert state(level=0.25).errors(picks).tolist() == [[1.0] * 3, [-1.0] * 3]


def test_the_variance_of_draws_is_the_formula() -> None:
    subject = state(level=0.3, widening=1.2, shocks=np.array([-3.0, -1.0, 1.0, 3.0]))
    errors = subject.errors(np.random.default_rng(1).integers(0, 8, size=(200_000, 4)))
    transient, level = subject.variances()
    assert errors.var(axis=0) == pytest.approx(1.2**2 * transient + level, rel=0.01)
    assert transient == pytest.approx(5.0 * np.array([1.0, 1.25, 1.3125]))


def test_a_channel_that_has_only_sold_never_sells_less_than_nothing() -> None:
    wild = state(scale="plain", centre=np.zeros(3), shocks=np.array([-100.0, 100.0]))
    paths = wild.paths(np.random.default_rng(1).integers(0, 4, size=(50, 4)))
    assert (paths.min(), paths.max()) == (0.0, 90.0)
    refunds = replace(wild, history=history([5.0, -7.0, 9.0]))
    assert refunds.paths(np.random.default_rng(1).integers(0, 4, size=(50, 4))).min() == -90.0


def test_intermittent_sales_repeat_past_periods() -> None:
    past = [0.0, 0.0, 40.0, 0.0, 0.0, 0.0, 10.0, 0.0]
    paths = fit(history(past), 6, "FR").paths(np.random.default_rng(1).integers(0, 16, size=(4000, 7)))
    assert sorted(set(np.round(paths.ravel(), 9))) == [0.0, 10.0, 40.0]
    assert (paths == 0).mean() == pytest.approx(6 / 8, abs=0.01)


@given(arrays.arrays(np.float64, 9, elements=st.floats(0.01, 1e9)), st.sampled_from(["log", "root", "plain"]))
def test_back_undoes_forth(values: Floats, scale: Scale) -> None:
    assert back(forth(values, scale), scale, 1e10) == pytest.approx(values)


@pytest.mark.parametrize(("values", "scale"), [([1.0, 2.0], "log"), ([0.0, 2.0], "root"), ([-1.0, 2.0], "plain")])
def test_the_scale_follows_the_sign(values: list[float], scale: str) -> None:
    assert scale_of(np.array(values)) == scale


def test_a_state_survives_its_json() -> None:
    subject = state(level=0.1, widening=1.1)
    picks = np.random.default_rng(1).integers(0, 6, size=(9, 4))
    rebuilt = State.of(subject.document())
    assert (rebuilt.paths(picks) == subject.paths(picks)).all()
    assert rebuilt.document() == subject.document()
