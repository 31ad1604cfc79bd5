"""The cash forecast: from the open invoices, the invoices to come, deals, repeat purchases and planned items to the account's balance.

Invoices are gross. Deals are net: they are invoiced with VAT. The VAT in what deals and new invoices bring in goes out on the 20th of the
month after it was collected, within ``planned``; that of invoices issued before as_of is taken as declared.
Where the company plans its payments of VAT itself, as cash items of the category vat or tva, none is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.errors import UsageError
from funnelcast.forecast import new_invoices, receivables
from funnelcast.forecast.balance import Lever, balance_documents, effects, shortfall_document
from funnelcast.forecast.billing_terms import month_end
from funnelcast.forecast.cash_inputs import CashInputs
from funnelcast.forecast.deal_invoices import Converted, certain, convert
from funnelcast.forecast.flows import NOT_YET, Flows
from funnelcast.forecast.new_invoices import Issued
from funnelcast.forecast.payments import Pace
from funnelcast.forecast.periods import Period, edges
from funnelcast.forecast.receivables import Collected
from funnelcast.forecast.result import Forecast
from funnelcast.forecast.scenario import Scenario
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

DRAWS = 2_000
RECEIPTS = ("receivables", "new_invoices", "open_deals", "new_deals", "repeat_purchases")
"""The parts that customers pay: what a back-test compares with receipts."""

_VAT_DAY = 20
_INVOICE_LEVERS, _DEAL_LEVERS = 40, 20
_PACE, _RECEIVABLES, _NEW_INVOICES = range(3)


@dataclass(frozen=True, eq=False)
class CashDraws:
    """Everything that was drawn: what the forecast adds up, and what the invariants are checked on.

    Parameters
    ----------
    parts
        What each part brings by day: shape [draws, days] each.
    """

    receivables: Collected
    new_invoices: Issued
    open_deals: Converted
    new_deals: Converted
    parts: Mapping[str, Floats]


def forecast_cash(
    inputs: CashInputs,
    bookings_open: Flows | None,
    bookings_new: Flows | None,
    repeat: Flows | None,
    periods: tuple[Period, ...],
    seed: int,
    scenario: Scenario,
    *,
    draws: int = DRAWS,
    dead_weight: frozenset[str] = frozenset(),
) -> Forecast:
    """Forecast receipts, planned items and the balance.

    Parameters
    ----------
    bookings_open, bookings_new
        Net bookings of open and future deals in every draw, as the pipeline draws them; None: not modelled.
    repeat
        Purchases paid at once, gross.
    seed
        With the same seed, two scenarios differ by what they change and by nothing else.
    draws
        Where no flows are given; otherwise theirs.
    dead_weight
        Deals older than any that ever closed: nobody is told to count on one.

    Raises
    ------
    UsageError
        The flows don't have the same number of draws.
    """
    bounds = edges(periods, inputs.as_of)
    drawn = draw_cash(inputs, (bookings_open, bookings_new, repeat), int(bounds[-1]), seed, scenario, draws=draws)
    parts = {name: _by_period(daily, bounds) for name, daily in drawn.parts.items()}
    missing = (*inputs.missing, *_not_given(inputs, bookings_open, bookings_new, repeat))
    whole = Forecast("cash", inputs.as_of, inputs.currency, periods, parts, missing)
    if inputs.opening_balance is None:
        return whole
    path = inputs.opening_balance + np.cumsum(whole.total(), axis=1)
    levers = effects(path, inputs.floor, _levers(inputs, drawn, bounds, dead_weight))
    extra: dict[str, Json] = {
        "balance": balance_documents(path, periods, inputs.as_of, inputs.floor),
        "shortfall": shortfall_document(path, periods, inputs.as_of, inputs.floor, levers),
    }
    return Forecast("cash", inputs.as_of, inputs.currency, periods, parts, missing, extra, levers)


def draw_cash(
    inputs: CashInputs,
    flows: tuple[Flows | None, Flows | None, Flows | None],
    days: int,
    seed: int,
    scenario: Scenario,
    *,
    draws: int = DRAWS,
) -> CashDraws:
    """Draw so many days of every part; ``flows`` are bookings of open deals, of new deals, and repeat purchases."""
    draws = _common_draws(flows, draws)
    open_flows, new_flows, repeat = (Flows.none(draws) if given is None else given for given in flows)
    generators = [np.random.default_rng([seed, part]) for part in range(3)]
    pace = Pace.draw(generators[_PACE], draws, days, inputs.pace_deviation, scenario.payment_delay_days)
    if not inputs.deals_counted:
        open_flows = new_flows = Flows.none(draws)
    if not inputs.purchases_counted:
        repeat = Flows.none(draws)
    open_flows = Flows.concatenate([open_flows, certain(inputs.deals.waiting, draws)])
    billing = inputs.billing()
    open_deals, new_deals = (
        convert(bookings, billing, pace, first_day=inputs.as_of.day, seed=seed) for bookings in (open_flows, new_flows)
    )
    new = _new_invoices(inputs, pace, days, generators[_NEW_INVOICES], scenario)
    owed = _receivables(inputs, pace, days, generators[_RECEIVABLES])
    taxed = {"new_invoices": new.daily, "open_deals": by_day(open_deals.paid, days), "new_deals": by_day(new_deals.paid, days)}
    vat = _vat(sum(taxed.values(), np.zeros(1)), 0.0 if inputs.vat_planned else inputs.vat_rate, inputs.as_of.day)
    others = {"repeat_purchases": by_day(repeat, days), "planned": _planned(inputs, scenario, days)[None, :] - vat}
    return CashDraws(owed, new, open_deals, new_deals, {"receivables": owed.daily} | taxed | others)


def by_day(flows: Flows, days: int) -> Floats:
    """Add up flows by day: shape [draws, days]."""
    return flows.by_period(np.arange(days + 1))


def _common_draws(flows: tuple[Flows | None, ...], default: int) -> int:
    given = sorted({one.draws for one in flows if one is not None})
    if len(given) > 1:
        raise UsageError(reason=f"The cash forecast adds draws up one by one; bookings and purchases come in {given} draws.")
    return given[0] if given else default


def _not_given(inputs: CashInputs, bookings_open: Flows | None, bookings_new: Flows | None, repeat: Flows | None) -> tuple[str, ...]:
    said = "\n".join(inputs.missing)
    deals = [name for name, given in (("open_deals", bookings_open), ("new_deals", bookings_new)) if given is None and name not in said]
    sentences = [f"{name}: not forecast by the pipeline" for name in deals]
    if repeat is None and "repeat_purchases" not in said:
        sentences.append("repeat_purchases: no purchases that are paid at once were forecast")
    return tuple(sentences)


def _receivables(inputs: CashInputs, pace: Pace, days: int, generator: np.random.Generator) -> Collected:
    amount = inputs.receivables["amount"].to_numpy(np.float64)
    largest = np.argsort(-amount, kind="stable")[:_INVOICE_LEVERS] if inputs.opening_balance is not None else np.zeros(0, np.int64)
    return receivables.collect(inputs.pays(), amount, pace, days=days, generator=generator, keep=np.sort(largest))


def _new_invoices(inputs: CashInputs, pace: Pace, days: int, generator: np.random.Generator, scenario: Scenario) -> Issued:
    templates = inputs.without_deal()
    draws = pace.factor.shape[0]
    if inputs.counts is None or templates.empty:
        return Issued(np.zeros(draws), np.zeros((draws, days)), np.zeros(draws), np.zeros(draws))
    amount = templates["amount"].to_numpy(np.float64)
    kept = np.where(templates["contact_id"].isin(scenario.lost_customers), 0.0, amount)
    customer = pd.factorize(templates["contact_id"])[0].astype(np.int64)
    distribution = inputs.pays_from_issue(templates)
    return new_invoices.issue(
        inputs.counts, kept, customer, distribution, pace=pace, first_day=inputs.as_of.day, days=days, generator=generator
    )


def _planned(inputs: CashInputs, scenario: Scenario, days: int) -> Floats:
    today = inputs.as_of.at.date()
    extra = [((item.date - today).days, item.amount) for item in scenario.cash_items]
    day = np.array([*inputs.planned["day"], *(day for day, _ in extra)], dtype=np.int64)
    amount = np.array([*inputs.planned["amount"], *(amount for _, amount in extra)], dtype=np.float64)
    within = (day >= 0) & (day < days)
    planned = np.bincount(day[within], weights=amount[within], minlength=days).astype(np.float64)
    more_spend = sum(per_day * (scenario.spend_of(channel) - 1.0) for channel, per_day in inputs.spend_per_day.items())
    return np.asarray(planned - more_spend, dtype=np.float64)


def _vat(collected: Floats, rate: float, first_day: int) -> Floats:
    """Move the VAT in what was collected to the 20th of the following month: shape [draws, days]."""
    days = collected.shape[1]
    every = first_day + np.arange(days)
    out = month_end(every) + _VAT_DAY - first_day
    moved = np.zeros_like(collected)
    for day in np.unique(out[out < days]):
        moved[:, day] = collected[:, out == day].sum(axis=1) * rate / (1.0 + rate)
    return moved


def _by_period(daily: Floats, bounds: Integers) -> Floats:
    reached = np.concatenate([np.zeros((daily.shape[0], 1)), np.cumsum(daily, axis=1)], axis=1)
    return np.asarray(np.diff(reached[:, bounds], axis=1), dtype=np.float64)


def _levers(inputs: CashInputs, drawn: CashDraws, bounds: Integers, dead_weight: frozenset[str]) -> list[Lever]:
    ends = bounds[1:]
    names, amounts = inputs.receivables["invoice_id"], inputs.receivables["amount"].to_numpy(np.float64)
    invoices = [
        Lever(str(names.iloc[place]), "invoice", float(amounts[place]), amounts[place] * (days[:, None] >= ends[None, :]))
        for place, days in zip(drawn.receivables.kept, drawn.receivables.kept_days, strict=True)
        if amounts[place] > 0
    ]
    return invoices + _deal_levers(drawn.open_deals, ends, dead_weight)


def _deal_levers(converted: Converted, ends: Integers, dead_weight: frozenset[str]) -> list[Lever]:
    """Take the live deals that bring most where they are won; collected at once they bring their mean amount in every draw."""
    invoiced = converted.invoiced
    real = invoiced.lineage != NOT_YET
    count = len(invoiced.ids)
    times = np.bincount(invoiced.lineage[real], minlength=count)
    mean = np.bincount(invoiced.lineage[real], weights=invoiced.amount[real], minlength=count) / np.maximum(times, 1)
    mean[[name in dead_weight for name in invoiced.ids]] = 0.0
    largest = np.argsort(-mean, kind="stable")[:_DEAL_LEVERS]
    paid = converted.paid.of(invoiced.ids[place] for place in largest)
    levers = []
    for place in largest[mean[largest] > 0]:
        collected = np.cumsum(paid.where(paid.lineage == place).by_period(np.append(0, ends)), axis=1)
        levers.append(Lever(invoiced.ids[place], "deal", float(mean[place]), mean[place] - collected))
    return levers
