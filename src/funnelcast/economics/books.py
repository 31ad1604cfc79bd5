"""The books of a company: what every channel cost, brought and sold, summed in the engine by cluster of contacts and month."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from funnelcast.economics.estimates import Floats, by_cluster
from funnelcast.economics.margin import Margin, margin_of, purchase_margins
from funnelcast.economics.payback import Lives, monthly
from funnelcast.economics.people import acquired, by_channel_met, by_last_touch, clustered, frame_of, leads, month_of
from funnelcast.journeys import JourneyRules, settle
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf


@dataclass(frozen=True)
class Rules:
    """What the books count.

    Parameters
    ----------
    lookback_days
        Within which a touch can have earned a conversion.
    churn_days
        Without a purchase after which a customer counts as gone.
    margin_share
        Of a purchase's amount that is earned, where purchases don't say; None: not stated.
    """

    lookback_days: int = 90
    churn_days: int = 90
    margin_share: float | None = None


@dataclass(frozen=True)
class Books:
    """Sums by cluster, channel (or ``source``, by which contacts came) and month; None where the company lacks the facts.

    Parameters
    ----------
    spend
        ``channel, month, amount``; the month is the one in which the money was to work, ``spend_lag_days`` after it was spent.
    not_yet
        Spent so lately that what it won isn't known yet.
    counted
        The share of what was sold after a touch that lagged spend can have earned.
    leads, acquired
        Contacts by the month in which they came, customers by the month in which they became customers.
    last, met
        First conversions by the last touch and by every channel met.
    sales, met_sales
        All conversions, likewise.
    journeys
        All journeys with the clusters of their contacts, in the engine.
    revenue
        ``cluster, month, amount`` and ``margin`` of all purchases, refunds taken off.
    lives
        Of customers, month by month.
    worth
        Customers' CLV by cluster and source.
    """

    credited: Mapping[str, Any] | None = None
    spend: pd.DataFrame | None = None
    not_yet: float = 0.0
    counted: float = 1.0
    leads: pd.DataFrame | None = None
    acquired: pd.DataFrame | None = None
    last: pd.DataFrame | None = None
    met: pd.DataFrame | None = None
    sales: pd.DataFrame | None = None
    met_sales: pd.DataFrame | None = None
    journeys: ir.Table | None = None
    revenue: pd.DataFrame | None = None
    lives: Lives | None = None
    worth: pd.DataFrame | None = None
    margin: Margin | None = None

    @property
    def credits(self) -> Mapping[str, Mapping[str, Any]] | None:
        """The credited rows by channel."""
        return None if self.credited is None else {row["channel"]: row for row in self.credited["credits"]}

    @property
    def names(self) -> tuple[str, ...]:
        """Every channel that costs, brings, is met or is credited."""
        found = set(self.credits or {})
        for frame, key in ((self.spend, "channel"), (self.leads, "source"), (self.met, "channel")):
            found |= set() if frame is None else set(frame[key])
        return tuple(sorted(found))

    def spent(self, channel: str | None = None) -> float | None:
        """Give what a channel cost, or all of them; None where the company doesn't say what it spends."""
        if self.spend is None:
            return None
        mine = self.spend if channel is None else self.spend[self.spend["channel"] == channel]
        return round(float(mine["amount"].sum()), 6)

    def spend_by_quarter(self, channel: str) -> dict[int, float]:
        """Give what a channel cost by the number of the quarter."""
        if self.spend is None:
            return {}
        mine = self.spend[self.spend["channel"] == channel]
        summed = mine.groupby(mine["month"] // 3)["amount"].sum()
        return dict(zip(summed.index.astype(int).tolist(), summed.astype(float).tolist(), strict=True))


def open_books(
    known: Facts, everyone: ir.Table | None, as_of: AsOf, rules: Rules, credited: Mapping[str, Any] | None, clv: pd.DataFrame | None
) -> Books:
    """Sum what the company brings, as of an instant.

    Where spend is lagged, what came before the first spend could work is set against nothing and so isn't counted.
    """
    books = _with_spend(Books(credited=credited, margin=margin_of(known, rules.margin_share)), known, as_of)
    if everyone is None:
        return books
    since, matched = _opening(known), everyone.filter(everyone.matched)
    if known.has("contacts") or known.has("touchpoints"):
        books = replace(books, leads=leads(_from(matched, "lead_at", since)), acquired=acquired(_from(matched, "customer_at", since)))
    if known.has("transactions"):
        books = replace(books, revenue=_revenue(known, everyone, books.margin, since))
    if books.leads is not None and known.has("transactions"):
        books = replace(books, lives=monthly(known, matched, as_of, books.margin))
    if clv is not None:
        books = replace(books, worth=_worth(everyone, clv))
    if known.has("touchpoints") and (known.has("transactions") or known.has("contacts")):
        books = _with_journeys(books, known, everyone, as_of, rules)
    return books


def _with_journeys(books: Books, known: Facts, everyone: ir.Table, as_of: AsOf, rules: Rules) -> Books:
    since, matched = _opening(known), everyone.filter(everyone.matched)
    first = _from(clustered(settle(known, as_of, JourneyRules(rules.lookback_days, "first")).journeys, matched), "converted_at", since)
    each = clustered(settle(known, as_of, JourneyRules(rules.lookback_days, "each")).journeys, everyone)
    books = replace(books, last=by_last_touch(first), met=by_channel_met(first), journeys=each)
    if not known.has("transactions"):
        return books
    sold = _from(each, "converted_at", since)
    if books.margin is not None:
        margins = purchase_margins(known, books.margin)
        placed = sold.mutate(converted_at=sold.converted_at.cast("timestamp"))
        sold = placed.left_join(margins, ["contact_id", "converted_at"]).drop("contact_id_right", "converted_at_right")
    sales = by_last_touch(sold)
    counted = 1.0 if since is None else _share(float(sales["value"].sum()), float(by_last_touch(each)["value"].sum()))
    return replace(books, sales=sales, met_sales=by_channel_met(sold), counted=counted)


def _share(part: float, whole: float) -> float:
    return round(part / whole, 9) if whole > 0 else 1.0  # the order in which threads add moves the last digits


def _with_spend(books: Books, known: Facts, as_of: AsOf) -> Books:
    if not known.has("spend"):
        return books
    rows = known.table("spend")
    works_at = rows.date + ibis.interval(days=known.source.spend_lag_days)
    counted = works_at < ibis.literal(as_of.at, type="timestamp")
    keyed = rows.mutate(month=month_of(works_at), counted=counted)
    keys = ["channel", "month", "counted"]
    sums = frame_of(keyed.group_by(keys).aggregate(amount=keyed.amount.sum()).order_by(keys))
    later = sums[~sums["counted"].astype(bool)]
    spend = sums[sums["counted"].astype(bool)].drop(columns="counted").reset_index(drop=True)
    return replace(books, spend=spend.assign(amount=spend["amount"].astype(float).round(6)), not_yet=round(float(later["amount"].sum()), 6))


def _opening(known: Facts) -> Any:
    """Give the instant from which lagged spend can have worked; None where spend isn't lagged."""
    if not (known.has("spend") and known.source.spend_lag_days):
        return None
    first = known.table("spend").date.min().execute()
    return None if pd.isna(first) else first.to_pydatetime() + pd.Timedelta(days=known.source.spend_lag_days).to_pytimedelta()


def _from(table: ir.Table, clock: str, since: Any) -> ir.Table:
    if since is None:
        return table
    return table.filter(table[clock].isnull() | (table[clock] >= ibis.literal(since, type="timestamp")))


def _revenue(known: Facts, everyone: ir.Table, margin: Margin | None, since: Any) -> pd.DataFrame:
    bought = _from(known.table("transactions"), "occurred_at", since)
    earned = ibis.null("float64") if margin is None else margin.of(bought)
    rows = bought.mutate(month=month_of(bought.occurred_at), earned=earned).join(everyone.select("contact_id", "cluster"), "contact_id")
    summed = rows.group_by(["cluster", "month"]).aggregate(amount=rows.amount.sum(), margin=rows.earned.sum())
    frame = frame_of(summed.order_by(["cluster", "month"]))
    return frame if margin is not None else frame.drop(columns="margin")


def _worth(everyone: ir.Table, clv: pd.DataFrame) -> pd.DataFrame:
    """Sum customers' CLV by cluster and source."""
    customers = frame_of(everyone.filter(everyone.customer_at.notnull()).select("contact_id", "cluster", "source").order_by("contact_id"))
    joined = customers.merge(clv[["contact_id", "clv"]].astype({"contact_id": str}), on="contact_id")
    return joined.groupby(["cluster", "source"], sort=True)["clv"].agg(["sum", "count"]).reset_index()


def sum_of(frame: pd.DataFrame | None, column: str, **where: Any) -> Floats | None:
    """Take sums by cluster, as ``by_cluster``; None where the company lacks them."""
    return None if frame is None or column not in frame else by_cluster(frame, column, **where)
