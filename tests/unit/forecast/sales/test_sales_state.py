from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from funnelcast.forecast.sales.fit import fit
from funnelcast.forecast.sales.state import Floats, Scale, State, back, forth, scale_of
from tests.unit.forecast.sales.series import history, luck

RESPONSE = np.array([1.0, 0.5, 0.25])


def state(**changes: object) -> State:
    plain = State(history([5.0, 7.0, 9.0]), "combination", "log", np.array([1.0, 2.0, 3.0]), RESPONSE, np.array([-1.0, 0.0, 2.0]), 0.0)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_errors_worked_by_hand() -> None:
    """Picks 0 and 1 are the newest error (2) and its mirror image, 4 and 5 the oldest (-1) and its own."""
    picks = np.array([[2, 0, 5, 1], [0, 4, 2, 2]])
    assert state().errors(luck(picks)).tolist() == [
        [2.0, 0.5 * 2 + 1, 0.25 * 2 + 0.5 * 1 - 2],
        [-1.0, -0.5, -0.25],
    ]


def test_the_error_of_the_level_grows_as_that_of_a_line_through_the_past() -> None:
    """The variance of a fitted line h periods after n equally spaced ones: 1/n + 12 ((n + 1) / 2 + h)^2 / (n (n^2 - 1)), here n = 1000."""
    picks = np.array([[0, 2, 2, 2], [1, 2, 2, 2]])
    subject = state(level=0.25, history=history(np.ones(1000)), centre=np.zeros(400), response=np.eye(400)[0])
    drawn = subject.errors(luck(np.hstack([picks[:, :1], np.full((2, 400), 2)])))
    ahead = (1001 / 2 + np.array([0.0, 200.0, 399.0])) ** 2
    line = 1 / 1000 + 12 * ahead / (1000 * (1000**2 - 1))
    assert drawn[0, [0, 200, 399]] == pytest.approx(np.sqrt(line / line[0]), rel=2e-3)
    assert drawn[1].tolist() == (-drawn[0]).tolist()


def test_the_variance_of_draws_is_the_formula() -> None:
    doubt = np.array([[0.0, 1.0], [2.0, 1.0], [0.0, 0.0]])
    subject = state(level=0.3, widening=1.2, shocks=np.array([-3.0, -1.0, 1.0, 3.0]), doubt=doubt)
    errors = subject.errors(luck(np.random.default_rng(1).integers(0, 8, size=(200_000, 4))))
    transient = 5.0 * np.array([1.0, 1.25, 1.3125])
    expected = 1.2**2 * transient + 0.3 * 5.0 * subject.drift**2 + np.array([1.0, 5.0, 0.0])
    assert errors.var(axis=0) == pytest.approx(expected, rel=0.01)


def test_a_channel_that_has_only_sold_never_sells_less_than_nothing() -> None:
    wild = state(scale="plain", centre=np.zeros(3), shocks=np.array([-100.0, 100.0]))
    paths = wild.paths(luck(np.random.default_rng(1).integers(0, 4, size=(50, 4))))
    assert (paths.min(), paths.max()) == (0.0, 90.0)
    refunds = replace(wild, history=history([5.0, -7.0, 9.0]))
    assert refunds.paths(luck(np.random.default_rng(1).integers(0, 4, size=(50, 4)))).min() == -90.0


def test_intermittent_sales_repeat_past_periods() -> None:
    past = [0.0, 0.0, 40.0, 0.0, 0.0, 0.0, 10.0, 0.0]
    paths = fit(history(past), 6, "FR").paths(luck(np.random.default_rng(1).integers(0, 16, size=(4000, 7))))
    assert sorted(set(np.round(paths.ravel(), 9))) == [0.0, 10.0, 40.0]
    assert (paths == 0).mean() == pytest.approx(6 / 8, abs=0.01)


@given(arrays.arrays(np.float64, 9, elements=st.floats(0.01, 1e9)), st.sampled_from(["log", "root", "plain"]))
def test_back_undoes_forth(values: Floats, scale: Scale) -> None:
    assert back(forth(values, scale), scale, 1e10) == pytest.approx(values)


@pytest.mark.parametrize(("values", "scale"), [([1.0, 2.0], "log"), ([0.0, 2.0], "root"), ([-1.0, 2.0], "plain")])
def test_the_scale_follows_the_sign(values: list[float], scale: str) -> None:
    assert scale_of(np.array(values)) == scale


def test_a_state_survives_its_json() -> None:
    subject = state(level=0.1, widening=1.1, doubt=np.array([[0.1], [0.2], [0.3]]))
    picks = np.random.default_rng(1).integers(0, 6, size=(9, 4))
    rebuilt = State.of(subject.document())
    assert (rebuilt.paths(luck(picks)) == subject.paths(luck(picks))).all()
    assert rebuilt.document() == subject.document()
