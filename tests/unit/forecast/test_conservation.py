"""In every draw what is booked was invoiced or will be, what is invoiced is collected, open or lost, and an invoice replaces its deal."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.forecast.cash import CashDraws, draw_cash, forecast_cash
from funnelcast.forecast.deal_facts import DealFacts
from funnelcast.forecast.deal_invoices import Converted
from funnelcast.forecast.flows import NOT_YET, Flows
from funnelcast.forecast.instalments import Instalments
from funnelcast.forecast.invoicing import InvoicingPlans
from funnelcast.forecast.periods import calendar
from funnelcast.forecast.scenario import Scenario
from tests.unit.forecast.cash_case import MONDAY, company, deal_facts, flat_counts, invoices, templates

Floats = npt.NDArray[np.float64]
DRAWS, DAYS, VAT = 30, 91, 0.2
IDS = ("a", "b", "c", "d")
PLANS = InvoicingPlans.of(
    pd.DataFrame(
        [
            ("small", 100.0, 3, 1.0),
            ("large", 5000.0, 2, 0.3),
            ("large", 5000.0, 50, 0.7),
            ("split", 9000.0, 0, 0.5),
            ("split", 9000.0, 120, 0.5),
        ],
        columns=["deal_id", "deal_amount", "lag", "amount"],
    )
)


def flows(rows: list[tuple[int, int, float, int]], ids: tuple[str, ...] = IDS) -> Flows:
    draw, day, amount, lineage = (np.array(part) for part in zip(*rows, strict=True)) if rows else (np.zeros(0),) * 4
    return Flows(DRAWS, draw.astype(np.int32), day.astype(np.int32), amount.astype(np.float64), lineage.astype(np.int32), ids)


def booking(lineage: Any) -> Any:
    row = st.tuples(st.integers(0, DRAWS - 1), st.integers(0, DAYS - 1), st.floats(0.01, 1e5), lineage)
    return st.lists(row, max_size=25, unique_by=lambda one: (one[0], one[3]) if one[3] >= 0 else one)


def settled(converted: Converted) -> Floats:
    """What is collected within the days, open after them, and lost: by draw."""
    collected = converted.paid.by_period(np.array([0, DAYS]))[:, 0]
    still_open = converted.collected.where(converted.collected.day >= DAYS).totals()
    return np.asarray(collected + still_open + converted.lost.totals(), dtype=np.float64)


def same(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-5)


def by_draw(rows: list[tuple[int, int, float, int]], before: dict[str, float]) -> Floats:
    """What of the bookings is still to be invoiced, counted one by one."""
    left = np.zeros(DRAWS)
    for draw, _, amount, lineage in rows:
        left[draw] += max(amount - (before.get(IDS[lineage], 0.0) if lineage >= 0 else 0.0), 0.0)
    return left


@settings(max_examples=40)
@given(
    opened=booking(st.integers(0, 2)),
    new=booking(st.just(NOT_YET)),
    before=st.dictionaries(st.sampled_from(IDS), st.floats(0.0, 1e5)),
    waiting=st.tuples(st.integers(-200, -1), st.floats(0.01, 1e5)),
    pays=st.lists(st.one_of(st.none(), st.integers(0, 363)), min_size=1, max_size=6),
    habit=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)),
    scenario=st.builds(Scenario, payment_delay_days=st.floats(-60.0, 200.0)),
    seed=st.integers(0, 1000),
)
def test_nothing_gets_lost_on_the_way_from_booking_to_bank(
    opened: list[tuple[int, int, float, int]],
    new: list[tuple[int, int, float, int]],
    before: dict[str, float],
    waiting: tuple[int, float],
    pays: list[int | None],
    habit: tuple[float, float],
    scenario: Scenario,
    seed: int,
) -> None:
    facts = deal_facts(before, {"d": waiting})
    inputs = company(
        deals=DealFacts(facts.already_net, facts.waiting, PLANS, by_terms=True),
        receivables=invoices(pays, [100.0] * len(pays)),
        templates=templates(pays, [50.0] * len(pays), of_deal=0),
        counts=flat_counts(3.0),
        instalments=Instalments(*habit),
        pace_deviation=0.2,
        vat_rate=VAT,
    )
    drawn = draw_cash(inputs, (flows(opened), flows(new, ()), None), DAYS, seed, scenario, draws=DRAWS)
    # what is booked was invoiced before or will be
    waits = max(waiting[1] - before.get("d", 0.0), 0.0)
    same(drawn.open_deals.invoiced.totals(), (by_draw(opened, before) + waits) * (1.0 + VAT))
    same(drawn.new_deals.invoiced.totals(), by_draw(new, {}) * (1.0 + VAT))
    # what is invoiced is collected, open or lost
    for converted in (drawn.open_deals, drawn.new_deals):
        same(settled(converted), converted.invoiced.totals())
        assert (converted.invoiced.day >= 0).all()
        assert (converted.paid_day >= converted.invoiced.day).all()
    owed, issued = drawn.receivables, drawn.new_invoices
    same(owed.daily.sum(axis=1) + owed.open + owed.lost, 100.0 * len(pays))
    same(issued.daily.sum(axis=1) + issued.open + issued.lost, issued.issued)


@settings(max_examples=20)
@given(booked=st.floats(1.0, 1e5), share=st.floats(0.0, 1.0), seed=st.integers(0, 100))
def test_an_invoice_replaces_as_much_of_its_deal_s_expectation(booked: float, share: float, seed: int) -> None:
    """However much of a deal was invoiced by now: invoice and expectation add up to the deal with VAT, in every draw."""
    bookings = flows([(draw, 5, booked, 0) for draw in range(DRAWS)])
    billed = booked * share
    inputs = company(
        receivables=invoices([30], [billed * (1.0 + VAT)]),
        deals=DealFacts({"a": billed}, deal_facts().waiting, PLANS, by_terms=True),
        vat_rate=VAT,
    )
    drawn: CashDraws = draw_cash(inputs, (bookings, None, None), DAYS, seed, Scenario(), draws=DRAWS)
    owed = drawn.receivables.daily.sum(axis=1) + drawn.receivables.open + drawn.receivables.lost
    same(owed + drawn.open_deals.invoiced.totals(), booked * (1.0 + VAT))


def test_the_levers_are_the_five_whose_payment_at_once_lowers_the_risk_most() -> None:
    """Against drawing the forecast anew with each invoice paid on the first day for certain: all others keep their luck."""
    generator = np.random.default_rng(5)
    count = 12
    amounts = np.round(generator.lognormal(5.0, 0.5, count), 2)
    chance = generator.dirichlet(np.full(60, 0.3), count)
    owed = invoices([0] * count, amounts.tolist())
    owed[[f"pay_{day:03d}" for day in range(60)]] = chance
    out = pd.DataFrame({"day": np.arange(0, 56, 7), "amount": -amounts.sum() / 9.0})
    periods = calendar(MONDAY, "week", 8)

    def risk(receivables: pd.DataFrame) -> Any:
        inputs = company(receivables=receivables, planned=out, opening_balance=amounts.sum() / 6.0)
        document: Any = forecast_cash(inputs, None, None, None, periods, 1, Scenario(), draws=2000).document()
        return document["shortfall"]

    base = risk(owed)
    effects = {}
    for place in range(count):
        paid = owed.copy()
        paid.loc[place, [f"pay_{day:03d}" for day in range(60)]] = [1.0] + [0.0] * 59
        effects[f"i{place}"] = base["probability"] - risk(paid)["probability"]
    expected = sorted(effects, key=lambda name: -effects[name])[:5]
    assert [lever["id"] for lever in base["levers"]] == expected
    assert [lever["effect"] for lever in base["levers"]] == pytest.approx([effects[name] for name in expected])
    assert 0.1 < base["probability"] < 0.9
