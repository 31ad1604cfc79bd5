"""How many invoices without a deal will be issued on each day: level, growth, calendar, and how far all of that may be off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_HALF_LIFE_WEEKS = 13.0
_LEAST_WEEKS = 4.0
_PRIOR_COUNT = 0.5
_PRIOR_TREND, _STEEPEST = 0.01, 0.03
_SHORT_HISTORY_DISPERSION = 2.0
_FEW_WEEKS = 8
_SMOOTH_DAYS, _SMOOTH_SEASON_DAYS = 91, 365
_DAMPING = 0.97
_USUAL_SHOCK, _SHOCK = 0.15, (0.03, 0.5)
_STEPS = 25


@dataclass(frozen=True)
class InvoiceCounts:
    """The process of new invoices: negative binomial by week, spread over days.

    Parameters
    ----------
    shape, rate
        The level in invoices per week, ``age`` weeks before as_of, has a Gamma(shape, rate) distribution, for what few weeks can tell.
    age
        The mean age in weeks of what level and trend are known from; there the two are independent.
    trend, trend_sd
        Log growth per week up to as_of and its standard error; from as_of on damped by 0.97 a week.
    walk
        Standard deviation of what the log of the level moves in a coming week.
    week_shape
        Of the gamma multiplier of each week: the smaller, the more weeks differ beyond chance.
    month_deviation
        Standard deviation of the log multiplier that all weeks of a month share.
    weekday, month_day, season
        Multipliers by weekday (from Monday, [7]), day of the month ([31]) and month ([12]); 1 on average.
    """

    shape: float
    rate: float
    age: float
    trend: float
    trend_sd: float
    walk: float
    week_shape: float
    month_deviation: float
    weekday: tuple[float, ...]
    month_day: tuple[float, ...]
    season: tuple[float, ...]

    def document(self) -> dict[str, Any]:
        """Give the numbers as JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in vars(self).items()}

    @classmethod
    def read(cls, document: dict[str, Any]) -> InvoiceCounts:
        """Read the numbers from JSON."""
        numbers: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in document.items()}
        return cls(**numbers)

    def draw(self, generator: np.random.Generator, draws: int, first_day: int, days: int) -> Integers:
        """Draw how many invoices are issued on each day: shape [draws, days]; ``first_day`` counts from 1970-01-01."""
        level = generator.gamma(self.shape, 1.0 / self.rate, (draws, 1)) / 7.0
        weeks, months, day = days // 7 + 1, days // 30 + 1, np.arange(days)
        by_week = generator.gamma(self.week_shape, 1.0 / self.week_shape, (draws, weeks)) * self._paths(generator, draws, weeks)
        by_month = _lognormal(generator, np.full((draws, months), self.month_deviation))
        expected = level * calendar_effect(first_day + day, self.weekday, self.month_day, self.season)
        return generator.poisson(expected * by_week[:, day // 7] * by_month[:, day // 30])

    def _paths(self, generator: np.random.Generator, draws: int, weeks: int) -> Floats:
        """Draw growth and wandering since ``age`` by week; not knowing them doesn't add to what is expected: shape [draws, weeks]."""
        week = np.arange(weeks)
        grown = self.age + (1.0 - _DAMPING**week) / (1.0 - _DAMPING)
        slope = generator.standard_normal((draws, 1)) * self.trend_sd * grown - 0.5 * (self.trend_sd * grown) ** 2
        steps = np.cumsum(generator.standard_normal((draws, weeks)), axis=1) * self.walk - 0.5 * self.walk**2 * (week + 1)
        return np.asarray(np.exp(self.trend * grown + slope + steps), dtype=np.float64)


def fit(counts: pd.DataFrame, today: int) -> InvoiceCounts | None:
    """Fit on the number of invoices by day of issue (``day`` from 1970-01-01, ``count``) before the day ``today``; None without any.

    Level and growth are those of a log-linear Poisson regression that halves a day's weight with every 13 weeks of its age and draws the
    growth to none; the overdispersion of weeks widens what is known of both.
    """
    history = counts[(counts["day"] < today) & (counts["count"] > 0)]
    if history.empty:
        return None
    first = int(history["day"].min())
    daily = np.zeros(today - first)
    daily[history["day"].to_numpy(np.int64) - first] = history["count"].to_numpy(np.float64)
    every = first + np.arange(daily.size)
    calendar = _calendar(daily, every)
    effect = calendar_effect(every, *calendar)
    age = np.asarray((daily.size - 0.5 - np.arange(daily.size)) / 7.0, dtype=np.float64)
    discount = np.exp2(-age / _HALF_LIFE_WEEKS)
    # the first invoice started the history, so it says nothing about the rate
    known = discount * daily
    known[0] -= discount[0]
    found = max(float(known.sum()), 0.0) + _PRIOR_COUNT
    dispersion = _dispersion(daily, effect * _smoothed(daily, _SMOOTH_DAYS))
    trend, trend_sd = _trend(known, discount * effect, age, dispersion)
    share = discount * effect * np.exp(-trend * age)
    mean_age = float(share @ age / share.sum())
    exposure = max(float((discount * effect * np.exp(trend * (mean_age - age))).sum()) / 7.0, _LEAST_WEEKS)
    shape = max(found / dispersion, _PRIOR_COUNT)
    weekly = max(found / exposure, 1e-9)
    return InvoiceCounts(
        shape=shape,
        rate=shape * exposure / found,
        age=mean_age,
        trend=trend,
        trend_sd=trend_sd,
        # what a level must wander so that a half-life of 13 weeks follows it best (Muth 1960, JASA 55, 299-306)
        walk=float(np.log(2.0) / _HALF_LIFE_WEEKS * min(np.sqrt(dispersion / weekly), 1.0)),
        week_shape=float(np.clip(weekly / max(dispersion - 1.0, 1e-6), 0.5, 1e6)),
        month_deviation=_month_deviation(daily, effect * _smoothed(daily, _SMOOTH_SEASON_DAYS), dispersion),
        weekday=calendar[0],
        month_day=calendar[1],
        season=calendar[2],
    )


def calendar_of(day: Integers) -> tuple[Integers, Integers, Integers]:
    """Give weekday (Monday is 0), day of the month (the first is 0) and month (January is 0) of days from 1970-01-01."""
    dates = day.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    month_day = (dates - months.astype("datetime64[D]")).astype(np.int64)
    return (day + 3) % 7, month_day, months.astype(np.int64) % 12


def calendar_effect(day: Integers, weekday: tuple[float, ...], month_day: tuple[float, ...], season: tuple[float, ...]) -> Floats:
    """Give the product of the three multipliers of each day."""
    of_week, of_month, month = calendar_of(day)
    return np.asarray(np.asarray(weekday)[of_week] * np.asarray(month_day)[of_month] * np.asarray(season)[month], dtype=np.float64)


def _lognormal(generator: np.random.Generator, deviation: Floats) -> Floats:
    """Draw factors of mean 1."""
    return np.asarray(np.exp(deviation * generator.standard_normal(deviation.shape) - 0.5 * deviation**2), dtype=np.float64)


def _calendar(daily: Floats, every: Integers) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
    """Estimate the multipliers against the smoothed level, so that growth isn't taken for a season."""
    weekday, month_day, month = calendar_of(every)
    lately, yearly = _smoothed(daily, _SMOOTH_DAYS), _smoothed(daily, _SMOOTH_SEASON_DAYS)
    noise = _dispersion(daily, lately)
    season = _multipliers(daily, yearly, month, 12, noise) if daily.size >= 2 * _SMOOTH_SEASON_DAYS else (1.0,) * 12
    return _multipliers(daily, lately, weekday, 7, noise), _multipliers(daily, lately, month_day, 31, noise), season


def _smoothed(daily: Floats, window: int) -> Floats:
    """Give the centred moving mean; near the ends over the days that there are."""
    reached = np.concatenate([[0.0], np.cumsum(daily)])
    place = np.arange(daily.size)
    low, high = np.maximum(place - window // 2, 0), np.minimum(place + window // 2 + 1, daily.size)
    return np.asarray((reached[high] - reached[low]) / (high - low), dtype=np.float64)


def _multipliers(daily: Floats, level: Floats, place: Integers, count: int, noise: float) -> tuple[float, ...]:
    """Give each place's rate over the level's, shrunk to 1 as far as places differ by chance alone (gamma-Poisson empirical Bayes)."""
    found = np.bincount(place, weights=daily, minlength=count)
    expected = np.bincount(place, weights=level, minlength=count)
    between = max(float(((found - expected) ** 2 - noise * expected).sum() / (expected**2).sum()), 0.0)
    ratio = (found * between + noise) / (expected * between + noise)
    return tuple((ratio * expected.sum() / (ratio @ expected)).tolist())


def _trend(known: Floats, exposed: Floats, age: Floats, dispersion: float) -> tuple[float, float]:
    """Fit the growth per week given the sum of the counts, with a normal prior around none: estimate and standard error."""
    total, moment, prior = max(float(known.sum()), 0.0), float(known @ -age), dispersion / _PRIOR_TREND**2
    trend = 0.0
    for _ in range(_STEPS):
        share = exposed * np.exp(-trend * age)
        share = share / share.sum()
        mean = float(share @ -age)
        information = total * float(share @ (age + mean) ** 2) + prior
        step = (moment - total * mean - prior * trend) / information
        # a history that starts with a burst isn't growth that goes on
        trend = float(np.clip(trend + step, -_STEEPEST, _STEEPEST))
    return trend, float(np.sqrt(dispersion / information))


def _dispersion(daily: Floats, expected: Floats) -> float:
    """Give variance over mean of the last year's weekly counts around what is expected, at least 1; 2 where too few weeks say."""
    found, meant = (_in_blocks(values, 7)[-52:] for values in (daily, expected))
    if found.size < _FEW_WEEKS or meant.sum() <= 0:
        return _SHORT_HISTORY_DISPERSION
    return float(max(((found - meant) ** 2).sum() / meant.sum(), 1.0))


def _month_deviation(daily: Floats, expected: Floats, dispersion: float) -> float:
    """Give how much four weeks differ beyond what single weeks' chance explains."""
    found, meant = (_in_blocks(values, 28)[-13:] for values in (daily, expected))
    if found.size < 4 or meant.min() <= 0:
        return _USUAL_SHOCK
    beyond = float(((found - meant) ** 2 - dispersion * meant).sum() / (meant**2).sum())
    return float(np.clip(np.sqrt(max(beyond, 0.0)), *_SHOCK))


def _in_blocks(daily: Floats, length: int) -> Floats:
    return np.asarray(daily[daily.size % length :].reshape(-1, length).sum(axis=1), dtype=np.float64)
