"""The curve from touches to points: recovers its own points, keeps to its bounds, and leaves the rule where nothing is to be learned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import lsq_linear
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from funnelcast.families.lead_scoring.points import Evidence, Learned, Rule, bounded_step, fit_points, replicate_points

RULE = Rule(np.array([10.0, 2.0, 20.0, 5.0]), np.ones(4))
TRUE = np.array([25.0, 1.0, 20.0, 0.0])
"""Points of the simulated leads, in units of 1 over the constant in the logarithm times 30."""


def drawn(seed: int, rows: int = 8_000, points: np.ndarray = TRUE) -> Evidence:
    """Leads of the curve itself: logit P = -2.5 + control + 0.8 ln(1 + score / 30), two rows a lead."""
    rng = np.random.default_rng(seed)
    touches = rng.poisson([0.1, 1.0, 0.1, 0.2], (rows, 4)) * rng.uniform(0.2, 1.0, (rows, 4))
    control = rng.normal(size=(rows, 1))
    eta = -2.5 + control[:, 0] + 0.8 * np.log1p(touches @ points / 30)
    outcome = (rng.random(rows) < 1 / (1 + np.exp(-eta))).astype(np.float64)
    return Evidence(touches, outcome, control, np.arange(rows) // 2)


def relative(learned: Learned) -> np.ndarray:
    return np.asarray(learned.points / learned.points.sum())


def shares(points: np.ndarray) -> np.ndarray:
    return np.asarray(points / points.sum(axis=-1, keepdims=True))


def test_it_recovers_the_points_of_its_own_leads() -> None:
    evidence = drawn(1, rows=40_000)
    learned = fit_points(evidence, RULE)
    low, high = np.quantile(shares(replicate_points(evidence, RULE, learned, seed=2)), [0.02, 0.98], axis=0)
    truth = shares(TRUE)
    assert (low <= truth + 0.005).all()
    assert (truth <= high).all()
    assert (high - low).max() < 0.3
    assert relative(learned)[0] > 0.45 > shares(RULE.unit)[0]


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    inside = []
    for seed in range(20):
        evidence = drawn(100 + seed, rows=4_000, points=np.array([12.0, 2.0, 30.0, 5.0]))
        replicates = shares(replicate_points(evidence, RULE, fit_points(evidence, RULE), seed))
        low, high = np.quantile(replicates, [0.05, 0.95], axis=0)
        truth = shares(np.array([12.0, 2.0, 30.0, 5.0]))
        inside += ((low <= truth) & (truth <= high)).tolist()
    assert 0.8 <= np.mean(inside) <= 0.99


def test_the_fit_is_a_minimum_within_its_bounds() -> None:
    """Nearby points, none of them negative, reach no higher likelihood with the same kappa."""
    evidence = drawn(3)
    learned = fit_points(evidence, RULE)
    weights = learned.points / RULE.unit
    assert (weights >= 0).all()
    again = fit_points(evidence, RULE, start=learned.fitted + 0.01)
    np.testing.assert_allclose(relative(again), relative(learned), atol=2e-3)
    assert again.likelihood == pytest.approx(learned.likelihood, abs=0.01)


def test_a_rule_in_other_units_learns_the_same() -> None:
    evidence = drawn(4)
    doubled = fit_points(evidence, Rule(RULE.unit * 7, RULE.known))
    np.testing.assert_allclose(relative(doubled), relative(fit_points(evidence, RULE)), atol=1e-9)


def test_without_anything_to_learn_the_rule_stays() -> None:
    evidence = drawn(5)
    shuffled = replace(evidence, outcome=np.random.default_rng(6).permutation(evidence.outcome))
    learned = fit_points(shuffled, RULE)
    low, high = np.quantile(shares(replicate_points(shuffled, RULE, learned, seed=7)), [0.05, 0.95], axis=0)
    assert (low <= shares(RULE.unit)).all()
    assert (shares(RULE.unit) <= high).all()


def test_a_kind_that_nobody_had_stays_where_the_rule_has_it_and_is_as_uncertain_as_the_prior() -> None:
    evidence = drawn(8, points=RULE.unit)
    absent = replace(evidence, touches=evidence.touches * [1, 1, 1, 0])
    learned = fit_points(absent, RULE)
    weights = learned.points / RULE.unit
    whole = float((absent.touches * RULE.unit).mean(axis=0) @ weights / (absent.touches @ RULE.unit).mean())
    assert weights[3] == pytest.approx(whole, rel=0.01)
    ratios = replicate_points(absent, RULE, learned, seed=9)[:, 3] / RULE.unit[3] / whole
    assert np.quantile(ratios, 0.05) == 0.0
    assert np.quantile(ratios, 0.95) == pytest.approx(1 + 1.645, abs=0.4)


def test_a_kind_that_the_rule_does_not_know_starts_from_nothing() -> None:
    evidence = drawn(10, points=np.array([10.0, 2.0, 20.0, 30.0]))
    rule = Rule(RULE.unit, np.array([1.0, 1.0, 1.0, 0.0]))
    learned = shares(fit_points(evidence, rule).points)
    assert learned[3] > 0.3
    nothing = fit_points(replace(evidence, touches=evidence.touches * [1, 1, 1, 0]), rule)
    assert nothing.points[3] == pytest.approx(0.0, abs=1e-6)


def test_the_same_bytes_with_one_thread_and_two() -> None:
    evidence = drawn(11)
    found = []
    for threads in (1, 2):
        with threadpool_limits(limits=threads):
            learned = fit_points(evidence, RULE)
            found.append(learned.points.tobytes() + replicate_points(evidence, RULE, learned, seed=1).tobytes())
    assert found[0] == found[1]


@settings(max_examples=25, derandomize=True)
@given(st.integers(0, 10_000), st.integers(1, 3), st.integers(1, 4))
def test_the_bounded_step_is_the_best_one(seed: int, free: int, bounded: int) -> None:
    """Against scipy's bounded least squares."""
    rng = np.random.default_rng(seed)
    size = free + bounded
    root = rng.normal(size=(size, size + 2))
    hessian, gradients = root @ root.T + 0.1 * np.eye(size), rng.normal(size=(3, size)) * 3
    lowest = -rng.exponential(size=bounded) * rng.choice([1e-6, 1.0], bounded)
    steps = bounded_step(hessian, gradients, lowest)
    assert (steps[:, free:] >= lowest).all()
    lower = np.linalg.cholesky(hessian)  # d'Hd / 2 + g'd is |L'd + L^-1 g|^2 / 2, but for a constant
    for step, gradient in zip(steps, gradients, strict=True):
        bounds = (np.concatenate([np.full(free, -np.inf), lowest]), np.inf)
        judge = lsq_linear(lower.T, -np.linalg.solve(lower, gradient), bounds, method="bvls").x
        np.testing.assert_allclose(step, judge, atol=1e-5)
