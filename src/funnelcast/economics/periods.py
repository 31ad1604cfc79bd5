"""What each channel cost and earned in each month, or quarter where months hold too little."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.economics.books import Books
from funnelcast.economics.calendar import MONTH, MONTHS, QUARTER, Span, last_month
from funnelcast.economics.channels import contribution, cost_of, return_on
from funnelcast.economics.credit import Credit, contribution_credited, cost_credited, credited
from funnelcast.economics.estimates import CLUSTERS, Bootstrap, Floats, estimate
from funnelcast.families.attribution.paths import significant
from funnelcast.terms import AsOf, Json

Cube = npt.NDArray[np.float64]
MOST = {MONTH: 24, QUARTER: 12}  # periods told, the newest
_ENOUGH = 5.0  # customers per channel and month below which quarters are told


def span_of(books: Books, as_of: AsOf) -> Span | None:
    """Choose months, or quarters where there are under five new customers per channel and month; None without a dated fact."""
    frames = [frame for frame in (books.spend, books.leads, books.acquired, books.sales, books.revenue) if frame is not None]
    months = pd.concat([frame["month"] for frame in frames]) if frames else pd.Series(dtype=float)
    last = last_month(as_of)
    months = months[months.notna() & (months <= last)]
    if months.empty:
        return None
    first = int(months.min())
    customers = 0.0 if books.acquired is None else float(books.acquired["customers"].sum())
    every = MONTH if customers >= _ENOUGH * len(books.names) * (last - first + 1) else QUARTER
    newest = last // MONTHS[every]
    count = min(newest - first // MONTHS[every] + 1, MOST[every])
    return Span(every, newest - count + 1, count, as_of)


def cube(frame: pd.DataFrame | None, column: str, key: str, names: tuple[str, ...], span: Span) -> Cube | None:
    """Sum a column by period, channel and cluster, shape (periods, channels, clusters); None where the company lacks it."""
    if frame is None or column not in frame:
        return None
    period = span.of(frame["month"].fillna(-1).to_numpy(dtype=np.int64))
    channel = pd.Categorical(frame[key], categories=list(names)).codes.astype(np.int64)
    told = (period >= 0) & (period < span.count) & (channel >= 0)
    cells = (period * len(names) + channel) * CLUSTERS + frame["cluster"].to_numpy(dtype=np.int64)
    amounts = significant(frame[column].to_numpy(dtype=np.float64))
    summed = np.bincount(cells[told], weights=amounts[told], minlength=span.count * len(names) * CLUSTERS)
    return np.asarray(summed, dtype=np.float64).reshape(span.count, len(names), CLUSTERS)


@dataclass(frozen=True)
class _Cubes:
    """The books by period and channel."""

    leads: Cube | None
    customers: Cube | None
    last: Cube | None
    sold: Cube | None
    earned: Cube | None
    met: Cube | None
    met_first: Cube | None
    met_earned: Cube | None

    @classmethod
    def of(cls, books: Books, span: Span) -> _Cubes:
        names = books.names
        return cls(
            leads=cube(books.leads, "leads", "source", names, span),
            customers=cube(books.acquired, "customers", "source", names, span),
            last=cube(books.last, "conversions", "channel", names, span),
            sold=cube(books.sales, "value", "channel", names, span),
            earned=cube(books.sales, "margin", "channel", names, span),
            met=cube(books.met_sales, "value", "channel", names, span),
            met_first=cube(books.met, "conversions", "channel", names, span),
            met_earned=cube(books.met_sales, "margin", "channel", names, span),
        )

    def at(self, period: int, channel: int) -> dict[str, Floats | None]:
        return {name: None if found is None else found[period, channel] for name, found in vars(self).items()}


def periods(books: Books, as_of: AsOf, draws: Bootstrap) -> dict[str, Json] | None:
    """Give spend, leads, customers, revenue, CAC, ROAS, CPL and margin of every channel in every period, the newest last.

    Credit is spread over periods in proportion to the conversions that met the channel, so that its periods add up to its credit.

    Returns
    -------
    ``every`` (month or quarter) and ``list``: ``period, start, end, partial`` (not over yet), ``total`` and ``channels``.
    """
    span = span_of(books, as_of)
    if span is None:
        return None
    return {"every": span.every, "list": list(_periods(books, span, draws))}


def _periods(books: Books, span: Span, draws: Bootstrap) -> Iterator[Json]:
    cubes, names = _Cubes.of(books, span), books.names
    credits_of = {name: Credit.of(books, name, draws) for name in names}
    for period in range(span.count):
        spent = _spent(books, span, period)
        rows: list[Json] = [
            {
                "channel": name,
                **_figures(cubes.at(period, place), spent.get(name, 0.0) if spent is not None else None, credits_of[name], draws),
            }
            for place, name in enumerate(names)
        ]
        yield {**span.document(period), "total": _total(books, span, period, spent, cubes, draws), "channels": rows}


def _spent(books: Books, span: Span, period: int) -> dict[str, float] | None:
    if books.spend is None:
        return None
    start, end = span.months(period)
    mine = books.spend[(books.spend["month"] >= start) & (books.spend["month"] < end)]
    return {str(name): round(float(amount), 6) for name, amount in mine.groupby("channel")["amount"].sum().items()}


def _figures(sums: dict[str, Floats | None], spent: float | None, credit: Credit, draws: Bootstrap) -> dict[str, Json]:
    sold = sums["sold"]
    return {
        "spend": spent,
        "leads": _sum(sums["leads"]),
        "customers": _sum(sums["customers"]),
        "revenue": {
            "direct": None if sold is None else estimate(float(sold.sum()), draws.sums(sold)),
            "attributed": credited(sums["met"], credit.value, draws),
        },
        "cpl": cost_of(spent, sums["leads"], draws),
        "cac": {
            "direct": cost_of(spent, sums["last"], draws),
            "attributed": cost_credited(sums["met_first"], spent, credit.customers, draws),
        },
        "roas": {
            "direct": return_on(sold, spent, draws),
            "attributed": credited(sums["met"], credit.value, draws, 1 / spent) if spent else None,
        },
        "contribution_margin": {
            "direct": contribution(sums["earned"], spent, draws),
            "attributed": contribution_credited(sums["met_earned"], spent, credit.value, draws),
        },
    }


def _sum(found: Floats | None) -> float | None:
    return None if found is None else float(found.sum())


def _total(books: Books, span: Span, period: int, spent: dict[str, float] | None, cubes: _Cubes, draws: Bootstrap) -> dict[str, Json]:
    leads, customers = (None if found is None else found[period].sum(axis=0) for found in (cubes.leads, cubes.customers))
    sold, earned = (_all(books.revenue, column, span, period) for column in ("amount", "margin"))
    money = None if spent is None else round(sum(spent.values()), 6)
    return {
        "spend": money,
        "leads": _sum(leads),
        "customers": _sum(customers),
        "revenue": None if sold is None else estimate(float(sold.sum()), draws.sums(sold)),
        "cpl": cost_of(money, leads, draws),
        "cac_blended": cost_of(money, customers, draws),
        "roas_blended": return_on(sold, money, draws),
        "contribution_margin": contribution(earned, money, draws),
    }


def _all(revenue: pd.DataFrame | None, column: str, span: Span, period: int) -> Floats | None:
    found = None if revenue is None else cube(revenue.assign(all=""), column, "all", ("",), span)
    return None if found is None else found[period, 0]
