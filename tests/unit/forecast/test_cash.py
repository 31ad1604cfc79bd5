from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.errors import UsageError
from funnelcast.forecast.cash import RECEIPTS, draw_cash, forecast_cash
from funnelcast.forecast.cash_inputs import CashInputs, rebuild
from funnelcast.forecast.flows import NOT_YET, Flows
from funnelcast.forecast.periods import calendar
from funnelcast.forecast.result import Forecast
from funnelcast.forecast.scenario import CashItem, Scenario
from tests.unit.forecast.cash_case import MONDAY, company, deal_facts, flat_counts, invoices, templates

DRAWS = 200


def forecast(
    inputs: CashInputs,
    bookings_open: Flows | None = None,
    bookings_new: Flows | None = None,
    repeat: Flows | None = None,
    *,
    weeks: int = 8,
    scenario: Scenario | None = None,
    seed: int = 1,
) -> Forecast:
    periods = calendar(inputs.as_of, "week", weeks)
    return forecast_cash(inputs, bookings_open, bookings_new, repeat, periods, seed, scenario or Scenario(), draws=DRAWS)


def everywhere(day: int, amount: float, identity: str | None = None) -> Flows:
    """One amount in every draw."""
    lineage = np.full(DRAWS, NOT_YET if identity is None else 0, np.int32)
    ids = () if identity is None else (identity,)
    return Flows(DRAWS, np.arange(DRAWS, dtype=np.int32), np.full(DRAWS, day, np.int32), np.full(DRAWS, amount), lineage, ids)


def out(day: int, amount: float) -> pd.DataFrame:
    """One planned outflow."""
    return pd.DataFrame({"day": [day], "amount": [-amount]})


def means(found: Forecast, part: str) -> list[float]:
    values: list[float] = found.parts[part].mean(axis=0).round(6).tolist()
    return values


def test_a_company_s_eight_weeks_by_hand() -> None:
    # as of Monday 5 January 2026. i0 is paid in week 1, i1 in week 3, i2 never.
    inputs = company(
        receivables=invoices([2, 15, None], [100.0, 250.0, 999.0]),
        planned=pd.DataFrame({"day": [0, 25, 400], "amount": [-40.0, -60.0, -1e6]}),
        opening_balance=10.0,
        templates=templates([35], [500.0], of_deal=1),
    )
    # a deal won on day 1 for 200 net: 240 invoiced then, due on day 31, paid 5 days late on day 36 (10 February, week 6);
    # its VAT of 40 goes out on 20 March, after these weeks. A shop's sale of 70 comes in on day 13.
    found = forecast(inputs, everywhere(1, 200.0, "d1"), None, everywhere(13, 70.0))
    assert means(found, "receivables") == [100.0, 0.0, 250.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert means(found, "planned") == [-40.0, 0.0, 0.0, -60.0, 0.0, 0.0, 0.0, 0.0]
    assert means(found, "open_deals") == [0.0, 0.0, 0.0, 0.0, 0.0, 240.0, 0.0, 0.0]
    assert means(found, "repeat_purchases") == [0.0, 70.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert means(found, "new_deals") == means(found, "new_invoices") == [0.0] * 8
    document: Any = found.document()
    assert [round(week["p50"], 6) for week in document["balance"]] == [70.0, 140.0, 390.0, 330.0, 330.0, 570.0, 570.0, 570.0]
    assert [week["p_below_zero"] for week in document["balance"]] == [0.0] * 8


def test_vat_collected_in_a_month_goes_out_on_the_20th_of_the_next() -> None:
    inputs = company(templates=templates([30], [1.0], of_deal=1))
    # paid on 9 February (day 35), so 40 of VAT go out on 20 March (day 74, week 11)
    found = forecast(inputs, everywhere(5, 200.0, "d1"), weeks=12)
    assert means(found, "open_deals")[5] == 240.0
    assert means(found, "planned") == [0.0] * 10 + [-40.0, 0.0]


def test_vat_that_the_company_plans_itself_is_not_taken_twice() -> None:
    found = forecast(company(templates=templates([30], [1.0], of_deal=1), vat_planned=True), everywhere(5, 200.0, "d1"), weeks=12)
    assert means(found, "open_deals")[5] == 240.0
    assert means(found, "planned") == [0.0] * 12


def test_the_vat_of_open_invoices_is_taken_as_declared() -> None:
    found = forecast(company(receivables=invoices([2], [120.0])), weeks=12)
    assert means(found, "planned") == [0.0] * 12


def test_an_invoice_replaces_the_deal_it_bills() -> None:
    billed = company(receivables=invoices([20], [240.0]), deals=deal_facts({"d1": 200.0}), templates=templates([30], [1.0], of_deal=1))
    found = forecast(billed, everywhere(0, 200.0, "d1"), weeks=12)
    assert sum(means(found, "receivables")) == 240.0
    assert sum(means(found, "open_deals")) == 0.0


def test_a_won_deal_without_an_invoice_still_comes_in() -> None:
    found = forecast(company(deals=deal_facts(waiting={"d7": (-9, 100.0)}), templates=templates([30], [1.0], of_deal=1)))
    assert means(found, "open_deals")[4] == pytest.approx(120.0)


def test_deals_whose_invoices_cannot_be_told_apart_are_not_counted_twice() -> None:
    inputs = company(deals_counted=False, counts=flat_counts(5.0), templates=templates([3], [10.0]))
    found = forecast(inputs, everywhere(0, 1e6, "d1"), everywhere(0, 1e6))
    assert sum(means(found, "open_deals")) == sum(means(found, "new_deals")) == 0.0
    assert sum(means(found, "new_invoices")) > 0.0


def test_purchases_that_are_invoiced_are_among_the_new_invoices_alone() -> None:
    inputs = company(purchases_counted=False, counts=flat_counts(5.0), templates=templates([3], [10.0]))
    found = forecast(inputs, repeat=everywhere(0, 1e6))
    assert sum(means(found, "repeat_purchases")) == 0.0
    assert sum(means(found, "new_invoices")) > 0.0


def test_the_probability_and_the_first_week_of_a_shortfall() -> None:
    # 100 in the bank; 150 go out in week 2. i0 pays 80 in week 4 in every draw: short in weeks 2 and 3 for certain.
    inputs = company(
        opening_balance=100.0,
        floor=60.0,
        receivables=invoices([23, 50], [80.0, 10.0]),
        planned=out(8, 150.0),
    )
    document: Any = forecast(inputs).document()
    assert [week["p_below_zero"] for week in document["balance"]] == [0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert [week["p_below_floor"] for week in document["balance"]] == [0.0] + [1.0] * 7
    shortfall = document["shortfall"]
    assert shortfall["probability"] == shortfall["probability_below_floor"] == 1.0
    assert shortfall["floor"] == 60.0
    assert shortfall["first_week_p50"] == "2026-01-12T00:00:00+01:00"
    # only i0 is large enough: 100 - 150 + 80 = 30
    assert shortfall["levers"] == [{"id": "i0", "kind": "invoice", "amount": 80.0, "effect": 1.0}]


def test_the_depth_of_a_shortfall_is_the_mean_of_what_is_missing_at_the_lowest() -> None:
    # 100 in the bank, 150 go out in week 2; 120 of a deal come before in every other draw, 20 of it go out as VAT: the lowest is 50 or -50
    inputs = company(opening_balance=100.0, floor=80.0, planned=out(8, 150.0), templates=templates([0], [1.0], of_deal=1))
    certain = everywhere(0, 100.0, "d1")
    document: Any = forecast(inputs, certain.where(certain.draw % 2 == 0)).document()
    assert min(week["p05"] for week in document["balance"]) == pytest.approx(-50.0)
    assert document["shortfall"]["probability"] == 0.5
    assert document["shortfall"]["expected_depth"] == pytest.approx((0.0 + 50.0) / 2)
    assert document["shortfall"]["expected_depth_below_floor"] == pytest.approx((30.0 + 130.0) / 2)


def test_a_deal_can_be_the_lever() -> None:
    inputs = company(opening_balance=0.0, planned=out(8, 100.0), templates=templates([30], [1.0], of_deal=1))
    half = everywhere(0, 100.0, "d1")
    document: Any = forecast(inputs, half.where(half.draw % 2 == 0)).document()
    assert document["shortfall"]["levers"] == [{"id": "d1", "kind": "deal", "amount": 120.0, "effect": 1.0}]


def test_dead_weight_is_no_lever() -> None:
    inputs = company(opening_balance=0.0, planned=out(8, 100.0), templates=templates([30], [1.0], of_deal=1))
    half = everywhere(0, 100.0, "d1")
    periods, booked = calendar(inputs.as_of, "week", 8), half.where(half.draw % 2 == 0)
    told = [
        forecast_cash(inputs, booked, None, None, periods, 1, Scenario(), draws=DRAWS, dead_weight=dead).document()
        for dead in (frozenset[str](), frozenset({"d1"}))
    ]
    levers: list[Any] = [document["shortfall"] for document in told]
    assert [lever["id"] for lever in levers[0]["levers"]] == ["d1"]
    assert levers[1]["levers"] == []
    assert told[0]["periods"] == told[1]["periods"]


def test_without_an_opening_balance_there_is_no_path() -> None:
    document: Any = forecast(company(opening_balance=None)).document()
    assert "balance" not in document
    assert "shortfall" not in document


def test_a_scenario_changes_what_it_says_on_the_same_draws() -> None:
    inputs = company(
        receivables=invoices([2, 15], [100.0, 250.0]),
        counts=flat_counts(20.0),
        templates=templates([3, 9], [10.0, 30.0]),
        spend_per_day={"ads": 5.0, "fairs": 1.0},
        pace_deviation=0.1,
    )
    base = forecast(inputs)
    item = forecast(inputs, scenario=Scenario(cash_items=(CashItem(date(2026, 1, 13), -70.0),)))
    np.testing.assert_allclose((item.total() - base.total()).mean(axis=0), [0, -70.0, 0, 0, 0, 0, 0, 0], atol=1e-9)
    assert (item.total() - base.total()).std() < 30
    spend = forecast(inputs, scenario=Scenario(spend={"ads": 1.5}))
    np.testing.assert_allclose(spend.parts["planned"] - base.parts["planned"], -17.5)
    late = forecast(inputs, scenario=Scenario(payment_delay_days=14.0))
    np.testing.assert_allclose(late.parts["receivables"][:, 2:], base.parts["receivables"][:, :-2])
    assert not late.parts["receivables"][:, :2].any()
    lost = forecast(inputs, scenario=Scenario(lost_customers=frozenset({"c1"})))
    np.testing.assert_allclose(lost.parts["receivables"], base.parts["receivables"])
    assert 0.1 < lost.parts["new_invoices"].sum() / base.parts["new_invoices"].sum() < 0.45


def test_the_same_seed_gives_the_same_draws_and_another_other_ones() -> None:
    inputs = company(counts=flat_counts(20.0), templates=templates([3, 9], [10.0, 30.0]), pace_deviation=0.1)
    np.testing.assert_array_equal(forecast(inputs).total(), forecast(inputs).total())
    assert (forecast(inputs).total() != forecast(inputs, seed=2).total()).any()


def test_inputs_go_through_files() -> None:
    inputs = company(
        receivables=invoices([2, None], [100.0, 5.0]),
        counts=flat_counts(3.0),
        templates=templates([3, 9], [10.0, 30.0]),
        planned=pd.DataFrame({"day": [3], "amount": [-7.0]}),
        deals=deal_facts({"e": 1.0}, {"d": (-2, 3.0)}),
        missing=("a: b",),
    )
    again = rebuild(inputs.files())
    assert again.files() == inputs.files()
    np.testing.assert_array_equal(forecast(again).total(), forecast(inputs).total())
    assert (again.as_of, again.missing, again.counts) == (inputs.as_of, inputs.missing, inputs.counts)


def test_flows_of_different_draws_are_refused() -> None:
    with pytest.raises(UsageError, match=r"\[200, 300\] draws"):
        forecast(company(), everywhere(0, 1.0), Flows.none(300))


def test_nothing_at_all_is_zero_and_says_so() -> None:
    document: Any = forecast(company(opening_balance=None, missing=("receivables: no table of invoices",))).document()
    assert document["total"]["mean"] == 0.0
    assert [text.split(":")[0] for text in document["missing"]] == ["receivables", "open_deals", "new_deals", "repeat_purchases"]


@settings(max_examples=25)
@given(
    days=st.lists(st.one_of(st.none(), st.integers(0, 363)), min_size=1, max_size=12),
    amounts=st.lists(st.floats(-500.0, 5000.0), min_size=12, max_size=12),
    deviation=st.floats(0.0, 0.5),
    delay=st.floats(-60.0, 200.0),
    weeks=st.integers(1, 60),
    seed=st.integers(0, 1000),
)
def test_in_every_draw_all_that_is_owed_is_collected_open_or_lost(
    days: list[int | None], amounts: list[float], deviation: float, delay: float, weeks: int, seed: int
) -> None:
    owed = amounts[: len(days)]
    inputs = company(
        receivables=invoices(days, owed),
        counts=flat_counts(4.0),
        templates=templates([None, *days], [10.0, *owed]),
        pace_deviation=deviation,
    )
    drawn = draw_cash(inputs, (None, None, None), weeks * 7, seed, Scenario(payment_delay_days=delay), draws=50)
    receivables, new = drawn.receivables, drawn.new_invoices
    np.testing.assert_allclose(receivables.daily.sum(axis=1) + receivables.open + receivables.lost, sum(owed), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(new.daily.sum(axis=1) + new.open + new.lost, new.issued, rtol=1e-9, atol=1e-6)
    lost = sum(amount for amount, day in zip(owed, days, strict=True) if day is None)
    np.testing.assert_allclose(receivables.lost, lost, rtol=1e-9, atol=1e-6)
    periods = calendar(MONDAY, "week", weeks)
    whole = forecast_cash(inputs, None, None, None, periods, seed, Scenario(payment_delay_days=delay), draws=50)
    by_part = sum(daily.sum(axis=1) for daily in drawn.parts.values())
    np.testing.assert_allclose(whole.total().sum(axis=1), by_part, rtol=1e-9, atol=1e-6)
    assert set(RECEIPTS) | {"planned"} == set(whole.parts)
