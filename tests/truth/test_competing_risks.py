from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn.linear_model import LogisticRegression

from funnelcast.families import softmax
from funnelcast.families.deal_outcome.prediction import cumulative_incidence


def test_cumulative_incidence_worked_by_hand() -> None:
    # hazards of won .2, .1, .5 and lost .1, .3, .5: still open .7, .42, 0; won .2, .2 + .7 x .1, .27 + .42 x .5
    won, lost = cumulative_incidence(np.array([[0.2, 0.1, 0.5]]), np.array([[0.1, 0.3, 0.5]]))
    np.testing.assert_allclose(won, [[0.20, 0.27, 0.48]])
    np.testing.assert_allclose(lost, [[0.10, 0.31, 0.52]])


def test_losses_censored_would_overstate_wins() -> None:
    # 1 - Kaplan-Meier of the won ones alone: 1 - .8 x .9 x .5 = .64, against .48 above
    won, _ = cumulative_incidence(np.array([[0.2, 0.1, 0.5]]), np.array([[0.1, 0.3, 0.5]]))
    assert won[0, -1] < 0.64 - 0.15


@given(
    won=arrays.arrays(np.float64, (3, 8), elements=st.floats(0, 0.5)),
    lost=arrays.arrays(np.float64, (3, 8), elements=st.floats(0, 0.5)),
)
def test_won_lost_and_open_share_one(won: np.ndarray, lost: np.ndarray) -> None:
    by_won, by_lost = cumulative_incidence(won, lost)
    assert (np.diff(by_won, axis=1) >= 0).all()
    np.testing.assert_allclose(by_won + by_lost + np.cumprod(1 - won - lost, axis=1), 1.0)


@pytest.fixture(scope="module")
def drawn() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(5)
    design = np.column_stack([np.ones(4000), generator.normal(size=(4000, 3))])
    truth = np.array([[-1.0, 0.8, 0.0, -0.4], [-1.5, -0.5, 0.6, 0.0]])
    chances = softmax.probabilities(design, truth)
    luck = generator.uniform(size=4000)
    won = luck < chances[:, 0]
    lost = ~won & (luck < chances.sum(axis=1))
    return design, np.column_stack([won, lost]).astype(np.float64)


def test_maximum_likelihood_agrees_with_scikit_learn(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    design, events = drawn
    nothing = np.zeros((2, 4))
    own = softmax.fit(softmax.Problem(design, events, np.ones(4000), np.eye(4) * 1e-9, nothing))
    label = np.where(events[:, 0] == 1, 1, np.where(events[:, 1] == 1, 2, 0))
    other = LogisticRegression(C=np.inf, tol=1e-10, max_iter=5000, fit_intercept=False).fit(design, label).coef_
    np.testing.assert_allclose(own, other[1:] - other[0], atol=2e-5)


def test_at_the_maximum_every_expected_count_is_the_observed_one(drawn: tuple[np.ndarray, np.ndarray]) -> None:
    design, events = drawn
    weights = np.linspace(0.5, 2.0, 4000)
    own = softmax.fit(softmax.Problem(design, events, weights, np.eye(4) * 1e-12, np.zeros((2, 4))))
    expected = (weights[:, None] * softmax.probabilities(design, own)).T @ design
    np.testing.assert_allclose(expected, (weights[:, None] * events).T @ design, rtol=1e-6, atol=1e-5)


def test_without_a_row_the_prior_stands() -> None:
    centre = np.array([[-4.0, 0.0], [-5.0, 0.5]])
    given_none = softmax.Problem(np.zeros((0, 2)), np.zeros((0, 2)), np.zeros(0), np.eye(2), centre)
    np.testing.assert_allclose(softmax.fit(given_none), centre)


def test_hazards_far_out_stay_probabilities() -> None:
    found = softmax.probabilities(np.array([[1e6], [-1e6]]), np.array([[1.0], [-0.5]]))
    assert np.isfinite(found).all()
    assert (found.sum(axis=1) <= 1.0).all()
    np.testing.assert_allclose(found, [[1.0, 0.0], [0.0, 1.0]], atol=1e-12)
