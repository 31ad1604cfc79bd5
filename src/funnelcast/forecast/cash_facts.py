"""The cash forecast's inputs from the facts: counts and sums by day, computed in the engine."""

from __future__ import annotations

import ibis
import numpy as np
import pandas as pd

from funnelcast.cohorts import day_of
from funnelcast.forecast import billing_terms, invoice_counts
from funnelcast.forecast.cash_inputs import CashInputs
from funnelcast.forecast.deal_facts import DealFacts
from funnelcast.forecast.instalments import Instalments, parts_paid
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

_HISTORY_DAYS = 3 * 365
_SPEND_DAYS = 91
_USUAL_PACE = 0.08
_PRIOR_MONTHS = 6
_MATURE_DAYS = 90
_FEW_PAID = 20
_YEAR_DAYS = 365
_LONGEST = 180
_LARGEST_PACE = 0.5
_VAT_CATEGORIES = ("vat", "tva")  # planned items of these categories are the payments of VAT themselves


def cash_inputs(facts: Facts, as_of: AsOf, receivables: pd.DataFrame | None, templates: pd.DataFrame | None) -> CashInputs:
    """Gather what is known before as_of.

    Parameters
    ----------
    facts
        The company; whatever tables it brings.
    receivables
        One row per unpaid invoice: invoice_id, contact_id, amount beside ``p_never`` and ``pay_DDD`` as predicted; None without invoices.
    templates
        One row per invoice of the past year, predicted as if issued at as_of: contact_id, deal_id, amount, terms_days and the same.
    """
    known = cut(facts, as_of)
    source = facts.source
    terms = billing_terms.parse(source.terms, source.path or source.name)
    today = as_of.day
    issued, paid = issued_and_paid(known)
    linked = facts.brings("invoices", "deal_id") and _any_linked(known)
    counted = linked or issued == 0
    purchases = not _purchases_invoiced(known, today)
    deals = DealFacts.of(known, today, source.vat_rate, terms) if linked and facts.has("deals") else DealFacts.none()
    counts = invoice_counts.fit(_issued_by_day(known, today), today) if issued else None
    return CashInputs(
        as_of=as_of,
        currency=source.currency,
        receivables=_receivables(receivables, known),
        templates=_templates(templates),
        counts=counts,
        planned=_planned(known, as_of),
        deals=deals,
        instalments=Instalments.of(known, today - _HISTORY_DAYS) if issued else Instalments(),
        spend_per_day=_spend(known, as_of),
        pace_deviation=_pace_deviation(known, today) if issued else _USUAL_PACE,
        terms=source.terms,
        vat_rate=source.vat_rate,
        opening_balance=source.opening_balance,
        floor=source.floor,
        deals_counted=counted,
        purchases_counted=purchases,
        vat_planned=_vat_planned(known, as_of),
        missing=_missing(facts, issued, paid, counted=counted, any_new=counts is not None, purchases_counted=purchases),
    )


def issued_and_paid(known: Facts) -> tuple[int, int]:
    """Count the invoices that are known, and those known to be paid; none without the table."""
    if not known.has("invoices"):
        return 0, 0
    invoices = known.table("invoices")
    sums: pd.DataFrame = invoices.aggregate(issued=invoices.count(), paid=invoices.paid_at.count()).execute()
    return int(sums["issued"].iloc[0]), int(sums["paid"].iloc[0])


def _missing(facts: Facts, issued: int, paid: int, *, counted: bool, any_new: bool, purchases_counted: bool) -> tuple[str, ...]:
    said = []
    if issued == 0:
        lacking = "no invoice was issued before as_of" if facts.has("invoices") else "no table of invoices"
        said.append(f"receivables: {lacking}; days to pay are a common pattern, not this company's")
    elif paid < _FEW_PAID:
        said.append(f"receivables: {paid} invoices were paid so far, so days to pay lean on a common pattern and intervals are wide")
    if not any_new:
        said.append("new_invoices: no invoice without a deal was issued before as_of")
    if not facts.has("deals"):
        said.append("open_deals, new_deals: no table of deals")
    elif not counted:
        said.append("open_deals, new_deals: no invoice names its deal_id, so invoices of deals are expected among new_invoices")
    if not purchases_counted:
        said.append("repeat_purchases: most invoices are of a purchase on the same day, so purchases are expected among new_invoices")
    if not facts.has("cash_items"):
        said.append("planned: no table of cash_items, so no salaries, rents or taxes go out")
    if facts.source.opening_balance is None:
        said.append("balance, shortfall: source.toml gives no opening_balance under [cash]")
    return tuple(said)


def _receivables(predicted: pd.DataFrame | None, known: Facts) -> pd.DataFrame:
    """Give the open invoices with what is still owed of them."""
    if predicted is not None:
        amount = predicted["amount"].to_numpy(np.float64)
        paid = predicted["invoice_id"].map(parts_paid(known)).fillna(0.0).to_numpy(np.float64)
        predicted = predicted.assign(amount=amount - np.minimum(paid, np.maximum(amount, 0.0)), part_paid=paid)
    return _frame(predicted, ["invoice_id", "contact_id", "amount", "age_days", "part_paid"])


def _templates(predicted: pd.DataFrame | None) -> pd.DataFrame:
    if predicted is not None:
        predicted = predicted.assign(of_deal=predicted["deal_id"].notna().astype(np.int64))
    return _frame(predicted, ["contact_id", "amount", "terms_days", "of_deal"])


def _frame(predicted: pd.DataFrame | None, names: list[str]) -> pd.DataFrame:
    if predicted is None:
        return pd.DataFrame({name: pd.Series(dtype=np.float64) for name in (*names, "p_never", "pay_000")})
    chances = [name for name in predicted.columns if name == "p_never" or name.startswith("pay_")]
    return predicted[[*names, *chances]].reset_index(drop=True)


def _any_linked(known: Facts) -> bool:
    invoices = known.table("invoices")
    return bool(invoices.filter(invoices.deal_id.notnull()).count().execute() > 0)


def _purchases_invoiced(known: Facts, today: int) -> bool:
    """Say whether most of the last year's invoices without a deal bill a purchase of the same contact on the same day."""
    if not (known.has("invoices") and known.has("transactions")):
        return False
    invoices, purchases = known.table("invoices"), known.table("transactions")
    billed = invoices.filter(invoices.deal_id.isnull(), day_of(invoices.issued_at) >= today - _YEAR_DAYS)
    issued = billed.select("contact_id", "invoice_id", day=day_of(billed.issued_at))
    bought = purchases.select("contact_id", day=day_of(purchases.occurred_at)).distinct()
    both = issued.inner_join(bought, ["contact_id", "day"])
    return bool(2 * both.count().execute() > issued.count().execute())


def _issued_by_day(known: Facts, today: int) -> pd.DataFrame:
    invoices = known.table("invoices")
    day = day_of(invoices.issued_at)
    issued = invoices.filter(invoices.deal_id.isnull(), day >= today - _HISTORY_DAYS)
    counted: pd.DataFrame = issued.group_by(day=day_of(issued.issued_at)).aggregate(count=issued.count()).order_by("day").execute()
    return counted


def _planned(known: Facts, as_of: AsOf) -> pd.DataFrame:
    if not known.has("cash_items"):
        return pd.DataFrame({"day": pd.Series(dtype=np.int64), "amount": pd.Series(dtype=np.float64)})
    items = known.table("cash_items")
    day = day_of(items.date) - as_of.day
    planned: pd.DataFrame = (
        items.select(day=day, amount=items.amount).filter(lambda item: item.day >= 0).order_by("day", "amount").execute()
    )
    return planned.astype({"day": np.int64, "amount": np.float64})


def _vat_planned(known: Facts, as_of: AsOf) -> bool:
    if not known.has("cash_items"):
        return False
    items = known.table("cash_items")
    payments = items.filter(items.date >= ibis.literal(as_of.at, type="timestamp"), items.category.strip().lower().isin(_VAT_CATEGORIES))
    return bool(payments.count().execute() > 0)


def _spend(known: Facts, as_of: AsOf) -> dict[str, float]:
    if not known.has("spend"):
        return {}
    spend = known.table("spend")
    lately = spend.filter(spend.date >= as_of.plus(-_SPEND_DAYS).at)
    cents = (lately.amount * 100).round().cast("int64")  # whole numbers add up alike in any order
    sums: pd.DataFrame = lately.group_by("channel").aggregate(cents=cents.sum()).order_by("channel").execute()
    return {str(channel): float(amount) / 100.0 / _SPEND_DAYS for channel, amount in zip(sums["channel"], sums["cents"], strict=True)}


def _pace_deviation(known: Facts, today: int) -> float:
    """Estimate how far months differ in their mean days to payment beyond chance, from neighbouring months of issue, relative to the mean.

    With a variance t^2 between months and s^2 / n by chance, neighbours differ by 2 t^2 + s1^2 / n1 + s2^2 / n2 in the mean square. A usual
    8 % counts as much as six months.
    """
    invoices = known.table("invoices")
    day = day_of(invoices.issued_at)
    mature = invoices.filter(invoices.paid_at.notnull(), day < today - _MATURE_DAYS, day >= today - _HISTORY_DAYS)
    took = (day_of(mature.paid_at) - day_of(mature.issued_at)).clip(0, _LONGEST)
    by_month = mature.group_by(month=mature.issued_at.truncate("M"))
    sums = by_month.aggregate(n=mature.count(), total=took.sum(), squares=(took * took).sum()).order_by("month").execute()
    sums = sums[sums["n"] >= 5].astype({"n": np.float64, "total": np.float64, "squares": np.float64})
    if len(sums) < 2:
        return _USUAL_PACE
    count, mean = sums["n"].to_numpy(), (sums["total"] / sums["n"]).to_numpy()
    by_chance = (sums["squares"].to_numpy() / count - mean**2) / (count - 1.0)
    found = float(np.mean(np.diff(mean) ** 2 - by_chance[1:] - by_chance[:-1])) / 2.0
    typical = max(float(sums["total"].sum() / sums["n"].sum()), 1.0)
    pairs = len(sums) - 1
    shrunk = (pairs * max(found, 0.0) / typical**2 + _PRIOR_MONTHS * _USUAL_PACE**2) / (pairs + _PRIOR_MONTHS)
    return float(min(np.sqrt(shrunk), _LARGEST_PACE))
