"""Metrics against scikit-learn, a general optimiser, and figures worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from funnelcast.evaluate.calibration import fit_line, intercept_of, jeffreys, log_odds, reliability, slope_of
from funnelcast.evaluate.metrics import classification, gain_curve, lift, roc_curve

# worked by hand: ranked .9+ .8- .7+ .4- .2-
OUTCOME = np.array([1.0, 0.0, 1.0, 0.0, 0.0])
PROBABILITY = np.array([0.9, 0.8, 0.7, 0.4, 0.2])

drawn = st.lists(st.tuples(st.booleans(), st.integers(1, 19)), min_size=4, max_size=80).filter(lambda rows: len({y for y, _ in rows}) == 2)


def arrays(rows: list[tuple[bool, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([float(y) for y, _ in rows]), np.array([p / 20 for _, p in rows])


def test_worked_by_hand() -> None:
    found = classification(OUTCOME, PROBABILITY)
    assert found["roc_auc"] == pytest.approx(5 / 6)  # of 6 pairs, one (.7 below .8) is wrong
    assert found["pr_auc"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    assert found["brier"] == pytest.approx((0.01 + 0.64 + 0.09 + 0.16 + 0.04) / 5)
    assert found["log_loss"] == pytest.approx(-(math.log(0.9) + math.log(0.2) + math.log(0.7) + math.log(0.6) + math.log(0.8)) / 5)
    assert found["lift_at_10pct"] == pytest.approx(1 / 0.4)  # the best one of five is positive, two of five are


def test_the_curves_worked_by_hand() -> None:
    false_rate, true_rate = roc_curve(OUTCOME, PROBABILITY)
    assert false_rate.tolist() == pytest.approx([0, 0, 1 / 3, 1 / 3, 2 / 3, 1])
    assert true_rate.tolist() == pytest.approx([0, 0.5, 0.5, 1, 1, 1])
    called, found = gain_curve(OUTCOME, PROBABILITY)
    assert called.tolist() == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1])
    assert found.tolist() == pytest.approx([0, 0.5, 0.5, 1, 1, 1])


def test_rows_that_tie_share_their_outcome() -> None:
    assert lift(np.array([1.0, 0.0, 0.0, 0.0]), np.full(4, 0.3), 0.5) == pytest.approx(1.0)


@given(drawn)
def test_as_scikit_learn_says(rows: list[tuple[bool, int]]) -> None:
    outcome, probability = arrays(rows)
    found = classification(outcome, probability)
    assert found["roc_auc"] == pytest.approx(roc_auc_score(outcome, probability))
    assert found["pr_auc"] == pytest.approx(average_precision_score(outcome, probability))
    assert found["brier"] == pytest.approx(brier_score_loss(outcome, probability))
    assert found["log_loss"] == pytest.approx(log_loss(outcome, probability))


def test_the_line_is_the_maximum_of_the_likelihood() -> None:
    rng = np.random.default_rng(1)
    score = rng.normal(0, 2, 500)
    outcome = (rng.random(500) < 1 / (1 + np.exp(-(0.3 + 0.6 * score)))).astype(float)

    def negative_log_likelihood(parameters: np.ndarray) -> float:
        linear = parameters[0] + parameters[1] * score
        return float((np.logaddexp(0, linear) - outcome * linear).sum())

    judge = minimize(negative_log_likelihood, np.array([0.0, 1.0]), tol=1e-10)
    found = fit_line(outcome, score)
    assert [found.intercept, found.slope] == pytest.approx(judge.x.tolist(), abs=1e-5)


def test_slope_and_intercept_undo_a_known_distortion() -> None:
    rng = np.random.default_rng(2)
    truth = rng.normal(-1, 1.2, 200_000)
    outcome = (rng.random(truth.size) < 1 / (1 + np.exp(-truth))).astype(float)
    too_extreme = 1 / (1 + np.exp(-2 * truth))
    assert slope_of(outcome, too_extreme) == pytest.approx(0.5, abs=0.01)
    too_low = 1 / (1 + np.exp(-(truth - 0.7)))
    assert slope_of(outcome, too_low) == pytest.approx(1.0, abs=0.02)
    assert intercept_of(outcome, too_low) == pytest.approx(0.7, abs=0.02)


def test_separated_scores_still_give_a_finite_line_under_a_prior() -> None:
    found = fit_line(np.array([0.0, 0.0, 1.0, 1.0]), np.array([-2.0, -1.0, 1.0, 2.0]), prior=1.0)
    assert 1.0 < found.slope < 5.0
    assert found.intercept == pytest.approx(0.0, abs=1e-6)


def test_no_slope_where_nothing_varies() -> None:
    assert math.isnan(slope_of(np.array([0.0, 1.0]), np.array([0.5, 0.5])))
    assert math.isnan(intercept_of(np.ones(3), np.array([0.2, 0.5, 0.6])))
    assert math.isnan(classification(np.zeros(3), np.array([0.2, 0.5, 0.6]))["roc_auc"])


def test_reliability_worked_by_hand() -> None:
    outcome = np.array([0, 0, 1, 0, 1, 1, 1, 1], float)
    probability = np.array([0.1, 0.1, 0.1, 0.1, 0.8, 0.8, 0.8, 0.8])
    found = reliability(outcome, probability, bins=2)
    assert found.count.tolist() == [4, 4]
    assert found.predicted.tolist() == pytest.approx([0.1, 0.8])
    assert found.observed.tolist() == [0.25, 1.0]
    assert found.error == pytest.approx((0.15 + 0.2) / 2)


def test_equal_probabilities_stay_in_one_bin() -> None:
    found = reliability(np.array([0, 1, 1, 0, 0], float), np.full(5, 0.4))
    assert found.count.tolist() == [5]
    assert found.error == pytest.approx(0.0)


def test_jeffreys_interval_as_printed_by_brown_cai_dasgupta() -> None:
    # Brown, Cai, DasGupta (2001), Interval Estimation for a Binomial Proportion: n=10, x=2 at 95 % is [0.044, 0.503]
    low, high = jeffreys(np.array([2.0, 0.0, 10.0]), np.array([10.0, 10.0, 10.0]), 0.95)
    assert [low[0], high[0]] == pytest.approx([0.044, 0.503], abs=5e-4)
    assert (low[1], high[2]) == (0.0, 1.0)


@given(drawn)
def test_log_odds_are_undone_by_the_logistic(rows: list[tuple[bool, int]]) -> None:
    _, probability = arrays(rows)
    assert 1 / (1 + np.exp(-log_odds(probability))) == pytest.approx(probability)
