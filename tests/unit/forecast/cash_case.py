"""Small companies for the tests of the cash forecast, made by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from funnelcast.forecast.cash_inputs import CashInputs
from funnelcast.forecast.new_invoices import InvoiceCounts
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
    return paid_on(days, invoice_id=[f"i{place}" for place in range(len(days))], amount=amounts)


def templates(days: list[int | None], amounts: list[float], of_deal: int = 0) -> pd.DataFrame:
    """Invoices of the past year, on 30 days."""
    count = len(days)
    return paid_on(days, amount=amounts, terms_days=[30.0] * count, of_deal=[of_deal] * count)


def flat_counts(per_week: float) -> InvoiceCounts:
    """A steady process of new invoices."""
    return InvoiceCounts(1e6, 1e6 / per_week, 1e6, 0.0, 0.0, (1.0,) * 7, (1.0,) * 31, (1.0,) * 12)


def company(**changes: Any) -> CashInputs:
    """A company without anything, but for what is given."""
    nothing: dict[str, Any] = {
        "as_of": MONDAY,
        "currency": "EUR",
        "receivables": invoices([], []),
        "templates": templates([], []),
        "counts": None,
        "planned": pd.DataFrame({"day": pd.Series(dtype=np.int64), "amount": pd.Series(dtype=np.float64)}),
        "already_net": {},
        "to_invoice": {},
        "spend_per_day": {},
        "pace_deviation": 0.0,
        "terms": "30 days",
        "vat_rate": 0.2,
        "lag_days": 0,
        "opening_balance": 0.0,
        "floor": 0.0,
        "deals_counted": True,
        "vat_planned": False,
        "missing": (),
    }
    return CashInputs(**(nothing | changes))
