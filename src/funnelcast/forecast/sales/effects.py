"""What the calendar and promotions do to one series: a regression beside a bending trend, shrunk so that a year of weeks is enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.periods import Every
from funnelcast.forecast.sales import season
from funnelcast.forecast.sales.history import History, starts
from funnelcast.forecast.sales.promotions import Promotion, shares

Floats = npt.NDArray[np.float64]
Posterior: TypeAlias = tuple[Floats, Floats]
"""Mean (k,) and covariance (k, k) of effects."""

SHORTEST = 52
"""Weeks below which nothing is read off a year that hasn't been seen."""
PROMOTED = 0.3
"""How large the effect of a promotion may be (a standard deviation, relative to the level)."""
_RECENT = 13
_PER_YEAR: dict[Every, float] = {"week": 365.25 / 7, "month": 12.0}


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects on past and future periods, in the scale of the fit.

    Parameters
    ----------
    past, future
        Shapes (n,) and (horizon,).
    doubt
        What one standard deviation of each of k independent errors adds to the future, shape (horizon, k).
    """

    past: Floats
    future: Floats
    doubt: Floats


def effects(history: History, horizon: int, country: str, promotions: Sequence[Promotion], values: Floats, unit: float) -> Effects:
    """Estimate the year and the promotions of a series.

    By week, harmonics, holidays and promotions count; with less than a year nothing is taken off for the calendar, and all that it may
    do is in doubt. By month the smoother has a season of its own, and promotions alone count.

    Parameters
    ----------
    values
        Transformed revenue by period, shape (n,).
    unit
        What an effect of 100 % amounts to in this scale: 1 for logarithms.
    """
    count = values.size
    bounds = starts(history.start, history.every, count + horizon + 1)
    promoted = shares(promotions, history, bounds)
    weekly = history.every == "week"
    if not (weekly or promoted.any()):
        return Effects(np.zeros(count), np.zeros(horizon), np.zeros((horizon, 0)))
    calendar, deviations = season.yearly(bounds[:-1], country) if weekly else season.of_year(bounds[:-1])
    design, prior = np.column_stack([calendar, promoted]), unit * np.append(deviations, PROMOTED)
    mean, covariance = _regress(values, design[:count], prior, unit, _PER_YEAR[history.every])
    if weekly and count < SHORTEST:
        mean[:-1], covariance = 0.0, np.diag(np.append(prior[:-1] ** 2, covariance[-1, -1]))
        design[:, :-1] -= design[max(count - _RECENT, 0) : count, :-1].mean(axis=0)  # the level is that of the last weeks
    if not weekly:
        design, mean, covariance = design[:, -1:], mean[-1:], covariance[-1:, -1:]
    total: Floats = design @ mean
    return Effects(total[:count], total[count:], design[count:] @ np.linalg.cholesky(covariance))


def _regress(values: Floats, design: Floats, prior: Floats, unit: float, per_year: float) -> Posterior:
    """Estimate effects beside a bending trend, with normal priors on all.

    b = (X'X / s2 + D^-2)^-1 X'z / s2, D the prior standard deviations; s2 is the residual variance times (1 + rho) / (1 - rho), because
    neighbouring residuals are alike and tell less (the posterior mean of a normal regression: Gelman et al. 2013, ch. 14). The covariance
    is that of the effects where the trend is given: an error of the trend is one of the level, which the draws have elsewhere.
    """
    trend = _trend(len(values), per_year)
    everything = np.hstack([trend, design])
    spread = np.concatenate([unit * np.array([1e3, 1e3] + [0.3] * (trend.shape[1] - 2)), prior])
    noise = float(values.var()) + 1e-12
    for _ in range(4):
        precision = everything.T @ everything / noise + np.diag(spread**-2.0)
        coefficients = np.linalg.solve(precision, everything.T @ values / noise)
        noise = _effective_variance(values - everything @ coefficients)
    of_effects = slice(trend.shape[1], None)
    return np.asarray(coefficients[of_effects]), np.asarray(np.linalg.inv(precision[of_effects, of_effects]))


def _trend(count: int, per_year: float) -> Floats:
    """Give a line in years and a bend every half year."""
    years = np.arange(count) / per_year
    knots = np.arange(0.5, count / per_year, 0.5)
    return np.column_stack([np.ones(count), years - years.mean(), np.maximum(years[:, None] - knots[None, :], 0)])


def _effective_variance(residuals: Floats) -> float:
    variance = float(residuals.var()) + 1e-12
    alike = float(np.clip((residuals[1:] * residuals[:-1]).mean() / variance, 0.0, 0.8))
    return variance * (1 + alike) / (1 - alike)
