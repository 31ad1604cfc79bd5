"""The items of the requests that are answered together: checked as one list, and each request's own among them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NamedTuple, Self

from funnelcast import deadline
from funnelcast.monitor.track_record import Answer
from funnelcast.terms import AsOf
from serving.reading.request_facts import Checked, check, digest_of
from serving.replies import Reply
from serving.store import Served


class Asked(NamedTuple):
    """A request, and the id under which its answers are remembered."""

    request: Any
    request_id: str


@dataclass(frozen=True)
class Outcome:
    """What of an answer will be held against the truth.

    Parameters
    ----------
    predicted
        The field of the prediction.
    horizon_days
        Gives the days until the truth is known, by the request.
    low, high
        The fields of its interval, where there is one.
    """

    predicted: str
    horizon_days: Callable[[Any], float]
    low: str = ""
    high: str = ""


@dataclass(frozen=True)
class Moment:
    """An as_of, as it is told and as it is kept."""

    as_of: AsOf
    told: str
    kept: str

    @classmethod
    def of(cls, as_of: AsOf) -> Self:
        """Write it out once for all who share it."""
        return cls(as_of, as_of.isoformat(), as_of.at.isoformat())


class Part(NamedTuple):
    """One of the requests that are answered together, and which of all items are its own."""

    asked: Asked
    moment: Moment
    places: slice


@dataclass(frozen=True)
class Items:
    """The items of all requests, one after the other."""

    parts: Sequence[Part]
    given: Sequence[Any]
    owners: Sequence[Part]
    checked: Checked

    @classmethod
    def of(cls, asked: Sequence[Asked], timezone: str, attributes: Mapping[str, str] | None) -> Self:
        """Check the items of some requests; those that name no as_of share the present instant."""
        now = Moment.of(AsOf.now(timezone))
        parts, given, owners = list[Part](), list[Any](), list[Part]()
        for one in asked:
            contacts, as_of = one.request.contacts, one.request.as_of
            moment = now if as_of is None else Moment.of(_as_of(as_of, timezone))
            parts.append(Part(one, moment, slice(len(given), len(given) + len(contacts))))
            given += contacts
            owners += [parts[-1]] * len(contacts)
        return cls(parts, given, owners, check(given, [part.moment.as_of for part in owners], attributes))

    @property
    def good(self) -> Sequence[Any]:
        """The items in which nothing is wrong."""
        return list(self.checked.good.values())

    @property
    def owner_of_good(self) -> Sequence[Part]:
        """Of each of them, the request that it belongs to."""
        return [self.owners[place] for place in self.checked.good]

    def bought(self, part: Part) -> bool:
        """Say whether a good item of a request has a purchase."""
        good = self.checked.good
        return any(good[place].transactions for place in range(part.places.start, part.places.stop) if place in good)

    def kept(self, served: Served, records: Sequence[Reply], outcome: Outcome) -> list[Answer]:
        """Give what is to be kept of the answers of the good items."""
        deadline.check()  # what nobody will be told isn't remembered either
        model, version = served.champion.about.model, served.champion.version
        return [
            Answer(
                owner.asked.request_id,
                model,
                version,
                owner.moment.kept,
                outcome.horizon_days(owner.asked.request),
                record["contact_id"],
                record[outcome.predicted],
                record.get(outcome.low),
                record.get(outcome.high),
                digest_of(self.given[place]),
            )
            for (place, owner), record in zip(zip(self.checked.good, self.owner_of_good, strict=True), records, strict=True)
            if record[outcome.predicted] is not None
        ]


def _as_of(given: date | datetime, timezone: str) -> AsOf:
    return AsOf.of(given, timezone) if isinstance(given, datetime) else AsOf(datetime.combine(given, time()), timezone)
