"""Invoices that are paid in parts: how much of what is invoiced comes before the rest, and how much earlier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from funnelcast.cohorts import day_of
from funnelcast.sources.facts import Facts


@dataclass(frozen=True)
class Instalments:
    """The habit of paying in parts, over all customers.

    Parameters
    ----------
    share
        Of all that is invoiced, what is paid in a part before the rest: from 0 to 1.
    pace
        The mean day of such a part, as a share of the days from issue to the last payment: from 0 to 1.
    """

    share: float = 0.0
    pace: float = 0.0

    @classmethod
    def of(cls, known: Facts, since: int) -> Instalments:
        """Sum up the wholly paid invoices issued since a day from 1970-01-01; none is paid in parts where the facts say nothing of it."""
        invoices = known.table("invoices")
        if not known.brings("invoices", "part_paid_at"):
            return cls()
        settled = invoices.filter(invoices.paid_at.notnull(), invoices.amount > 0, day_of(invoices.issued_at) >= since)
        total = float(settled.aggregate(cents=(settled.amount * 100).round().cast("int64").sum()).execute()["cents"].iloc[0] or 0) / 100.0
        in_parts = settled.filter(settled.part_paid_at.notnull(), settled.part_paid_at < settled.paid_at, settled.part_paid_amount > 0)
        rows: pd.DataFrame = in_parts.select(
            "invoice_id",
            part=in_parts.part_paid_amount,
            amount=in_parts.amount,
            after=day_of(in_parts.part_paid_at) - day_of(in_parts.issued_at),
            whole=day_of(in_parts.paid_at) - day_of(in_parts.issued_at),
        ).execute()
        if rows.empty:
            return cls()
        rows = rows.sort_values("invoice_id").astype(dict.fromkeys(("part", "amount", "after", "whole"), np.float64))
        part = np.minimum(rows["part"].to_numpy(), rows["amount"].to_numpy())
        pace = np.clip(rows["after"].to_numpy() / np.maximum(rows["whole"].to_numpy(), 1.0), 0.0, 1.0)
        return cls(min(float(part.sum()) / total, 1.0), float(part @ pace) / float(part.sum()))


def parts_paid(known: Facts) -> dict[str, float]:
    """Give what was paid so far of each invoice that isn't wholly paid, where it was anything."""
    invoices = known.table("invoices")
    begun = invoices.filter(invoices.paid_at.isnull(), invoices.part_paid_at.notnull(), invoices.part_paid_amount > 0)
    rows: pd.DataFrame = begun.select("invoice_id", "part_paid_amount").execute()
    return dict(zip(rows["invoice_id"].astype(str), rows["part_paid_amount"].astype(float), strict=True))
