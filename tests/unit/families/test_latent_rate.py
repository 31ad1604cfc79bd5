from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.families.latent_rate import Belief, Binomial, Choices, Kernel, Poisson, infer

ALONE = Choices(level=0.4, trend=0.0, drifts=(0.0,), drift_years=(1.0,), seasons=(0.0,), noises=(0.0,))


def test_one_count_has_the_posterior_that_integration_gives() -> None:
    """The judge: the posterior of one log rate on a fine grid. Laplace's approximation is off by a few hundredths there."""
    latent = np.linspace(-3.0, 3.0, 20_001)
    density = np.exp(12.0 * latent - 8.0 * np.exp(latent) - 0.5 * (latent / 0.4) ** 2)
    density /= density.sum()
    mean = density @ latent
    sd = np.sqrt(density @ (latent - mean) ** 2)
    found = infer(Poisson(np.array([12.0]), np.array([8.0])), np.zeros(1), np.array([0.5]), ALONE)
    assert found.mean[0] == pytest.approx(mean, abs=0.02)
    assert np.sqrt(found.covariance[0, 0]) == pytest.approx(sd, rel=0.03)


def test_wins_among_trials_have_the_posterior_that_integration_gives() -> None:
    latent = np.linspace(-3.0, 3.0, 20_001)
    density = np.exp(15.0 * (latent + 0.2) - 20.0 * np.log1p(np.exp(latent + 0.2)) - 0.5 * (latent / 0.4) ** 2)
    density /= density.sum()
    mean = density @ latent
    found = infer(Binomial(np.array([15.0]), np.array([20.0]), np.array([0.2])), np.zeros(1), np.zeros(1), ALONE)
    assert found.mean[0] == pytest.approx(mean, abs=0.02)
    assert np.sqrt(found.covariance[0, 0]) == pytest.approx(np.sqrt(density @ (latent - mean) ** 2), rel=0.03)


def test_the_evidence_chooses_the_kernel_that_made_the_counts() -> None:
    generator = np.random.default_rng(5)
    times = np.arange(36) / 12.0
    choices = Choices(level=1.0, trend=0.0, drifts=(0.05,), drift_years=(1.0,), seasons=(0.0,), noises=(0.02, 0.5))
    exposure = np.full(36, 100.0)
    calm, wild = (generator.poisson(exposure * np.exp(sd * generator.standard_normal(36))).astype(float) for sd in (0.0, 0.5))
    assert infer(Poisson(calm, exposure), times, times[-1:], choices).noise < 0.05
    assert infer(Poisson(wild, exposure), times, times[-1:], choices).noise > 0.4


def test_a_season_is_learned_from_two_summers_and_not_from_one() -> None:
    choices = Choices(level=1.0, trend=0.0, drifts=(0.05,), drift_years=(0.5,), seasons=(0.05, 0.4), noises=(0.05,))
    times = np.arange(30) / 12.0
    counts = 100.0 * np.exp(0.5 * np.sin(2.0 * np.pi * times))
    ahead = times[-1] + np.arange(1, 13) / 12.0
    long, short = (infer(Poisson(counts[-n:], np.full(n, 100.0)), times[-n:], ahead, choices) for n in (30, 14))
    np.testing.assert_allclose(long.season, 0.5 * np.sin(2.0 * np.pi * ahead), atol=0.12)
    np.testing.assert_array_equal(short.season, np.zeros(12))


def test_without_counts_the_prior_is_left() -> None:
    choices = Choices(level=1.5, trend=0.3, drifts=(0.1, 0.3), drift_years=(0.5,), seasons=(0.2,), noises=(0.1, 0.3))
    none = np.zeros(0)
    found = infer(Poisson(none, none), none, np.array([0.0, 0.5]), choices)
    np.testing.assert_allclose(found.mean, 0.0)
    np.testing.assert_allclose(np.diag(found.covariance), np.array([1.5**2, 1.5**2 + (0.3 * 0.5) ** 2]) + (0.1**2 + 0.3**2) / 2.0 + 0.2**2)
    assert found.noise == pytest.approx(np.sqrt((0.1**2 + 0.3**2) / 2.0))


def test_the_further_ahead_the_less_is_known() -> None:
    choices = Choices(level=1.0, trend=0.3, drifts=(0.3,), drift_years=(0.5,), seasons=(0.1,), noises=(0.1,))
    times = np.arange(-40.0, 0.0) / 26.0
    found = infer(Poisson(np.full(40, 9.0), np.full(40, 10.0)), times, np.arange(26) / 26.0, choices)
    assert (np.diff(np.diag(found.covariance)) > 0).all()
    assert found.mean[0] == pytest.approx(np.log(0.9), abs=0.05)


@settings(max_examples=50)
@given(
    counts=st.lists(st.integers(0, 100_000), max_size=12),
    exposure=st.floats(1e-9, 1e6),
    level=st.floats(0.1, 3.0),
)
def test_any_counts_give_a_finite_belief(counts: list[int], exposure: float, level: float) -> None:
    choices = Choices(level=level, trend=0.3, drifts=(0.1, 0.4), drift_years=(0.5,), seasons=(0.2,), noises=(0.05, 0.3))
    seen = Poisson(np.array(counts, dtype=np.float64), np.full(len(counts), exposure))
    found = infer(seen, np.arange(len(counts)) / 12.0, 1.0 + np.arange(6) / 12.0, choices)
    assert np.isfinite(found.mean).all()
    assert np.linalg.eigvalsh(found.covariance).min() > -1e-6
    factor = found.factor()
    np.testing.assert_allclose(factor.T @ factor, found.covariance, atol=2e-3 * max(float(np.diag(found.covariance).max()), 1.0))


def test_the_kernel_s_parts_by_hand() -> None:
    kernel = Kernel(level=0.0, trend=2.0, drift=1.0, drift_years=np.sqrt(3.0), season=0.0, noise=9.0)
    # r = 1, so z = 1: 4 * 1 * 2 + (1 + 1) / e
    assert kernel.covariance(np.array([1.0]), np.array([2.0]))[0, 0] == pytest.approx(8.0 + 2.0 / np.e)
    seasonal = Kernel(level=0.0, trend=0.0, drift=0.0, drift_years=1.0, season=0.5, noise=0.0)
    assert seasonal.covariance(np.zeros(1), np.array([3.0]))[0, 0] == pytest.approx(0.25)
    assert seasonal.covariance(np.zeros(1), np.array([0.5]))[0, 0] == pytest.approx(0.25 * np.exp(-8.0) / 2.0)
    passing = Kernel(level=0.0, trend=0.0, drift=0.0, drift_years=1.0, season=0.5, noise=0.0, recurs=False)
    assert passing.covariance(np.zeros(1), np.array([1.0]))[0, 0] < 0.25 * 0.01


def test_a_belief_s_factor_leaves_out_what_hardly_matters() -> None:
    one = Belief(np.zeros(3), np.ones((3, 3)), np.zeros(3), 0.0)
    assert one.factor().shape == (1, 3)
    np.testing.assert_allclose(one.factor().T @ one.factor(), np.ones((3, 3)))
