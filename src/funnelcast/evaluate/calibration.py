"""Do probabilities mean what they say: reliability bins, expected calibration error, calibration slope and intercept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, expit, logit

Floats = npt.NDArray[np.float64]
EDGE = 1e-12
"""Probabilities are held this far from 0 and 1 where a logarithm is taken."""


@dataclass(frozen=True)
class Line:
    """A logistic map of a score z: P = 1 / (1 + exp(-(intercept + slope * z)))."""

    intercept: float
    slope: float


@dataclass(frozen=True)
class Reliability:
    """Predicted against observed in bins of about equal mass, each array of shape (bins,).

    ``low`` and ``high`` are Jeffreys' 90 % interval of the observed rate: quantiles of Beta(k + 1/2, n - k + 1/2).
    """

    count: Floats
    predicted: Floats
    observed: Floats
    low: Floats
    high: Floats

    @property
    def error(self) -> float:
        """The expected calibration error: the mean gap of predicted and observed, weighted by mass (Naeini et al. 2015)."""
        return float(np.average(np.abs(self.predicted - self.observed), weights=self.count))


def log_odds(probability: Floats) -> Floats:
    """Give ln(p / (1 - p)) with p held off 0 and 1."""
    return np.asarray(logit(np.clip(probability, EDGE, 1 - EDGE)), np.float64)


def reliability(outcome: Floats, probability: Floats, bins: int = 10) -> Reliability:
    """Bin by quantiles of the probability; equal probabilities are never torn apart.

    Parameters
    ----------
    outcome
        Shape (n,), 0 or 1.
    probability
        Shape (n,), in [0, 1].
    """
    code = places(probability, bins)
    count = np.bincount(code).astype(np.float64)
    positives = np.asarray(np.bincount(code, weights=outcome), np.float64)
    low, high = jeffreys(positives, count, 0.90)
    return Reliability(count, np.bincount(code, weights=probability) / count, positives / count, low, high)


def places(probability: Floats, bins: int) -> npt.NDArray[np.int64]:
    """Give the bin of each row, counted from 0 by rising probability; none is empty."""
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    _, code = np.unique(np.searchsorted(edges, probability, side="left"), return_inverse=True)
    return np.asarray(code, np.int64)


def jeffreys(positives: Floats, count: Floats, level: float) -> tuple[Floats, Floats]:
    """Give Jeffreys' interval of a rate (Brown, Cai, DasGupta 2001), closed at 0 and 1 where all outcomes are one way."""
    tail = (1 - level) / 2
    low = np.where(positives == 0, 0.0, betaincinv(positives + 0.5, count - positives + 0.5, tail))
    high = np.where(positives == count, 1.0, betaincinv(positives + 0.5, count - positives + 0.5, 1 - tail))
    return np.asarray(low, np.float64), np.asarray(high, np.float64)


def fit_line(outcome: Floats, score: Floats, prior: float = 0.0) -> Line:
    """Fit the two parameters of a logistic line by Newton's method with step halving.

    Parameters
    ----------
    outcome
        Shape (n,), in [0, 1].
    score
        Shape (n,), on the scale of log-odds.
    prior
        Precision of a normal prior on slope - 1; above zero, the fit exists even where the scores separate the outcomes.
    """
    parameters = np.array([0.0, 1.0])
    value = _objective(parameters, outcome, score, prior)
    for _ in range(100):
        step = _newton_step(parameters, outcome, score, prior)
        fraction = 1.0
        while _objective(parameters - fraction * step, outcome, score, prior) > value and fraction > 1e-10:
            fraction /= 2
        parameters = parameters - fraction * step
        before, value = value, _objective(parameters, outcome, score, prior)
        if before - value <= 1e-12 * (abs(value) + 1):
            break
    return Line(float(parameters[0]), float(parameters[1]))


def slope_of(outcome: Floats, probability: Floats) -> float:
    """Give Cox's calibration slope: of the outcome on the predicted log-odds; 1 is right, below 1 too extreme (Cox 1958).

    Not a number where all probabilities or all outcomes are equal: then no slope exists.
    """
    if np.ptp(probability) == 0 or np.ptp(outcome) == 0:
        return float("nan")
    return fit_line(outcome, log_odds(probability)).slope


def intercept_of(outcome: Floats, probability: Floats) -> float:
    """Give calibration in the large: the shift of the log-odds, at slope 1, that makes the mean right (Van Calster et al. 2019).

    Above zero, the probabilities are too low. Not a number where all outcomes are equal.
    """
    if np.ptp(outcome) == 0:
        return float("nan")
    score, shift = log_odds(probability), 0.0
    for _ in range(100):
        expected = expit(score + shift)
        step = float((outcome - expected).sum() / (expected * (1 - expected)).sum())
        shift += float(np.clip(step, -2, 2))
        if abs(step) < 1e-12:
            break
    return shift


def _objective(parameters: Floats, outcome: Floats, score: Floats, prior: float) -> float:
    linear = parameters[0] + parameters[1] * score
    return float((np.logaddexp(0, linear) - outcome * linear).sum() + 0.5 * prior * (parameters[1] - 1) ** 2)


def _newton_step(parameters: Floats, outcome: Floats, score: Floats, prior: float) -> Floats:
    expected = np.asarray(expit(parameters[0] + parameters[1] * score), np.float64)
    weight = np.maximum(expected * (1 - expected), 1e-12)
    residual = expected - outcome
    gradient = np.array([residual.sum(), (residual * score).sum() + prior * (parameters[1] - 1)])
    cross = (weight * score).sum()
    hessian = np.array([[weight.sum(), cross], [cross, (weight * score**2).sum() + prior]])
    return np.asarray(np.linalg.solve(hessian + 1e-10 * np.eye(2), gradient), np.float64)
