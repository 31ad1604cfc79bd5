"""Buyers as BG/NBD and Gamma-Gamma describe them, in operational time, with channel habits that migrate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from funnelcast.simulate.leads import Leads
from funnelcast.simulate.market import Market
from funnelcast.simulate.seasons import Bools, Floats, Ints
from funnelcast.simulate.touches import clock_time
from funnelcast.simulate.world import PHONE, STORE, WEB, World

HABITS = ("online", "both", "offline")
HABIT_ONLINE = np.array([0.97, 0.50, 0.03])
"""The chance that a purchase of each habit is online."""
HABIT_MOVES = np.array([[0.960, 0.030, 0.010], [0.060, 0.900, 0.040], [0.015, 0.050, 0.935]])
"""How the habit moves from one purchase to the next: slowly, and more often towards online."""
MARGIN_RATES = np.array([0.31, 0.0, 0.0, 0.0, 0.42, 0.37, 0.0])
"""The mean margin by channel of purchase."""
NEVER = np.inf


@dataclass(frozen=True)
class Customers:
    """The customers of a block.

    Parameters
    ----------
    contact
        Their numbers within the block.
    since
        The first purchase, in days since the start.
    rate
        lambda, purchases per week of operational time.
    dropout
        p, the chance of leaving after each repeat purchase.
    spend_rate
        nu: each amount is Gamma(p, nu), so the mean is p / nu.
    left
        When the customer dropped out, in days since the start; infinite for those who hadn't by the end.
    habit
        The first habit.
    """

    contact: Ints
    since: Floats
    rate: Floats
    dropout: Floats
    spend_rate: Floats
    left: Floats
    habit: Ints


class _Paths(NamedTuple):
    """Who buys for the how manieth time, and when on the buyers' clock; customers' first purchases come first, in their order."""

    customer: Ints
    number: Ints
    operational: Floats


@dataclass(frozen=True)
class Purchases:
    """Every purchase of a block, sorted by customer and time; ``customer`` is the row in Customers, ``number`` counts from 0.

    ``operational`` is the time on the buyer's own clock, before shops that were shut moved the purchase to the next open day.
    """

    customer: Ints
    number: Ints
    time: Floats
    operational: Floats
    channel: Ints
    amount: Floats
    margin: Floats


def draw(leads: Leads, rng: np.random.Generator) -> tuple[Customers, Purchases]:
    """Draw what the block's buyers are like and all that they buy until the end."""
    market, world = leads.market, leads.market.world
    contact = np.flatnonzero(leads.day >= 0)
    count = len(contact)
    rate = rng.gamma(world.r, 1.0 / world.alpha, count)
    dropout = rng.beta(world.a, world.b, count)
    spend_rate = rng.gamma(world.q, 1.0 / world.v, count)
    habit = _first_habit(leads, contact, rng)
    paths, left = _paths(market, leads.day[contact], rate, dropout, rng)
    channel = _channels(habit, paths, leads.people.business[contact], rng)
    time = _moments(market, paths, channel, _last_touch(leads, contact), rng)
    amount = np.maximum(np.round(rng.gamma(world.p, 1.0, len(time)) / spend_rate[paths.customer], 2), 0.5)
    margin = np.round(amount * np.clip(rng.normal(MARGIN_RATES[channel], 0.06), 0.02, 0.8), 2)
    customers = Customers(contact, time[:count], rate, dropout, spend_rate, left, habit)
    order = np.lexsort((time, paths.customer))
    purchases = Purchases(
        customer=paths.customer[order],
        number=paths.number[order],
        time=time[order],
        operational=paths.operational[order],
        channel=channel[order],
        amount=amount[order],
        margin=margin[order],
    )
    return customers, purchases


def _paths(market: Market, day: Ints, rate: Floats, dropout: Floats, rng: np.random.Generator) -> tuple[_Paths, Floats]:
    """Draw exponential gaps on the buyers' clock until the end, and a coin after each repeat purchase; say when each customer left."""
    seasons = market.seasons
    clock = seasons.to_operational((day + 0.5).astype(np.float64))
    left = np.full(len(day), NEVER)
    active = np.arange(len(day))
    customers, numbers, times = [active], [np.zeros(len(day), dtype=np.int64)], [clock.copy()]
    number = 0
    while len(active):
        number += 1
        clock[active] += rng.exponential(1.0, len(active)) * 7.0 / rate[active]
        active = active[clock[active] < seasons.operational[-1]]
        customers.append(active)
        numbers.append(np.full(len(active), number))
        times.append(clock[active])
        leaves = rng.random(len(active)) < dropout[active]
        left[active[leaves]] = seasons.to_calendar(clock[active[leaves]])
        active = active[~leaves]
    return _Paths(np.concatenate(customers), np.concatenate(numbers), np.concatenate(times)), left


def _first_habit(leads: Leads, contact: Ints, rng: np.random.Generator) -> Ints:
    """Give those who came through a shop, or live near one, more often an offline habit."""
    people = leads.people
    lean = 1.2 * (people.source[contact] >= STORE) + 0.8 * np.exp(-people.distance[contact] / 15.0) + rng.logistic(0.0, 0.7, len(contact))
    return np.digitize(lean, [0.45, 1.05])


def _channels(habit: Ints, paths: _Paths, business: Bools, rng: np.random.Generator) -> Ints:
    """Walk each customer's habit from purchase to purchase and draw the channel of each."""
    current = habit.copy()
    channel = np.empty(len(paths.customer), dtype=np.int64)
    cumulative = np.cumsum(HABIT_MOVES, axis=1)
    edges = np.searchsorted(paths.number, np.arange(paths.number.max(initial=-1) + 2))
    for number, (start, stop) in enumerate(pairwise(edges)):
        who = paths.customer[start:stop]
        if number > 0:
            current[who] = (rng.random(len(who))[:, None] > cumulative[current[who]]).sum(axis=1)
        online = rng.random(len(who)) < HABIT_ONLINE[current[who]]
        by_phone = rng.random(len(who)) < np.where(business[who], 0.45, 0.08)
        channel[start:stop] = np.where(online, WEB, np.where(by_phone, PHONE, STORE))
    return channel


def _last_touch(leads: Leads, contact: Ints) -> Floats:
    """Give each buyer's last touch up to and on the day of the first purchase."""
    position = np.full(leads.people.count, -1)
    position[contact] = np.arange(len(contact))
    touches = leads.touches
    before = (position[touches.contact] >= 0) & (touches.time < leads.day[touches.contact] + 1.0)
    last = np.zeros(len(contact))
    np.maximum.at(last, position[touches.contact[before]], touches.time[before])
    return last


def _moments(market: Market, paths: _Paths, channel: Ints, last_touch: Floats, rng: np.random.Generator) -> Floats:
    """Give each purchase its hour; a purchase in a shut shop waits for the next open day, a first one follows the touches of its day."""
    seasons = market.seasons
    day = seasons.day_of(seasons.to_calendar(paths.operational))
    offline = channel != WEB
    day = np.where(offline, seasons.next_open(day), day)
    time = clock_time(day, offline, rng)
    first = paths.number == 0
    after_touch = np.minimum(last_touch + 0.004, np.floor(last_touch) + 0.9999)
    time[first] = np.maximum(time[first], after_touch)
    return np.where(first, time, np.minimum(np.maximum(time, time[first][paths.customer] + 0.003), seasons.days - 1e-4))


def mean_spend(world: World, spend_rate: Floats) -> Floats:
    """Give each customer's mean amount, p / nu."""
    return world.p / spend_rate
