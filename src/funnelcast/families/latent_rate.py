"""Counts whose log rate wanders, drifts and has seasons: a Gaussian process in time, by Laplace's approximation.

What can't be told from the past (level, drift, season, noise of single periods) stays in the covariance of what is ahead, so that a
forecast drawn from it is as wide as the history is short.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Protocol

import numpy as np
import numpy.typing as npt

from funnelcast.families.one_thread import one_thread

Floats = npt.NDArray[np.float64]

_SEASON_LENGTHS = (0.5, 0.15)
_SEASON_YEARS = 1.45
_SWING_YEARS = 0.2
_MOST_STEPS = 30
_TOLERANCE = 1e-8
_FURTHEST = 10.0
_NEGLIGIBLE = 1e-4


@dataclass(frozen=True)
class Kernel:
    """How much the log rate varies: standard deviations (the trend's per year), and for how many years a drift is remembered."""

    level: float
    trend: float
    drift: float
    drift_years: float
    season: float
    noise: float
    recurs: bool = True

    def covariance(self, one: Floats, other: Floats) -> Floats:
        """Give the covariance between two sets of times in years, without the noise of single periods.

        k(s, t) = level^2 + trend^2 s t + drift^2 (1 + z) exp(-z) + season^2 p(r), with r = |s - t|, z = sqrt(3) r / drift_years and p the
        mean of exp(-2 sin^2(pi r) / b^2) over b = 0.5 (a smooth year) and 0.15 (single months): linear, Matern-3/2 and periodic
        (Rasmussen and Williams 2006, Gaussian Processes for Machine Learning, chapter 4).
        """
        drift = self.drift**2 * _matern(one[:, None] - other[None, :], self.drift_years)
        return np.asarray(self.level**2 + self.trend**2 * np.outer(one, other) + drift + self.of_season(one, other))

    def of_season(self, one: Floats, other: Floats) -> Floats:
        """Give the season's part of the covariance; where it can't be told yet whether it recurs, a swing of two months or so."""
        apart = one[:, None] - other[None, :]
        turn = 2.0 * np.sin(np.pi * apart) ** 2
        yearly = np.mean([np.exp(-turn / length**2) for length in _SEASON_LENGTHS], axis=0)
        return np.asarray(self.season**2 * (yearly if self.recurs else _matern(apart, _SWING_YEARS)))


def _matern(apart: Floats, years: float) -> Floats:
    scaled = np.sqrt(3.0) * np.abs(apart) / years
    return np.asarray((1.0 + scaled) * np.exp(-scaled))


@dataclass(frozen=True)
class Choices:
    """The kernels between which the counts decide: every combination, none preferred before."""

    level: float
    trend: float
    drifts: tuple[float, ...]
    drift_years: tuple[float, ...]
    seasons: tuple[float, ...]
    noises: tuple[float, ...]

    def after(self, years: float) -> tuple[Kernel, ...]:
        """Give the kernels for so many years of history; a season is told from a drift (or a company's start) from a year and a half on."""
        grid = product(self.drifts, self.drift_years, self.seasons, self.noises)
        return tuple(Kernel(self.level, self.trend, *rest, recurs=years >= _SEASON_YEARS) for rest in grid)


class Likelihood(Protocol):
    """What was counted, as a function of the latent values."""

    def value(self, latent: Floats) -> float:
        """Give the log likelihood, but for a constant."""
        ...

    def slopes(self, latent: Floats) -> tuple[Floats, Floats]:
        """Give its gradient, and its negative second derivatives."""
        ...


@dataclass(frozen=True, eq=False)
class Poisson:
    """Counts with mean exposure * exp(latent)."""

    counts: Floats
    exposure: Floats

    def value(self, latent: Floats) -> float:
        """Give the log likelihood, but for a constant."""
        return float(self.counts @ latent - (self.exposure * np.exp(latent)).sum())

    def slopes(self, latent: Floats) -> tuple[Floats, Floats]:
        """Give its gradient, and its negative second derivatives."""
        means = self.exposure * np.exp(latent)
        return self.counts - means, means


@dataclass(frozen=True, eq=False)
class Binomial:
    """Successes among trials, with log odds offset + latent."""

    successes: Floats
    trials: Floats
    offset: Floats

    def value(self, latent: Floats) -> float:
        """Give the log likelihood, but for a constant."""
        odds = self.offset + latent
        return float(self.successes @ odds - self.trials @ np.logaddexp(0.0, odds))

    def slopes(self, latent: Floats) -> tuple[Floats, Floats]:
        """Give its gradient, and its negative second derivatives."""
        share = 1.0 / (1.0 + np.exp(-(self.offset + latent)))
        return self.successes - self.trials * share, self.trials * share * (1.0 - share)


@dataclass(frozen=True, eq=False)
class Belief:
    """What is believed of the latent values ahead.

    Parameters
    ----------
    mean, covariance
        Shapes [times] and [times, times], without noise.
    season
        The part of the mean that comes back every year: shape [times].
    noise
        Standard deviation of what is anew in each period.
    """

    mean: Floats
    covariance: Floats
    season: Floats
    noise: float

    def factor(self) -> Floats:
        """Give L of shape [components, times] with L'L the covariance, but for components that hardly matter."""
        sizes, turns = np.linalg.eigh(self.covariance)
        kept = sizes > _NEGLIGIBLE * max(float(sizes.max(initial=0.0)), 1e-300)
        return np.asarray((turns[:, kept] * np.sqrt(sizes[kept])).T)


def infer(seen: Likelihood, times: Floats, ahead: Floats, choices: Choices) -> Belief:
    """Give the belief ahead, averaged over the kernels by how well each explains what was seen (its approximate evidence).

    Laplace's approximation (Rasmussen and Williams 2006, algorithms 3.1 and 3.2): K the kernel with its noise, f the mode, W the negative
    second derivatives there; log evidence = log p(y|f) - f' K^-1 f / 2 - log|I + W^1/2 K W^1/2| / 2.

    Parameters
    ----------
    times, ahead
        In years: shapes [periods seen], possibly none, and [periods ahead].
    """
    kernels = choices.after(float(np.ptp(times)) if len(times) else 0.0)
    with one_thread():
        found = [_one(seen, times, ahead, kernel) for kernel in kernels]
    evidence = np.array([one[3] for one in found])
    weight = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    means, covariances = np.stack([one[0] for one in found]), np.stack([one[1] for one in found])
    mean = weight @ means
    away = means - mean
    covariance = np.einsum("k,kij->ij", weight, covariances) + np.einsum("k,ki,kj->ij", weight, away, away)
    noise = float(np.sqrt(weight @ np.array([kernel.noise**2 for kernel in kernels])))
    season = weight @ np.stack([one[2] for one in found])
    return Belief(mean, covariance, np.asarray(season), noise)


def _one(seen: Likelihood, times: Floats, ahead: Floats, kernel: Kernel) -> tuple[Floats, Floats, Floats, float]:
    cross = kernel.covariance(times, ahead)
    prior = kernel.covariance(times, times) + kernel.noise**2 * np.eye(len(times))
    latent, pull = np.zeros(len(times)), np.zeros(len(times))
    for _ in range(_MOST_STEPS):
        gradient, curvature = seen.slopes(latent)
        root = np.sqrt(curvature)
        inner = np.eye(len(times)) + root[:, None] * prior * root[None, :]
        target = curvature * latent + gradient
        pull = target - root * np.linalg.solve(inner, root * (prior @ target))
        step = np.clip(prior @ pull - latent, -2.0, 2.0)
        latent = np.clip(latent + step, -_FURTHEST, _FURTHEST)
        if np.abs(step).max(initial=0.0) < _TOLERANCE:
            break
    gradient, curvature = seen.slopes(latent)
    root = np.sqrt(curvature)
    lower = np.linalg.cholesky(np.eye(len(times)) + root[:, None] * prior * root[None, :])
    explained = np.linalg.solve(lower, root[:, None] * cross)
    evidence = seen.value(latent) - 0.5 * float(latent @ pull) - float(np.log(np.diag(lower)).sum())
    covariance = kernel.covariance(ahead, ahead) - explained.T @ explained
    return cross.T @ gradient, covariance, kernel.recurs * (kernel.of_season(ahead, times) @ gradient), evidence
