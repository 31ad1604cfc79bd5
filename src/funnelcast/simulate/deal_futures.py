"""Other futures of the same company: its deals go on from where they truly stood on a day, which no forecaster can know so well."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from funnelcast.simulate.block import Block
from funnelcast.simulate.deals import LONGEST, Course, Deals, Openings, openings
from funnelcast.simulate.seasons import Floats, Ints
from funnelcast.simulate.world import DEAL_WON


@dataclass(frozen=True)
class Standing:
    """The deals that were open at the beginning of a day, and how they stood: one value per deal.

    Parameters
    ----------
    deal
        Their places among the deals of the block.
    entered
        The day on which the stage was entered.
    """

    deal: Ints
    stage: Ints
    entered: Ints
    pushes: Ints
    amount: Floats
    expected: Ints


def standing(deals: Deals, day: int) -> Standing:
    """Read from their histories how deals stood at the beginning of a day."""
    events, known = deals.events, deals.events.time < day
    deal, stage = events.deal[known], events.stage[known]
    first = np.append(True, deal[1:] != deal[:-1])[: len(deal)]
    moved = first | np.append(True, stage[1:] != stage[:-1])[: len(deal)]
    entered = np.zeros(len(deals.opening.opened), dtype=np.int64)
    np.maximum.at(entered, deal[moved], np.floor(events.time[known][moved]).astype(np.int64))
    pushes = np.bincount(deal[~moved], minlength=len(entered))
    last = np.flatnonzero(np.append(first[1:], True)[: len(deal)] & (stage < DEAL_WON))
    who = deal[last]
    return Standing(who, stage[last], entered[who], pushes[who], events.amount[known][last], events.expected_close[known][last])


def won_ahead(block: Block, stood: Standing, day: int, days: int, rng: np.random.Generator) -> Floats:
    """Draw the amount won on each of the coming days: shape [days].

    The open deals go on from where they stood, with all that can't be seen in them; the months' shocks and the deals still to be opened
    are drawn anew. When each company leaves as a customer stays as it came.
    """
    market = replace(block.leads.market, shock=np.exp(rng.normal(0.0, block.leads.market.world.shock, block.leads.market.seasons.months)))
    drawn = openings(block.leads, block.customers, rng)
    coming = np.flatnonzero((drawn.opened >= day) & (drawn.opened < day + days))
    course = Course(market, _together(block.deals.opening, stood.deal, drawn, coming), rng)
    count = len(stood.deal)
    course.stage[:count], course.entered[:count], course.pushes[:count] = stood.stage, stood.entered, stood.pushes
    course.amount[:count], course.expected[:count] = stood.amount, stood.expected
    for today in range(day, day + days):
        age = today - course.day
        active = np.flatnonzero((course.stage < DEAL_WON) & (age > 0) & (age < LONGEST))
        course.advance(active, np.full(len(active), today), age[active])
    won = course.stage == DEAL_WON
    return np.bincount(np.floor(course.closed[won]).astype(np.int64) - day, course.amount[won], minlength=days).astype(np.float64)


def _together(one: Openings, places: Ints, other: Openings, coming: Ints) -> Openings:
    names = [field.name for field in fields(Openings)]
    return Openings(**{name: np.concatenate([getattr(one, name)[places], getattr(other, name)[coming]]) for name in names})
