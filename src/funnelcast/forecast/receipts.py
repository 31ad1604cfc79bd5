"""What a cash forecast is judged by: the invoices that were paid, and the rule that all are paid when due."""

from __future__ import annotations

from typing import Any

import ibis
import numpy as np
import numpy.typing as npt

from funnelcast.forecast.dated import by_period
from funnelcast.forecast.periods import Period
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]


def received(facts: Facts, periods: tuple[Period, ...]) -> Floats:
    """Give what invoices brought in each period, by the facts as they stand (cut them for what was known then): shape [periods]."""
    invoices = facts.table("invoices", "The receipts")
    paid = invoices.filter(invoices.paid_at.notnull())
    whole = by_period(paid.select(at=paid.paid_at, amount=paid.amount - _part(paid), key=paid.invoice_id), periods)
    begun = invoices.filter(invoices.part_paid_at.notnull())
    return whole + by_period(begun.select(at=begun.part_paid_at, amount=_part(begun), key=begun.invoice_id), periods)


def when_due(facts: Facts, as_of: AsOf, periods: tuple[Period, ...]) -> Floats:
    """Give what the invoices open at as_of would bring if each were paid when due, those overdue at once: shape [periods]."""
    invoices = cut(facts, as_of).table("invoices", "The receipts")
    owed = invoices.filter(invoices.paid_at.isnull())
    at = (owed.due_at < as_of.at).ifelse(as_of.at, owed.due_at)
    return by_period(owed.select(at=at, amount=owed.amount - _part(owed), key=owed.invoice_id), periods)


def _part(invoices: Any) -> Any:
    """Give what was paid before the rest."""
    paid = invoices.part_paid_at.notnull().ifelse(ibis.coalesce(invoices.part_paid_amount, 0.0), 0.0)
    return ibis.least(paid, ibis.greatest(invoices.amount, 0.0))
