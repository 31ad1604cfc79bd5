"""How a series' own periods fall into others: weeks into months, months into weeks, both into days."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.periods import Period
from funnelcast.forecast.sales.history import History, starts

Floats = npt.NDArray[np.float64]

_DAY = timedelta(days=1)


def shares(history: History, horizon: int, periods: Sequence[Period]) -> Floats:
    """Say which share of each of the series' coming periods falls into each asked one, by the weight of its weekdays.

    Returns
    -------
    Shape (horizon, len(periods)); a row adds up to one where its period is covered.
    """
    bounds = starts(history.end, history.every, horizon + 1)
    days = (bounds[-1] - bounds[0]) // _DAY
    own = np.repeat(np.arange(horizon), [(end - start) // _DAY for start, end in itertools.pairwise(bounds)])
    weight = history.profile[(bounds[0].weekday() + np.arange(days)) % 7]
    totals = np.bincount(own, weights=weight, minlength=horizon)
    even = totals[own] == 0
    share = np.where(even, 1 / np.bincount(own, minlength=horizon)[own], weight / np.where(even, 1.0, totals[own]))
    asked = np.zeros((horizon, len(periods)))
    for column, period in enumerate(periods):
        first, last = (period.start - bounds[0]) / _DAY, (period.end - bounds[0]) / _DAY
        covered = np.clip(np.minimum(np.arange(days) + 1, last) - np.maximum(np.arange(days), first), 0.0, 1.0)
        asked[:, column] = np.bincount(own, weights=share * covered, minlength=horizon)
    return asked
