"""The year in revenue: harmonics, public holidays and Christmas, each with how large it may be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from funnelcast.terms import DAYS_PER_YEAR

Floats = npt.NDArray[np.float64]

HARMONICS = 6
_WEEK = timedelta(days=7)


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
    harmonics, waves = of_year([week + _WEEK / 2 for week in weeks])
    public = _public_holidays(weeks, country)
    days = [[week + timedelta(days=day) for day in range(7)] for week in weeks]
    counts = [sum(day.date() in public for day in week[:6]) for week in days]
    before = [sum(day.month == 12 and 10 <= day.day <= 24 for day in week) / 7 for week in days]
    after = [sum((day.month, day.day) >= (12, 25) or (day.month, day.day) == (1, 1) for day in week) / 7 for week in days]
    return np.column_stack([harmonics, counts, before, after]), np.concatenate([waves, [0.1, 0.5, 0.3]])


def of_year(instants: Sequence[datetime]) -> tuple[Floats, Floats]:
    """Give six pairs of harmonics of the year, shape (n, 12), and the prior standard deviation of each relative to the level."""
    places = np.array([instant.timetuple().tm_yday for instant in instants]) / DAYS_PER_YEAR
    angles = 2 * np.pi * np.outer(places, np.arange(1, HARMONICS + 1))
    return np.hstack([np.sin(angles), np.cos(angles)]), np.tile(0.2 / np.arange(1, HARMONICS + 1), 2)


def _public_holidays(weeks: Sequence[datetime], country: str) -> frozenset[object]:
    import holidays  # noqa: PLC0415 (the service forecasts without it)

    years = range(weeks[0].year, weeks[-1].year + 2)
    if country not in holidays.list_supported_countries():
        return frozenset()
    return frozenset(holidays.country_holidays(country, years=years))
