"""The vocabulary of the field as types. Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import NewType, TypeAlias
from zoneinfo import ZoneInfo

ContactId = NewType("ContactId", str)
"""One person or company, whether lead or customer."""

Money: TypeAlias = float
"""An amount in the source's currency."""

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
"""What a JSON document can hold."""

QUANTITIES = ("sales", "pipeline", "cash")
"""What is forecast."""

FIGURES = ("sales", "pipeline", "cash", "cac", "clv_cac", "churn", "velocity")
"""What a planner looks at first; each may have a target."""

DAYS_PER_YEAR = 365.25
DAYS_PER_MONTH = DAYS_PER_YEAR / 12


class Question(StrEnum):
    """Which question an attribution answers."""

    DESCRIPTIVE = "descriptive"
    PREDICTIVE = "predictive"
    CAUSAL = "causal"


class Alias(StrEnum):
    """The names under which a registered version is served or kept for a roll-back."""

    CHAMPION = "champion"
    PREVIOUS = "previous"


@dataclass(frozen=True, order=True)
class AsOf:
    """The instant T of a prediction: only what was known strictly before it may be used.

    Tables hold wall-clock time of the source's zone without an offset, and so does ``at``; ``timezone`` says which zone that is.
    """

    at: datetime
    timezone: str = "UTC"

    def __post_init__(self) -> None:
        if self.at.tzinfo is not None:
            message = f"AsOf.at is wall-clock time of {self.timezone} and carries no offset; got {self.at.isoformat()}"
            raise ValueError(message)

    @property
    def day(self) -> int:
        """The day of T, counted from 1970-01-01."""
        return (self.at.date() - date(1970, 1, 1)).days

    @classmethod
    def parse(cls, text: str, timezone: str) -> AsOf:
        """Read ``2025-12-31`` (00:00 in the zone) or an ISO time stamp; one with an offset is converted to the zone."""
        return cls.of(datetime.fromisoformat(text), timezone)

    @classmethod
    def of(cls, instant: datetime, timezone: str) -> AsOf:
        """Take an instant; one with an offset is converted to the zone."""
        if instant.tzinfo is not None:
            instant = instant.astimezone(ZoneInfo(timezone)).replace(tzinfo=None)
        return cls(instant, timezone)

    @classmethod
    def midnight_after(cls, day: date, timezone: str) -> AsOf:
        """Give the end of a day that is included: 00:00 of the next."""
        return cls(datetime.combine(day + timedelta(days=1), time()), timezone)

    @classmethod
    def now(cls, timezone: str) -> AsOf:
        """Give the present instant."""
        return cls.of(datetime.now(UTC), timezone)

    def plus(self, days: float) -> AsOf:
        """Give the instant so many days of wall-clock time later (earlier when negative)."""
        return AsOf(self.at + timedelta(days=days), self.timezone)

    def days_until(self, later: AsOf) -> float:
        """Give the days of wall-clock time to another instant."""
        return (later.at - self.at) / timedelta(days=1)

    def isoformat(self) -> str:
        """Give the ISO time stamp with the zone's offset, as answers carry it."""
        return self.at.replace(tzinfo=ZoneInfo(self.timezone)).isoformat()
