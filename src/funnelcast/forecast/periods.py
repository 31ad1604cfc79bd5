"""The periods of a forecast: calendar weeks or months after as_of, half-open."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal, TypeAlias, get_args

import numpy as np
import numpy.typing as npt

from funnelcast.errors import UsageError
from funnelcast.terms import AsOf

Every: TypeAlias = Literal["week", "month"]
"""The length of a calendar period."""


@dataclass(frozen=True, order=True)
class Period:
    """The span [start, end) of wall-clock time; ``partial`` where it is shorter than its calendar week or month."""

    start: datetime
    end: datetime
    partial: bool = False


def calendar(as_of: AsOf, every: Every, count: int) -> tuple[Period, ...]:
    """Give the calendar periods that follow as_of without a gap.

    Parameters
    ----------
    as_of
        Where the first period starts. Weeks start on Monday 00:00, months on the first at 00:00; where as_of is no such boundary, a
        partial period up to the next one comes first.
    every
        ``week`` or ``month``.
    count
        How many full periods, at least 1.

    Returns
    -------
    ``count`` periods, or one more where the first is partial.

    Raises
    ------
    UsageError
        ``count`` is below 1 or ``every`` is another word.
    """
    if every not in get_args(Every):
        raise UsageError(reason=f"A forecast goes by week or by month; {every!r} is neither.")
    if count < 1:
        raise UsageError(reason=f"A forecast needs at least 1 full {every}; {count} were asked for.")
    last = boundary(as_of.at, every)
    bounds = [as_of.at] if last < as_of.at else []
    last = following(last, every) if bounds else last
    bounds.append(last)
    for _ in range(count):
        bounds.append(following(bounds[-1], every))
    return tuple(Period(start, end, partial=boundary(start, every) != start) for start, end in itertools.pairwise(bounds))


def calendar_before(as_of: AsOf, every: Every, count: int) -> tuple[Period, ...]:
    """Give the ``count`` whole periods that end by as_of, oldest first; where as_of is no boundary, its own period so far is last."""
    last = boundary(as_of.at, every)
    bounds = [last]
    for _ in range(count):
        bounds.insert(0, boundary(bounds[0] - timedelta(days=1), every))
    whole = tuple(Period(start, end) for start, end in itertools.pairwise(bounds))
    return whole if last == as_of.at else (*whole, Period(last, as_of.at, partial=True))


def boundary(instant: datetime, every: Every) -> datetime:
    """Give the start of the week or month in which an instant lies."""
    midnight = datetime.combine(instant.date(), time())
    return midnight.replace(day=1) if every == "month" else midnight - timedelta(days=midnight.weekday())


def following(start: datetime, every: Every) -> datetime:
    """Give the start of the week or month after the one in which ``start`` lies."""
    return boundary(boundary(start, every) + timedelta(days=32 if every == "month" else 7), every)


def edges(periods: Sequence[Period], as_of: AsOf) -> npt.NDArray[np.int64]:
    """Give the bounds of consecutive periods in whole days after as_of.

    A fact of day d (``floor`` of its days after as_of) lies in period j where ``edges[j] <= d < edges[j + 1]``. Where as_of isn't
    midnight, a bound is rounded up to the next whole day.

    Returns
    -------
    int64 of shape (len(periods) + 1,), strictly rising where every period holds a day; the first is 0 when the periods start at as_of.

    Raises
    ------
    UsageError
        The periods leave a gap or overlap.
    """
    instants = [*(period.start for period in periods), *(period.end for period in periods[-1:])]
    if any(period.end != later.start for period, later in itertools.pairwise(periods)):
        raise UsageError(reason="The periods of a forecast follow each other without a gap; these do not.")
    return np.array([-((as_of.at - instant) // timedelta(days=1)) for instant in instants], dtype=np.int64)
