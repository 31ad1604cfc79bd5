"""How often contacts convert of their own accord."""

from __future__ import annotations

import math
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir

from funnelcast.cohorts import elapsed_days
from funnelcast.journeys.counts import conversions_alone
from funnelcast.journeys.settling import OPEN, Settled


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
    alone = conversions_alone(settled).semi_join(settled.facts.table("contacts"), "contact_id")
    told = alone.join(_first_conversions(settled.purchases), "contact_id")
    first = told.converted_at.cast("timestamp") == told.first_at
    sums = told.aggregate(first=told.conversions.sum(where=first).fill_null(0.0), later=told.conversions.sum(where=~first).fill_null(0.0))
    return [float(value) for value in sums.execute().iloc[0]]


def _first_conversions(purchases: ir.Table) -> ir.Table:
    return purchases.group_by("contact_id").aggregate(first_at=purchases.converted_at.cast("timestamp").min())
