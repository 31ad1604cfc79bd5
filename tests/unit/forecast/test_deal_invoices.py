from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelcast.forecast.billing_terms import parse
from funnelcast.forecast.deal_invoices import Billing, certain, convert
from funnelcast.forecast.flows import Flows
from funnelcast.forecast.invoicing import InvoicingPlans
from funnelcast.forecast.payments import Lateness, Pace

JANUARY_5 = int(np.datetime64("2026-01-05", "D").astype(np.int64))


def exactly(day: int, never: float = 0.0) -> Lateness:
    daily = np.zeros(564)
    daily[day + 200] = 1.0 - never
    return Lateness(daily, never)


def billing(
    terms: str, vat_rate: float, lateness: Lateness, already: dict[str, float] | None = None, parts: dict[int, float] | None = None
) -> Billing:
    """Deals that are invoiced in parts so many days after winning; in one at once where none are given."""
    rows = [("d", 1.0, lag, share) for lag, share in (parts or {0: 1.0}).items()]
    plans = InvoicingPlans.of(pd.DataFrame(rows, columns=["deal_id", "deal_amount", "lag", "amount"]))
    return Billing(parse(terms), vat_rate, plans, already or {}, lateness)


def steady(draws: int) -> Pace:
    return Pace(np.ones((draws, 40)))


def test_a_won_deal_is_invoiced_with_vat_and_paid_late_by_hand() -> None:
    # won on 8 January, invoiced 2 days later, due 45 days on at the end of that month: 28 February; paid 4 days late on 4 March
    won = Flows(2, np.array([1], np.int32), np.array([3], np.int32), np.array([1000.0]), np.array([0], np.int32), ("d1",))
    found = convert(won, billing("45 days end of month", 0.2, exactly(4), parts={2: 1.0}), steady(2), first_day=JANUARY_5, seed=1)
    assert (found.invoiced.day.tolist(), found.invoiced.amount.tolist()) == ([5], [1200.0])
    assert (found.collected.day.tolist(), found.collected.amount.tolist()) == ([58], [1200.0])
    assert (found.collected.draw.tolist(), found.collected.ids, found.collected.lineage.tolist()) == ([1], ("d1",), [0])
    assert found.lost.size == 0


def test_what_was_invoiced_before_replaces_as_much_of_the_booking() -> None:
    ids = ("part", "all", "more", "none")
    place = np.arange(4, dtype=np.int32)
    won = Flows(1, np.zeros(4, np.int32), np.zeros(4, np.int32), np.full(4, 1000.0), place, ids)
    before = {"part": 400.0, "all": 1000.0, "more": 1500.0, "elsewhere": 9.0}
    found = convert(won, billing("30 days", 0.2, exactly(0), before), steady(1), first_day=JANUARY_5, seed=1)
    assert dict(zip(np.array(ids)[found.invoiced.lineage], found.invoiced.amount, strict=True)) == {"part": 720.0, "none": 1200.0}


def test_a_deal_is_invoiced_in_parts_by_hand() -> None:
    # 1000 net won on 7 January: 30 % two days later, the rest after 40 days; on receipt, paid 5 days after issue
    won = Flows(1, np.zeros(1, np.int32), np.array([2], np.int32), np.array([1000.0]), np.array([0], np.int32), ("d1",))
    how = billing("on receipt", 0.2, exactly(5), parts={2: 0.3, 40: 0.7})
    found = convert(won, how, steady(1), first_day=JANUARY_5, seed=1)
    assert found.invoiced.day.tolist() == [4, 42]
    np.testing.assert_allclose(found.invoiced.amount, [360.0, 840.0])
    assert found.collected.day.tolist() == [9, 47]


def test_what_waits_of_a_deal_won_before_is_invoiced_when_its_plan_says() -> None:
    # won 20 days ago for 1000, of which 300 were invoiced: the rest comes 40 days after winning, in every draw
    waiting = pd.DataFrame({"deal_id": ["d1"], "day": [-20], "amount": [1000.0]})
    how = billing("on receipt", 0.2, exactly(0), {"d1": 300.0}, parts={2: 0.3, 40: 0.7})
    found = convert(certain(waiting, 3), how, steady(3), first_day=JANUARY_5, seed=1)
    assert found.invoiced.day.tolist() == [20, 20, 20]
    np.testing.assert_allclose(found.invoiced.totals(), 840.0)


def test_won_deals_that_wait_are_certain_in_every_draw() -> None:
    waiting = certain(pd.DataFrame({"deal_id": ["d1", "d2"], "day": [-3, -9], "amount": [100.0, 50.0]}), 3)
    np.testing.assert_allclose(waiting.totals(), [150.0, 150.0, 150.0])
    assert sorted(zip(waiting.draw, np.array(waiting.ids)[waiting.lineage], strict=True))[:2] == [(0, "d1"), (0, "d2")]
    assert certain(pd.DataFrame({"deal_id": [], "day": [], "amount": []}), 3).size == 0


@given(
    amounts=st.lists(st.tuples(st.integers(0, 3), st.integers(-50, 90), st.floats(0.01, 1e6), st.integers(-1, 2)), max_size=30),
    before=st.lists(st.floats(0.0, 1e6), min_size=3, max_size=3),
    vat=st.floats(0.0, 0.5),
    never=st.floats(0.0, 1.0),
    delay=st.floats(-60.0, 200.0),
)
def test_booked_is_invoiced_before_and_after_and_invoiced_is_collected_open_and_lost_in_every_draw(
    amounts: list[tuple[int, int, float, int]], before: list[float], vat: float, never: float, delay: float
) -> None:
    draw, day, amount, lineage = (np.array(part) for part in zip(*amounts, strict=True)) if amounts else (np.zeros(0),) * 4
    won = Flows(4, draw.astype(np.int32), day.astype(np.int32), amount.astype(np.float64), lineage.astype(np.int32), ("a", "b", "c"))
    already = dict(zip("abc", before, strict=True))
    how = billing("30 days", vat, exactly(3, never), already, parts={1: 0.4, 30: 0.6})
    pace = Pace(np.ones((4, 40)), delay)
    found = convert(won, how, pace, first_day=JANUARY_5, seed=2)
    replaced = np.array([*before, 0.0])[won.lineage]
    earlier = np.bincount(won.draw, weights=np.minimum(replaced, won.amount), minlength=4)
    np.testing.assert_allclose(won.totals(), earlier + found.invoiced.totals() / (1.0 + vat), rtol=1e-9, atol=1e-6)
    horizon = np.array([0, 60])
    collected = found.collected.by_period(horizon)[:, 0]
    still_open = found.collected.where(found.collected.day >= 60).totals()
    np.testing.assert_allclose(found.invoiced.totals(), collected + still_open + found.lost.totals(), rtol=1e-9, atol=1e-6)
    for flows in (found.invoiced, found.collected, found.lost):
        assert (flows.day >= 0).all()
    if found.collected.size:
        assert found.collected.day.min() >= found.invoiced.day.min() >= 0


def test_a_share_is_never_paid() -> None:
    count = 20_000
    place, whole = np.arange(count, dtype=np.int32), np.zeros(count, np.int32)
    won = Flows(1, whole, whole, np.ones(count), place, tuple(f"d{number}" for number in place))
    found = convert(won, billing("on receipt", 0.0, exactly(7, 0.25)), steady(1), first_day=JANUARY_5, seed=3)
    assert found.lost.totals()[0] == pytest.approx(0.25 * count, rel=0.04)


def test_a_deal_keeps_its_luck_when_others_come_and_go() -> None:
    draws = 300
    draw = np.tile(np.arange(draws, dtype=np.int32), 3)
    lineage = np.repeat(np.array([0, 1, -1], np.int32), draws)
    amount = np.repeat([100.0, 200.0, 321.5], draws)
    both = Flows(draws, draw, np.zeros(draw.size, np.int32), amount, lineage, ("a", "b"))
    spread = Lateness(np.full(564, 1 / 564), 0.0)
    how = billing("end of month", 0.2, spread)

    def days(bookings: Flows, seed: int = 1) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
        found = convert(bookings, how, steady(draws), first_day=JANUARY_5, seed=seed)
        return found.collected.where(found.collected.amount > 230).day

    everything = days(both)
    np.testing.assert_array_equal(days(both.where(both.lineage != 0)), everything)
    np.testing.assert_array_equal(days(Flows.concatenate([both.where(lineage == 1), both.where(lineage == -1)])), everything)
    assert (days(both, seed=2) != everything).mean() > 0.8
    of_b, of_new = everything[:draws], everything[draws:]
    assert len(np.unique(of_b)) > 100
    assert abs(np.corrcoef(of_b, of_new)[0, 1]) < 0.2
