"""Touches as columns, and how candidates become touches at lifelike hours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from funnelcast.simulate.market import Market
from funnelcast.simulate.seasons import Bools, Floats, Ints
from funnelcast.simulate.world import KINDS, STORE

_TYPICAL_MINUTES = np.array([kind.minutes for kind in KINDS])


@dataclass(frozen=True)
class Touches:
    """Touches of a block, one per row.

    Parameters
    ----------
    contact
        Its number within the block.
    time
        Days since the start.
    channel, kind
        Codes.
    minutes, score
        NaN where the kind has no duration or is no survey.
    """

    contact: Ints
    time: Floats
    channel: Ints
    kind: Ints
    minutes: Floats
    score: Floats

    def where(self, keep: Bools | Ints) -> Touches:
        """Keep some touches."""
        return Touches(*(getattr(self, column.name)[keep] for column in fields(self)))

    def in_order(self) -> Touches:
        """Sort by contact, then time."""
        return self.where(np.lexsort((self.kind, self.time, self.contact)))

    @staticmethod
    def together(parts: Iterable[Touches]) -> Touches:
        """Put touches below one another."""
        listed = list(parts)
        return Touches(*(np.concatenate([getattr(part, column.name) for part in listed]) for column in fields(Touches)))


def touches_of(contact: Ints, time: Floats, channel: int | Ints, kind: int | Ints, rng: np.random.Generator) -> Touches:
    """Make touches without score, each with a duration where its kind has one."""
    kinds = np.broadcast_to(np.asarray(kind), contact.shape).astype(np.int64)
    typical = _TYPICAL_MINUTES[kinds]
    minutes = np.round(typical * np.exp(rng.normal(0.0, 0.6, len(contact))), 1)
    return Touches(
        contact=contact,
        time=time,
        channel=np.broadcast_to(np.asarray(channel), contact.shape).astype(np.int64),
        kind=kinds,
        minutes=np.where(typical > 0, np.maximum(minutes, 0.1), np.nan),
        score=np.full(len(contact), np.nan),
    )


def duration_factor(touches: Touches) -> Floats:
    """Say how much more a long touch does than a typical one: sqrt(minutes / typical), 1 without a duration."""
    typical = _TYPICAL_MINUTES[touches.kind]
    return np.where(typical > 0, np.sqrt(np.nan_to_num(touches.minutes, nan=1.0) / np.maximum(typical, 1.0)), 1.0)


def clock_time(day: Ints, offline: Bools, rng: np.random.Generator) -> Floats:
    """Give a time within each day: shops and offices from 9 to 19 h, the rest until late in the evening."""
    in_hours = (9.0 + 10.0 * rng.beta(1.8, 1.8, len(day))) / 24.0
    all_day = (7.5 + 16.0 * rng.beta(2.2, 1.7, len(day))) / 24.0
    return np.where(offline, day + in_hours, day + all_day)


def thin(member: Ints, when: Floats, channel: int, market: Market, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Keep each candidate with the chance pressure/highest pressure of its day, and give it an hour.

    Candidates drawn at a constant rate times the highest pressure become a Poisson process that follows the days.
    """
    pressure = market.pressure[channel]
    inside = when < market.seasons.days
    member, day = member[inside], market.seasons.day_of(when[inside])
    kept = rng.random(len(day)) * pressure.max() < pressure[day]
    member, day = member[kept], day[kept]
    return member, clock_time(day, np.full(len(day), channel >= STORE), rng)
