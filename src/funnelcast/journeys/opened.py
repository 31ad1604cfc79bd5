"""Journeys that are still open: the touches so far of each contact at its own as_of."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.cohorts import elapsed_days
from funnelcast.journeys.counts import SEPARATOR
from funnelcast.journeys.settling import JourneyRules
from funnelcast.sources.as_of import known_to
from funnelcast.sources.facts import Facts


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


def _ordered(touches: ir.Table) -> Any:
    """Collect the channels in order of time; the channel's name settles ties."""
    # sorting short lists takes a third of the time of an aggregate in order, and Spark orders no aggregate
    collected = ibis.struct({"at": touches.at, "channel": touches.channel}).collect(where=touches.channel.notnull())
    return collected.sort().map(lambda touch: touch["channel"])
