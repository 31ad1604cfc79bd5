"""Journeys counted: by distinct path, by decayed touch, and the conversions that no touch preceded; or the company's own counts."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.cohorts import elapsed_days
from funnelcast.journeys.settling import CONVERTED, OPEN, Settled
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

SEPARATOR = " > "
_LN2 = 0.6931471805599453


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
    return _summed(conversions_alone(settled))


def conversions_alone(settled: Settled) -> ir.Table:
    """Give the conversions that no touch within the look-back preceded."""
    won = settled.journeys.filter(settled.journeys.state == CONVERTED)
    return settled.purchases.anti_join(won, ["contact_id", "converted_at"])


def brought_untouched(facts: Facts) -> ir.Table:
    """Count the conversions of the company's own ``journeys`` whose path is empty, as ``untouched`` does."""
    rows = facts.table("journeys", "Attribution")
    return _summed(rows.filter(rows.path.strip() == ""))


def _summed(alone: ir.Table) -> ir.Table:
    return alone.aggregate(conversions=alone.conversions.sum().fill_null(0.0), value=alone.value.sum().fill_null(0.0))


def _totals(table: ir.Table) -> dict[str, Any]:
    return {"conversions": table.conversions.sum(), "value": table.value.sum(), "nulls": table.nulls.sum()}
