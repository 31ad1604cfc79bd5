"""What each channel costs and earns over all that is known, and all of them together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from funnelcast.economics.books import Books, sum_of
from funnelcast.economics.estimates import Bootstrap, Floats, by_cluster, estimate
from funnelcast.economics.payback import payback
from funnelcast.terms import Json

_HEALTHY = 3.0  # the field's bar for CLV / CAC
_Z90 = 1.6448536269514722  # of the standard normal, between which and its negative lie 90 %


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
    spent = books.spent(name)
    row: dict[str, Json] = {"channel": name, "spend": spent, **_acquisition(books, name, spent, draws)}
    row["cac"] = {
        "direct": cost_of(spent, sum_of(books.last, "conversions", channel=name), draws),
        "assisted": cost_of(spent, sum_of(books.met, "conversions", channel=name), draws),
        "attributed": _attributed_cost(books, name, spent),
    }
    row["roas"] = {
        "direct": return_on(sum_of(books.sales, "value", channel=name), spent, draws),
        "attributed": _attributed_return(books, name, spent),
    }
    row["contribution_margin"] = {
        "direct": contribution(sum_of(books.sales, "margin", channel=name), spent, draws),
        "attributed": contribution_attributed(books, name, spent, draws),
    }
    return row


def cost_of(spent: float | None, events: Floats | None, draws: Bootstrap) -> dict[str, Json] | None:
    """Price events, where there is money to price them."""
    return None if events is None or not spent else draws.cost_per(spent, events)


def contribution_attributed(books: Books, name: str, spent: float | None, draws: Bootstrap) -> dict[str, Json] | None:
    """Take spend off the margin that credit gives a channel."""
    met, rate = sum_of(books.met_sales, "margin", channel=name), Credit.of(books, name, draws).value
    if met is None or rate is None or spent is None:
        return None
    return estimate(float(met.sum()) * rate.value - spent, draws.sums(met) * rate.drawn - spent)


@dataclass(frozen=True)
class Rate:
    """Credit per unit of what met a channel: its value, and that in every replicate, shape (replicates,)."""

    value: float
    drawn: Floats


@dataclass(frozen=True)
class Credit:
    """What credit gives a channel per first conversion, and per money sold, that met it; None where it isn't known.

    So a channel's credit spreads over months, and from money sold to its margin, in proportion to what met the channel, and adds up to
    what the attribution says. What that is uncertain by beyond the count of the conversions is drawn apart.
    """

    customers: Rate | None = None
    value: Rate | None = None

    @classmethod
    def of(cls, books: Books, name: str, draws: Bootstrap) -> Credit:
        """Find a channel's rates."""
        row, met = (books.credits or {}).get(name), sum_of(books.met_sales, "conversions", channel=name)
        if row is None or met is None or books.credited is None or books.last is None or met.sum() <= 0:
            return cls()
        beyond = _beyond(row, float(np.std(draws.sums(met)) / met.sum())) * draws.noise
        share = float(row["conversions"]) / float(books.credited["conversions"])
        first = sum_of(books.met, "conversions", channel=name)
        sold = sum_of(books.met_sales, "value", channel=name)
        return cls(
            _rate(share * float(books.last["conversions"].sum()), first, beyond),
            None if row.get("value") is None else _rate(float(row["value"]) * books.counted, sold, beyond),
        )


def _rate(credit: float, met: Floats | None, beyond: Floats) -> Rate | None:
    if met is None or met.sum() <= 0:
        return None
    rate = credit / float(met.sum())
    return Rate(rate, rate * np.exp(beyond))


def _beyond(row: Mapping[str, Any], of_count: float) -> float:
    """Give the spread of a credit beyond that of its count, as that of a log-normal: it is never below zero."""
    credit = float(row["conversions"])
    if credit <= 0:
        return 0.0
    of_credit = (float(row["high"]) - float(row["low"])) / (2 * _Z90 * credit)
    return float(np.sqrt(np.log1p(max(of_credit**2 - of_count**2, 0.0))))


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
    worth, count = (by_cluster(books.worth, column, source=name) for column in ("sum", "count"))
    if count.sum() == 0:
        return None
    below = draws.sums(count)
    mean = np.divide(draws.sums(worth), below, out=np.full_like(below, np.nan), where=below > 0)
    drawn = mean * draws.counts(customers) / spent
    value = float(worth.sum() / count.sum() * customers.sum() / spent)
    finite = drawn[np.isfinite(drawn)]
    return {**estimate(value, drawn), "p_below_3": float(np.mean(finite < _HEALTHY)) if len(finite) else None}


def _attributed_cost(books: Books, name: str, spent: float | None) -> dict[str, Json] | None:
    """Price the customers that credit gives a channel: its share of all who came through a touch."""
    if books.credits is None or books.last is None or books.credited is None or not spent:
        return None
    customers, conversions = float(books.last["conversions"].sum()), float(books.credited["conversions"])
    row = books.credits.get(name)
    if row is None or conversions <= 0 or customers <= 0:
        return None
    value, most, least = (customers * float(row[bound]) / conversions for bound in ("conversions", "high", "low"))
    return {
        "value": spent / value if value > 0 else None,
        "low": spent / most if most > 0 else None,
        "high": spent / least if least > 0 else None,
    }


def _attributed_return(books: Books, name: str, spent: float | None) -> dict[str, Json] | None:
    """Divide credited value by spend; its interval is that of the count, in proportion."""
    row: Any = (books.credits or {}).get(name)
    if row is None or not spent or row.get("value") is None:
        return None
    value, conversions = float(row["value"]) * books.counted / spent, float(row["conversions"])
    if conversions <= 0:
        return {"value": value, "low": value, "high": value}
    return {"value": value, "low": value * float(row["low"]) / conversions, "high": value * float(row["high"]) / conversions}
