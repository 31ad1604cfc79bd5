"""How good draws are: pinball loss, CRPS, coverage and the probability integral transform."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

LEVELS: Floats = np.round(np.arange(0.05, 0.96, 0.05), 2)
"""The nineteen levels 0.05, 0.10, …, 0.95 over which pinball loss is averaged: the same for a model and its baselines, always."""


def pinball(actual: Floats, quantiles: Floats, levels: Floats = LEVELS) -> Floats:
    """Give the pinball loss of each quantile: max(tau (y - q), (tau - 1) (y - q)) (Koenker and Bassett 1978).

    Parameters
    ----------
    actual
        y, shape (n,).
    quantiles
        q by level, shape (levels, n).
    levels
        tau, shape (levels,), in (0, 1).

    Returns
    -------
    Losses in the unit of y, shape (levels, n); zero where the quantile is what came, else positive.
    """
    above = actual[None, :] - quantiles
    losses: Floats = np.maximum(levels[:, None] * above, (levels[:, None] - 1) * above)
    return losses


def mean_pinball(actual: Floats, draws: Floats) -> float:
    """Give the mean pinball loss of draws (draws, n) over ``LEVELS`` and all n: half the CRPS, up to the grid of levels."""
    return float(pinball(actual, np.quantile(draws, LEVELS, axis=0)).mean())


def crps(actual: Floats, draws: Floats) -> Floats:
    """Give the continuous ranked probability score E|X - y| - E|X - X'| / 2 of the draws (Gneiting and Raftery 2007, eq. 21).

    Parameters
    ----------
    actual
        Shape (n,).
    draws
        Shape (draws, n).

    Returns
    -------
    Shape (n,), in the unit of ``actual``. The second expectation is the exact one over all pairs of draws, by sorting.
    """
    ordered = np.sort(draws, axis=0)
    count = ordered.shape[0]
    weights = (2 * np.arange(1, count + 1) - count - 1) / count**2
    scores: Floats = np.abs(ordered - actual[None, :]).mean(axis=0) - (weights[:, None] * ordered).sum(axis=0)
    return scores


def inside(actual: Floats, draws: Floats, level: float) -> npt.NDArray[np.bool_]:
    """Say which of what came lies within the central interval of the draws (draws, n), bounds included: shape (n,)."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return np.asarray((low <= actual) & (actual <= high))


def pit(actual: Floats, draws: Floats, seed: int) -> Floats:
    """Give the randomised probability integral transform: P(X < y) + U P(X = y), uniform where the draws are right (Czado et al. 2009).

    Parameters
    ----------
    actual
        Shape (n,).
    draws
        Shape (draws, n).
    seed
        Of U, which spreads the mass of draws that are exactly what came.
    """
    below = (draws < actual[None, :]).mean(axis=0)
    equal = (draws == actual[None, :]).mean(axis=0)
    values: Floats = below + np.random.default_rng(seed).random(actual.size) * equal
    return values
