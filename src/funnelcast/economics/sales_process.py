"""How fast money moves: the velocity of the pipeline, and how each type of journey converts."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd

from funnelcast.cohorts import elapsed_days
from funnelcast.economics.estimates import Bootstrap, by_cluster, cluster_of, estimate
from funnelcast.economics.people import frame_of
from funnelcast.journeys import CONVERTED, OPEN, TYPES, journey_type
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import LOST, WON
from funnelcast.terms import AsOf, Json


def velocity(known: Facts, as_of: AsOf, draws: Bootstrap) -> dict[str, Json]:
    """Give open deals x win rate x won amount / cycle, in money per day.

    The cycle is the days that all deals were open, those still open included, per deal closed: an open deal is a censored cycle, not a
    missing one (the exponential estimate under censoring). The win rate is that of closed deals.
    """
    deals = known.table("deals")
    closed = (deals.outcome.lower().isin([WON, LOST]) & deals.closed_at.notnull()).fill_null(False)  # noqa: FBT003 (Ibis's signature)
    won = closed & (deals.outcome.lower() == WON)
    until = ibis.ifelse(closed, deals.closed_at, ibis.literal(as_of.at, type="timestamp"))
    days = elapsed_days(deals.opened_at, until)
    amount = ibis.coalesce(deals.closed_amount, deals.amount)
    rows = deals.mutate(
        cluster=cluster_of("deal_id"),
        is_closed=closed.cast("float64"),
        is_won=won.cast("float64"),
        days=ibis.ifelse(days < 0, 0.0, days),
        earned=ibis.ifelse(won, amount, 0.0).fill_null(0.0),
    )
    frame = frame_of(
        rows.group_by("cluster")
        .aggregate(deals=rows.count(), closed=rows.is_closed.sum(), won=rows.is_won.sum(), days=rows.days.sum(), earned=rows.earned.sum())
        .order_by("cluster")
    )
    total, ended, wins, open_days, earned = (by_cluster(frame, column) for column in ("deals", "closed", "won", "days", "earned"))
    drawn_open, drawn_days = draws.sums(total - ended), draws.counts(open_days)
    exposure = float(open_days.sum())
    value = float((total - ended).sum() * earned.sum() / exposure) if exposure > 0 else None
    return {
        "open_deals": float((total - ended).sum()),
        "win_rate": draws.share(wins, ended),
        "won_amount": draws.rate(earned, wins),
        "cycle_days": draws.rate(open_days, ended),
        "per_day": estimate(value, drawn_open * draws.sums(earned) / drawn_days),
    }


def by_type(table: ir.Table) -> pd.DataFrame:
    """Sum settled journeys by ``cluster`` and ``kind``: online or offline channels only, or both, by where they began."""
    settled = table.filter(table.state != OPEN)
    kind = journey_type(settled.any_online, settled.any_offline, settled.started_offline)
    converted = settled.state == CONVERTED
    days = elapsed_days(settled.started_at, settled.converted_at)
    rows = settled.mutate(kind=kind, won=converted.cast("float64"), days=ibis.ifelse(converted, days, 0.0).fill_null(0.0))
    summed = rows.group_by(["cluster", "kind"]).aggregate(
        journeys=rows.count(), converted=rows.won.sum(), days=rows.days.sum(), value=rows.value.sum()
    )
    return frame_of(summed.order_by(["cluster", "kind"]))


def journey_types(frame: pd.DataFrame, draws: Bootstrap) -> list[Json]:
    """Compare the types of journey, from what ``by_type`` gives.

    Counted are journeys whose outcome is known; the time to convert runs from the first touch within the look-back.
    """
    return [_type(frame, name, draws) for name in TYPES]


def _type(frame: pd.DataFrame, name: str, draws: Bootstrap) -> dict[str, Json]:
    count, won, days, value = (by_cluster(frame, column, kind=name) for column in ("journeys", "converted", "days", "value"))
    return {
        "type": name,
        "journeys": float(count.sum()),
        "conversions": float(won.sum()),
        "conversion_rate": draws.share(won, count),
        "days_to_convert": draws.rate(days, won),
        "value_per_journey": draws.rate(value, count),
    }
