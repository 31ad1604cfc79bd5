"""The best possible lead score: P(converts within h | everything known at T), by Bayes over the levels of intent.

Touches are Poisson streams whose rates go with intent, so their counts speak of it; so does not having bought so far, and not having
been disqualified. What touches still to come will add is averaged exactly (the Laplace functional of a Poisson process).
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pyarrow as pa

from funnelcast.simulate.company import Company
from funnelcast.simulate.known import Known, gather
from funnelcast.simulate.leads import WORTH, at_rest, hazards, stream_rate
from funnelcast.simulate.seasons import Floats, Ints
from funnelcast.simulate.touches import Touches, duration_factor
from funnelcast.simulate.world import EMAIL, KIND, KINDS, STREAMS, Stream

_STEPS = 6
_MINUTES_SPREAD = 0.6
_AT_A_TIME = 2_000


def conversion(company: Company, as_of: datetime, horizon_days: int) -> pa.Table:
    """Give the probability that each open lead becomes a customer within the horizon.

    Returns
    -------
    ``contact_id`` and ``probability`` of every contact that was there before ``as_of``, neither known as a customer nor disqualified.
    """
    known = gather(company, as_of)
    members = np.flatnonzero((known.created < known.at) & np.isinf(known.became) & np.isinf(known.disqualified))
    chunks = [_chunk(known, members[first : first + _AT_A_TIME], horizon_days) for first in range(0, len(members), _AT_A_TIME)]
    probability = np.concatenate(chunks) if chunks else np.zeros(0)
    return pa.table({"contact_id": pa.array([known.contact_id[member] for member in members]), "probability": pa.array(probability)})


def _chunk(known: Known, members: Ints, horizon_days: int) -> Floats:
    position = np.full(len(known.contact_id), -1)
    position[members] = np.arange(len(members))
    touches = known.touches.where(position[known.touches.contact] >= 0)
    touches = Touches(position[touches.contact], touches.time, touches.channel, touches.kind, touches.minutes, touches.score)
    weight = _intent_posterior(known, members, touches)
    converts = np.stack(
        [_converts(known, members, touches, level, horizon_days) for level in range(len(known.market.world.intents))], axis=1
    )
    result: Floats = (weight * converts).sum(axis=1)
    return result


def _intent_posterior(known: Known, members: Ints, touches: Touches) -> Floats:
    """Give P(intent | known), [member, level]."""
    world = known.market.world
    intents = np.array(world.intents)
    log = np.tile(np.log(world.intent_shares), (len(members), 1))
    log -= _exposure(known, members, touches)[:, None] * intents
    log -= np.maximum(known.at - known.created[members] - world.patience, 0.0)[:, None] * np.array(world.disqualified)
    later = touches.time > known.created[members][touches.contact]
    for stream in STREAMS:
        mine = later & (touches.channel == stream.channel) & (touches.kind == KIND[stream.kind])
        count = np.bincount(touches.contact[mine], minlength=len(members))
        time = _stream_time(stream, known, members)
        power = world.chasing * stream.chases
        for level, intent in enumerate(intents):
            rate = stream_rate(stream, known.business[members], np.full(len(members), intent), world)
            log[:, level] += count * power * np.log(intent) - rate * time
    log -= log.max(axis=1, keepdims=True)
    weight: Floats = np.exp(log)
    weight /= weight.sum(axis=1, keepdims=True)
    return weight


def _stream_time(stream: Stream, known: Known, members: Ints) -> Floats:
    """Integrate exp(-age/fade) * pressure from arrival to T (to the opt-out for e-mail)."""
    pressure = known.market.pressure[stream.channel]
    born = np.floor(known.created[members]).astype(np.int64)
    until = np.minimum(known.at, born + known.market.world.lead_days)
    if stream.channel == EMAIL:
        until = np.minimum(until, known.opted_out[members])
    days = np.arange(len(pressure))
    per_day = pressure * np.exp(-days / stream.fade) * stream.fade * -np.expm1(-1.0 / stream.fade)
    total = np.concatenate([[0.0], np.cumsum(per_day)])
    time: Floats = np.exp(born / stream.fade) * (np.interp(until, np.arange(len(total)), total) - total[born])
    return np.maximum(time, 0.0)


def _exposure(known: Known, members: Ints, touches: Touches) -> Floats:
    """Give the cumulative hazard from arrival to T at intent 1."""
    born = np.floor(known.created[members]).astype(np.int64)
    daily = hazards(known.market, born, known.fit[members], touches)
    lived = born[:, None] + np.arange(daily.shape[1]) < known.at
    exposure: Floats = np.where(lived, daily, 0.0).sum(axis=1)
    return exposure


def _converts(known: Known, members: Ints, touches: Touches, level: int, horizon_days: int) -> Floats:
    """Give P(converts within the horizon | intent): survival at a few days, thinned by disqualification in between."""
    world = known.market.world
    days = np.unique(np.linspace(0, horizon_days, _STEPS + 1).round().astype(np.int64))
    survival = [np.ones(len(members))]
    survival += [_survives(known, members, touches, world.intents[level], int(day)) for day in days[1:]]
    age = known.at - known.created[members]
    total: Floats = np.zeros(len(members))
    for earlier, later, start, stop in zip(survival[:-1], survival[1:], days[:-1], days[1:], strict=True):
        exposed = np.maximum(age + (start + stop) / 2.0 - world.patience, 0.0) - np.maximum(age - world.patience, 0.0)
        total += (earlier - later) * np.exp(-world.disqualified[level] * exposed)
    return total


def _survives(known: Known, members: Ints, touches: Touches, intent: float, horizon: int) -> Floats:
    """Give P(no conversion in so many days, if not disqualified | intent)."""
    world, season = known.market.world, known.market.seasons.purchases
    today = int(np.ceil(known.at))
    ahead = season[today : today + horizon]
    decay = 2.0 ** (-np.arange(len(ahead)) / world.half_life)
    age = today + np.arange(len(ahead)) - np.floor(known.created[members])[:, None]
    warm = age < world.lead_days
    strength = intent * known.fit[members]
    since = today - np.floor(touches.time)
    now = np.bincount(
        touches.contact,
        WORTH[touches.kind] * duration_factor(touches) * 2.0 ** (-since / world.half_life),
        minlength=len(members),
    )
    effect = world.touch_hazard * world.touch_effect
    cumulative = (warm * ahead * (at_rest(world, age) + effect * now[:, None] * decay)).sum(axis=1)
    log_survival = -strength * cumulative
    reach = np.array([(ahead[first:] * decay[: len(ahead) - first]).sum() for first in range(len(ahead))])
    for stream in STREAMS:
        rate = stream_rate(stream, known.business[members], np.full(len(members), intent), world)
        if stream.channel == EMAIL:
            rate = rate * np.isinf(known.opted_out[members])
        pressure = known.market.pressure[stream.channel][today : today + horizon]
        saved = _expected_loss(strength[:, None] * effect * WORTH[KIND[stream.kind]] * reach, stream.kind)
        log_survival -= (rate[:, None] * np.exp(-age / stream.fade) * pressure * warm * saved).sum(axis=1)
    result: Floats = np.exp(log_survival)
    return result


def _expected_loss(push: Floats, kind: str) -> Floats:
    """Give E[1 - exp(-push * duration)] over lognormal durations, by three Gauss-Hermite nodes."""
    if KINDS[KIND[kind]].minutes == 0:
        return -np.expm1(-push)
    nodes, weights = np.array([-np.sqrt(3.0), 0.0, np.sqrt(3.0)]), np.array([1.0, 4.0, 1.0]) / 6.0
    factors = np.exp(0.5 * _MINUTES_SPREAD * nodes)
    total: Floats = sum((-np.expm1(-push * factor) * weight for factor, weight in zip(factors, weights, strict=True)), np.zeros_like(push))
    return total
