from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from funnelcast.forecast.invoicing import InvoicingPlans


def plans(*deals: tuple[float, dict[int, float]]) -> InvoicingPlans:
    """Deals by their amount and what was invoiced on which day after winning."""
    rows = [(f"d{place}", amount, lag, part) for place, (amount, parts) in enumerate(deals) for lag, part in parts.items()]
    return InvoicingPlans.of(pd.DataFrame(rows, columns=["deal_id", "deal_amount", "lag", "amount"]))


def test_plans_are_read_by_amount_with_their_parts_in_order() -> None:
    read = plans((5000.0, {50: 4200.0, 2: 1800.0}), (100.0, {1: 120.0}))
    assert read.amount.tolist() == [100.0, 5000.0]
    assert read.first.tolist() == [0, 1, 3]
    assert read.lag.tolist() == [1, 2, 50]
    np.testing.assert_allclose(read.share, [1.0, 0.3, 0.7])
    assert read.longest == 50


def test_without_a_history_the_whole_is_invoiced_at_once() -> None:
    deal, lag, share = plans().parts(np.zeros(2, np.int64), np.array([0, 9]))
    assert (deal.tolist(), lag.tolist(), share.tolist()) == ([0, 1], [0, 9], [1.0, 1.0])


def test_a_deal_follows_plans_of_about_its_amount() -> None:
    many = plans(*((float(amount), {amount % 7: 1.0}) for amount in range(100, 300)))
    uniform = np.linspace(0.001, 0.999, 50)
    for amount in (1.0, 150.0, 222.2, 9999.0):
        chosen = many.amount[many.choose(np.full(50, amount), uniform)]
        nearest = np.sort(np.abs(many.amount - amount))[11]
        assert len(np.unique(chosen)) == 12
        assert np.abs(chosen - amount).max() <= nearest + 0.02 * amount + 1.0


def test_a_deal_that_waits_follows_a_plan_that_goes_on() -> None:
    two = plans((1000.0, {0: 300.0, 40: 700.0}), (1000.0, {0: 500.0, 90: 500.0}))
    uniform = np.array([0.1, 0.9])
    assert two.choose_unfinished(1000.0, 20, uniform).tolist() == [0, 1]
    assert two.choose_unfinished(1000.0, 60, uniform).tolist() == [1, 1]
    assert two.choose_unfinished(1000.0, 120, uniform).tolist() == [0, 1]
    # 20 days after winning, all of what remains comes on day 40; 120 days after, at once
    for elapsed, day in ((20, 40), (120, 120)):
        deal, lag, share = two.parts(np.zeros(1, np.int64), np.array([elapsed]))
        assert (deal.tolist(), lag.tolist(), share.tolist()) == ([0], [day], [1.0])


@given(
    deals=st.lists(
        st.tuples(st.floats(1.0, 1e6), st.dictionaries(st.integers(0, 100), st.floats(0.01, 1e6), min_size=1, max_size=4)), max_size=20
    ),
    chosen=st.lists(st.tuples(st.floats(0.0, 1e6), st.floats(0.001, 0.999), st.integers(0, 120)), max_size=20),
)
def test_the_shares_of_every_deal_add_up_and_nothing_is_issued_in_the_past(
    deals: list[tuple[float, dict[int, float]]], chosen: list[tuple[float, float, int]]
) -> None:
    read = plans(*deals)
    amount, uniform, elapsed = (np.array([row[place] for row in chosen], dtype=np.float64) for place in range(3))
    plan = read.choose(amount, uniform)
    deal, lag, share = read.parts(plan, elapsed.astype(np.int64))
    np.testing.assert_allclose(np.bincount(deal, weights=share, minlength=len(chosen)), np.ones(len(chosen)), rtol=1e-9)
    assert (lag >= elapsed[deal]).all()
    # obvious: plan by plan
    expected: list[tuple[int, int]] = []
    for place, (one, waited) in enumerate(zip(plan, elapsed, strict=True)):
        days = read.lag[read.first[one] : read.first[one + 1]]
        ahead = [int(day) for day in days if day > waited or waited == 0] or [int(waited)]
        expected += [(place, day) for day in ahead]
    assert list(zip(deal.tolist(), lag.tolist(), strict=True)) == expected


def test_plans_go_through_a_table() -> None:
    read = plans((5000.0, {50: 4200.0, 2: 1800.0}), (5000.0, {3: 10.0}), (100.0, {1: 120.0}))
    again = InvoicingPlans.of(read.frame())
    for name in ("amount", "first", "lag", "share"):
        np.testing.assert_array_equal(getattr(again, name), getattr(read, name))
