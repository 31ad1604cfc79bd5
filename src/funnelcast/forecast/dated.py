"""Amounts that came at instants, added up by the periods of a forecast."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.forecast.periods import Period, edges
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]

_SECONDS_PER_DAY = 86_400


def by_period(dated: Any, periods: tuple[Period, ...]) -> Floats:
    """Add up the ``amount`` of rows ``at`` an instant, in the order of their ``key``: shape [periods]."""
    start = AsOf(periods[0].start)
    within = dated.filter(dated["at"] >= periods[0].start, dated["at"] < periods[-1].end).order_by("key")
    rows: pd.DataFrame = within.execute()
    day = (rows["at"] - pd.Timestamp(start.at)).dt.total_seconds().to_numpy(np.float64) // _SECONDS_PER_DAY
    place = np.searchsorted(edges(periods, start), day, side="right") - 1
    return np.bincount(place, weights=rows["amount"].to_numpy(np.float64), minlength=len(periods)).astype(np.float64)
