"""How often the company is in touch with its leads and its customers, by channel."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from funnelcast.cohorts import elapsed_days
from funnelcast.economics.estimates import Bootstrap, by_cluster
from funnelcast.economics.followed import instant
from funnelcast.economics.people import frame_of
from funnelcast.sources.facts import Facts
from funnelcast.terms import DAYS_PER_MONTH, AsOf, Json

WINDOW_DAYS = 365
LEAD, CUSTOMER = "lead", "customer"


def interactions(known: Facts, everyone: ir.Table, as_of: AsOf, draws: Bootstrap) -> dict[str, Json]:
    """Tell touches per contact and month of the last year, in which contacts may go from lead to customer.

    Returns
    -------
    ``window_days`` and ``list``: by ``channel`` and ``state`` (lead or customer) the ``touches``, the ``contacts`` who had any, and
    ``per_contact_month`` E: touches over the months that all contacts spent in that state, those without a touch included.
    """
    start = _start(known, as_of)
    touches = _touches(known, everyone, start, as_of)
    lived = {state: by_cluster(_months(everyone, state, start, as_of), "months") for state in (LEAD, CUSTOMER)}
    told: list[Json] = [
        {
            "channel": str(channel),
            "state": state,
            "touches": float(mine["touches"].sum()),
            "contacts": float(mine["contacts"].sum()),
            "per_contact_month": draws.rate(by_cluster(mine, "touches"), lived[state]),
        }
        for channel in sorted(touches["channel"].unique())
        for state in (LEAD, CUSTOMER)
        for mine in [touches[(touches["channel"] == channel) & (touches["state"] == state)]]
    ]
    return {"window_days": WINDOW_DAYS, "list": told}


def _start(known: Facts, as_of: AsOf) -> Any:
    """Give the beginning of the last year, or the first touch where that came later."""
    first = known.table("touchpoints").occurred_at.min().execute()
    year_ago = as_of.plus(-WINDOW_DAYS).at
    return ibis.literal(year_ago if pd.isna(first) else max(year_ago, first.to_pydatetime()), type="timestamp")


def _touches(known: Facts, everyone: ir.Table, start: Any, as_of: AsOf) -> pd.DataFrame:
    rows = known.table("touchpoints")
    recent = rows.filter((rows.occurred_at >= start) & (rows.occurred_at < instant(as_of)))
    joined = recent.join(everyone, "contact_id")
    # the touch at the instant of becoming a customer was the lead's
    state = ibis.ifelse((joined.occurred_at > joined.customer_at).fill_null(False), CUSTOMER, LEAD)  # noqa: FBT003 (the value that fills)
    keyed = joined.mutate(state=state)
    keys = ["cluster", "channel", "state"]
    return frame_of(keyed.group_by(keys).aggregate(touches=keyed.count(), contacts=keyed.contact_id.nunique()).order_by(keys))


def _months(everyone: ir.Table, state: str, start: Any, as_of: AsOf) -> pd.DataFrame:
    """Sum by cluster the months that contacts spent in a state."""
    now = instant(as_of)
    customer_at = everyone.customer_at.fill_null(now)
    since, until = (everyone.lead_at, customer_at) if state == LEAD else (customer_at, now)
    days = elapsed_days(ibis.greatest(since, start), ibis.least(until, now))
    lived = everyone.mutate(months=ibis.greatest(days, 0.0) / DAYS_PER_MONTH)
    return frame_of(lived.group_by("cluster").aggregate(months=lived.months.sum().fill_null(0.0)).order_by("cluster"))
