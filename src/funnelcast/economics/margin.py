"""What purchases earn: the margin that the company brings, else its stated share of their amounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.sources.facts import Facts, Finding
from funnelcast.terms import Json

BROUGHT, STATED = "transactions.margin", "stated share"


@dataclass(frozen=True)
class Margin:
    """How the margin of a purchase is known.

    Parameters
    ----------
    basis
        ``BROUGHT`` or ``STATED``.
    share
        Of the amount: stated, or the mean of those brought, which stands in for the ``unknown`` purchases without one.
    """

    basis: str
    share: float
    unknown: int = 0

    def of(self, bought: ir.Table) -> Any:
        """Give the margin of each purchase as an expression."""
        stated = bought.amount * self.share
        return ibis.coalesce(bought.margin, stated) if self.basis == BROUGHT else stated

    def document(self) -> dict[str, Json]:
        """Give the basis as JSON."""
        return {"basis": self.basis, "share": self.share}

    def findings(self) -> list[Finding]:
        """Say how many purchases came without their margin."""
        rule = f"purchases without a margin; taken at the mean share of the others, {self.share:.3f}"
        return [Finding("note", "transactions", "margin", rule, self.unknown)] if self.unknown else []


def margin_of(known: Facts, stated_share: float | None) -> Margin | None:
    """Find how margins are known.

    Parameters
    ----------
    stated_share
        Of a purchase's amount that is earned, above 0 and below 1; None or 1 states none.

    Returns
    -------
    None where neither purchases with a margin nor a share are there.
    """
    if not known.has("transactions"):
        return None
    if known.brings("transactions", "margin"):
        rows = known.table("transactions")
        told = rows.margin.notnull()
        sums = rows.aggregate(
            margin=rows.margin.sum(), amount=rows.amount.sum(where=told), told=told.sum(), unknown=(~told).sum()
        ).to_pyarrow().to_pylist()[0]  # fmt: skip
        if sums["told"] and sums["amount"]:
            return Margin(BROUGHT, round(sums["margin"] / sums["amount"], 9), int(sums["unknown"]))
    return Margin(STATED, stated_share) if stated_share is not None and 0 < stated_share < 1 else None


def purchase_margins(known: Facts, margin: Margin) -> ir.Table:
    """Sum margins by ``contact_id`` and ``converted_at``, as journeys count purchases: refunds are none."""
    rows = known.table("transactions")
    bought = rows.filter(rows.amount >= 0)
    keyed = bought.select("contact_id", converted_at=bought.occurred_at.cast("timestamp"), margin=margin.of(bought))
    return keyed.group_by(["contact_id", "converted_at"]).aggregate(margin=keyed.margin.sum())
