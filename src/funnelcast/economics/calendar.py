"""Calendar months and quarters: which of them the figures are told by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from funnelcast.terms import AsOf, Json

MONTH, QUARTER = "month", "quarter"
MONTHS = {MONTH: 1, QUARTER: 3}


@dataclass(frozen=True)
class Span:
    """Calendar periods of ``every`` one length, numbered from the ``first``; the last holds as_of, the end of what is known."""

    every: str
    first: int
    count: int
    as_of: AsOf

    def of(self, months: Any) -> Any:
        """Give the number of the period of each month, from 0; below 0 it is too old to be told."""
        return months // MONTHS[self.every] - self.first

    def months(self, period: int) -> tuple[int, int]:
        """Give the first month of a period and of the next."""
        length = MONTHS[self.every]
        return (self.first + period) * length, (self.first + period + 1) * length

    def document(self, period: int) -> dict[str, Json]:
        """Say which period it is, and whether it is over."""
        start, end = self.months(period)
        return {
            "period": name_of(self.every, self.first + period),
            "start": _date(start).date().isoformat(),
            "end": _date(end).date().isoformat(),
            "partial": _date(end) > self.as_of.at,
        }


def name_of(every: str, number: int) -> str:
    """Write 2025-10 or 2025-Q4."""
    if every == MONTH:
        return f"{number // 12}-{number % 12 + 1:02d}"
    return f"{number // 4}-Q{number % 4 + 1}"


def _date(month: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, 1)  # noqa: DTZ001 (wall-clock time)


def last_month(as_of: AsOf) -> int:
    """Give the number of the newest month of which something is known: as_of itself isn't."""
    month = as_of.at.year * 12 + as_of.at.month - 1
    return month - 1 if _date(month) == as_of.at else month
