"""Other futures of a simulated company: they begin where its deals stood, and follow the laws that made its past."""

from __future__ import annotations

import numpy as np
import pytest

from funnelcast.simulate import blocks
from funnelcast.simulate.block import Block
from funnelcast.simulate.deal_futures import standing, won_ahead
from funnelcast.simulate.world import DEAL_LOST, DEAL_WON

DAY = 800


@pytest.fixture(scope="module")
def block() -> Block:
    (only,) = blocks(1_500, seed=3)
    return only


@pytest.mark.parametrize("day", [0, 1, DAY])
def test_deals_stand_as_a_slow_reading_of_their_histories_says(block: Block, day: int) -> None:
    events = block.deals.events
    open_then: dict[int, dict[str, float]] = {}
    for deal, time, stage, amount, expected in zip(
        events.deal, events.time, events.stage, events.amount, events.expected_close, strict=True
    ):
        if time >= day:
            continue
        before = open_then.get(deal, {"stage": -1, "pushes": 0, "entered": 0})
        same = before["stage"] == stage
        pushes, entered = before["pushes"] + same, before["entered"] if same else int(time)
        open_then[deal] = {"stage": stage, "pushes": pushes, "entered": entered, "amount": amount, "expected": expected}
    slow = {deal: stood for deal, stood in open_then.items() if stood["stage"] not in {DEAL_WON, DEAL_LOST}}
    stood = standing(block.deals, day)
    assert stood.deal.tolist() == sorted(slow)
    for name in ("stage", "pushes", "entered", "amount", "expected"):
        assert getattr(stood, name).tolist() == [slow[deal][name] for deal in stood.deal], name


def test_on_the_last_day_those_are_open_whose_end_is_not_known(block: Block) -> None:
    stood = standing(block.deals, block.leads.market.seasons.days)
    assert stood.deal.tolist() == np.flatnonzero(block.deals.ending.outcome < 0).tolist()


def test_futures_bring_about_what_came(block: Block) -> None:
    days = block.leads.market.seasons.days - DAY
    ending = block.deals.ending
    came = ending.amount[(ending.outcome == DEAL_WON) & (ending.closed >= DAY)].sum()
    drawn = [won_ahead(block, standing(block.deals, DAY), DAY, days, np.random.default_rng(seed)) for seed in range(12)]
    totals = np.array([one.sum() for one in drawn])
    assert {one.shape for one in drawn} == {(days,)}
    assert len(set(totals)) == 12
    # some ninety wins of amounts whose deviation is their mean: within four standard errors
    assert totals.mean() == pytest.approx(came, rel=0.5)
    assert totals.mean() == pytest.approx(came, abs=4.0 * totals.std())
    again = won_ahead(block, standing(block.deals, DAY), DAY, days, np.random.default_rng(0))
    np.testing.assert_array_equal(again, drawn[0])
