"""Dates that arrive as text: how they are written is learnt from the values, and each becomes days since 1970."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.sources.calendars import Learnt

Floats = npt.NDArray[np.float64]
_ISO = "ISO8601"
_SAMPLE = 1_000
_FIRST, _END = (pd.Timestamp(year, 1, 1, tz="UTC") for year in (1900, 2200))
_SECONDS_PER_DAY = 86_400.0
_NANOSECONDS_PER_DAY = 86_400e9
_MILLISECONDS = 1e11
_PACKED = range(19_000_101, 22_000_101)
_COUNTED = range(7_305, 47_482)


def learn_formats(texts: Sequence[str]) -> tuple[str, ...]:
    """Learn in which formats dates are written.

    Parameters
    ----------
    texts
        Distinct values, of which some may be no dates.

    Returns
    -------
    strptime formats, to be tried in order after ISO 8601; where day and month could be swapped, the order that reads more values, the day
    first on a tie. None of a text that looks like a date gives none.
    """
    learnt = Learnt().with_values(texts[:: max(1, len(texts) // _SAMPLE)])
    if not (learnt.iso or learnt.day_first):
        return ()
    ways = [(_ISO, *calendar.formats) for calendar in learnt.calendars()]
    return max(ways, key=lambda way: int(np.isfinite(days(texts, way)).sum()))


def days(texts: Sequence[str], formats: Sequence[str]) -> Floats:
    """Give the days from 1970-01-01 to each date, the time of day as a fraction; missing where a text holds no date of 1900 to 2199."""
    given = pd.Series(texts, dtype=object)
    found = pd.Series(pd.NaT, index=given.index, dtype="datetime64[ns, UTC]")
    for way in formats:
        rest = found.isna()
        if rest.any():
            found[rest] = pd.to_datetime(given[rest], format=way, errors="coerce", utc=True)
    credible = found.where((found >= _FIRST) & (found < _END))
    return np.where(credible.isna(), np.nan, credible.astype("int64") / _NANOSECONDS_PER_DAY)


def days_of_numbers(values: Floats) -> Floats | None:
    """Read numbers as dates where all are written as such: 20251231, or seconds or milliseconds since 1970 from 1990 to 2100; else None."""
    known, place = np.unique(values[~np.isnan(values)], return_inverse=True)
    if not known.size or known[0] < _PACKED.start:
        return None
    if known[-1] < _PACKED.stop:
        found = days([f"{value:.0f}" for value in known], ["%Y%m%d"])
    else:
        found = known / (_SECONDS_PER_DAY if known[-1] < _MILLISECONDS else 1_000 * _SECONDS_PER_DAY)
        found[(found < _COUNTED.start) | (found >= _COUNTED.stop)] = np.nan
    if np.isnan(found).any():
        return None
    read = np.full(values.size, np.nan)
    read[~np.isnan(values)] = found[place]
    return read
