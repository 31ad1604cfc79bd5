"""When the customers that a channel brought have paid for themselves; "not yet" is an answer."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from funnelcast.economics.estimates import Bootstrap, Floats, by_cluster, estimate
from funnelcast.economics.people import frame_of
from funnelcast.sources.facts import Facts
from funnelcast.terms import DAYS_PER_MONTH, AsOf, Json

LONGEST = 36  # months of the curve
_SECONDS_PER_DAY = 86_400


def monthly(known: Facts, everyone: ir.Table, as_of: AsOf) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sum what customers brought by month of their lives, only months that were wholly observed.

    Returns
    -------
    ``cluster, source, month, earned`` and ``cluster, source, age`` (whole months observed), ``customers``. Earned is the margin where the
    company brings it, else the amount.
    """
    now = ibis.literal(as_of.at, type="timestamp")
    customers = everyone.filter(everyone.customer_at.notnull() & (everyone.customer_at <= now))
    aged = customers.mutate(age=_months(now, customers.customer_at))
    bought = known.table("transactions")
    earned = bought.margin if known.brings("transactions", "margin") else bought.amount
    joined = bought.mutate(earned=earned).join(aged, "contact_id")
    placed = joined.mutate(month=_months(joined.occurred_at, joined.customer_at))
    placed = placed.filter((placed.month >= 0) & (placed.month < placed.age))
    keys = ["cluster", "source", "month"]
    sums = placed.group_by(keys).aggregate(earned=placed.earned.sum()).order_by(keys)
    ages = aged.group_by(["cluster", "source", "age"]).aggregate(customers=aged.count()).order_by(["cluster", "source", "age"])
    return frame_of(sums), frame_of(ages)


def _months(later: Any, earlier: Any) -> Any:
    days = (later.epoch_seconds() - earlier.epoch_seconds()) / _SECONDS_PER_DAY
    return (days / DAYS_PER_MONTH).floor().cast("int64")


def payback(lives: tuple[pd.DataFrame, pd.DataFrame], source: str, spent: float, customers: Floats, draws: Bootstrap) -> dict[str, Json]:
    """Follow what a channel's customers earned, month by month, up to what they cost.

    The mean of a month is taken over customers observed through all of it, so that young customers don't count as ones who stopped.

    Parameters
    ----------
    lives
        What ``monthly`` gives.
    spent
        On the channel.
    customers
        That it brought, by cluster.

    Returns
    -------
    ``months`` until the cumulative earning per customer reaches the cost (null: not yet), ``paid_back``, ``p_paid_back`` and ``curve``:
    ``month`` (1 is the first) with ``earned`` per customer and its interval, as long as anyone was observed.
    """
    sums, ages = lives
    observed = ages[ages["source"] == source]
    longest = min(LONGEST, int(observed["age"].max()) if len(observed) else 0)
    mine = sums[sums["source"] == source]
    cumulative, drawn = 0.0, np.zeros(len(draws.unseen))
    cost = spent / float(customers.sum()) if customers.sum() > 0 else np.inf
    drawn_cost = spent / draws.counts(customers)
    months: int | None = None
    curve: list[Json] = []
    for month in range(longest):
        at_risk = by_cluster(observed[observed["age"] > month], "customers")
        earned = by_cluster(mine[mine["month"] == month], "earned")
        below = draws.sums(at_risk)
        cumulative += float(earned.sum() / at_risk.sum())
        drawn = drawn + np.divide(draws.sums(earned), below, out=np.zeros_like(below), where=below > 0)
        curve.append({"month": month + 1, "earned": estimate(cumulative, drawn)})
        if months is None and cumulative >= cost:
            months = month + 1
    return {
        "months": months,
        "paid_back": months is not None,
        "p_paid_back": float(np.mean(drawn >= drawn_cost)),
        "curve": curve,
    }
