"""Billing terms as data: ``30 days``, ``45 days end of month``, ``end of month 45 days``, ``on receipt``, in English or French."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from funnelcast.errors import BadSourceFile

Integers = npt.NDArray[np.int64]

_LONGEST_DAYS = 365
_DAYS = r"(?P<days>\d+) ?(?:days?|jours?|d|j)"
_END = r"(?:end of (?:the )?month|fin de mois|eom|fdm)"
_ON = r"(?: (?:on )?(?:the |le )(?P<on>\d+)(?:st|nd|rd|th|er)?)?"
_ON_RECEIPT = re.compile(r"(?:on|upon|à|a) (?:receipt|réception|reception)|immediate|comptant")
_NET = re.compile(rf"(?:net )?{_DAYS}(?: net)?")
_DAYS_THEN_END = re.compile(rf"{_DAYS} {_END}{_ON}")
_END_THEN_DAYS = re.compile(rf"{_END}(?: \+)? {_DAYS}{_ON}")
_END_ALONE = re.compile(rf"{_END}{_ON}")


@dataclass(frozen=True)
class BillingTerms:
    """When an invoice is due.

    Parameters
    ----------
    days
        Added to the date of issue.
    end_of_month
        ``after``: then on to the end of that month (45 days end of month). ``before``: from the end of the month of issue
        (end of month 45 days). None: neither.
    on
        With an end of month: due on this day of the month after it.
    """

    days: int
    end_of_month: str | None = None
    on: int | None = None

    def due(self, issued: Integers) -> Integers:
        """Give the due date of each date of issue, both as days from 1970-01-01."""
        if self.end_of_month == "before":
            return self._pushed(month_end(issued) + self.days)
        if self.end_of_month == "after":
            return self._pushed(month_end(issued + self.days))
        return issued + self.days

    def _pushed(self, due: Integers) -> Integers:
        if self.on is None:
            return due
        following = month_end(due) + 1
        return np.minimum(following + self.on - 1, month_end(following))


def month_end(days: Integers) -> Integers:
    """Give the last day of each day's month, as days from 1970-01-01."""
    months = days.astype("datetime64[D]").astype("datetime64[M]")
    return np.asarray((months + 1).astype("datetime64[D]").astype(np.int64) - 1, dtype=np.int64)


def parse(text: str, path: str = "source.toml") -> BillingTerms:
    """Read billing terms.

    Raises
    ------
    BadSourceFile
        They aren't understood, or longer than a year; says what would be.
    """
    words = " ".join(text.lower().replace(",", " ").split())
    if _ON_RECEIPT.fullmatch(words):
        return BillingTerms(0)
    for pattern, end in ((_NET, None), (_DAYS_THEN_END, "after"), (_END_THEN_DAYS, "before"), (_END_ALONE, "after")):
        found = pattern.fullmatch(words)
        if found:
            parts = found.groupdict()
            days, on = int(parts.get("days") or 0), parts.get("on")
            if days <= _LONGEST_DAYS and (on is None or 1 <= int(on) <= 31):
                return BillingTerms(days, end, None if on is None else int(on))
    known = '"30 days", "45 days end of month", "end of month 45 days", "30 days end of month the 10th" or "on receipt"'
    raise BadSourceFile(path=path, reason=f"[billing] terms = {text!r} is not understood; give {known}, at most {_LONGEST_DAYS} days.")
