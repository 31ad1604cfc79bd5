"""Invoices still to be issued without a deal: how many, of what amounts, paid when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.forecast.payments import NEVER, Days, Pace, PayDistribution

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_HALF_LIFE_WEEKS = 26.0
_LEAST_WEEKS = 4.0
_PRIOR_COUNT = 0.5
_SHORT_HISTORY_DISPERSION = 2.0
_FEW_WEEKS = 8
_PROFILE_PRIOR = 30.0
_SEASON_PRIOR = 60.0
_TREND_KEPT = 0.5
_DAMPING = 0.97
_SHOCK = (0.03, 0.5)
_MOST = 20_000_000
_AT_A_TIME = 1_000_000


@dataclass(frozen=True)
class InvoiceCounts:
    """The process of new invoices: negative binomial by week, spread over days.

    Parameters
    ----------
    shape, rate
        The level in invoices per week has a Gamma(shape, rate) distribution, for what few weeks can tell.
    week_shape
        Of the gamma multiplier of each week: the smaller, the more weeks differ beyond chance.
    month_deviation
        Standard deviation of the log multiplier that all weeks of a month share.
    trend
        Log growth per week at as_of; damped by 0.97 a week.
    weekday, month_day, season
        Multipliers by weekday (from Monday, [7]), day of the month ([31]) and month ([12]); 1 on average.
    """

    shape: float
    rate: float
    week_shape: float
    month_deviation: float
    trend: float
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
        weeks, months = days // 7 + 1, days // 30 + 1
        by_week = generator.gamma(self.week_shape, 1.0 / self.week_shape, (draws, weeks))
        by_month = np.exp(self.month_deviation * generator.standard_normal((draws, months)) - 0.5 * self.month_deviation**2)
        day = np.arange(days)
        expected = level * self._profile(first_day + day) * by_week[:, day // 7] * by_month[:, day // 30]
        return generator.poisson(expected * np.exp(self.trend * (1.0 - _DAMPING ** (day / 7.0)) / (1.0 - _DAMPING)))

    def _profile(self, day: Integers) -> Floats:
        weekday, month_day, month = calendar_of(day)
        profile = np.asarray(self.weekday)[weekday] * np.asarray(self.month_day)[month_day] * np.asarray(self.season)[month]
        return np.asarray(profile, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Issued:
    """New invoices of every draw: issued, collected by day ([draws, days]), still open and lost ([draws]), all gross."""

    issued: Floats
    daily: Floats
    open: Floats
    lost: Floats


def fit(counts: pd.DataFrame, today: int) -> InvoiceCounts | None:
    """Fit on the number of invoices by day of issue (``day`` from 1970-01-01, ``count``) before the day ``today``; None without any."""
    history = counts[(counts["day"] < today) & (counts["count"] > 0)]
    if history.empty:
        return None
    first = int(history["day"].min())
    daily = np.zeros(today - first)
    daily[history["day"].to_numpy(np.int64) - first] = history["count"].to_numpy(np.float64)
    weekly = daily[daily.size % 7 :].reshape(-1, 7).sum(axis=1)
    dispersion = _dispersion(weekly)
    age_weeks = (daily.size - 0.5 - np.arange(daily.size)) / 7.0
    weight = 0.5 ** (age_weeks / _HALF_LIFE_WEEKS)
    # the first invoice started the history, so it says nothing about the rate
    found = max(float(weight @ daily) - float(weight[0]), 0.0) + _PRIOR_COUNT
    exposure = max(float(weight.sum()) / 7.0, _LEAST_WEEKS)
    weekday, month_day, month = calendar_of(first + np.arange(daily.size))
    mean = max(float(weekly.mean()) if weekly.size else found / exposure, 1e-9)
    return InvoiceCounts(
        shape=max(found / dispersion, _PRIOR_COUNT),
        rate=max(found / dispersion, _PRIOR_COUNT) * exposure / found,
        week_shape=float(np.clip(mean / max(dispersion - 1.0, 1e-6), 0.5, 1e6)),
        month_deviation=_month_deviation(weekly),
        trend=_trend(weekly),
        weekday=_multipliers(daily, weekday, 7, _PROFILE_PRIOR),
        month_day=_multipliers(daily, month_day, 31, _PROFILE_PRIOR),
        season=_multipliers(daily, month, 12, _SEASON_PRIOR) if daily.size >= 2 * 365 else (1.0,) * 12,
    )


def issue(
    process: InvoiceCounts,
    amount: Floats,
    distribution: PayDistribution,
    *,
    pace: Pace,
    first_day: int,
    days: int,
    generator: np.random.Generator,
) -> Issued:
    """Draw the invoices to come: each is like one of the past year's, with its amount, customer and days to payment.

    Parameters
    ----------
    amount
        Gross, of each past invoice: shape [templates]; 0 for those of a lost customer.
    distribution
        Days from issue to payment of each template.
    """
    draws = pace.factor.shape[0]
    counts = process.draw(generator, draws, first_day, days)
    table = distribution.table(generator)
    level = _amount_level(generator, draws, amount[amount != 0])
    worth = 1.0
    if counts.sum() > _MOST:  # beyond that many, each drawn invoice stands for several: wider than needed, never narrower
        worth = float(counts.sum()) / _MOST
        counts = generator.poisson(counts / worth)
    result = Issued(np.zeros(draws), np.zeros((draws, days)), np.zeros(draws), np.zeros(draws))
    step = max(1, int(_AT_A_TIME / max(counts.sum() / draws, 1.0)))
    for start in range(0, draws, step):
        rows = slice(start, start + step)
        chosen = worth * level[rows]
        _issue_some(result, rows, counts[rows], level=chosen, amount=amount, table=table, pace=pace, generator=generator)
    return result


def calendar_of(day: Integers) -> tuple[Integers, Integers, Integers]:
    """Give weekday (Monday is 0), day of the month (the first is 0) and month (January is 0) of days from 1970-01-01."""
    dates = day.astype("datetime64[D]")
    months = dates.astype("datetime64[M]")
    month_day = (dates - months.astype("datetime64[D]")).astype(np.int64)
    return (day + 3) % 7, month_day, months.astype(np.int64) % 12


def _issue_some(
    result: Issued,
    rows: slice,
    counts: Integers,
    *,
    level: Floats,
    amount: Floats,
    table: Days,
    pace: Pace,
    generator: np.random.Generator,
) -> None:
    draws, days = counts.shape
    place = np.repeat(np.arange(counts.size), counts.ravel())
    draw, issued = place // days, place % days
    template = generator.integers(0, amount.size, place.size)
    lag = table[template, generator.integers(0, table.shape[1], place.size)].astype(np.int64)
    paid = pace.day(draw + rows.start, issued, lag)
    outcome = np.where(paid >= NEVER, days + 1, np.minimum(paid, days))
    worth = amount[template] * level[draw]
    sums = np.bincount(draw * (days + 2) + outcome, weights=worth, minlength=draws * (days + 2)).reshape(draws, days + 2)
    result.issued[rows] = np.bincount(draw, weights=worth, minlength=draws)
    result.daily[rows], result.open[rows], result.lost[rows] = sums[:, :days], sums[:, days], sums[:, days + 1]


def _amount_level(generator: np.random.Generator, draws: int, amount: Floats) -> Floats:
    """Draw how far the mean amount may lie from that of the few templates: log-normal with mean 1, shape [draws]."""
    count = max(amount.size, 1)
    variation = float(amount.std() / np.abs(amount).mean()) if amount.size > 1 else 1.0
    deviation = min(np.sqrt((variation**2 + 1.0 / count) / count), 1.0)
    return np.asarray(np.exp(deviation * generator.standard_normal(draws) - 0.5 * deviation**2), dtype=np.float64)


def _dispersion(weekly: Floats) -> float:
    """Give variance over mean of the last year's weekly counts, at least 1; 2 where there are too few weeks to say."""
    lately = weekly[-52:]
    if lately.size < _FEW_WEEKS or lately.mean() <= 0:
        return _SHORT_HISTORY_DISPERSION
    return float(max(lately.var(ddof=1) / lately.mean(), 1.0))


def _month_deviation(weekly: Floats) -> float:
    """Give how much four weeks differ beyond what single weeks' chance explains."""
    blocks = weekly[weekly.size % 4 :].reshape(-1, 4).sum(axis=1)[-13:]
    if blocks.size < 4 or blocks.mean() <= 0:
        return 0.15
    by_chance = _dispersion(weekly) / blocks.mean()
    return float(np.clip(np.sqrt(max(blocks.var(ddof=1) / blocks.mean() ** 2 - by_chance, 0.0)), *_SHOCK))


def _trend(weekly: Floats) -> float:
    if weekly.size < 52:
        return 0.0
    before, lately = weekly[-52:-26].sum(), weekly[-26:].sum()
    return float(_TREND_KEPT * np.log((lately + 10.0) / (before + 10.0)) / 26.0)


def _multipliers(daily: Floats, place: Integers, count: int, prior: float) -> tuple[float, ...]:
    """Give each place's rate over the mean rate, shrunk to 1 by so many expected invoices."""
    days = np.bincount(place, minlength=count)
    found = np.bincount(place, weights=daily, minlength=count)
    expected = days * daily.sum() / daily.size
    ratio = (found + prior) / (expected + prior)
    weight = np.where(days > 0, days, 1)
    return tuple((ratio * weight.sum() / (ratio @ weight)).tolist())
