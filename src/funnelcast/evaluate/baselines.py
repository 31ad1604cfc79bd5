"""The forecasts that need no model: one past period each, with the errors that it made at earlier origins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.periods import Period
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]
Periods = tuple[Period, ...]
Amounts = Callable[[AsOf, Periods], Floats]
"""One amount per period, shape (periods,), seen from an as_of."""

YEAR = timedelta(days=364)
"""Fifty-two weeks: the same week of the last year, on the same weekdays."""
QUARTER = timedelta(days=91)
"""Thirteen weeks: the same week of the last quarter, and of its months."""


def last_period(known: Amounts) -> Amounts:
    """Repeat the last period that was complete at as_of."""

    def forecast(as_of: AsOf, periods: Periods) -> Floats:
        length = max(period.end - period.start for period in periods)
        latest = (Period(as_of.at - length, as_of.at),)
        return np.repeat(known(as_of, latest), len(periods))

    return forecast


def lagged(known: Amounts, lag: timedelta, first: AsOf) -> Amounts:
    """Repeat what came so much earlier, as often as it takes to lie before as_of; not a number where that lies before the facts."""

    def forecast(as_of: AsOf, periods: Periods) -> Floats:
        earlier = []
        for period in periods:
            back = lag * -((as_of.at - period.end) // lag)
            earlier.append(Period(period.start - back, period.end - back))
        if min(period.start for period in earlier) < first.at:
            return np.full(len(periods), np.nan)
        return known(as_of, tuple(earlier))

    return forecast


def baselines(known: Amounts, first: AsOf, origin: AsOf) -> Mapping[str, Amounts]:
    """Give the baselines that every quantity is compared with.

    Parameters
    ----------
    known
        What was known at an as_of of the amounts of earlier periods.
    first
        Where the facts begin.
    origin
        The first origin that is judged: ``seasonal_naive`` needs two years before it, ``quarter_naive`` a quarter.
    """
    history = origin.at - first.at
    given = {"last_period": last_period(known)}
    if history >= 2 * YEAR:
        given["seasonal_naive"] = lagged(known, YEAR, first)
    if history >= QUARTER:
        given["quarter_naive"] = lagged(known, QUARTER, first)
    return given


def with_errors(point: Floats, errors: Sequence[Floats]) -> Floats:
    """Turn a point forecast into draws: itself plus each error of any period at any earlier origin; without one, itself alone.

    Parameters
    ----------
    point
        Shape (periods,).
    errors
        What came minus the point forecast, one array (periods,) per earlier origin.

    Returns
    -------
    Shape (errors, periods).
    """
    pooled = np.concatenate(errors) if errors else np.zeros(1)
    draws: Floats = point[None, :] + pooled[:, None]
    return draws
