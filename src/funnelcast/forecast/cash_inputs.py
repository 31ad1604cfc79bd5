"""What the cash forecast is made from: plain numbers, as a snapshot can hold them."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.artefacts import to_json
from funnelcast.forecast import billing_terms
from funnelcast.forecast.deal_invoices import Billing
from funnelcast.forecast.new_invoices import InvoiceCounts
from funnelcast.forecast.payments import Lateness, PayDistribution
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]

_ENOUGH_FROM_DEALS = 20


@dataclass(frozen=True, eq=False)
class CashInputs:
    """The company's money as of then.

    Parameters
    ----------
    receivables
        Open invoices: invoice_id, contact_id, amount (gross) and their predictions ``p_never`` and ``pay_DDD``.
    templates
        The past year's invoices as if issued at as_of: contact_id, amount, terms_days, of_deal (0 or 1) and the same predictions.
    counts
        The process of new invoices without a deal; None where there was none.
    planned
        Cash items from as_of on: day (whole days after as_of), amount (signed).
    already_net
        Net amount invoiced before as_of, by deal.
    to_invoice
        Net amount of won deals that wait to be invoiced, by deal.
    spend_per_day
        Recent spend by channel; what a scenario multiplies.
    pace_deviation
        Standard deviation of the log factor by which all payments of a month take longer or shorter.
    terms, vat_rate, lag_days
        How deals are invoiced, as ``Billing``.
    opening_balance, floor
        What the account holds at as_of (None: not known), and below which it shouldn't fall.
    deals_counted
        Whether deals become cash of their own. Not where invoices exist but none names its deal: those are all in ``counts``.
    vat_planned
        Whether the planned items hold the payments of VAT themselves, so that none is added.
    missing
        What can't be answered for lack of facts.
    """

    as_of: AsOf
    currency: str
    receivables: pd.DataFrame
    templates: pd.DataFrame
    counts: InvoiceCounts | None
    planned: pd.DataFrame
    already_net: Mapping[str, float]
    to_invoice: Mapping[str, float]
    spend_per_day: Mapping[str, float]
    pace_deviation: float
    terms: str
    vat_rate: float
    lag_days: int
    opening_balance: float | None
    floor: float
    deals_counted: bool
    vat_planned: bool
    missing: tuple[str, ...]

    @property
    def billing(self) -> Billing:
        """How deals are invoiced."""
        return Billing(billing_terms.parse(self.terms), self.vat_rate, self.lag_days)

    @property
    def first_day(self) -> int:
        """as_of's day, from 1970-01-01."""
        return int(np.datetime64(self.as_of.at, "D").astype(np.int64))

    def without_deal(self) -> pd.DataFrame:
        """Give the templates of invoices without a deal."""
        return self.templates[self.templates["of_deal"] == 0]

    def lateness(self) -> Lateness:
        """Give the days after the due date of invoices of deals; of all where those are few, and the usual ones where there is none."""
        of_deals = self.templates[self.templates["of_deal"] == 1]
        chosen = of_deals if len(of_deals) >= _ENOUGH_FROM_DEALS else self.templates
        if chosen.empty:
            return Lateness.usual()
        return PayDistribution.of(chosen).late(chosen["terms_days"].to_numpy(np.int64))

    def files(self) -> dict[str, bytes]:
        """Give the inputs as parquet and JSON."""
        document: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        document |= {"as_of": self.as_of.at.isoformat(), "timezone": self.as_of.timezone, "missing": list(self.missing)}
        document |= {"counts": self.counts.document() if self.counts else None}
        document |= {name: dict(getattr(self, name)) for name in _BY_NAME}
        return {"cash.json": to_json(document), **{f"{name}.parquet": _parquet(getattr(self, name)) for name in _FRAMES}}


_FRAMES = ("receivables", "templates", "planned")
_BY_NAME = ("already_net", "to_invoice", "spend_per_day")
_PLAIN = ("currency", "pace_deviation", "terms", "vat_rate", "lag_days", "opening_balance", "floor", "deals_counted", "vat_planned")


def rebuild(files: Mapping[str, bytes]) -> CashInputs:
    """Make the inputs from their files."""
    document: dict[str, Any] = json.loads(files["cash.json"])
    as_of = AsOf(datetime.fromisoformat(document.pop("as_of")), document.pop("timezone"))
    counts = document.pop("counts")
    document |= {name: pd.read_parquet(io.BytesIO(files[f"{name}.parquet"])) for name in _FRAMES}
    document |= {"counts": InvoiceCounts.read(counts) if counts else None, "missing": tuple(document["missing"])}
    return CashInputs(as_of=as_of, **document)


def _parquet(frame: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    return content.getvalue()
