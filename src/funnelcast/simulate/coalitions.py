"""Expected first purchases under every set of channels, and each channel's exact Shapley share of what they cause together.

The hazard is a sum over touches, so a lead's cumulative hazard splits into one part for each channel and one for none of them. That
gives the expectation over all thresholds at once, where switching off under common random numbers gives one draw.
"""

from __future__ import annotations

from math import comb

import numpy as np

from funnelcast.simulate.leads import WORTH, Leads
from funnelcast.simulate.seasons import Floats, Ints
from funnelcast.simulate.touches import duration_factor
from funnelcast.simulate.world import CHANNELS

SETS = 2 ** len(CHANNELS)
"""A set of channels is a number whose bit c says whether channel c is on."""


def expected_conversions(leads: Leads) -> Floats:
    """Give the expected first purchases for every set of channels that is on, ``SETS`` values.

    Equation: v(S) = sum over leads of g * (1 - exp(-H_0 - sum over c in S of H_c)), where g is 1 for a lead whose own channel is in S,
    and the chance that it comes anyway for all others.
    """
    parts = cumulative_hazards(leads)
    on = np.array([[number >> code & 1 for code in range(len(CHANNELS))] for number in range(SETS)], dtype=np.float64)
    buys = -np.expm1(-(parts[:, -1:] + parts[:, :-1] @ on.T))
    comes = np.where(on.T[leads.people.source] > 0, 1.0, leads.market.world.organic)
    total: Floats = (comes * buys).sum(axis=0)
    return total


def cumulative_hazards(leads: Leads) -> Floats:
    """Give each lead's hazard summed over its days at risk by channel of the touches; the last column is what no touch adds."""
    world, season = leads.market.world, leads.market.seasons.purchases
    strength = np.array(world.intents)[leads.people.intent] * leads.people.fit
    born = np.floor(leads.people.created).astype(np.int64)
    disqualified = np.minimum(leads.fates.disqualified, len(season))
    end = np.minimum(born + world.lead_days, np.floor(disqualified).astype(np.int64))
    touches = leads.touches
    day = np.floor(touches.time).astype(np.int64)
    weight = world.touch_hazard * world.touch_effect * WORTH[touches.kind] * duration_factor(touches)
    pull = np.where(day < end[touches.contact], weight * _faded(season, day, end[touches.contact], world.half_life), 0.0)
    cell = touches.contact * len(CHANNELS) + touches.channel
    by_channel = np.bincount(cell, pull, minlength=len(born) * len(CHANNELS)).reshape(-1, len(CHANNELS))
    steady = world.base_hazard * (_faded(season, born, end, world.fade * np.log(2.0)) + world.floor * _plain(season, born, end))
    return strength[:, None] * np.column_stack([by_channel, steady])


def _faded(season: Floats, start: Ints, end: Ints, half_life: float) -> Floats:
    """Sum season_d * 2**(-(d - start)/half_life) over start <= d < end, by a backward recursion that cancels nothing."""
    decay = 2.0 ** (-1.0 / half_life)
    ahead = np.zeros(len(season) + 1)
    for day in range(len(season) - 1, -1, -1):
        ahead[day] = season[day] + decay * ahead[day + 1]
    stop = np.maximum(end, start)
    faded: Floats = ahead[start] - decay ** (stop - start) * ahead[stop]
    return faded


def _plain(season: Floats, start: Ints, end: Ints) -> Floats:
    total = np.concatenate([[0.0], np.cumsum(season)])
    plain: Floats = total[np.maximum(end, start)] - total[start]
    return plain


def shapley(values: Floats) -> Floats:
    """Give each channel's Shapley value of v(S): its mean increment over all orders in which channels are switched on."""
    count = len(CHANNELS)
    numbers = np.arange(SETS)
    size = sum((numbers >> code & 1 for code in range(count)), np.zeros(SETS, dtype=np.int64))
    shares = np.zeros(count)
    for code in range(count):
        without = numbers[numbers >> code & 1 == 0]
        weights = np.array([1.0 / (count * comb(count - 1, int(members))) for members in size[without]])
        shares[code] = float((weights * (values[without | 1 << code] - values[without])).sum())
    return shares
