"""From a raw score to a probability and its interval, learned on scores that were held out, stored as a few numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from funnelcast.evaluate.calibration import fit_line, jeffreys, log_odds
from funnelcast.evaluate.metrics import log_losses
from funnelcast.families.scoring.documents import as_document, fields_of
from funnelcast.families.scoring.logistic import fit_ridge, linear
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
LEVEL = 0.90
"""Of every interval."""
_FEWEST_FOR_BETA = 1_000
_FOLDS = 5
_BANDS = 40
_FARTHEST = 1e-4  # from 0 and 1, of an interval's open end
_SMALLEST_NEIGHBOURHOOD, _LARGEST_NEIGHBOURHOOD = 50, 2_000


@dataclass(frozen=True)
class Calibrator:
    """P = logistic(c + a ln s + b (-ln(1 - s))), s = logistic(raw score): beta calibration (Kull et al. 2017); Platt's line is a = b.

    Where outcomes are many and a staircase suits held-out ones better, its steps bend that curve (isotonic regression, Zadrozny and
    Elkan 2002): lines through their middles, so that the order of the scores is kept between them.

    Parameters
    ----------
    c, a, b
        Coefficients; a, b >= 0, so that the order of the scores is kept.
    knots, low, high
        At some raw scores, ascending: how far, in log-odds, the ends of Jeffreys' 90 % interval of the rate among the held-out rows that
        scored nearest lie from their mean probability.
    method
        ``platt``, ``beta`` or ``isotonic``.
    steps, odds
        Of isotonic: the middle of each step, ascending, and its log-odds; beyond the ends the curve goes on along the beta map.
    """

    c: float
    a: float
    b: float
    knots: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    method: str
    steps: tuple[float, ...] = ()
    odds: tuple[float, ...] = ()

    def probability(self, raw: Floats) -> Floats:
        """Give the probability of each raw score."""
        odds = self._smooth(raw)
        if self.steps:
            beyond = odds - self._smooth(np.clip(raw, self.steps[0], self.steps[-1]))
            odds = np.interp(raw, self.steps, self.odds) + beyond
        return np.asarray(expit(odds), np.float64)

    def _smooth(self, raw: Floats) -> Floats:
        return linear(np.array([self.c, self.a, self.b]), _features(raw))

    def interval(self, raw: Floats, probability: Floats) -> tuple[Floats, Floats]:
        """Give the interval of each probability, which it always holds."""
        odds = log_odds(probability)
        low, high = expit(odds + np.interp(raw, self.knots, self.low)), expit(odds + np.interp(raw, self.knots, self.high))
        return np.minimum(low, probability), np.maximum(high, probability)

    def document(self) -> dict[str, Json]:
        """Give the calibrator as JSON."""
        return as_document(self)

    @classmethod
    def of(cls, document: Any) -> Calibrator:
        """Make the calibrator from its JSON."""
        return cls(**fields_of(document))


def learn_calibrator(raw: Floats, outcome: Floats) -> Calibrator:
    """Fit the map on held-out raw scores, as finely as the rarer outcome's rows allow.

    Two parameters under 1,000 of them, three beyond; and from there on steps, where five folds say that those predict better.
    """
    if min(outcome.sum(), outcome.size - outcome.sum()) < _FEWEST_FOR_BETA:
        return with_bands(_parametric(_platt(raw, outcome)), raw, outcome)
    smooth, stepped = (_held_out_loss(raw, outcome, fit) for fit in (_smooth_fit, _stepped_fit))
    return with_bands((_stepped_fit if stepped < smooth else _smooth_fit)(raw, outcome), raw, outcome)


def _held_out_loss(raw: Floats, outcome: Floats, fit: Callable[[Floats, Floats], Calibrator]) -> float:
    """Give the mean log-loss over folds that each hold every fifth of the scores in order."""
    place = np.empty(raw.size, np.int64)
    place[np.lexsort((outcome, raw))] = np.arange(raw.size)
    losses = np.empty(raw.size)
    for fold in range(_FOLDS):
        judged = place % _FOLDS == fold
        losses[judged] = log_losses(outcome[judged], fit(raw[~judged], outcome[~judged]).probability(raw[judged]))
    return float(losses.mean())


def _smooth_fit(raw: Floats, outcome: Floats) -> Calibrator:
    return _parametric(_beta(raw, outcome))


def _parametric(coefficients: tuple[float, float, float]) -> Calibrator:
    c, a, b = (round(value, 10) for value in coefficients)
    return Calibrator(c, a, b, (), (), (), "platt" if a == b else "beta")


def _stepped_fit(raw: Floats, outcome: Floats) -> Calibrator:
    """Pool adjacent violators over the distinct scores; each step's rate is (k + 1/2) / (n + 1), held ascending."""
    from scipy.optimize import isotonic_regression  # noqa: PLC0415 (the service fits nothing, and starts sooner)

    scores, place = np.unique(raw, return_inverse=True)
    count = np.bincount(place).astype(np.float64)
    rate = np.asarray(np.bincount(place, weights=outcome) / count, np.float64)
    starts = isotonic_regression(rate, weights=count).blocks[:-1]
    rows = np.add.reduceat(count, starts)
    middle = np.add.reduceat(count * scores, starts) / rows
    level = (np.add.reduceat(count * rate, starts) + 0.5) / (rows + 1)
    smooth = _smooth_fit(raw, outcome)
    if not smooth.a + smooth.b:
        return smooth
    return replace(smooth, method="isotonic", steps=_rounded(middle), odds=_rounded(np.maximum.accumulate(log_odds(level))))


def with_bands(calibrator: Calibrator, raw: Floats, outcome: Floats) -> Calibrator:
    """Give the calibrator the intervals that held-out rows near each score support."""
    order = np.argsort(raw, kind="stable")
    scores, probability = raw[order], calibrator.probability(raw[order])
    found, expected = (np.concatenate([[0.0], np.cumsum(values)]) for values in (outcome[order], probability))
    size = min(raw.size, int(np.clip(raw.size // 20, _SMALLEST_NEIGHBOURHOOD, _LARGEST_NEIGHBOURHOOD)))
    middle = np.unique(np.linspace(0, raw.size - 1, _BANDS).astype(np.int64))
    start = np.clip(middle - size // 2, 0, raw.size - size)
    end = np.searchsorted(scores, scores[start + size - 1], side="right")  # equal scores are neighbours, all of them
    start = np.searchsorted(scores, scores[start], side="left")
    count = (end - start).astype(np.float64)
    low, high = jeffreys(found[end] - found[start], count, LEVEL)
    centre = log_odds((expected[end] - expected[start]) / count)
    knots, first = np.unique(scores[middle], return_index=True)
    below, above = log_odds(np.maximum(low, _FARTHEST)) - centre, log_odds(np.minimum(high, 1 - _FARTHEST)) - centre
    return replace(calibrator, knots=tuple(knots.tolist()), low=_rounded(below[first]), high=_rounded(above[first]))


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(np.round(values, 10).tolist())


def _platt(raw: Floats, outcome: Floats) -> tuple[float, float, float]:
    """Fit Platt's line; scores that rank backwards say nothing, so all get the base rate (k + 1/2) / (n + 1)."""
    line = fit_line(outcome, raw, prior=1.0)
    if line.slope > 0:
        return line.intercept, line.slope, line.slope
    return float(log_odds((outcome.sum(keepdims=True) + 0.5) / (outcome.size + 1))[0]), 0.0, 0.0


def _beta(raw: Floats, outcome: Floats) -> tuple[float, float, float]:
    c, a, b = (float(value) for value in fit_ridge(_features(raw), outcome, penalty=1e-3))
    return (c, a, b) if min(a, b) > 0 else _platt(raw, outcome)


def _features(raw: Floats) -> Floats:
    return np.column_stack([-np.logaddexp(0, -raw), np.logaddexp(0, raw)])
