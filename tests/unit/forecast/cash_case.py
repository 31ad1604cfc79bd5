"""Small companies for the tests of the cash forecast, made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from funnelcast.forecast.cash_inputs import CashInputs
from funnelcast.forecast.deal_facts import DealFacts
from funnelcast.forecast.instalments import Instalments
from funnelcast.forecast.invoice_counts import InvoiceCounts
from funnelcast.forecast.invoicing import InvoicingPlans
from funnelcast.terms import AsOf

MONDAY = AsOf.parse("2026-01-05", "Europe/Paris")


def paid_on(days: list[int | None], **columns: list[Any]) -> pd.DataFrame:
    """Invoices that are paid on one day for certain, or never (None)."""
    grid = np.zeros((len(days), 364))
    for place, day in enumerate(days):
        if day is not None:
            grid[place, day] = 1.0
    chances = pd.DataFrame(grid, columns=[f"pay_{day:03d}" for day in range(364)])
    known = {"contact_id": [f"c{place}" for place in range(len(days))], **columns}
    return pd.concat([pd.DataFrame(known), pd.DataFrame({"p_never": [float(day is None) for day in days]}), chances], axis=1)


def invoices(days: list[int | None], amounts: list[float]) -> pd.DataFrame:
    """Open invoices i0, i1, …"""
    count = len(days)
    ids = [f"i{place}" for place in range(count)]
    return paid_on(days, invoice_id=ids, amount=amounts, age_days=[0.0] * count, part_paid=[0.0] * count)


def templates(days: list[int | None], amounts: list[float], of_deal: int = 0) -> pd.DataFrame:
    """Invoices of the past year, on 30 days."""
    count = len(days)
    return paid_on(days, amount=amounts, terms_days=[30.0] * count, of_deal=[of_deal] * count)


def flat_counts(per_week: float) -> InvoiceCounts:
    """A steady process of new invoices."""
    return InvoiceCounts(
        shape=1e8,
        rate=1e8 / per_week,
        age=0.0,
        trend=0.0,
        trend_sd=0.0,
        walk=0.0,
        week_shape=1e6,
        month_deviation=0.0,
        weekday=(1.0,) * 7,
        month_day=(1.0,) * 31,
        season=(1.0,) * 12,
    )


def deal_facts(already: dict[str, float] | None = None, waiting: dict[str, tuple[int, float]] | None = None) -> DealFacts:
    """Deals that are invoiced at once: net amounts invoiced so far, and day of winning and amount of those that wait."""
    won = waiting or {}
    frame = pd.DataFrame(
        {
            "deal_id": pd.Series(list(won), dtype=str),
            "day": pd.Series([day for day, _ in won.values()], dtype=np.int64),
            "amount": pd.Series([amount for _, amount in won.values()], dtype=np.float64),
        }
    )
    return DealFacts(already or {}, frame, InvoicingPlans.at_once(), by_terms=True)


def company(**changes: Any) -> CashInputs:
    """A company without anything, but for what is given."""
    nothing: dict[str, Any] = {
        "as_of": MONDAY,
        "currency": "EUR",
        "receivables": invoices([], []),
        "templates": templates([], []),
        "counts": None,
        "planned": pd.DataFrame({"day": pd.Series(dtype=np.int64), "amount": pd.Series(dtype=np.float64)}),
        "deals": deal_facts(),
        "instalments": Instalments(),
        "spend_per_day": {},
        "pace_deviation": 0.0,
        "terms": "30 days",
        "vat_rate": 0.2,
        "opening_balance": 0.0,
        "floor": 0.0,
        "deals_counted": True,
        "purchases_counted": True,
        "vat_planned": False,
        "missing": (),
    }
    return CashInputs(**(nothing | changes))
