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
from funnelcast.forecast.billing_terms import BillingTerms
from funnelcast.forecast.deal_facts import DealFacts
from funnelcast.forecast.deal_invoices import Billing
from funnelcast.forecast.instalments import Instalments
from funnelcast.forecast.invoice_counts import InvoiceCounts
from funnelcast.forecast.invoicing import InvoicingPlans
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
        Open invoices: invoice_id, contact_id, amount (gross, what is still owed), age_days, part_paid (what was paid so far), and their
        predictions ``p_never`` and ``pay_DDD``.
    templates
        The past year's invoices as if issued at as_of: contact_id, amount, terms_days, of_deal (0 or 1) and the same predictions.
    counts
        The process of new invoices without a deal; None where there was none.
    planned
        Cash items from as_of on: day (whole days after as_of), amount (signed).
    deals
        What deals were invoiced so far, which won ones wait, and how they are invoiced.
    instalments
        How much of an invoice is paid in parts.
    spend_per_day
        Recent spend by channel; what a scenario multiplies.
    pace_deviation
        Standard deviation of the log factor by which all payments of a month take longer or shorter.
    terms, vat_rate
        When an invoice of a deal is due, where past ones don't say otherwise, and what is added to the deal's amount.
    opening_balance, floor
        What the account holds at as_of (None: not known), and below which it shouldn't fall.
    deals_counted
        Whether deals become cash of their own. Not where invoices exist but none names its deal: those are all in ``counts``.
    purchases_counted
        Whether purchases become cash of their own. Not where invoices bill them: those are all in ``counts``.
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
    deals: DealFacts
    instalments: Instalments
    spend_per_day: Mapping[str, float]
    pace_deviation: float
    terms: str
    vat_rate: float
    opening_balance: float | None
    floor: float
    deals_counted: bool
    purchases_counted: bool
    vat_planned: bool
    missing: tuple[str, ...]

    def without_deal(self) -> pd.DataFrame:
        """Give the templates of invoices without a deal."""
        return self.templates[self.templates["of_deal"] == 0]

    def billing(self) -> Billing:
        """How deals are invoiced and paid: as past ones were.

        Where at least 20 of their invoices are known, and those weren't due by the company's terms, the days from issue to payment are
        theirs; otherwise days after the due date are, or those of all invoices, or the usual ones where there is none.
        """
        of_deals = self.templates[self.templates["of_deal"] == 1]
        chosen = of_deals if len(of_deals) >= _ENOUGH_FROM_DEALS else self.templates
        own_terms = chosen is of_deals and not self.deals.by_terms
        terms = BillingTerms(0) if own_terms else billing_terms.parse(self.terms)
        terms_days = np.zeros(len(chosen), np.int64) if own_terms else chosen["terms_days"].to_numpy(np.int64)
        lateness = Lateness.usual() if chosen.empty else self.pays_from_issue(chosen).late(terms_days)
        return Billing(terms, self.vat_rate, self.deals.plans, self.deals.already_net, lateness)

    def pays(self) -> PayDistribution:
        """Give when what is owed comes in, in days after as_of."""
        age, whole = self.receivables["age_days"].to_numpy(np.float64), self.receivables["part_paid"].to_numpy(np.float64) == 0.0
        return PayDistribution.of(self.receivables).in_parts(self.instalments, age, whole)

    def pays_from_issue(self, templates: pd.DataFrame) -> PayDistribution:
        """Give when the money of new invoices like these comes in, in days after issue."""
        count = len(templates)
        return PayDistribution.of(templates).in_parts(self.instalments, np.zeros(count), np.ones(count, np.bool_))

    def files(self) -> dict[str, bytes]:
        """Give the inputs as parquet and JSON."""
        document: dict[str, Any] = {name: getattr(self, name) for name in _PLAIN}
        document |= {"as_of": self.as_of.at.isoformat(), "timezone": self.as_of.timezone, "missing": list(self.missing)}
        document |= {"counts": self.counts.document() if self.counts else None}
        document |= {
            "spend_per_day": dict(self.spend_per_day),
            "already_net": dict(self.deals.already_net),
            "by_terms": self.deals.by_terms,
            "instalments": vars(self.instalments),
        }
        frames = {name: getattr(self, name) for name in _FRAMES} | {"waiting": self.deals.waiting, "plans": self.deals.plans.frame()}
        return {"cash.json": to_json(document), **{f"{name}.parquet": frame.to_parquet(index=False) for name, frame in frames.items()}}


_FRAMES = ("receivables", "templates", "planned")
_PLAIN = (
    "currency",
    "pace_deviation",
    "terms",
    "vat_rate",
    "opening_balance",
    "floor",
    "deals_counted",
    "purchases_counted",
    "vat_planned",
)


def rebuild(files: Mapping[str, bytes]) -> CashInputs:
    """Make the inputs from their files."""
    document: dict[str, Any] = json.loads(files["cash.json"])
    as_of = AsOf(datetime.fromisoformat(document.pop("as_of")), document.pop("timezone"))
    counts = document.pop("counts")
    waiting, plans, *frames = (pd.read_parquet(io.BytesIO(files[f"{name}.parquet"])) for name in ("waiting", "plans", *_FRAMES))
    deals = DealFacts(document.pop("already_net"), waiting, InvoicingPlans.of(plans), document.pop("by_terms"))
    document |= dict(zip(_FRAMES, frames, strict=True)) | {"deals": deals}
    document["instalments"] = Instalments(**document["instalments"])
    document |= {"counts": InvoiceCounts.read(counts) if counts else None, "missing": tuple(document["missing"])}
    return CashInputs(as_of=as_of, **document)
