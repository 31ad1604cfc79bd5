"""From lead to customer: touches raise the hazard of a first purchase; cold, disqualified and opted-out leads leave."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from funnelcast.simulate.market import Market
from funnelcast.simulate.people import People
from funnelcast.simulate.seasons import Bools, Floats, Ints
from funnelcast.simulate.touches import Touches, duration_factor, thin, touches_of
from funnelcast.simulate.world import EMAIL, KIND, KINDS, SOURCES, STREAMS, Stream, World

WORTH = np.array([kind.worth for kind in KINDS])
"""By kind of touch: what a typical one adds to the hazard, in units of World.touch_hazard."""


@dataclass(frozen=True)
class Fates:
    """What chance has in store for each lead, whatever the channels do: the common random numbers of every counterfactual.

    Parameters
    ----------
    threshold
        The cumulative hazard at which the lead buys; unit exponential.
    disqualified
        When it would be disqualified, in days since the start.
    opted_out
        When it opts out of e-mail, in days since the start.
    comes_anyway
        Whether it would have come without the channel that brought it.
    """

    threshold: Floats
    disqualified: Floats
    opted_out: Floats
    comes_anyway: Bools


@dataclass(frozen=True)
class Leads:
    """The leads of a block, with every touch that they would get if they never bought; ``acquisition`` marks the first one."""

    people: People
    fates: Fates
    touches: Touches
    acquisition: Bools
    market: Market

    @cached_property
    def day(self) -> Ints:
        """The day of the first purchase since the start, -1 for those who never buy."""
        return conversion_day(self, np.arange(self.people.count), self.touches)


def draw(market: Market, people: People, rng: np.random.Generator) -> Leads:
    """Draw the fates and touches of a block's leads."""
    fates = _fates(market, people, rng)
    first = touches_of(
        np.arange(people.count), people.created, people.source, np.array([KIND[source.kind] for source in SOURCES])[people.source], rng
    )
    streams = [_stream(stream, market, people, rng) for stream in STREAMS]
    touches = Touches.together([first, *streams])
    acquisition = np.arange(len(touches.time)) < people.count
    allowed = (touches.channel != EMAIL) | (touches.time < fates.opted_out[touches.contact]) | acquisition
    return Leads(people, fates, touches.where(allowed), acquisition[allowed], market)


def _fates(market: Market, people: People, rng: np.random.Generator) -> Fates:
    world, count = market.world, people.count
    leaving = np.array(world.disqualified)[people.intent]
    return Fates(
        threshold=rng.exponential(1.0, count),
        disqualified=people.created + world.patience + rng.exponential(1.0, count) / leaving,
        opted_out=people.created + rng.exponential(1.0, count) / world.opt_out,
        comes_anyway=rng.random(count) < world.organic,
    )


def stream_rate(stream: Stream, business: Bools, intent: Floats, world: World) -> Floats:
    """Give a stream's rate per day for new leads: rate * (company or person) * intent ** (chasing * chases)."""
    chased: Floats = intent ** (world.chasing * stream.chases)
    return stream.lead * np.where(business, stream.business, stream.consumer) * chased


def _stream(stream: Stream, market: Market, people: People, rng: np.random.Generator) -> Touches:
    """Draw one stream: candidates at rate * highest pressure * exp(-age/fade), thinned by the press of their day."""
    world = market.world
    rate = stream_rate(stream, people.business, np.array(world.intents)[people.intent], world)
    reach = 1.0 - np.exp(-world.lead_days / stream.fade)
    count = rng.poisson(rate * stream.fade * reach * market.pressure[stream.channel].max())
    member = np.repeat(np.arange(people.count), count)
    age = -stream.fade * np.log1p(-reach * rng.random(len(member)))
    born = np.floor(people.created[member])
    member, time = thin(member, born + age, stream.channel, market, rng)
    later = time > people.created[member]
    return touches_of(member[later], time[later], stream.channel, KIND[stream.kind], rng)


def hazards(market: Market, born: Ints, strength: Floats, touches: Touches) -> Floats:
    """Give each lead's hazard of buying per day of its life, [lead, day of life].

    Equation: h_d = season_d * z * fit * (base * (exp(-d/fade) + floor) + touch * sum_k worth_k * duration_k * 2^{-(d-d_k)/half-life}),
    where touches of day d count on day d. Zero after the last simulated day.

    Parameters
    ----------
    born
        The day of arrival, since the start.
    strength
        z * fit.
    touches
        Of these leads alone, numbered by their place in ``born``.
    """
    world = market.world
    pull = at_rest(world, np.arange(world.lead_days)) + world.touch_hazard * world.touch_effect * _excitement(touches, born, world)
    ahead = np.append(market.seasons.purchases, np.zeros(world.lead_days))
    pull *= np.lib.stride_tricks.sliding_window_view(ahead, world.lead_days)[born]
    pull *= strength[:, None]
    return pull


def at_rest(world: World, age: Ints | Floats) -> Floats:
    """Give the hazard per day at intent 1 and fit 1 of a lead without any touch: base * (exp(-age/fade) + floor)."""
    result: Floats = world.base_hazard * (np.exp(-age / world.fade) + world.floor)
    return result


def _excitement(touches: Touches, born: Ints, world: World) -> Floats:
    """Sum the worth of past touches, halved every ``half_life`` days: one cumulative sum of growing weights, shrunk again."""
    life = world.lead_days
    day = np.floor(touches.time).astype(np.int64) - born[touches.contact]
    inside = (day >= 0) & (day < life)
    weight = WORTH[touches.kind] * duration_factor(touches) * 2.0 ** (day / world.half_life)
    cell = touches.contact[inside] * life + day[inside]
    grown = np.bincount(cell, weight[inside], minlength=len(born) * life).reshape(len(born), life)
    result: Floats = np.cumsum(grown, axis=1) * 2.0 ** (-np.arange(life) / world.half_life)
    return result


def conversion_day(leads: Leads, members: Ints, touches: Touches) -> Ints:
    """Give the day (since the start) on which each member's cumulative hazard passes its threshold, -1 where it never does.

    Whoever is disqualified before that day, or would buy after the last simulated day, never does.
    """
    born = np.floor(leads.people.created[members]).astype(np.int64)
    strength = np.array(leads.market.world.intents)[leads.people.intent[members]] * leads.people.fit[members]
    cumulative = np.cumsum(hazards(leads.market, born, strength, touches), axis=1)
    threshold = leads.fates.threshold[members]
    life = (cumulative < threshold[:, None]).sum(axis=1)
    day = born + life
    bought = (life < leads.market.world.lead_days) & (day < leads.market.seasons.days)
    return np.where(bought & (day < np.floor(leads.fates.disqualified[members])), day, -1)


def hazard_at_end(leads: Leads) -> Floats:
    """Give the hazard per day of a plain season in which the facts leave each open lead; NaN for all others, 0 for cold ones."""
    world, days = leads.market.world, leads.market.seasons.days
    touches = leads.touches
    since = days - np.floor(touches.time)
    weight = WORTH[touches.kind] * duration_factor(touches) * 2.0 ** (-since / world.half_life)
    excitement = np.bincount(touches.contact, weight, minlength=leads.people.count)
    age = days - np.floor(leads.people.created)
    pull = at_rest(world, age) + world.touch_hazard * world.touch_effect * excitement
    strength = np.array(world.intents)[leads.people.intent] * leads.people.fit
    is_open = (leads.day < 0) & (leads.fates.disqualified >= days)
    return np.where(is_open, np.where(age < world.lead_days, strength * pull, 0.0), np.nan)


def without(leads: Leads, members: Ints, keep: Bools) -> Touches:
    """Give some members' touches, numbered by position in ``members``, without those that ``keep`` leaves out."""
    position = np.full(leads.people.count, -1)
    position[members] = np.arange(len(members))
    touches = leads.touches.where(keep & (position[leads.touches.contact] >= 0))
    return Touches(position[touches.contact], touches.time, touches.channel, touches.kind, touches.minutes, touches.score)
