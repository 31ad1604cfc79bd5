"""The whole cash forecast of a company, beside the plain way: a numpy loop over its invoices, its deals, and the draws of new invoices."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks.measure import Row, compare
from funnelcast.forecast.cash import RECEIPTS
from funnelcast.forecast.cash_inputs import CashInputs
from funnelcast.forecast.deal_facts import DealFacts
from funnelcast.forecast.instalments import Instalments
from funnelcast.forecast.invoice_counts import InvoiceCounts
from funnelcast.forecast.invoicing import InvoicingPlans
from funnelcast.forecast.new_deals import NewDealProcess, estimate
from funnelcast.forecast.payments import SPAN_DAYS, Pace, PayDistribution
from funnelcast.forecast.periods import calendar, edges
from funnelcast.forecast.pipeline import WEEKS, PipelineInputs, weekly
from funnelcast.forecast.projection import Ask, Projection
from funnelcast.forecast.receivables import collect
from funnelcast.forecast.result import Forecast
from funnelcast.forecast.sales import SalesInputs, sales_inputs
from funnelcast.sources.as_of import cut
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]

DEALS, INVOICES, DRAWS = 5_000, 20_000, 2_000
AS_OF = AsOf.parse("2026-01-05", "UTC")
_NEW_INVOICES_A_WEEK, _NEW_DEALS_A_WEEK = 100.0, 60
_TEMPLATES, _PAST_DEALS = 2_000, 400
_COSTS_A_WEEK = 435_000.0  # about what comes in, so that the balance may run short
_VAT = 0.2
_HAND_SEED, _SEED = 0, 1


def rows() -> Iterator[Row]:
    """Time the open invoices alone, then everything that a planner's question draws: sales, pipeline, cash, balance and levers."""
    company = draw(DEALS, INVOICES)
    assert company.cash is not None  # noqa: S101 (for the types: the company was drawn with it)
    open_ones, by_loop = partial(receivables, company.cash), partial(receivables_by_hand, company.cash)
    name = f"{DRAWS:,} draws of {INVOICES:,} open invoices over 52 weeks"
    yield _a_second(compare(name, "a numpy loop over the invoices", open_ones, by_loop, means(open_ones(), by_loop())))
    whole, by_hand = partial(forecast, company), partial(receipts_by_hand, company)
    name = f"{DRAWS:,} draws of {DEALS:,} deals and {INVOICES:,} invoices: cash, balance and levers"
    yield _a_second(compare(name, "numpy loops, receipts alone", whole, by_hand, means(receipts(whole()), by_hand())))


def _a_second(row: Row) -> Row:
    """Say how many draws a second both ways make."""
    return replace(row, agreement=f"{DRAWS / row.own:,.0f} and {DRAWS / row.theirs:,.0f} draws a second; {row.agreement}")


def draw(deals: int, invoices: int, draws: int = DRAWS) -> Projection:
    """Draw what a company of this size is forecast from; in a week 100 invoices and 60 deals are new at the full size."""
    generator = np.random.default_rng(_SEED)
    pipeline = PipelineInputs(
        as_of=AS_OF,
        currency="EUR",
        open_deals=_open_deals(generator, deals),
        newcomers=_newcomers(),
        process=_new_deals(generator, round(deals / DEALS * _NEW_DEALS_A_WEEK)),
    )
    return Projection(AS_OF, _sales(generator), pipeline, _cash(generator, deals, invoices), {}, _SEED, draws)


def forecast(company: Projection) -> Forecast:
    """Draw the whole year's cash."""
    return company.forecast(Ask("cash", count=WEEKS))


def receipts(found: Forecast) -> Floats:
    """Give what customers pay for invoices in each draw: shape [draws]."""
    return np.asarray(sum(found.parts[name].sum(axis=1) for name in RECEIPTS if name != "repeat_purchases"))


def receivables(inputs: CashInputs, draws: int = DRAWS) -> Floats:
    """Give what open invoices bring in each draw: shape [draws]."""
    amount, pays = _amount(inputs.receivables), PayDistribution.of(inputs.receivables)
    generator, nobody = np.random.default_rng(_SEED), np.zeros(0, np.int64)
    pace = Pace.draw(generator, draws, _days(), inputs.pace_deviation)
    return np.asarray(collect(pays, amount, pace, days=_days(), generator=generator, keep=nobody).daily.sum(axis=1))


def receivables_by_hand(inputs: CashInputs, draws: int = DRAWS) -> Floats:
    """Draw one invoice after the other, without a pace that they share."""
    generator = np.random.default_rng(_HAND_SEED)
    daily = np.zeros((draws, _days()))
    pays = PayDistribution.of(inputs.receivables)
    for amount, reached in zip(_amount(inputs.receivables), np.cumsum(pays.daily, axis=1), strict=True):
        _pay(daily, np.arange(draws), np.searchsorted(reached, generator.random(draws)), amount)
    return np.asarray(daily.sum(axis=1))


def receipts_by_hand(company: Projection) -> Floats:
    """Draw invoices, deals and new invoices in loops: no shared shocks, no balance, no lever, no scenario to compare with."""
    inputs, pipeline, draws = company.cash, company.pipeline, company.draws
    assert inputs is not None  # noqa: S101 (for the types)
    assert pipeline is not None  # noqa: S101 (for the types)
    generator = np.random.default_rng(_HAND_SEED)
    daily = np.zeros((draws, _days()))
    late = np.cumsum(inputs.billing().lateness.daily)
    hazards = zip(*weekly(pipeline.open_deals, WEEKS), pipeline.open_deals["expected_amount"], strict=True)
    for won, lost, amount in hazards:
        _win(daily, generator, (won, lost), amount, (inputs.deals.plans, late))
    newcomers = weekly(pipeline.newcomers, WEEKS)
    for week, expected in enumerate(pipeline.process.expected.sum(axis=0)):
        for _ in range(generator.poisson(expected)):
            amount = generator.choice(pipeline.process.amounts[0])
            _win(daily, generator, (newcomers[0][0], newcomers[1][0]), amount, (inputs.deals.plans, late), start=7 * week)
    return np.asarray(receivables_by_hand(inputs, draws) + daily.sum(axis=1) + _new_invoices_by_hand(inputs, generator, draws))


def means(own: Floats, theirs: Floats) -> str:
    """Say how far the means of two sets of draws are apart."""
    return f"means {abs(own.mean() / theirs.mean() - 1.0):.1%} apart"


def _win(
    daily: Floats,
    generator: np.random.Generator,
    hazards: tuple[Floats, Floats],
    amount: float,
    billed: tuple[InvoicingPlans, Floats],
    start: int = 0,
) -> None:
    """Draw one deal: its week, a plan, and the payment of each part."""
    won, lost = hazards
    plans, late = billed
    draws = len(daily)
    chance = won * np.concatenate([[1.0], np.cumprod(1.0 - won - lost)[:-1]])
    week = np.searchsorted(np.cumsum(chance), generator.random(draws))
    winners = np.flatnonzero(week < WEEKS)
    plan = plans.choose(np.full(winners.size, amount), generator.random(winners.size))
    deal, lag, share = plans.parts(plan, np.zeros(winners.size, np.int64))
    issued = start + 7 * week[winners][deal] + generator.integers(0, 7, deal.size) + lag
    took = np.searchsorted(late, generator.random(deal.size)) - (late.size - SPAN_DAYS)
    _pay(daily, winners[deal], issued + np.where(took < SPAN_DAYS, np.maximum(took, 0), _days()), amount * (1.0 + _VAT) * share)


def _new_invoices_by_hand(inputs: CashInputs, generator: np.random.Generator, draws: int) -> Floats:
    assert inputs.counts is not None  # noqa: S101 (for the types)
    templates = inputs.without_deal()
    pays, amount = np.cumsum(PayDistribution.of(templates).daily, axis=1), _amount(templates)
    counts = inputs.counts.draw(generator, draws, inputs.as_of.day, _days())
    found = np.zeros(draws)
    for draw, count in enumerate(counts):
        template = generator.integers(0, amount.size, count.sum())
        lag = (pays[template] < generator.random((template.size, 1))).sum(axis=1)
        paid = np.repeat(np.arange(count.size), count) + np.where(lag < SPAN_DAYS, lag, _days())
        found[draw] = amount[template[paid < _days()]].sum()
    return found


def _pay(daily: Floats, draw: npt.NDArray[np.int64], day: npt.NDArray[np.int64], amount: float | Floats) -> None:
    inside = day < min(daily.shape[1], SPAN_DAYS) if np.ndim(amount) == 0 else day < daily.shape[1]
    np.add.at(daily, (draw[inside], day[inside]), amount if np.ndim(amount) == 0 else np.asarray(amount)[inside])


def _days() -> int:
    return int(edges(calendar(AS_OF, "week", WEEKS), AS_OF)[-1])


def _amount(invoices: pd.DataFrame) -> Floats:
    return invoices["amount"].to_numpy(np.float64)


def _open_deals(generator: np.random.Generator, count: int) -> pd.DataFrame:
    hazards = {f"{cause}_{week:02d}": generator.gamma(2.0, mean / 2.0, count) for cause, mean in _HAZARDS for week in range(1, WEEKS + 1)}
    known = {"deal_id": [f"d{row}" for row in range(count)], "contact_id": [f"c{row}" for row in range(count)], "owner": "o"}
    amounts = {"expected_amount": generator.lognormal(8.0, 0.7, count), "amount_log_sd": 0.2, "dead_weight": False}
    return pd.DataFrame({**known, "channel": "web", **amounts, **hazards, **_SHOCKS})


def _newcomers() -> pd.DataFrame:
    hazards = {f"{cause}_{week:02d}": mean for cause, mean in _HAZARDS for week in range(1, WEEKS + 1)}
    return pd.DataFrame({"channel": "web", "week": np.arange(WEEKS), **hazards, **_SHOCKS})


_HAZARDS = (("won", 0.012), ("lost", 0.02))
_SHOCKS = {f"{name}_sd": 0.1 for name in ("closing_month", "winning_month", "closing_level", "winning_level")}


def _new_deals(generator: np.random.Generator, per_week: int) -> NewDealProcess:
    """Estimate the process from two years of so many deals a week, a third of them won."""
    weeks = 104
    opened = pd.Timestamp(AS_OF.at) - pd.to_timedelta(7 * weeks * generator.random(weeks * per_week), unit="D")
    known: dict[str, Any] = {"deal_id": [f"p{row}" for row in range(opened.size)], "opened_at": opened, "channel": "web"}
    closed = (opened + pd.Timedelta(days=30)).where(opened < pd.Timestamp(AS_OF.at) - pd.Timedelta(days=40))
    won = np.where(closed.isna(), None, np.where(generator.random(opened.size) < 1.0 / 3.0, "won", "lost"))
    amounts = generator.lognormal(8.0, 0.7, opened.size)
    deals = pd.DataFrame({**known, "amount": amounts, "closed_at": closed, "outcome": won, "closed_amount": amounts})
    ended = deals.dropna(subset="closed_at").rename(columns={"closed_at": "occurred_at", "outcome": "stage"})
    events = ended[["deal_id", "occurred_at", "stage", "amount"]]
    return estimate(cut(from_frames(Source("projection"), {"deals": deals, "deal_events": events}), AS_OF), AS_OF, WEEKS)


def _cash(generator: np.random.Generator, deals: int, invoices: int) -> CashInputs:
    receivable = {"invoice_id": [f"i{row}" for row in range(invoices)], "contact_id": [f"c{row}" for row in range(invoices)]}
    receivable |= {"age_days": [0.0] * invoices, "part_paid": [0.0] * invoices}
    of_deal = np.arange(_TEMPLATES) % 2
    whose = [f"c{row}" for row in range(_TEMPLATES)]
    out = pd.DataFrame({"day": np.arange(0, _days(), 7), "amount": -_COSTS_A_WEEK * deals / DEALS})
    return CashInputs(
        as_of=AS_OF,
        currency="EUR",
        receivables=_invoices(generator, pd.DataFrame(receivable)),
        templates=_invoices(generator, pd.DataFrame({"contact_id": whose, "terms_days": 30.0, "of_deal": of_deal})),
        counts=InvoiceCounts(
            shape=400.0,
            rate=400.0 / (_NEW_INVOICES_A_WEEK * invoices / INVOICES),
            age=0.0,
            trend=0.0,
            trend_sd=0.001,
            walk=0.01,
            week_shape=50.0,
            month_deviation=0.05,
            weekday=(1.0,) * 7,
            month_day=(1.0,) * 31,
            season=(1.0,) * 12,
        ),
        planned=out,
        deals=DealFacts({}, pd.DataFrame({"deal_id": [], "day": [], "amount": []}), _plans(generator), by_terms=False),
        instalments=Instalments(),
        spend_per_day={},
        pace_deviation=0.08,
        terms="30 days",
        vat_rate=_VAT,
        opening_balance=1e5,
        floor=0.0,
        deals_counted=True,
        purchases_counted=True,
        vat_planned=False,
        missing=(),
    )


def _invoices(generator: np.random.Generator, known: pd.DataFrame) -> pd.DataFrame:
    """Give amounts and days to payment: half a year at most, one in thirty never."""
    chance = generator.dirichlet(np.full(180, 0.2), len(known)) * 29.0 / 30.0
    columns = {f"pay_{day:03d}": chance[:, day] for day in range(180)} | {"pay_180": 0.0, "p_never": 1.0 / 30.0}
    return pd.concat([known, pd.DataFrame({"amount": generator.lognormal(6.0, 1.0, len(known)), **columns})], axis=1)


def _plans(generator: np.random.Generator) -> InvoicingPlans:
    """Give deals of which every other one is invoiced in two parts."""
    amount = generator.lognormal(8.0, 0.7, _PAST_DEALS)
    first = pd.DataFrame(
        {"deal_id": range(_PAST_DEALS), "deal_amount": amount, "lag": generator.integers(1, 5, _PAST_DEALS), "amount": 0.3}
    )
    rest = first[::2].assign(lag=generator.integers(25, 75, _PAST_DEALS // 2), amount=0.7)
    return InvoicingPlans.of(pd.concat([first, rest]))


def _sales(generator: np.random.Generator) -> SalesInputs:
    days = pd.date_range("2023-01-02", "2026-01-04", freq="D")
    bought = {channel: generator.gamma(20.0, 50.0, days.size) for channel in ("web", "store", "phone")}
    frames = [pd.DataFrame({"contact_id": "c", "occurred_at": days, "amount": amount, "channel": name}) for name, amount in bought.items()]
    return sales_inputs(from_frames(Source("projection"), {"transactions": pd.concat(frames)}), AS_OF, "week", WEEKS + 1)
