"""Companies that change at a known instant in a known way, so that one can see whether it is noticed."""

from __future__ import annotations

from datetime import timedelta

import ibis

from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

TURN_DAYS = 90
"""As long as churn looks ahead."""


def buying_in_turns(facts: Facts, since: AsOf) -> Facts:
    """Change the rhythm of purchases from an instant on: who bought in one quarter waits out the next, and buys then what they put off.

    Customers whose id ends on an even digit buy in the first, third … span of ``TURN_DAYS`` after ``since``, the others in the second,
    fourth …: a purchase that falls into the wrong one comes ``TURN_DAYS`` later. Before, a recent purchase spoke for another one; now it
    speaks against it.
    """
    bought = facts.table("transactions")
    days = (bought.occurred_at.epoch_seconds() - ibis.literal(since.at, type="timestamp").epoch_seconds()) / 86_400
    out_of_turn = (days >= 0) & ((days / TURN_DAYS).floor().cast("int64") % 2 != bought.contact_id.right(1).cast("int64") % 2)
    later = ibis.interval(timedelta(days=TURN_DAYS))
    moved = bought.mutate(
        occurred_at=ibis.ifelse(out_of_turn, bought.occurred_at + later, bought.occurred_at),
        known_at=ibis.ifelse(out_of_turn, bought.known_at + later, bought.known_at),
    )
    return facts.with_tables({**facts.tables, "transactions": moved}, facts.as_of)
