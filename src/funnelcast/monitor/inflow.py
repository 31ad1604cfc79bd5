"""What flows in, by week: touches by channel and kind, new contacts by channel, and what the same customers pay for a purchase.

Channels are watched as shares of all, so that what moves all of them at once (the season, growth) is seen once, in their sum.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal, NamedTuple

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.forecast.sales.history import History, starts, weekly
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]
Unit = Literal["money", "count", "share", "index"]

TOUCHES, CONTACTS, PRICE = "touches", "contacts", "price"
CLOCKS: Mapping[str, tuple[str, str]] = {
    TOUCHES: ("touchpoints", "occurred_at"),
    CONTACTS: ("contacts", "created_at"),
    PRICE: ("transactions", "occurred_at"),
}
"""By quantity, the table that it is read from and the column that says when."""

_FEWEST: Mapping[str, float] = {TOUCHES: 10.0, CONTACTS: 3.0}
"""Fewer a week can't show within two months that four tenths of the touches are missing, or that a channel brings half as many contacts."""
_MOST = 12
"""Of each quantity, the largest alone are watched: more series make the bound of all higher."""
_YEAR, _NEWEST = 52, 8
_MOST_ZEROS = 0.1
_FEWEST_PRICES = 5
_SMOOTHED = 8


class Flow(NamedTuple):
    """One weekly series; the kind of touch that it counts; and by week the money that it is the price of."""

    history: History
    unit: Unit
    kind: str = ""
    worth: Floats | None = None


def touches(known: Facts, settled: AsOf) -> list[Flow]:
    """Count touches, in all and by channel and, where the company brings it, kind."""
    table = known.table("touchpoints")
    kind = ibis.coalesce(table.kind, "") if known.brings("touchpoints", "kind") else ibis.literal("")
    return _counted(TOUCHES, table.select(name="channel", kind=kind, day=table.occurred_at.truncate("D")), settled)


def contacts(known: Facts, settled: AsOf) -> list[Flow]:
    """Count new contacts, in all and by the channel that brought them."""
    if not (known.brings("contacts", "source_channel") and known.brings("contacts", "created_at")):
        return []
    table = known.table("contacts")
    rows = table.select(name="source_channel", kind=ibis.literal(""), day=table.created_at.truncate("D"))
    return _counted(CONTACTS, rows, settled)


def price(known: Facts, settled: AsOf) -> list[Flow]:
    """Give what a purchase costs beside the same contact's purchases before: exp of the mean of the logarithms' differences.

    What each contact usually pays cancels out, which the mean purchase of a week is made of as much as of prices. A week of fewer than
    five purchases tells too little and lies on the line between its neighbours.
    """
    table = known.table("transactions")
    bought = table.filter(table.amount > 0, table.occurred_at.notnull())
    logs = bought.select("contact_id", "occurred_at", "amount", size=bought.amount.ln())
    earlier = ibis.window(group_by="contact_id", order_by=["occurred_at", "amount"], preceding=(None, 1))
    beside = logs.mutate(apart=logs["size"] - logs["size"].mean().over(earlier), day=logs.occurred_at.truncate("D"))
    by_day = beside.group_by("day").aggregate(
        count=beside.apart.count(), apart=beside.apart.sum().fill_null(0.0), worth=beside.amount.sum()
    )
    days = _before(by_day.order_by("day").execute(), settled)
    found = _index(*(weekly("", days.assign(amount=days[name]), settled) for name in ("count", "apart", "worth")))
    return [] if found is None else [found]


QUANTITIES: Mapping[str, Callable[[Facts, AsOf], list[Flow]]] = {TOUCHES: touches, CONTACTS: contacts, PRICE: price}
"""How each is read."""


def _counted(quantity: str, rows: ir.Table, settled: AsOf) -> list[Flow]:
    known = rows.filter(rows.day.notnull(), rows.name.notnull())
    daily = known.group_by("name", "kind", "day").aggregate(amount=known.count()).order_by("name", "kind", "day")
    counts = _before(daily.execute(), settled)
    whole = weekly("", counts, settled) if len(counts) else None
    if whole is None or not _often(whole, _FEWEST[quantity]):
        return []
    parts = [(weekly(str(name), days, settled), str(kind)) for (name, kind), days in counts.groupby(["name", "kind"], sort=True)]
    often = [(history, kind) for history, kind in parts if history is not None and _often(history, _FEWEST[quantity])]
    largest = sorted(often, key=lambda part: -float(part[0].values[-_YEAR:].sum()))[:_MOST]
    shares = [Flow(_share(history, whole), "share", kind) for history, kind in often if any(history is one for one, _ in largest)]
    return [Flow(whole, "count"), *(shares if len(often) > 1 else [])]


def _before(days: pd.DataFrame, settled: AsOf) -> pd.DataFrame:
    return days.astype({"day": "datetime64[ns]"}).loc[lambda rows: rows.day < pd.Timestamp(settled.at)]


def _often(history: History, fewest: float) -> bool:
    """Say whether an ordinary week has enough, by the last year but its newest two months, which may be what is wrong."""
    usual = history.values[-_YEAR:-_NEWEST]
    return bool(usual.size and usual.mean() >= fewest and (usual == 0).mean() <= _MOST_ZEROS)


def _share(part: History, whole: History) -> History:
    total = whole.values[-part.values.size :]  # both end with the same week
    shares = np.divide(part.values[-total.size :], total, out=np.zeros(total.size), where=total > 0)
    return History(part.name, part.every, part.start, shares, part.profile)


def _index(count: History | None, apart: History | None, worth: History | None) -> Flow | None:
    if count is None or apart is None or worth is None:
        return None
    first = _established(count.values)
    told = first + np.flatnonzero(count.values[first:] >= _FEWEST_PRICES)
    if not told.size or told.size < (count.values.size - first) / 2:
        return None
    begun = int(told[0])
    places = np.arange(begun, count.values.size)
    values = np.exp(np.interp(places, told, apart.values[told] / count.values[told]))
    start: datetime = starts(count.start, "week", begun + 1)[-1]
    return Flow(History("", "week", start, values, count.profile), "index", worth=worth.values[begun:])


def _established(counts: Floats) -> int:
    """Give the first week around which there is half of what there is now: before, a mean is too uncertain to tell what is usual."""
    usual = np.convolve(counts, np.ones(_SMOOTHED) / _SMOOTHED, mode="valid")
    return int(np.argmax(usual >= np.median(counts[-_YEAR:]) / 2))
