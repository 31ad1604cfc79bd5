"""When the customers that a channel brought have paid for themselves; "not yet" is an answer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from funnelcast.economics.calendar import QUARTER, name_of
from funnelcast.economics.estimates import Bootstrap, Floats, estimate
from funnelcast.economics.followed import Followed, instant, months_between
from funnelcast.economics.margin import Margin
from funnelcast.economics.people import frame_of, month_of
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json

LONGEST = 36  # months of the curve
ENOUGH = 20  # customers without whom a cohort isn't told apart


@dataclass(frozen=True)
class Lives:
    """What customers brought by month of their lives, only months that were wholly observed.

    Parameters
    ----------
    sums
        ``source, cluster, cohort, month, earned``; the cohort is the quarter in which they became customers.
    ages
        ``source, cluster, cohort, age`` (whole months observed), ``customers``.
    """

    sums: pd.DataFrame
    ages: pd.DataFrame

    def of(self, source: str) -> tuple[Followed, dict[int, Followed]]:
        """Give the customers whom a channel brought, all and by cohort."""
        sums, ages = self.sums[self.sums["source"] == source], self.ages[self.ages["source"] == source]
        numbers: list[int] = sorted(ages["cohort"].unique().tolist())
        cohorts = {number: _followed(sums[sums["cohort"] == number], ages[ages["cohort"] == number]) for number in numbers}
        return _followed(sums, ages), cohorts


def _followed(sums: pd.DataFrame, ages: pd.DataFrame) -> Followed:
    return Followed.of(sums, ages, "earned", LONGEST)


def monthly(known: Facts, everyone: ir.Table, as_of: AsOf, margin: Margin | None) -> Lives:
    """Sum what customers earned by month of their lives: the margin where it is known, else the amount."""
    now = instant(as_of)
    customers = everyone.filter(everyone.customer_at.notnull() & (everyone.customer_at <= now))
    aged = customers.mutate(age=months_between(customers.customer_at, now), cohort=month_of(customers.customer_at) // 3)
    bought = known.table("transactions")
    joined = bought.mutate(earned=bought.amount if margin is None else margin.of(bought)).join(aged, "contact_id")
    placed = joined.mutate(month=months_between(joined.customer_at, joined.occurred_at))
    placed = placed.filter((placed.month >= 0) & (placed.month < placed.age))
    keys, ages = ["source", "cluster", "cohort", "month"], ["source", "cluster", "cohort", "age"]
    return Lives(
        frame_of(placed.group_by(keys).aggregate(earned=placed.earned.sum()).order_by(keys)),
        frame_of(aged.group_by(ages).aggregate(customers=aged.count()).order_by(ages)),
    )


def payback(
    lives: Lives, source: str, spent: float, customers: Floats, spend_by_quarter: dict[int, float], draws: Bootstrap
) -> dict[str, Json]:
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
    spend_by_quarter
        What was spent on it by the number of the quarter, which its cohort cost.

    Returns
    -------
    ``months`` until the cumulative earning per customer reaches the cost (null: not yet), ``paid_back``, ``p_paid_back`` and ``curve``:
    ``month`` (1 is the first) with ``earned`` per customer and its interval, as long as anyone was observed; and the same, with
    ``cohort, customers, cost`` (of each; null where nothing was spent), under ``cohorts``.
    """
    everyone, by_cohort = lives.of(source)
    return {**_follow(everyone, spent, customers, draws), "cohorts": list(_cohorts(by_cohort, spend_by_quarter, draws))}


def _cohorts(by_cohort: dict[int, Followed], spend_by_quarter: dict[int, float], draws: Bootstrap) -> Iterator[Json]:
    for number, cohort in by_cohort.items():
        count, spent = float(cohort.customers.sum()), spend_by_quarter.get(number, 0.0)
        if count < ENOUGH or not len(cohort.at_risk):
            continue
        cost = draws.cost_per(spent, cohort.customers) if spent > 0 else None
        told: dict[str, Json] = {"cohort": name_of(QUARTER, number), "customers": count, "cost": cost}
        yield {**told, **_follow(cohort, spent, cohort.customers, draws)}


def _follow(cohort: Followed, spent: float, customers: Floats, draws: Bootstrap) -> dict[str, Json]:
    cost = spent / float(customers.sum()) if spent > 0 and customers.sum() > 0 else np.inf
    cumulative = np.cumsum(cohort.done.sum(axis=1) / np.maximum(cohort.at_risk.sum(axis=1), 1))
    below = draws.weights @ cohort.at_risk.T
    drawn = np.cumsum(np.divide(draws.weights @ cohort.done.T, below, out=np.zeros_like(below), where=below > 0), axis=1)
    reached = np.flatnonzero(cumulative >= cost)
    last = drawn[:, -1] if len(cumulative) else np.zeros(len(draws.unseen))
    curve: list[Json] = [{"month": month + 1, "earned": estimate(float(value), drawn[:, month])} for month, value in enumerate(cumulative)]
    return {
        "months": int(reached[0]) + 1 if len(reached) else None,
        "paid_back": len(reached) > 0,
        "p_paid_back": float(np.mean(last >= spent / draws.counts(customers))) if spent > 0 else None,
        "curve": curve,
    }
