"""The year in weekly revenue: harmonics, public holidays and Christmas, shrunk so that three years are enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from funnelcast.terms import DAYS_PER_YEAR

Floats = npt.NDArray[np.float64]

HARMONICS = 6
SHORTEST = 104
"""Weeks below which a season can't be told from a trend."""
_WEEK = timedelta(days=7)
_KNOT_WEEKS = 26


@dataclass(frozen=True, eq=False)
class Season:
    """The seasonal effect of past and future weeks, in the scale of the fit.

    Parameters
    ----------
    past, future
        Shapes (n,) and (horizon,).
    """

    past: Floats
    future: Floats


def yearly(weeks: Sequence[datetime], country: str) -> tuple[Floats, Floats]:
    """Describe weeks by their place in the year.

    Parameters
    ----------
    weeks
        Their Mondays.
    country
        ISO code; a country without a known calendar has no public holidays.

    Returns
    -------
    The design of shape (n, 15): six pairs of harmonics of the year, the number of public holidays from Monday to Saturday, the days of
    10 to 24 December and those of 25 December to 1 January, as shares of a week; and the prior standard deviation of each effect,
    relative to the level, shape (15,).
    """
    middle = np.array([(week + _WEEK / 2).timetuple().tm_yday for week in weeks]) / DAYS_PER_YEAR
    angles = 2 * np.pi * np.outer(middle, np.arange(1, HARMONICS + 1))
    public = _public_holidays(weeks, country)
    days = [[week + timedelta(days=day) for day in range(7)] for week in weeks]
    counts = [sum(day.date() in public for day in week[:6]) for week in days]
    before = [sum(day.month == 12 and 10 <= day.day <= 24 for day in week) / 7 for week in days]
    after = [sum((day.month, day.day) >= (12, 25) or (day.month, day.day) == (1, 1) for day in week) / 7 for week in days]
    design = np.column_stack([np.sin(angles), np.cos(angles), counts, before, after])
    waves = 0.2 / np.arange(1, HARMONICS + 1)
    return design, np.concatenate([waves, waves, [0.1, 0.3, 0.3]])


def fit(values: Floats, past: Sequence[datetime], future: Sequence[datetime], country: str, unit: float) -> Season:
    """Estimate the season beside a bending trend, with normal priors on every effect.

    b = (X'X / s2 + D^-2)^-1 X'z / s2, D the prior standard deviations; s2 is the residual variance times (1 + rho) / (1 - rho), because
    neighbouring residuals are alike and tell less (the posterior mean of a normal regression: Gelman et al. 2013, ch. 14).

    Parameters
    ----------
    values
        Transformed revenue by week, shape (n,).
    unit
        What an effect of 100 % amounts to in this scale: 1 for logarithms.
    """
    effects, deviations = yearly([*past, *future], country)
    trend = _trend(len(past))
    design = np.hstack([trend, effects[: len(past)]])
    bends = trend.shape[1] - 2
    prior = unit * np.concatenate([[1e3, 1e3], np.full(bends, 0.3), deviations])
    noise = float(values.var()) + 1e-12
    coefficients: npt.NDArray[np.floating[Any]] = np.zeros(design.shape[1])
    for _ in range(4):
        coefficients = np.linalg.solve(design.T @ design / noise + np.diag(prior**-2.0), design.T @ values / noise)
        noise = _effective_variance(values - design @ coefficients)
    season: Floats = effects @ coefficients[-effects.shape[1] :]
    return Season(season[: len(past)], season[len(past) :])


def _trend(count: int) -> Floats:
    """Give a line in years and a bend every half year."""
    years = np.arange(count) / (DAYS_PER_YEAR / 7)
    knots = np.arange(_KNOT_WEEKS, count, _KNOT_WEEKS) / (DAYS_PER_YEAR / 7)
    return np.column_stack([np.ones(count), years - years.mean(), np.maximum(years[:, None] - knots[None, :], 0)])


def _effective_variance(residuals: Floats) -> float:
    variance = float(residuals.var()) + 1e-12
    alike = float(np.clip((residuals[1:] * residuals[:-1]).mean() / variance, 0.0, 0.8))
    return variance * (1 + alike) / (1 - alike)


def _public_holidays(weeks: Sequence[datetime], country: str) -> frozenset[object]:
    import holidays  # noqa: PLC0415 (the service forecasts without it)

    years = range(weeks[0].year, weeks[-1].year + 2)
    if country not in holidays.list_supported_countries():
        return frozenset()
    return frozenset(holidays.country_holidays(country, years=years))
