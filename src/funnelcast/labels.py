"""What happened next: the outcome in [as_of, as_of + horizon), 1 or 0, for the rows whose window was observed to its end."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.cohorts import running
from funnelcast.sources.facts import Facts, Label
from funnelcast.terms import AsOf

KEYS = ["contact_id", "as_of"]
LABEL = "label"
STATES = ("online", "offline", "both", "dormant")
"""Where a customer bought within a horizon; dormant: nowhere."""
NEXT_STATE = "next_state"


def matured(cohort: ir.Table, horizon_days: int, observed_until: AsOf) -> ir.Table:
    """Keep the rows whose label window ends no later than the first instant that wasn't observed; the others are censored."""
    end = cohort.as_of + ibis.interval(days=horizon_days)
    return cohort.filter(end <= ibis.literal(observed_until.at, type="timestamp"))


def no_purchase(facts: Facts, cohort: ir.Table, horizon_days: int) -> ir.Table:
    """Label 1 where nothing was bought within the horizon; refunds (negative amounts) are no purchase."""
    bought = within(facts.table("transactions"), cohort, "occurred_at", horizon_days)
    return _flagged(cohort, bought.filter(bought.amount >= 0), present=0)


def next_channels(facts: Facts, cohort: ir.Table, horizon_days: int) -> ir.Table:
    """Label as ``no_purchase`` does and say beside it, as ``next_state``, where the contact buys within the horizon.

    A purchase without a channel tells that the contact bought and not where: it makes nobody dormant, and where nothing else was bought
    the state is null.
    """
    found = within(facts.table("transactions"), cohort, "occurred_at", horizon_days)
    bought = found.filter(found.amount >= 0)
    known, offline = bought.channel.notnull(), facts.offline(bought.channel)
    sides = bought.group_by(*KEYS).aggregate(online=(known & ~offline).any(), offline=(known & offline).any())
    joined = cohort.left_join(sides, KEYS)
    online, offline, nothing = joined.online, joined.offline, joined.online.isnull()
    state = ibis.cases((online & offline, "both"), (online, "online"), (offline, "offline"), (nothing, "dormant"))
    return joined.select(*cohort.columns, **{LABEL: nothing.cast("int64"), NEXT_STATE: state})


def subscription_ended(facts: Facts, cohort: ir.Table, horizon_days: int) -> ir.Table:
    """Label 1 where no subscription runs any more at the end of the horizon: a change of plan is no churn."""
    table = facts.table("subscriptions")
    ends = cohort.select(*KEYS, end=cohort.as_of + ibis.interval(days=horizon_days))
    joined = table.select("contact_id", "started_at", "ended_at").join(ends, "contact_id")
    at_end = joined.select("contact_id", "started_at", "ended_at", as_of=joined.end, since=joined.as_of)
    kept = at_end.filter(running(at_end))
    return _flagged(cohort, kept.select("contact_id", as_of=kept.since), present=0)


def conversion(facts: Facts, cohort: ir.Table, horizon_days: int) -> ir.Table:
    """Label 1 where the lead became a customer within the horizon, or first bought where the company doesn't bring that date."""
    if facts.brings("contacts", "became_customer_at"):
        converted = within(facts.table("contacts"), cohort, "became_customer_at", horizon_days)
    else:
        converted = within(facts.table("transactions", "The conversion of leads"), cohort, "occurred_at", horizon_days)
    return _flagged(cohort, converted, present=1)


def given(facts: Facts, cohort: ir.Table, label: Label) -> ir.Table:
    """Label 1 where the company's own column holds the positive value; rows where it is empty are left out."""
    contacts = facts.table("contacts")
    column = contacts[label.column]
    outcome = contacts.filter(column.notnull()).select("contact_id", **{LABEL: _equals(column, label.positive).cast("int64")})
    return cohort.join(outcome, "contact_id").select(*cohort.columns, LABEL)


def _equals(column: Any, positive: str) -> Any:
    if not column.type().is_string():
        try:
            return column.cast("float64") == float(positive)
        except ValueError:
            return column.cast("string") == positive
    return column.strip() == positive.strip()


def within(table: ir.Table, cohort: ir.Table, clock: str, horizon_days: int) -> ir.Table:
    """Join each row of a cohort to the facts that happened within its horizon; they carry its as_of."""
    joined = table.join(cohort.select(*KEYS).distinct(), "contact_id")
    instant = joined[clock]
    return joined.filter(instant >= joined.as_of, instant < joined.as_of + ibis.interval(days=horizon_days))


def _flagged(cohort: ir.Table, found: ir.Table, present: int) -> ir.Table:
    flags = found.select(*KEYS).distinct().mutate(found=True)
    joined = cohort.left_join(flags, KEYS)
    outcome = ibis.ifelse(joined.found.notnull(), present, 1 - present).cast("int64")
    return joined.select(*cohort.columns, **{LABEL: outcome})
