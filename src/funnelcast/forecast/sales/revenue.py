"""Revenue that came in: what a sales forecast is judged by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.forecast.periods import Period, following
from funnelcast.forecast.sales.history import Basis, daily_revenue, spacing
from funnelcast.sources.facts import Facts

Floats = npt.NDArray[np.float64]
_DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Revenue:
    """Revenue of the whole company by day.

    Parameters
    ----------
    first
        The first day that had any.
    days
        Revenue by day from then on, shape (n,); totals by week or month are spread evenly over their days.
    """

    first: datetime
    days: Floats

    @classmethod
    def of(cls, facts: Facts, basis: Basis) -> Revenue:
        """Add up the facts as they stand: all of them, or those of a cut."""
        return cls.of_daily(daily_revenue(facts, basis), basis)

    @classmethod
    def of_daily(cls, daily: pd.DataFrame, basis: Basis) -> Revenue:
        """Add up ``day`` and ``amount``."""
        if daily.empty:
            return cls(datetime.min, np.zeros(0))  # noqa: DTZ901 (wall-clock)
        every = "day" if basis == "transactions" else spacing(daily)
        begins = [day.to_pydatetime() for day in daily.day]
        ends = [day + _DAY if every == "day" else following(day, every) for day in begins]
        first, last = min(begins), max(ends)
        days = np.zeros((last - first) // _DAY)
        for start, end, amount in zip(begins, ends, daily.amount, strict=True):
            days[(start - first) // _DAY : (end - first) // _DAY] += amount / ((end - start) // _DAY)
        return cls(first, days)

    @property
    def end(self) -> datetime:
        """Where the figures end."""
        return self.first + self.days.size * _DAY

    def by_period(self, periods: Sequence[Period]) -> Floats:
        """Add up the days of periods that start and end at midnight, shape (len(periods),)."""
        sums = np.concatenate([[0.0], np.cumsum(self.days)])
        bounds = [[(instant - self.first) // _DAY for instant in (period.start, period.end)] for period in periods]
        places = np.clip(np.array(bounds, dtype=np.int64).reshape(-1, 2), 0, self.days.size)
        return np.asarray(sums[places[:, 1]] - sums[places[:, 0]])
