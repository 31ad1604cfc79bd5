"""Who buys again, month after month, and who is gone: by the channel that brought them and the quarter of their first purchase."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from funnelcast.economics.calendar import QUARTER, name_of
from funnelcast.economics.estimates import Bootstrap, by_cluster
from funnelcast.economics.followed import Followed, instant, months_between
from funnelcast.economics.people import frame_of, month_of
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json

MONTHS = 12  # of a customer's life that are told
ENOUGH = 20  # customers without whom a channel's cohort isn't told apart
_KEYS = ["source", "cluster", "cohort"]


@dataclass(frozen=True)
class Buyers:
    """Customers by source, cluster and cohort.

    Parameters
    ----------
    again
        ``month`` (from 0) and ``buyers``: how many bought in it, the day of the first purchase left out.
    ages
        ``age`` in whole months and ``customers``.
    churn
        ``customers`` whose first purchase is long enough ago, and how many of them are ``gone``.
    """

    again: pd.DataFrame
    ages: pd.DataFrame
    churn: pd.DataFrame

    def where(self, **wanted: object) -> Buyers:
        """Keep a channel's customers, a cohort's, or both."""

        def kept(frame: pd.DataFrame) -> pd.DataFrame:
            for key, value in wanted.items():
                frame = frame[frame[key] == value]
            return frame

        return Buyers(kept(self.again), kept(self.ages), kept(self.churn))


def buyers(known: Facts, everyone: ir.Table, as_of: AsOf, churn_days: int) -> Buyers:
    """Sum who bought again, and who didn't within the last ``churn_days`` before as_of: [as_of - churn_days, as_of)."""
    bought = purchases(known, as_of)
    first = bought.group_by("contact_id").aggregate(first_at=bought.at.min(), last_at=bought.at.max())
    customers = first.join(everyone.select("contact_id", "cluster", "source"), "contact_id")
    now = instant(as_of)
    aged = customers.mutate(cohort=month_of(customers.first_at) // 3, age=months_between(customers.first_at, now))
    since = now - ibis.interval(days=churn_days)
    old = aged.filter(aged.first_at < since).mutate(gone=lambda row: (row.last_at < since).cast("int64"))
    return Buyers(
        _again(bought, aged),
        frame_of(aged.group_by([*_KEYS, "age"]).aggregate(customers=aged.count()).order_by([*_KEYS, "age"])),
        frame_of(old.group_by(_KEYS).aggregate(customers=old.count(), gone=old.gone.sum()).order_by(_KEYS)),
    )


def purchases(known: Facts, as_of: AsOf) -> ir.Table:
    """Give ``contact_id`` and ``at`` of every purchase before as_of; refunds are none."""
    rows = known.table("transactions")
    return rows.filter((rows.amount >= 0) & (rows.occurred_at < instant(as_of))).select("contact_id", at="occurred_at")


def _again(bought: ir.Table, aged: ir.Table) -> pd.DataFrame:
    joined = bought.join(aged, "contact_id")
    later = joined.filter(joined.at.truncate("D") > joined.first_at.truncate("D"))
    placed = later.mutate(month=months_between(later.first_at, later.at))
    told = placed.filter((placed.month < placed.age) & (placed.month < MONTHS))
    keys = [*_KEYS, "month"]
    return frame_of(told.group_by(keys).aggregate(buyers=told.contact_id.nunique()).order_by(keys))


def retention(found: Buyers, churn_days: int, draws: Bootstrap) -> dict[str, Json]:
    """Tell which share of customers buys again in each month after the first purchase, and which share is gone.

    Returns
    -------
    ``churn_days``; ``total``, ``channels`` (by ``channel``), ``cohorts`` (by ``cohort``: the triangle) and ``channel_cohorts`` (by both,
    where there are enough customers), each with ``customers``, ``months``: ``month`` (1 is the first), ``customers`` (who were observed
    through it), ``bought`` E; and ``churned`` E, the share without a purchase in the last ``churn_days``, of ``churned_of`` customers whose
    first purchase is longer ago.
    """
    sources: list[str] = sorted(found.ages["source"].unique().tolist())
    numbers: list[int] = sorted(found.ages["cohort"].unique().tolist())
    channels: list[Json] = [{"channel": name, **_told(found.where(source=name), draws)} for name in sources]
    cohorts: list[Json] = [{"cohort": name_of(QUARTER, number), **_told(found.where(cohort=number), draws)} for number in numbers]
    return {
        "churn_days": churn_days,
        "total": _told(found, draws),
        "channels": channels,
        "cohorts": cohorts,
        "channel_cohorts": list(_channel_cohorts(found, sources, numbers, draws)),
    }


def _channel_cohorts(found: Buyers, sources: list[str], numbers: list[int], draws: Bootstrap) -> Iterator[Json]:
    for name in sources:
        mine = found.where(source=name)
        for number in numbers:
            cohort = mine.where(cohort=number)
            if cohort.ages["customers"].sum() >= ENOUGH:
                yield {"channel": name, "cohort": name_of(QUARTER, number), **_told(cohort, draws)}


def _told(found: Buyers, draws: Bootstrap) -> dict[str, Json]:
    followed = Followed.of(found.again, found.ages, "buyers", MONTHS)
    old, gone = by_cluster(found.churn, "customers"), by_cluster(found.churn, "gone")
    months: list[Json] = [
        {"month": month, "customers": float(at_risk.sum()), "bought": draws.share(bought, at_risk)}
        for month, (bought, at_risk) in enumerate(zip(followed.done, followed.at_risk, strict=True), start=1)
    ]
    return {
        "customers": float(followed.customers.sum()),
        "churned": draws.share(gone, old) if old.sum() > 0 else None,
        "churned_of": float(old.sum()),
        "months": months,
    }
