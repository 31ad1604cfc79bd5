"""What came in before as_of, by the calendar periods of a forecast: the past that its fan continues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.bookings_known import won
from funnelcast.forecast.cash_inputs import CashInputs
from funnelcast.forecast.dated import by_period
from funnelcast.forecast.periods import Every, Period, calendar_before
from funnelcast.forecast.projection import Projection
from funnelcast.forecast.receipts import received
from funnelcast.forecast.sales.history import basis_of, daily_revenue
from funnelcast.forecast.sales.revenue import Revenue
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import QUANTITIES, AsOf, Json

Floats = npt.NDArray[np.float64]
Periods = tuple[Period, ...]
Parts = dict[str, Floats]

PAST = "past"
"""The name of the document."""

LONGEST: Mapping[Every, int] = {"week": 104, "month": 36}
"""So many periods are kept."""


def past(facts: Facts, projection: Projection) -> dict[str, Json]:
    """Give what came in of each quantity that is forecast, by week and by month.

    Sales go by channel (or series). Of cash, what invoices and purchases brought and the dated items of ``cash_items`` are known; VAT that
    was paid is among them only where the company brings it as an item.

    Returns
    -------
    By quantity and ``week`` or ``month``: periods with ``start``, ``end``, ``partial``, ``amount`` and its ``parts``, oldest first, from
    the first that brought anything; figures of a table that ends early end with it.
    """
    known = cut(facts, projection.as_of)
    forecast = [name for name in QUANTITIES if getattr(projection, name) is not None]
    return {name: {every: _by(every, name, known, projection) for every in get_args(Every)} for name in forecast}


def came_in(quantity: str, known: Facts, projection: Projection, periods: Periods) -> float:
    """Add up what came in of a quantity over consecutive periods before as_of."""
    _, parts = _parts(quantity, known, projection, periods)
    return float(sum(amounts.sum() for amounts in parts.values()))


def _by(every: Every, quantity: str, known: Facts, projection: Projection) -> list[Json]:
    periods = calendar_before(projection.as_of, every, LONGEST[every])
    return _documents(*_parts(quantity, known, projection, periods), projection.as_of)


def _parts(quantity: str, known: Facts, projection: Projection, periods: Periods) -> tuple[Periods, Parts]:
    if quantity == "sales":
        return _sales(known, periods)
    if projection.cash is not None and quantity == "cash":
        return periods, _cash(known, projection.cash, periods)
    return periods, {"won": won(known, periods)}


def _sales(known: Facts, periods: Periods) -> tuple[Periods, Parts]:
    """Give the revenue of each channel or series, and the periods that the figures cover."""
    basis = basis_of(known)
    daily = daily_revenue(known, basis)
    series = {str(name): Revenue.of_daily(rows, basis) for name, rows in daily.groupby("name")}
    if basis == "sales":
        last = max((revenue.end for revenue in series.values()), default=periods[0].start)
        periods = tuple(period for period in periods if period.end <= last)
    return periods, {name: revenue.by_period(periods) for name, revenue in series.items()}


def _cash(known: Facts, inputs: CashInputs, periods: Periods) -> Parts:
    parts: Parts = {}
    if known.has("invoices"):
        parts["invoices"] = received(known, periods)
    if inputs.purchases_counted and known.has("transactions"):
        parts["purchases"] = Revenue.of(known, "transactions").by_period(periods)
    if known.has("cash_items"):
        items = known.table("cash_items")
        parts["planned"] = by_period(items.select(at=items.date, amount=items.amount, key=items.amount), periods)
    return parts


def _documents(periods: Periods, parts: Parts, as_of: AsOf) -> list[Json]:
    brought = np.any([amounts != 0.0 for amounts in parts.values()], axis=0) if parts else np.zeros(len(periods), np.bool_)
    first = int(np.argmax(brought)) if brought.any() else len(periods)
    return [
        {
            "start": AsOf(period.start, as_of.timezone).isoformat(),
            "end": AsOf(period.end, as_of.timezone).isoformat(),
            "partial": period.partial,
            "amount": float(sum(amounts[place] for amounts in parts.values())),
            "parts": {name: float(amounts[place]) for name, amounts in parts.items()},
        }
        for place, period in enumerate(periods)
        if place >= first
    ]
