"""What each channel costs and earns over all that is known, and all of them together."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from funnelcast.economics.books import Books, sum_of
from funnelcast.economics.credit import Credit, contribution_credited, cost_credited, credited
from funnelcast.economics.estimates import Bootstrap, Floats, by_cluster, estimate
from funnelcast.economics.payback import payback
from funnelcast.terms import Json

_HEALTHY = 3.0  # the field's bar for CLV / CAC


def total(books: Books, draws: Bootstrap) -> dict[str, Json]:
    """Give the figures of the whole company."""
    customers, spent = sum_of(books.leads, "customers"), books.spent()
    revenue, earned = sum_of(books.revenue, "amount"), sum_of(books.revenue, "margin")
    return {
        "spend": spent,
        "leads": None if books.leads is None else float(books.leads["leads"].sum()),
        "customers": None if customers is None else float(customers.sum()),
        "cac_blended": None if spent is None or customers is None else draws.cost_per(spent, customers),
        "roas_blended": return_on(revenue, spent, draws),
        "contribution_margin": contribution(earned, spent, draws),
    }


def return_on(value: Floats | None, spent: float | None, draws: Bootstrap) -> dict[str, Json] | None:
    """Divide what was sold by what it cost; null where it cost nothing."""
    if value is None or not spent or spent <= 0:
        return None
    return estimate(float(value.sum()) / spent, draws.sums(value) / spent)


def contribution(earned: Floats | None, spent: float | None, draws: Bootstrap) -> dict[str, Json] | None:
    """Take spend off the margin of what was sold; null where either isn't known."""
    if earned is None or spent is None:
        return None
    return estimate(float(earned.sum()) - spent, draws.sums(earned) - spent)


def channel(books: Books, name: str, draws: Bootstrap) -> dict[str, Json]:
    """Give the figures of one channel."""
    spent, credit = books.spent(name), Credit.of(books, name, draws)
    row: dict[str, Json] = {"channel": name, "spend": spent, **_acquisition(books, name, spent, draws)}
    row["cac"] = {
        "direct": cost_of(spent, sum_of(books.last, "conversions", channel=name), draws),
        "assisted": cost_of(spent, sum_of(books.met, "conversions", channel=name), draws),
        "attributed": cost_credited(sum_of(books.met, "conversions", channel=name), spent, credit.customers, draws),
    }
    row["roas"] = {
        "direct": return_on(sum_of(books.sales, "value", channel=name), spent, draws),
        "attributed": _attributed_return(books, name, spent, credit, draws),
    }
    row["contribution_margin"] = {
        "direct": contribution(sum_of(books.sales, "margin", channel=name), spent, draws),
        "attributed": contribution_credited(sum_of(books.met_sales, "margin", channel=name), spent, credit.value, draws),
    }
    return row


def cost_of(spent: float | None, events: Floats | None, draws: Bootstrap) -> dict[str, Json] | None:
    """Price events, where there is money to price them."""
    return None if events is None or not spent else draws.cost_per(spent, events)


def _acquisition(books: Books, name: str, spent: float | None, draws: Bootstrap) -> dict[str, Json]:
    """Follow the contacts that a channel brought."""
    brought, customers = sum_of(books.leads, "leads", source=name), sum_of(books.leads, "customers", source=name)
    return {
        "leads": float(brought.sum()) if brought is not None else None,
        "customers": float(customers.sum()) if customers is not None else None,
        "cpl": cost_of(spent, brought, draws),
        "conversion_rate": draws.share(customers, brought) if customers is not None and brought is not None else None,
        "cpl_weighted": cost_of(spent, customers, draws),
        "clv_cac": _clv_cac(books, name, spent, customers, draws),
        "payback": _payback(books, name, spent, customers, draws),
    }


def _payback(books: Books, name: str, spent: float | None, customers: Floats | None, draws: Bootstrap) -> dict[str, Json] | None:
    if books.lives is None or not spent or customers is None:
        return None
    return payback(books.lives, name, spent, customers, books.spend_by_quarter(name), draws)


def _clv_cac(books: Books, name: str, spent: float | None, customers: Floats | None, draws: Bootstrap) -> dict[str, Json] | None:
    """Divide the mean CLV of a channel's customers by what they cost."""
    if books.worth is None or not spent or customers is None:
        return None
    return worth_per_cost(books.worth[books.worth["source"] == name], spent, customers, draws)


def worth_per_cost(valued: pd.DataFrame, spent: float, customers: Floats, draws: Bootstrap) -> dict[str, Json] | None:
    """Divide the mean CLV of customers, from its ``sum`` and ``count`` by cluster, by what one of those won cost."""
    worth, count = (by_cluster(valued, column) for column in ("sum", "count"))
    if count.sum() == 0:
        return None
    below = draws.sums(count)
    mean = np.divide(draws.sums(worth), below, out=np.full_like(below, np.nan), where=below > 0)
    drawn = mean * draws.counts(customers) / spent
    value = float(worth.sum() / count.sum() * customers.sum() / spent)
    finite = drawn[np.isfinite(drawn)]
    return {**estimate(value, drawn), "p_below_3": float(np.mean(finite < _HEALTHY)) if len(finite) else None}


def _attributed_return(books: Books, name: str, spent: float | None, credit: Credit, draws: Bootstrap) -> dict[str, Json] | None:
    """Divide credited value by spend; where only the attribution knows journeys, its interval is that of the count, in proportion."""
    row: Any = (books.credits or {}).get(name)
    if row is None or not spent or row.get("value") is None:
        return None
    if credit.value is not None:
        return credited(sum_of(books.met_sales, "value", channel=name), credit.value, draws, 1 / spent)
    value, conversions = float(row["value"]) / spent, float(row["conversions"])
    if conversions <= 0:
        return {"value": value, "low": value, "high": value}
    return {"value": value, "low": value * float(row["low"]) / conversions, "high": value * float(row["high"]) / conversions}
