"""The series that are watched: revenue by channel or series and in total, the amounts won, the receipts, and what flows in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from funnelcast.errors import FunnelcastError
from funnelcast.forecast.bookings_known import won
from funnelcast.forecast.periods import calendar_before
from funnelcast.forecast.receipts import received
from funnelcast.forecast.sales.history import LONGEST, History, basis_of, histories, starts
from funnelcast.forecast.sales.inputs import given_up
from funnelcast.forecast.sales.promotions import Promotion, promotions
from funnelcast.monitor.inflow import CLOCKS, QUANTITIES, Floats, Unit
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

TOTAL = ""
"""The name of a series that is a whole quantity."""

_OTHERS: Mapping[str, tuple[str, Callable[..., Any]]] = {"pipeline": ("deals", won), "receipts": ("invoices", received)}
_LATE = 0.99
_LATEST = timedelta(days=28)
_EVEN = np.full(7, 1 / 7)


@dataclass(frozen=True, eq=False)
class Watched:
    """One series up to its newest period that has come in.

    Parameters
    ----------
    quantity
        ``sales``, ``pipeline`` or ``receipts``; ``touches``, ``contacts`` or ``price`` of what flows in.
    history
        Its periods; the name is the channel's or series', ``TOTAL`` for the whole quantity.
    promotions
        What is known to move it.
    unit
        Of its values: money, a count, a share of the whole quantity, or an index around 1.
    kind
        Of the touches that it counts.
    worth
        Of an index, the money by period that it is the price of.
    """

    quantity: str
    history: History
    promotions: tuple[Promotion, ...] = ()
    unit: Unit = "money"
    kind: str = ""
    worth: Floats | None = None

    @property
    def subject(self) -> str:
        """What an alert calls it."""
        return " ".join(filter(None, (self.history.name, self.kind))) or self.quantity

    @property
    def steady(self) -> bool:
        """Say whether its level is expected to stay where it is, with no season and no trend: a share, or an index."""
        return self.unit in {"share", "index"}


def watched(facts: Facts, as_of: AsOf) -> tuple[Watched, ...]:
    """Read every series that the facts allow to be watched, as it was known at as_of.

    A period counts once what happens in it is known: where facts arrive late, it is looked at so much later.
    """
    until = min(as_of, facts.observed_until or as_of)
    known = cut(facts, as_of)
    found: list[Watched] = []
    for read in (_sales, *(_total_of(quantity) for quantity in _OTHERS), *(_flowing(quantity) for quantity in QUANTITIES)):
        try:
            found += read(known, until)
        except FunnelcastError:
            continue  # the company doesn't bring the table: nothing to watch there
    return tuple(found)


def _sales(known: Facts, until: AsOf) -> list[Watched]:
    basis = basis_of(known)
    settled = until.plus(-_lag(known, basis, "occurred_at" if basis == "transactions" else "date").days)
    series = [_ended(history, settled) for history in histories(known, until, "week", basis)]
    going_on = [history for history in series if history is not None and not given_up(history, until)]
    promoted = promotions(known)
    whole = [_summed(going_on)] if len(going_on) > 1 else []
    return [Watched("sales", history, promoted) for history in (*going_on, *whole)]


def _total_of(quantity: str) -> Callable[[Facts, AsOf], list[Watched]]:
    table, amounts = _OTHERS[quantity]

    def read(known: Facts, until: AsOf) -> list[Watched]:
        known.table(table)
        weeks = tuple(week for week in calendar_before(until, "week", LONGEST["week"]) if not week.partial)
        came = amounts(known, weeks)
        begun = np.flatnonzero(came)
        if not begun.size:
            return []
        first = int(begun[0])
        return [Watched(quantity, History(TOTAL, "week", weeks[first].start, came[first:], _EVEN))]

    return read


def _flowing(quantity: str) -> Callable[[Facts, AsOf], list[Watched]]:
    def read(known: Facts, until: AsOf) -> list[Watched]:
        flows = QUANTITIES[quantity](known, until.plus(-_lag(known, *CLOCKS[quantity]).days))
        return [Watched(quantity, flow.history, (), flow.unit, flow.kind, flow.worth) for flow in flows]

    return read


def _lag(known: Facts, name: str, clock: str) -> timedelta:
    """Give the whole days within which all but a hundredth of a table's facts are known; 28 at most."""
    table = known.table(name)
    late = table.filter(table.known_at > table[clock])
    counted: pd.DataFrame = table.aggregate(rows=table.count()).cross_join(late.aggregate(late=late.count())).execute()
    rows, behind = int(counted["rows"].iloc[0]), int(counted["late"].iloc[0])
    if behind <= (1 - _LATE) * rows:
        return timedelta()
    days = late.select(days=(late.known_at.epoch_seconds() - late[clock].epoch_seconds()) / 86_400)
    among_late = 1 - (1 - _LATE) * rows / behind
    return min(timedelta(days=int(np.ceil(float(days.days.quantile(among_late).execute())))), _LATEST)


def _ended(history: History, settled: AsOf) -> History | None:
    """Leave out the periods that end after ``settled``; None where none is left."""
    count = sum(end <= settled.at for end in starts(history.start, history.every, history.values.size + 1)[1:])
    return history.first(count) if count else None


def _summed(series: Sequence[History]) -> History:
    """Add series up, from the first period that any has to the last that all have."""
    end, start = min(history.end for history in series), min(history.start for history in series)
    longest = next(history for history in series if history.start == start)
    bounds = [bound for bound in starts(start, longest.every, longest.values.size + 1) if bound <= end]
    place = {bound: number for number, bound in enumerate(bounds[:-1])}
    total = np.zeros(len(bounds) - 1)
    for history in series:
        for bound, value in zip(starts(history.start, history.every, history.values.size), history.values, strict=True):
            if bound in place:
                total[place[bound]] += value
    return replace(longest, name=TOTAL, values=total)
