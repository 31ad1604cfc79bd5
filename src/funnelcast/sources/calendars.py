"""Dates as people export them: the format is learnt from the values, and day and month are told apart by all of them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import ibis

from funnelcast.sources.functions import strptime, strptime_with_offset, trimmed

MONTH_FIRST_IN = frozenset({"US", "PH", "PW", "FM", "MH"})
"""Countries that write the month before the day."""

_DATE = re.compile(
    r"""(?P<iso>\d{4}([-/])\d{1,2}\2\d{1,2})
      | (?P<packed>\d{8})
      | \d{1,2}(?P<sign>[-/. ])\d{1,2}(?P=sign)(?P<year>\d{4}|\d{2})(?!\d)
      | \d{1,2}(?P<gap>[- ])(?P<month>[A-Za-z]{3,9})(?P=gap)(?P<named>\d{4}|\d{2})(?!\d)
      | (?P<first>[A-Za-z]{3,9})[ ]\d{1,2},[ ]\d{4}""",
    re.VERBOSE,
)
_TIME = re.compile(
    r"(?P<gap>T|,? (?:à )?)\d{1,2}(?P<colon>[:hH])\d{2}(?P<seconds>:\d{2})?(?P<parts>\.\d+)?"
    r"(?P<half> ?[AaPp][Mm])?(?P<offset>Z|[-+]\d\d:?\d\d)?"
)
_OFFSET = r"\d\d:\d\d.*(Z|[-+]\d\d(:?\d\d)?)$"
_PACKED_TIMES = {"": "", "000000": "%H%M%S", "T000000": "T%H%M%S", "0000": "%H%M", "T0000": "T%H%M"}


def credible(stamp: Any) -> Any:
    """Empty a time stamp before 1900 or after 2199: no fact of a company has it, and 01/03/12 isn't in the year 12."""
    first, end = (ibis.literal(datetime(year, 1, 1), type="timestamp") for year in (1900, 2200))  # noqa: DTZ001 wall-clock time
    return ibis.ifelse((stamp >= first) & (stamp < end), stamp, ibis.null("timestamp"))


@dataclass(frozen=True)
class Calendar:
    """One way of writing dates: ISO 8601, strptime formats, or both.

    Parameters
    ----------
    formats
        Tried in order after ISO.
    iso
        Whether ``2025-12-31``, with or without a time and an offset, is read.
    padded
        Whether blanks may stand around a date.
    family
        ``day first`` or ``month first`` where the order matters, else ``""``.
    """

    formats: tuple[str, ...] = ()
    iso: bool = False
    padded: bool = False
    family: str = ""

    @property
    def described(self) -> str:
        """The way of writing, in words."""
        return "dates as " + " or ".join((*(("ISO 8601",) if self.iso else ()), *self.formats))

    def parse(self, text: Any) -> Any:
        """Give the time stamp that a text column holds, as wall-clock time of the engine's zone; null where it holds none."""
        return credible(ibis.coalesce(*self._attempts(trimmed(text) if self.padded else text)))

    def _attempts(self, text: Any) -> list[Any]:
        attempts = []
        if self.iso:
            instant = text.try_cast("timestamp('UTC')").cast("timestamp")
            attempts.append(ibis.ifelse(text.re_search(_OFFSET), instant, text.try_cast("timestamp")))
        plain = [given for given in self.formats if "%z" not in given]
        offset = [given for given in self.formats if "%z" in given]
        attempts += [strptime(text, plain)] if plain else []
        attempts += [strptime_with_offset(text, offset).cast("timestamp")] if offset else []
        return attempts


@dataclass(frozen=True)
class Learnt:
    """What the shapes of some values tell: the formats with the day first, the same with the month first, what else occurs.

    ``first_is_day`` and ``second_is_day`` say that a number above 12 was seen there.
    """

    day_first: tuple[str, ...] = ()
    month_first: tuple[str, ...] = ()
    iso: bool = False
    padded: bool = False
    first_is_day: bool = False
    second_is_day: bool = False

    def with_values(self, values: Iterable[str]) -> Learnt:
        """Learn from more values; what is known stays first."""
        learnt = self
        for value in values:
            bare = value.strip()
            learnt = learnt._with_value(bare)
            if bare != value and learnt != Learnt():
                learnt = replace(learnt, padded=True)
        return learnt

    def calendars(self) -> tuple[Calendar, ...]:
        """Give the ways in which the values can be read: one, or two where day and month could be swapped."""
        if self.day_first == self.month_first:
            return (Calendar(self.day_first, self.iso or not self.day_first, self.padded),)
        orders: tuple[tuple[str, tuple[str, ...]], ...] = (("day first", self.day_first), ("month first", self.month_first))
        if self.first_is_day != self.second_is_day:
            orders = orders[:1] if self.first_is_day else orders[1:]
        return tuple(Calendar(formats, self.iso, self.padded, family) for family, formats in orders)

    def _with_value(self, value: str) -> Learnt:
        found = _DATE.match(value)
        if not found:
            return self
        rest = value[found.end() :]
        if found["iso"] and (not rest or _is_iso_time(rest)):
            return replace(self, iso=True)
        day, month = (_date_format(found, value, first) for first in ("%d", "%m"))
        time = _packed_time(rest) if found["packed"] else _time_format(rest)
        if time is None:
            return self
        learnt = self._with_order(value) if found["sign"] else self
        if day + time in self.day_first:
            return learnt
        return replace(learnt, day_first=(*self.day_first, day + time), month_first=(*self.month_first, month + time))

    def _with_order(self, value: str) -> Learnt:
        first, second = (int(number) for number in re.findall(r"\d+", value)[:2])
        if max(first, second) <= 12:
            return self
        return replace(self, first_is_day=self.first_is_day or first > 12, second_is_day=self.second_is_day or second > 12)


def _date_format(found: re.Match[str], value: str, first: str) -> str:
    if found["packed"]:
        return "%Y%m%d"
    if found["iso"]:
        return f"%Y{value[4]}%m{value[4]}%d"
    if found["sign"]:
        second = "%m" if first == "%d" else "%d"
        return found["sign"].join((first, second, _year(found["year"])))
    if found["first"]:
        return f"{_month(found['first'])} %d, %Y"
    return found["gap"].join(("%d", _month(found["month"]), _year(found["named"])))


def _year(text: str) -> str:
    return "%Y" if len(text) == 4 else "%y"


def _month(text: str) -> str:
    return "%b" if len(text) == 3 else "%B"


def _is_iso_time(rest: str) -> bool:
    found = _TIME.fullmatch(rest)
    return bool(found) and found is not None and found["gap"] in {"T", " "} and found["colon"] == ":" and not found["half"]


def _packed_time(rest: str) -> str | None:
    return _PACKED_TIMES.get(re.sub(r"\d", "0", rest))


def _time_format(rest: str) -> str | None:
    if not rest:
        return ""
    found = _TIME.fullmatch(rest)
    if not found:
        return None
    half = found["half"] or ""
    hour = "%I" if half else "%H"
    return (
        f"{found['gap']}{hour}{found['colon']}%M{':%S' if found['seconds'] else ''}{'.%f' if found['parts'] else ''}"
        f"{re.sub('[A-Za-z]+', '%p', half)}{'%z' if found['offset'] else ''}"
    )
