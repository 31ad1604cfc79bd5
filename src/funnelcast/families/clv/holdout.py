"""How well predicted counts of purchases met the actual ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from funnelcast.families.clv.process.parameters import Floats
from funnelcast.terms import Json

_NEGLIGIBLE = 1e-9
_MOST_PURCHASES = 20_000
LEVELS = (50, 80, 90)
BINS = 10


def crps_of_counts(actual: Floats, alive: Floats, survivals: Iterator[Floats]) -> Floats:
    """Give the continuous ranked probability score of predictive counts: the sum over k of (F(k) - [y <= k])^2.

    Parameters
    ----------
    actual
        Purchases y, shape (n,).
    alive
        The probability, shape (n,), that the customer buys as ``survivals`` says; else they buy nothing.
    survivals
        P(N > k) for k = 0, 1, 2 …, each of shape (n,).

    Returns
    -------
    Scores in purchases, >= 0, lower is better.
    """
    score = np.zeros_like(actual)
    most = min(float(actual.max(initial=0)), _MOST_PURCHASES)
    for k, survival in enumerate(survivals):
        beyond = alive * survival
        score += np.where(actual > k, (1 - beyond) ** 2, beyond**2)
        if k >= _MOST_PURCHASES or (k >= most and float(beyond.max(initial=0)) < _NEGLIGIBLE**0.5):
            break
    return score


def pit_of_counts(actual: Floats, alive: Floats, survivals: Iterator[Floats], uniform: Floats) -> Floats:
    """Give the randomised probability integral transform of predictive counts: F(y - 1) + U (F(y) - F(y - 1)).

    Uniform on [0, 1] where the predictions are right; Czado, Gneiting and Held (2009), Biometrics 65.

    Parameters
    ----------
    actual, alive, survivals
        As ``crps_of_counts`` takes them.
    uniform
        U, shape (n,), in [0, 1].
    """
    value = np.zeros_like(actual)
    below = np.zeros_like(actual)
    for k in range(int(min(float(actual.max(initial=0)), _MOST_PURCHASES)) + 1):
        reached = 1 - alive * next(survivals)
        value = np.where(actual == k, below + uniform * (reached - below), value)
        below = reached
    return np.where(actual > _MOST_PURCHASES, 1.0, value)


def covered(values: Floats) -> dict[str, float]:
    """Give the share of PIT values in the middle 50, 80 and 90 %: how often central intervals hold what comes, ties split at random."""
    return {f"coverage_{level}": float((np.abs(values - 0.5) <= level / 200).mean()) for level in LEVELS}


def evenness(values: Floats) -> dict[str, Json]:
    """Say how evenly PIT values lie: the share in each tenth of [0, 1], and the Kolmogorov-Smirnov distance from uniform.

    ``ks_by_chance`` is what right predictions of so many independent outcomes stay below 99 times in 100.
    """
    from scipy.stats import kstest, kstwo  # noqa: PLC0415 (takes memory and half a second that fits and the service need not spend)

    found = kstest(values, "uniform")
    shares: list[Json] = (np.histogram(values, BINS, (0.0, 1.0))[0] / len(values)).tolist()
    return {"bins": shares, "ks": float(found.statistic), "ks_by_chance": float(kstwo.ppf(0.99, len(values)))}


def gini(predicted: Floats, actual: Floats) -> float:
    """Give the Gini coefficient of the ranking by prediction, as a share of a perfect ranking's (1 perfect, 0 none, ties share)."""
    best = _concentration(actual, actual)
    return _concentration(predicted, actual) / best if best > 0 else 0.0


def _concentration(score: Floats, actual: Floats) -> float:
    """Give the area between the Lorenz curve of ``actual`` in order of score and the diagonal."""
    total = actual.sum()
    if total <= 0:
        return 0.0
    _, level, size = np.unique(score, return_inverse=True, return_counts=True)
    held = np.bincount(level, weights=actual)[::-1] / total
    width = size[::-1] / len(score)
    captured = np.concatenate([[0.0], np.cumsum(held)])
    return float(((captured[1:] + captured[:-1]) / 2) @ width - 0.5)


def metrics(predicted: Floats, actual: Floats, crps: Floats, holdout_days: float) -> dict[str, float]:
    """Give the figures of a hold-out under the contract's names."""
    expected, happened = float(predicted.sum()), float(actual.sum())
    return {
        "holdout_days": float(holdout_days),
        "expected_purchases": expected,
        "actual_purchases": happened,
        # Where nobody bought, the bias is taken against one purchase, so that it stays a number.
        "bias_pct": 100 * (expected - happened) / max(happened, 1.0),
        "mae": float(np.abs(predicted - actual).mean()),
        "gini": gini(predicted, actual),
        "crps": float(crps.mean()),
    }


def deciles(predicted: Floats, actual: Floats) -> list[dict[str, float]]:
    """Give, by tenth of customers in order of prediction (best first), their number and mean predicted and actual purchases."""
    order = np.argsort(-predicted, kind="stable")
    parts = [part for part in np.array_split(order, 10) if len(part)]
    return [
        {
            "decile": float(place),
            "customers": float(len(part)),
            "predicted": float(predicted[part].mean()),
            "actual": float(actual[part].mean()),
        }
        for place, part in enumerate(parts, start=1)
    ]
