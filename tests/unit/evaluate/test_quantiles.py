from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.stats import kstest, norm

from funnelcast.evaluate.quantiles import LEVELS, Floats, crps, inside, mean_pinball, pinball, pit

AMOUNTS = st.floats(-1e6, 1e6)


@given(arrays.arrays(np.float64, 5, elements=AMOUNTS), arrays.arrays(np.float64, (19, 5), elements=AMOUNTS))
def test_pinball_is_the_slow_loop(actual: Floats, quantiles: Floats) -> None:
    fast = pinball(actual, quantiles)
    for row, level in enumerate(LEVELS):
        for column, came in enumerate(actual):
            missed = came - quantiles[row, column]
            assert fast[row, column] == pytest.approx(level * missed if missed >= 0 else (level - 1) * missed)
    assert fast.min() >= 0


def test_pinball_of_a_point_is_half_the_absolute_error() -> None:
    assert mean_pinball(np.array([10.0, 4.0]), np.array([[7.0, 5.0]])) == pytest.approx((3 + 1) / 2 / 2)


@given(arrays.arrays(np.float64, (7, 3), elements=AMOUNTS), arrays.arrays(np.float64, 3, elements=AMOUNTS))
def test_crps_is_the_double_loop_over_draws(draws: Floats, actual: Floats) -> None:
    for column, came in enumerate(actual):
        own = draws[:, column]
        apart = np.mean([[abs(one - other) for other in own] for one in own])
        assert crps(actual, draws)[column] == pytest.approx(np.abs(own - came).mean() - apart / 2, abs=1e-6)


def test_crps_of_a_standard_normal_is_the_closed_form() -> None:
    """Gneiting and Raftery (2007), eq. 5: y (2 Phi(y) - 1) + 2 phi(y) - 1 / sqrt(pi)."""
    draws = norm.ppf((np.arange(20_000) + 0.5) / 20_000)[:, None]
    for came in (-1.5, 0.0, 0.7):
        expected = came * (2 * norm.cdf(came) - 1) + 2 * norm.pdf(came) - 1 / np.sqrt(np.pi)
        assert crps(np.array([came]), draws)[0] == pytest.approx(expected, abs=1e-3)
        assert 2 * mean_pinball(np.array([came]), draws) == pytest.approx(expected, rel=0.06)


def test_inside_counts_both_bounds() -> None:
    draws = np.arange(101.0)[:, None] * np.ones(4)
    assert inside(np.array([10.0, 90.0, 9.9, 90.1]), draws, 0.8).tolist() == [True, True, False, False]


def test_pit_is_uniform_where_the_draws_are_right_even_when_most_are_zero() -> None:
    draw = np.random.default_rng(5)
    draws, came = draw.poisson(0.5, (400, 3000)).astype(float), draw.poisson(0.5, 3000).astype(float)
    assert kstest(pit(came, draws, seed=1), "uniform").pvalue > 0.01
    assert kstest(pit(came + 1, draws, seed=1), "uniform").pvalue < 1e-6
