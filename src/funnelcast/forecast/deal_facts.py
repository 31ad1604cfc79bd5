"""What deals were invoiced, and how: the facts behind the invoices that are expected of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from funnelcast.cohorts import day_of
from funnelcast.forecast.billing_terms import BillingTerms
from funnelcast.forecast.invoicing import InvoicingPlans
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import WON

_HISTORY_DAYS = 3 * 365
_FINISHED_DAYS = 120
_FEW_PLANS = 10
_SHORTEST_WAIT, _LONGEST_WAIT = 60, 365
_ROUNDING = 0.01
_MOST_BY_TERMS = 0.9


@dataclass(frozen=True, eq=False)
class DealFacts:
    """How deals become invoices.

    Parameters
    ----------
    already_net
        Net amount invoiced before as_of, by deal.
    waiting
        Won deals of which a part waits to be invoiced: deal_id, day (from as_of, below 0) and amount (net, whole).
    plans
        How past deals were invoiced.
    by_terms
        Whether their invoices were due as the company's terms say; otherwise the terms are those of past invoices.
    """

    already_net: Mapping[str, float]
    waiting: pd.DataFrame
    plans: InvoicingPlans
    by_terms: bool

    @classmethod
    def none(cls) -> DealFacts:
        """Give what stands in where invoices and deals can't be told to belong together."""
        return cls({}, _waiting_none(), InvoicingPlans.at_once(), by_terms=True)

    @classmethod
    def of(cls, known: Facts, today: int, vat_rate: float, terms: BillingTerms) -> DealFacts:
        """Read them from what was known before the day ``today``, from 1970-01-01; some invoice names its deal."""
        already = {deal: gross / (1.0 + vat_rate) for deal, gross in _gross_by_deal(known.table("invoices")).items()}
        parts = _parts(known, today)
        finished = parts[parts["won_day"] < today - _FINISHED_DAYS]
        plans = InvoicingPlans.of(finished if finished["deal_id"].nunique() >= _FEW_PLANS else parts)
        since = today - int(np.clip(plans.longest, _SHORTEST_WAIT, _LONGEST_WAIT))
        return cls(already, _waiting(known, already, since, today), plans, _as_agreed(parts, terms))


def _parts(known: Facts, today: int) -> pd.DataFrame:
    """Give the invoices of the last years' won deals."""
    won = _won(known.table("deals"), today - _HISTORY_DAYS)
    invoices = known.table("invoices").filter(lambda invoice: invoice.amount > 0)
    joined = invoices.inner_join(won, "deal_id")
    issued = day_of(joined.issued_at)
    parts: pd.DataFrame = joined.select(
        "deal_id",
        "deal_amount",
        "won_day",
        issued_day=issued,
        due_day=day_of(joined.due_at),
        lag=ibis.greatest(issued - joined.won_day, 0),
        amount=joined.amount,
    ).execute()
    return parts.sort_values(["deal_id", "lag", "amount"], ignore_index=True)


def _won(deals: ir.Table, since: int) -> ir.Table:
    won = deals.filter(deals.outcome.lower() == WON, day_of(deals.closed_at) >= since)
    return won.select("deal_id", won_day=day_of(won.closed_at), deal_amount=ibis.coalesce(won.closed_amount, won.amount, 0.0))


def _waiting(known: Facts, already: Mapping[str, float], since: int, today: int) -> pd.DataFrame:
    won: pd.DataFrame = _won(known.table("deals"), since).order_by("deal_id").execute()
    if won.empty:
        return _waiting_none()
    remaining = won["deal_amount"] - won["deal_id"].map(already).fillna(0.0)
    kept = won[remaining > _ROUNDING * np.maximum(won["deal_amount"], 1.0)]
    day = np.minimum(kept["won_day"].to_numpy(np.int64) - today, -1)
    return pd.DataFrame({"deal_id": kept["deal_id"].astype(str), "day": day, "amount": kept["deal_amount"]}).reset_index(drop=True)


def _waiting_none() -> pd.DataFrame:
    return pd.DataFrame({"deal_id": pd.Series(dtype=str), "day": pd.Series(dtype=np.int64), "amount": pd.Series(dtype=np.float64)})


def _as_agreed(parts: pd.DataFrame, terms: BillingTerms) -> bool:
    if parts.empty:
        return True
    return bool((terms.due(parts["issued_day"].to_numpy(np.int64)) == parts["due_day"]).mean() >= _MOST_BY_TERMS)


def _gross_by_deal(invoices: ir.Table) -> Mapping[str, float]:
    of_deals = invoices.filter(invoices.deal_id.notnull())
    cents = (of_deals.amount * 100).round().cast("int64")  # whole numbers add up alike in any order
    sums: pd.DataFrame = of_deals.group_by("deal_id").aggregate(cents=cents.sum()).order_by("deal_id").execute()
    return {str(deal): float(amount) / 100.0 for deal, amount in zip(sums["deal_id"], sums["cents"], strict=True)}
