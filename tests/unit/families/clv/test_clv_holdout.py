from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest, poisson

from funnelcast.families.clv.holdout import crps_of_counts, deciles, gini, metrics, pit_of_counts
from funnelcast.families.clv.process.future import expected_while_alive, survival_of_counts, survival_of_poisson


def test_crps_of_a_certain_forecast_is_its_distance() -> None:
    # Whoever surely buys nothing: every purchase made counts one.
    actual = np.array([0.0, 1.0, 5.0])
    assert crps_of_counts(actual, np.zeros(3), survival_of_poisson(np.ones(3))).tolist() == [0.0, 1.0, 5.0]


def test_crps_is_the_sum_of_squared_differences_of_the_distributions() -> None:
    actual, mean = np.array([0.0, 2.0, 40.0, 3.0]), np.array([0.3, 2.0, 7.0, 0.0])
    k = np.arange(400)
    slow = [((poisson.cdf(k, m) - (y <= k)) ** 2).sum() for y, m in zip(actual, mean, strict=True)]
    np.testing.assert_allclose(crps_of_counts(actual, np.ones(4), survival_of_poisson(mean)), slow, atol=1e-6)


def test_crps_is_proper_the_truth_scores_best() -> None:
    random = np.random.default_rng(1)
    counts = random.poisson(1.5, 20_000).astype(float)
    scores = {mean: crps_of_counts(counts, np.ones(20_000), survival_of_poisson(np.full(20_000, mean))).mean() for mean in (1.0, 1.5, 2.2)}
    assert min(scores, key=lambda mean: scores[mean]) == 1.5


def test_pit_lies_between_the_distribution_before_a_count_and_at_it() -> None:
    mean, alive, actual = np.array([0.3, 2.0, 7.0, 3.0, 0.5]), np.array([1.0, 0.5, 1.0, 0.0, 0.25]), np.array([0.0, 2.0, 11.0, 0.0, 1.0])

    def distribution(k: np.ndarray) -> np.ndarray:
        return np.where(k < 0, 0.0, 1 - alive * poisson.sf(k, mean))

    for uniform in (0.0, 0.3, 1.0):
        found = pit_of_counts(actual, alive, survival_of_poisson(mean), np.full(5, uniform))
        slow = (1 - uniform) * distribution(actual - 1) + uniform * distribution(actual)
        np.testing.assert_allclose(found, slow, atol=1e-12)


def test_pit_is_uniform_where_predictions_are_right_and_only_there() -> None:
    random = np.random.default_rng(4)
    counts, uniform, ones = random.poisson(1.5, 5000).astype(float), random.random(5000), np.ones(5000)
    right, wrong = (pit_of_counts(counts, ones, survival_of_poisson(np.full(5000, mean)), uniform) for mean in (1.5, 1.7))
    assert kstest(right, "uniform").pvalue > 0.01
    assert kstest(wrong, "uniform").pvalue < 1e-6


@pytest.mark.parametrize(
    ("s", "u", "a", "B"), [(0.24, 9.0, 0.79, 2.4), (3.2, 0.5, 1.0, 5.0), (40.3, 2.0, 3.0, 60.0), (900.0, 1.5, 2.0, 902.0)]
)
def test_the_counts_sum_to_their_expectation(s: float, u: float, a: float, B: float) -> None:
    survivals = survival_of_counts(np.array([s]), np.array([u]), a, np.array([B]))
    total = sum(float(next(survivals)[0]) for _ in range(4000))
    assert total == pytest.approx(float(expected_while_alive(np.array([s]), np.array([u]), a, np.array([B]))[0]), rel=2e-3)


def test_gini_of_hand_worked_rankings() -> None:
    actual = np.array([0.0, 0.0, 1.0, 3.0])
    assert gini(actual, actual) == pytest.approx(1)
    assert gini(-actual, actual) == pytest.approx(-1)
    assert gini(np.ones(4), actual) == pytest.approx(0)
    # Best first 1, 3, 0, 0: captured areas (.125 + .625 + 1 + 1) / 4 = .6875; perfect 3, 1, 0, 0: (.375 + .875 + 1 + 1) / 4 = .8125.
    assert gini(np.array([0.1, 0.2, 0.9, 0.5]), actual) == pytest.approx(0.1875 / 0.3125)


def test_metrics_carry_the_names_of_the_contract_and_stay_numbers() -> None:
    found = metrics(np.array([1.0, 2.0]), np.array([0.0, 4.0]), np.array([0.5, 1.5]), 90.0)
    assert found == {
        "holdout_days": 90.0,
        "expected_purchases": 3.0,
        "actual_purchases": 4.0,
        "bias_pct": -25.0,
        "mae": 1.5,
        "gini": pytest.approx(1.0),
        "crps": 1.0,
    }
    assert metrics(np.array([0.5]), np.zeros(1), np.zeros(1), 9.0)["bias_pct"] == 50.0


def test_deciles_run_from_the_best_to_the_last() -> None:
    rows = deciles(np.arange(20.0), np.arange(20.0)[::-1])
    assert [row["predicted"] for row in rows] == [18.5 - 2 * place for place in range(10)]
    assert [row["actual"] for row in rows] == [0.5 + 2 * place for place in range(10)]
    assert sum(row["customers"] for row in rows) == 20
