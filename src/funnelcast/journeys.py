"""The paths of touches that end in a conversion, in nothing, or are still open; built in the engine.

A touch belongs to the contact's next conversion, at its own instant or later, if that comes within the look-back. Touches that no
conversion follows so soon make journeys of their own, cut into windows of the look-back's length: null once the look-back has passed
since their last touch, censored until then. With ``first`` conversions, touches after a contact's conversion are dropped.

So each contact's touches are collected once, in order; its conversions cut that list into stretches, and windows a stretch into journeys.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.cohorts import elapsed_days
from funnelcast.errors import MissingTable
from funnelcast.sources.as_of import cut, known_to
from funnelcast.sources.facts import Facts
from funnelcast.stamps import CHANNELS, DAY, Stamps, stamps_of
from funnelcast.terms import AsOf

SEPARATOR = " > "
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


def _first_conversions(purchases: ir.Table) -> ir.Table:
    return purchases.group_by("contact_id").aggregate(first_at=purchases.converted_at.cast("timestamp").min())


def journey_type(any_online: Any, any_offline: Any, started_offline: Any) -> Any:
    """Name a journey's type, one of ``TYPES``, from Ibis booleans; a journey with a touch has a channel of either side."""
    online, offline, started_online, began_offline = TYPES
    mixed = any_offline & any_online
    return ibis.cases((mixed & started_offline, began_offline), (mixed, started_online), (any_offline, offline), else_=online)


def paths(settled: Settled, boundary: AsOf | None = None) -> ir.Table:
    """Aggregate journeys whose outcome is known by distinct path.

    Parameters
    ----------
    boundary
        Journeys whose outcome was known at it or later are marked ``newest``.

    Returns
    -------
    Columns ``path`` (array of the channels' places in ``settled.stamps``), ``cluster`` (of the contact), ``customer``, ``newest``,
    ``conversions, value, nulls``, ordered by the first four.
    """
    table = settled.journeys
    known = table.filter(table.state != OPEN)
    newest = ibis.literal(value=False) if boundary is None else known.settled_at >= ibis.literal(boundary.at, type="timestamp")
    keyed = known.mutate(newest=newest, path=known.touches.map(settled.stamps.place))
    keys = ["path", "cluster", "customer", "newest"]
    return keyed.group_by(keys).aggregate(**_totals(keyed)).order_by(keys)


def brought_paths(facts: Facts) -> ir.Table:
    """Give the company's own aggregated ``journeys``: ``path`` (array of channels), ``conversions, value, nulls``, ordered by the first."""
    rows = facts.table("journeys", "Attribution")
    filled = rows.filter(rows.path.strip() != "").mutate(value=rows.value.fill_null(0.0), nulls=rows.nulls.fill_null(0.0))
    summed = filled.group_by("path").aggregate(**_totals(filled)).order_by("path")
    return summed.mutate(path=summed.path.split(SEPARATOR))


def decayed(settled: Settled) -> ir.Table:
    """Sum each channel's time-decayed credit by cluster: a touch weighs 2^(-age/half-life), age in days before the conversion.

    Returns
    -------
    Columns ``cluster, channel, conversions, value``, ordered by the first two.
    """
    won = settled.journeys.filter(settled.journeys.state == CONVERTED)
    earning = won.select("contact_id", "cluster", "converted_at", "conversions", "value", touch=won.touches.unnest())
    age = elapsed_days(settled.stamps.instant(earning.touch), earning.converted_at)
    weighed = earning.mutate(weight=(age * (-_LN2 / settled.rules.half_life_days)).exp())
    journey = ibis.window(group_by=["contact_id", "converted_at"])
    shared = weighed.mutate(share=weighed.weight / weighed.weight.sum().over(journey))
    credited = shared.mutate(channel=settled.stamps.channel(settled.stamps.place(shared.touch)))
    summed = credited.group_by(["cluster", "channel"]).aggregate(
        conversions=(credited.share * credited.conversions).sum(), value=(credited.share * credited.value).sum()
    )
    return summed.order_by(["cluster", "channel"])


def untouched(settled: Settled) -> ir.Table:
    """Count the conversions that no touch within the look-back preceded: one row, ``conversions, value``."""
    return _summed(_untouched(settled))


def _untouched(settled: Settled) -> ir.Table:
    won = settled.journeys.filter(settled.journeys.state == CONVERTED)
    return settled.purchases.anti_join(won, ["contact_id", "converted_at"])


def brought_untouched(facts: Facts) -> ir.Table:
    """Count the conversions of the company's own ``journeys`` whose path is empty, as ``untouched`` does."""
    rows = facts.table("journeys", "Attribution")
    return _summed(rows.filter(rows.path.strip() == ""))


def _summed(alone: ir.Table) -> ir.Table:
    return alone.aggregate(conversions=alone.conversions.sum().fill_null(0.0), value=alone.value.sum().fill_null(0.0))


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


@dataclass(frozen=True)
class Organic:
    """The probability to convert without any touch in the time that a journey takes: of who hasn't bought, of customers, and of all."""

    leads: float
    customers: float
    everyone: float


def organic(settled: Settled) -> Organic | None:
    """Estimate how often contacts convert of their own accord.

    Equation: 1 - exp(-n / D * d), with n conversions that no touch preceded, in D days that contacts lived outside of journeys, and
    journeys of d days on average; before a contact's first conversion, after it, and over all. None where the facts don't say since when
    contacts are known.
    """
    if not (settled.facts.has("contacts") and settled.facts.brings("contacts", "created_at")):
        return None
    lived, (inside, settled_days, count), alone = _days_lived(settled), _days_inside(settled), _conversions_alone(settled)

    def rate(sides: list[int]) -> float:
        outside = max(sum(lived[side] - inside[side] for side in sides), sum(alone[side] for side in sides))
        length = sum(settled_days[side] for side in sides) / max(sum(count[side] for side in sides), 1.0)
        return -math.expm1(-sum(alone[side] for side in sides) / outside * length) if outside > 0 else 0.0

    return Organic(rate([0]), rate([1]), rate([0, 1]))


def _days_lived(settled: Settled) -> list[float]:
    """Sum the days that known contacts lived before their first conversion, and after it."""
    end = ibis.literal(settled.as_of.at, type="timestamp")
    contacts = settled.facts.table("contacts").select("contact_id", "created_at")
    known = contacts.left_join(_first_conversions(settled.purchases), "contact_id")
    bought = known.first_at.fill_null(end)
    before, after = ibis.greatest(elapsed_days(known.created_at, bought), 0.0), elapsed_days(bought, end)
    sums = known.aggregate(before=before.sum().fill_null(0.0), after=after.sum().fill_null(0.0)).execute()
    return [float(sums["before"].iloc[0]), float(sums["after"].iloc[0])]


def _days_inside(settled: Settled) -> tuple[list[float], list[float], list[float]]:
    """Sum the days that known contacts spent on journeys, those of settled journeys alone, and count these; of leads and of customers."""
    end = ibis.literal(settled.as_of.at, type="timestamp")
    table = settled.journeys.semi_join(settled.facts.table("contacts"), "contact_id")
    following = table.started_at.lead().over(ibis.window(group_by="contact_id", order_by=["started_at", "last_touch_at"]))
    placed = table.mutate(days=elapsed_days(table.started_at, ibis.least(table.settled_at.fill_null(end), following.fill_null(end))))
    over = placed.state != OPEN
    summed = placed.group_by("customer").aggregate(
        inside=placed.days.sum(), settled_days=placed.days.sum(where=over).fill_null(0.0), count=over.sum().cast("float64")
    )
    found = summed.execute().set_index("customer").reindex([False, True], fill_value=0.0)
    inside, settled_days, count = (found[name].astype(float).tolist() for name in ("inside", "settled_days", "count"))
    return inside, settled_days, count


def _conversions_alone(settled: Settled) -> list[float]:
    """Count the conversions of known contacts that no touch preceded: first ones, and later ones."""
    alone = _untouched(settled).semi_join(settled.facts.table("contacts"), "contact_id")
    told = alone.join(_first_conversions(settled.purchases), "contact_id")
    first = told.converted_at.cast("timestamp") == told.first_at
    sums = told.aggregate(first=told.conversions.sum(where=first).fill_null(0.0), later=told.conversions.sum(where=~first).fill_null(0.0))
    return [float(value) for value in sums.execute().iloc[0]]


def open_journeys(facts: Facts, rules: JourneyRules, cohort: ir.Table) -> ir.Table:
    """Give each cohort row its journey so far: the touches within the look-back before its as_of, after its last conversion.

    Returns
    -------
    Columns ``contact_id, as_of, path`` (channels joined by " > "; empty without a touch), ordered by the first two.
    """
    keys = ["contact_id", "as_of"]
    members = cohort.select(keys).distinct()
    touches = known_to(facts, "touchpoints", members)
    before = _last_conversions(facts, members)
    since = touches.left_join(before, keys)
    recent = elapsed_days(since.occurred_at, since.as_of) <= rules.lookback_days
    mine = since.filter(recent & (since.converted_at.isnull() | (since.occurred_at > since.converted_at)))
    mine = mine.rename(at="occurred_at").select("contact_id", "as_of", "at", "channel")
    found = mine.group_by(keys).aggregate(path=_ordered(mine).join(SEPARATOR))
    answered = members.left_join(found, keys)
    return answered.select(*keys, path=answered.path.fill_null("")).order_by(keys)


def _last_conversions(facts: Facts, members: ir.Table) -> ir.Table:
    keys = ["contact_id", "as_of"]
    if facts.has("transactions"):
        rows = known_to(facts, "transactions", members)
        rows = rows.filter(rows.amount >= 0).rename(converted_at="occurred_at")
    elif facts.has("contacts"):
        rows = known_to(facts, "contacts", members).rename(converted_at="became_customer_at")
    else:
        return members.mutate(converted_at=ibis.null("timestamp"))
    return rows.group_by(keys).aggregate(converted_at=rows.converted_at.max())


_LN2 = 0.6931471805599453


def _ordered(touches: ir.Table) -> Any:
    """Collect the channels in order of time; the channel's name settles ties."""
    # sorting short lists takes a third of the time of an aggregate in order, and Spark orders no aggregate
    collected = ibis.struct({"at": touches.at, "channel": touches.channel}).collect(where=touches.channel.notnull())
    return collected.sort().map(lambda touch: touch["channel"])


def _totals(table: ir.Table) -> dict[str, Any]:
    return {"conversions": table.conversions.sum(), "value": table.value.sum(), "nulls": table.nulls.sum()}
