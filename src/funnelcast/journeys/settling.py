"""The paths of touches that end in a conversion, in nothing, or are still open; built in the engine.

A touch belongs to the contact's next conversion, at its own instant or later, if that comes within the look-back. Touches that no
conversion follows so soon make journeys of their own, cut into windows of the look-back's length: null once the look-back has passed
since their last touch, censored until then. With ``first`` conversions, touches after a contact's conversion are dropped.

So each contact's touches are collected once, in order; its conversions cut that list into stretches, and windows a stretch into journeys.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.errors import MissingTable
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.stamps import CHANNELS, DAY, Stamps, stamps_of
from funnelcast.terms import AsOf

CONVERTED, NULL, OPEN = "converted", "null", "open"
TYPES = ("online", "offline", "mixed_started_online", "mixed_started_offline")
"""Of journeys, by the channels that they met and where they began."""


@dataclass(frozen=True)
class JourneyRules:
    """What counts as a journey.

    Parameters
    ----------
    lookback_days
        A touch can have earned a conversion for so many days.
    conversions
        ``each`` purchase, or the ``first`` of a contact only.
    half_life_days
        Of a touch's weight under time decay.
    clusters
        Contacts are dealt into so many clusters, which a bootstrap can resample without reading the facts again.
    """

    lookback_days: int = 90
    conversions: str = "each"
    half_life_days: float = 7.0
    clusters: int = 256


@dataclass(frozen=True)
class Settled:
    """A company's journeys as of an instant, computed once and kept by the engine.

    Parameters
    ----------
    facts
        Cut at ``as_of``.
    purchases
        What ``conversions`` gives.
    stamps
        How touches are numbered.
    journeys
        One row per journey: ``contact_id, cluster`` (of the contact), ``touches`` (array of stamps in order), ``path`` (array of channels
        in order), ``started_at, last_touch_at, converted_at, settled_at`` (when its outcome was known), ``state`` (converted, null, open),
        ``conversions, value, nulls``, and whether it is of a ``customer`` (began after the contact's first conversion),
        ``started_offline``, has ``any_offline`` and ``any_online`` touch.
    """

    facts: Facts
    as_of: AsOf
    rules: JourneyRules
    purchases: ir.Table
    stamps: Stamps
    journeys: ir.Table


def settle(facts: Facts, as_of: AsOf, rules: JourneyRules) -> Settled:
    """Make the journeys of touchpoints.

    Raises
    ------
    MissingTable
        No touchpoints, or neither transactions nor contacts.
    """
    known = cut(facts, as_of)
    rows = known.table("touchpoints", "Attribution")
    purchases = conversions(known, rules).cache()
    stamps = stamps_of(rows, as_of)
    spans = _spans(purchases, stamps, last=rules.conversions == "first" or not known.has("transactions"))
    stretches = _stretches(_clustered(stamps.collected(rows), rules), spans)
    journeys = _windows(stretches, stamps, rules).cache()
    return Settled(known, as_of, rules, purchases, stamps, _described(journeys, known, as_of, rules, stamps))


def _clustered(contacts: ir.Table, rules: JourneyRules) -> ir.Table:
    place = ibis.row_number().over(ibis.window(order_by="contact_id"))
    return contacts.mutate(cluster=(place % rules.clusters).cast("int64"))


def _spans(purchases: ir.Table, stamps: Stamps, *, last: bool) -> ir.Table:
    """Give the times between conversions, ``after`` one (null: the first has none before it) and ``upto`` the next, as stamps.

    Unless a conversion is a contact's ``last``, its time goes on after it, up to nothing (null).
    """
    bought = purchases.select("contact_id", "conversions", "value", converted_at=purchases.converted_at.cast("timestamp"))
    ends = bought.mutate(upto=stamps.stamp(bought.converted_at, CHANNELS - 1))
    spans = ends.mutate(after=ends.upto.lag().over(ibis.window(group_by="contact_id", order_by="upto")))
    if last:
        return spans
    none = {"conversions": 0.0, "value": 0.0, "converted_at": ibis.null("timestamp"), "upto": ibis.null("int64")}
    return spans.union(ends.group_by("contact_id").aggregate(**none, after=ends.upto.max()))


def _stretches(contacts: ir.Table, spans: ir.Table) -> ir.Table:
    """Cut the touches of contacts by their conversions."""
    table = contacts.left_join(spans, "contact_id").drop("contact_id_right")

    def inside(touch: Any) -> Any:
        return (table.after.isnull() | (touch > table.after)) & (table.upto.isnull() | (touch <= table.upto))

    return table.mutate(touches=table.touches.filter(inside))


def _windows(stretches: ir.Table, stamps: Stamps, rules: JourneyRules) -> ir.Table:
    """Cut stretches into journeys by the instants at which they ``begin``; the one that ``earned`` the conversion reaches back from it."""
    length = rules.lookback_days * DAY
    table = stretches.mutate(first=stamps.microseconds(stretches.touches.mins()), earning=stamps.microseconds(stretches.upto) - length)

    def begin(touch: Any) -> Any:
        at = stamps.microseconds(touch)
        return ibis.ifelse(at >= table.earning, table.earning, table.first + (at - table.first) // length * length)

    told = table.mutate(begins=table.touches.map(begin))
    each = told.mutate(begin=told.begins.unique().unnest())
    earned = (each.begin == each.earning).fill_null(False)  # noqa: FBT003
    journeys = each.mutate(earned=earned, end=ibis.least(each.begin + length, each.earning))

    def mine(touch: Any) -> Any:
        at = stamps.microseconds(touch)
        return (at >= journeys.begin) & (journeys.earned | (at < journeys.end))

    kept = ["contact_id", "cluster", "after", "converted_at", "conversions", "value", "earned"]
    return journeys.select(*kept, touches=journeys.touches.filter(mine))


def _described(journeys: ir.Table, known: Facts, as_of: AsOf, rules: JourneyRules, stamps: Stamps) -> ir.Table:
    """Say of journeys what ``Settled`` promises; the engine works out what is asked for."""
    path = journeys.touches.map(lambda touch: stamps.channel(stamps.place(touch)))
    last_touch_at = stamps.instant(journeys.touches[journeys.touches.length() - 1])
    expires_at = last_touch_at + ibis.interval(days=rules.lookback_days)
    over = journeys.converted_at.notnull() | (expires_at <= ibis.literal(as_of.at, type="timestamp"))
    return journeys.select(
        "contact_id",
        "cluster",
        "touches",
        path=path,
        started_at=stamps.instant(journeys.touches[0]),
        last_touch_at=last_touch_at,
        converted_at=ibis.ifelse(journeys.earned, journeys.converted_at, ibis.null("timestamp")),
        settled_at=ibis.cases((journeys.earned, journeys.converted_at), (over, expires_at), else_=ibis.null("timestamp")),
        state=ibis.cases((journeys.earned, CONVERTED), (over, NULL), else_=OPEN),
        conversions=ibis.ifelse(journeys.earned, journeys.conversions, 0.0),
        value=ibis.ifelse(journeys.earned, journeys.value, 0.0),
        nulls=ibis.ifelse(~journeys.earned & over, 1.0, 0.0),
        customer=journeys.after.notnull(),
        started_offline=known.offline(path[0]),
        any_offline=path.map(known.offline).anys(),
        any_online=path.map(lambda channel: ~known.offline(channel)).anys(),
    )


def journey_type(any_online: Any, any_offline: Any, started_offline: Any) -> Any:
    """Name a journey's type, one of ``TYPES``, from Ibis booleans; a journey with a touch has a channel of either side."""
    online, offline, started_online, began_offline = TYPES
    mixed = any_offline & any_online
    return ibis.cases((mixed & started_offline, began_offline), (mixed, started_online), (any_offline, offline), else_=online)


def type_of(channels: Sequence[str], offline: Collection[str]) -> str | None:
    """Name the type of one journey from its channels in order, as ``journey_type`` does; None without a touch."""
    sides = [channel in offline for channel in channels]
    if not sides:
        return None
    online, only_offline, started_online, began_offline = TYPES
    if len(set(sides)) == 1:
        return only_offline if sides[0] else online
    return began_offline if sides[0] else started_online


def conversions(known: Facts, rules: JourneyRules) -> ir.Table:
    """Give ``contact_id, converted_at, conversions, value``: purchases, or the day a contact became a customer where there are none.

    Purchases at one instant are one journey's; refunds (negative amounts) are not conversions. Without purchases the value is 0.
    """
    if known.has("transactions"):
        rows = known.table("transactions")
        bought = rows.filter(rows.amount >= 0)
        table = bought.group_by(["contact_id", "occurred_at"]).aggregate(
            conversions=bought.count().cast("float64"), value=bought.amount.sum()
        )
        table = table.rename(converted_at="occurred_at")
        if rules.conversions == "first":
            first = table.converted_at.min().over(ibis.window(group_by="contact_id"))
            return table.mutate(first=first).filter(lambda row: row.converted_at == row["first"]).drop("first")
        return table
    if not known.has("contacts"):
        raise MissingTable(
            table="transactions",
            purpose="Attribution from touchpoints",
            source=known.source.path or known.source.name,
            columns="contact_id, occurred_at, amount; or contacts with became_customer_at",
        )
    rows = known.table("contacts")
    bought = rows.filter(rows.became_customer_at.notnull())
    return bought.select(
        contact_id=bought.contact_id, converted_at=bought.became_customer_at, conversions=ibis.literal(1.0), value=ibis.literal(0.0)
    )
