"""The economics of a company as one document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from funnelcast.economics.estimates import LEVEL, Bootstrap, Floats, by_cluster, estimate
from funnelcast.economics.payback import monthly, payback
from funnelcast.economics.people import by_channel_met, by_last_touch, clustered, frame_of, leads, people
from funnelcast.economics.sales_process import by_type, journey_types, velocity
from funnelcast.journeys import JourneyRules, settle
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts, Finding
from funnelcast.terms import AsOf, Json

_HEALTHY = 3.0  # the field's bar for CLV / CAC
_SEED = 20260305


def economics(
    facts: Facts,
    as_of: AsOf,
    credits: Mapping[str, Any] | None = None,  # noqa: A002 (the word of the field)
    clv: pd.DataFrame | None = None,
    *,
    lookback_days: int = 90,
    seed: int = _SEED,
) -> dict[str, Json]:
    """Give the economics of every channel, as of an instant.

    Parameters
    ----------
    credits
        An ``attribute`` document, for what is attributed.
    clv
        Columns ``contact_id`` and ``clv``, for CLV / CAC.
    lookback_days
        Within which a touch can have earned a conversion.
    seed
        Of the bootstrap over contacts from which every interval comes.

    Returns
    -------
    ``as_of, currency, level`` (of the intervals), ``spend_lag_days`` (0: spend is set against what was won in the same time),
    ``missing`` (``{"figure", "needs"}``), ``findings``, and where E is ``{"value", "low", "high"}`` (null, never infinite):

    - ``total``: spend, leads, customers, ``cac_blended`` E, ``roas_blended`` E;
    - ``channels``: by channel its spend, leads (contacts that it brought), customers (of those leads), ``cpl`` E, ``conversion_rate`` E,
      ``cpl_weighted`` E (cost per lead over conversion rate), ``cac`` with ``direct`` (customers whose last touch it was), ``assisted``
      (customers who met it), ``attributed`` (its share of credit) E, ``roas`` with ``direct`` and ``attributed`` E, ``clv_cac`` E with
      ``p_below_3``, and ``payback`` (months, paid_back, p_paid_back, curve). What can't be said is null;
    - ``velocity``: open_deals, win_rate E, won_amount E, cycle_days E, per_day E;
    - ``journey_types``: type, journeys, conversions, conversion_rate E, days_to_convert E, value_per_journey E.
    """
    known = cut(facts, as_of)
    draws = Bootstrap.of(seed)
    books = _books(known, as_of, lookback_days, credits, clv)
    return {
        "as_of": as_of.isoformat(),
        "currency": known.source.currency,
        "level": LEVEL,
        "spend_lag_days": 0,
        "total": _total(books, draws),
        "channels": [_channel(books, name, draws) for name in books.names],
        "velocity": velocity(known, as_of, draws) if known.has("deals") else None,
        "journey_types": [] if books.types is None else journey_types(books.types, draws),
        "missing": _missing(known, books),
        "findings": [finding.document() for finding in _findings(known, books)],
    }


@dataclass(frozen=True)
class _Books:
    """Sums by cluster and channel; None where the company lacks the facts.

    ``last`` and ``met`` hold first conversions, ``sales`` all conversions by last touch; ``lives`` what monthly gives.
    """

    spend: Mapping[str, float] | None = None
    credited: Mapping[str, Any] | None = None
    leads: pd.DataFrame | None = None
    last: pd.DataFrame | None = None
    met: pd.DataFrame | None = None
    sales: pd.DataFrame | None = None
    types: pd.DataFrame | None = None
    revenue: Floats | None = None
    lives: tuple[pd.DataFrame, pd.DataFrame] | None = None
    worth: pd.DataFrame | None = None

    @property
    def credits(self) -> Mapping[str, Mapping[str, Any]] | None:
        """The credited rows by channel."""
        return None if self.credited is None else {row["channel"]: row for row in self.credited["credits"]}

    @property
    def names(self) -> tuple[str, ...]:
        found = set(self.spend or {}) | set(self.credits or {})
        if self.leads is not None:
            found |= set(self.leads["source"])
        if self.met is not None:
            found |= set(self.met["channel"])
        return tuple(sorted(found))

    @property
    def spent(self) -> float:
        return float(sum((self.spend or {}).values()))


def _books(known: Facts, as_of: AsOf, lookback_days: int, credited: Mapping[str, Any] | None, clv: pd.DataFrame | None) -> _Books:
    books = _Books(spend=_spend(known), credited=credited)
    everyone = people(known)
    if everyone is None:
        return books
    if known.has("contacts") or known.has("touchpoints"):
        books = replace(books, leads=leads(everyone))
    if known.has("transactions"):
        books = replace(books, revenue=_revenue(known, everyone))
    if books.leads is not None and known.has("transactions"):
        books = replace(books, lives=monthly(known, everyone, as_of))
    if clv is not None:
        books = replace(books, worth=_worth(everyone, clv))
    if known.has("touchpoints") and (known.has("transactions") or known.has("contacts")):
        books = _with_journeys(books, known, everyone, as_of, lookback_days)
    return books


def _with_journeys(books: _Books, known: Facts, everyone: ir.Table, as_of: AsOf, lookback_days: int) -> _Books:
    first = clustered(settle(known, as_of, JourneyRules(lookback_days, "first")).journeys, everyone)
    each = clustered(settle(known, as_of, JourneyRules(lookback_days, "each")).journeys, everyone)
    sales = by_last_touch(each) if known.has("transactions") else None
    return replace(books, last=by_last_touch(first), met=by_channel_met(first), sales=sales, types=by_type(each))


def _spend(known: Facts) -> dict[str, float] | None:
    if not known.has("spend"):
        return None
    rows = known.table("spend")
    frame = frame_of(rows.group_by("channel").aggregate(amount=rows.amount.sum()).order_by("channel"))
    return dict(zip(frame["channel"], frame["amount"].astype(float).round(6), strict=True))


def _revenue(known: Facts, everyone: ir.Table) -> Floats:
    rows = known.table("transactions").join(everyone.select("contact_id", "cluster"), "contact_id")
    return by_cluster(frame_of(rows.group_by("cluster").aggregate(amount=rows.amount.sum()).order_by("cluster")), "amount")


def _worth(everyone: ir.Table, clv: pd.DataFrame) -> pd.DataFrame:
    """Sum customers' CLV by cluster and source."""
    customers = frame_of(everyone.filter(everyone.customer_at.notnull()).select("contact_id", "cluster", "source").order_by("contact_id"))
    joined = customers.merge(clv[["contact_id", "clv"]].astype({"contact_id": str}), on="contact_id")
    return joined.groupby(["cluster", "source"], sort=True)["clv"].agg(["sum", "count"]).reset_index()


def _total(books: _Books, draws: Bootstrap) -> dict[str, Json]:
    counted = books.leads
    customers = None if counted is None else by_cluster(counted, "customers")
    priced = books.spend is not None and customers is not None
    return {
        "spend": books.spent if books.spend is not None else None,
        "leads": None if counted is None else float(counted["leads"].sum()),
        "customers": None if customers is None else float(customers.sum()),
        "cac_blended": draws.cost_per(books.spent, customers) if priced and customers is not None else None,
        "roas_blended": _return(books.revenue, books.spent, draws),
    }


def _return(value: Floats | None, spent: float, draws: Bootstrap) -> dict[str, Json] | None:
    if value is None or spent <= 0:
        return None
    return estimate(float(value.sum()) / spent, draws.sums(value) / spent)


def _channel(books: _Books, name: str, draws: Bootstrap) -> dict[str, Json]:
    spent = None if books.spend is None else books.spend.get(name, 0.0)
    row: dict[str, Json] = {"channel": name, "spend": spent, **_acquisition(books, name, spent, draws)}
    cost = _cost(spent, draws)
    row["cac"] = {
        "direct": cost(_sum_of(books.last, "conversions", channel=name)),
        "assisted": cost(_sum_of(books.met, "conversions", channel=name)),
        "attributed": _attributed_cost(books, name, spent),
    }
    row["roas"] = {
        "direct": _return(_sum_of(books.sales, "value", channel=name), spent or 0.0, draws),
        "attributed": _attributed_return(books, name, spent),
    }
    return row


def _cost(spent: float | None, draws: Bootstrap) -> Any:
    """Price events, where there is money to price them."""
    return lambda events: None if events is None or not spent else draws.cost_per(spent, events)


def _sum_of(frame: pd.DataFrame | None, column: str, **where: Any) -> Floats | None:
    return None if frame is None else by_cluster(frame, column, **where)


def _acquisition(books: _Books, name: str, spent: float | None, draws: Bootstrap) -> dict[str, Json]:
    """Follow the contacts that a channel brought."""
    brought, customers = _sum_of(books.leads, "leads", source=name), _sum_of(books.leads, "customers", source=name)
    cost = _cost(spent, draws)
    known = brought is not None and customers is not None
    return {
        "leads": float(brought.sum()) if brought is not None else None,
        "customers": float(customers.sum()) if customers is not None else None,
        "cpl": cost(brought),
        "conversion_rate": draws.rate(customers, brought) if known and customers is not None and brought is not None else None,
        "cpl_weighted": cost(customers),
        "clv_cac": _clv_cac(books, name, spent, customers, draws),
        "payback": payback(books.lives, name, spent, customers, draws) if books.lives and spent and customers is not None else None,
    }


def _clv_cac(books: _Books, name: str, spent: float | None, customers: Floats | None, draws: Bootstrap) -> dict[str, Json] | None:
    """Divide the mean CLV of a channel's customers by what they cost."""
    if books.worth is None or not spent or customers is None:
        return None
    total, count = (by_cluster(books.worth, column, source=name) for column in ("sum", "count"))
    if count.sum() == 0:
        return None
    below = draws.sums(count)
    mean = np.divide(draws.sums(total), below, out=np.full_like(below, np.nan), where=below > 0)
    drawn = mean * draws.counts(customers) / spent
    value = float(total.sum() / count.sum() * customers.sum() / spent)
    finite = drawn[np.isfinite(drawn)]
    return {**estimate(value, drawn), "p_below_3": float(np.mean(finite < _HEALTHY)) if len(finite) else None}


def _attributed_cost(books: _Books, name: str, spent: float | None) -> dict[str, Json] | None:
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


def _attributed_return(books: _Books, name: str, spent: float | None) -> dict[str, Json] | None:
    """Divide credited value by spend; its interval is that of the count, in proportion."""
    row = (books.credits or {}).get(name)
    if row is None or not spent or row.get("value") is None:
        return None
    value, conversions = float(row["value"]) / spent, float(row["conversions"])
    if conversions <= 0:
        return {"value": value, "low": value, "high": value}
    return {"value": value, "low": value * float(row["low"]) / conversions, "high": value * float(row["high"]) / conversions}


def _missing(known: Facts, books: _Books) -> list[Json]:
    needs = {
        "cac, roas, cpl, payback": (books.spend is None, "spend"),
        "leads, conversion_rate, cpl": (books.leads is None, "contacts or touchpoints"),
        "cac direct and assisted, journey_types": (books.last is None, "touchpoints, with transactions or contacts"),
        "cac and roas attributed": (books.credits is None, "an attribution (touchpoints or journeys)"),
        "roas, payback": (not known.has("transactions"), "transactions"),
        "clv_cac": (books.worth is None, "a CLV model (transactions)"),
        "velocity": (not known.has("deals"), "deals"),
    }
    return [{"figure": figure, "needs": what} for figure, (lacking, what) in needs.items() if lacking]


def _findings(known: Facts, books: _Books) -> list[Finding]:
    """Name channels that cost without a touch, and channels with touches that cost nothing."""
    if books.spend is None or not known.has("touchpoints"):
        return []
    rows = known.table("touchpoints")
    touches = set(frame_of(rows.select("channel").distinct().order_by("channel"))["channel"])
    paid = {name for name, amount in books.spend.items() if amount > 0}
    rules = (
        ("spend", sorted(paid - touches), "money is spent on channels without a touchpoint"),
        ("touchpoints", sorted(touches - paid), "channels have touchpoints but no spend"),
    )
    return [Finding("note", table, "channel", rule, len(names), ", ".join(names[:5])) for table, names, rule in rules if names]
