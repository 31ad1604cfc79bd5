"""The best possible churn score: P(no purchase within h | everything known at T), by Bayes under BG/NBD with engagement and surveys.

Fader, Hardie and Lee (2005) give the likelihood of x, t_x and T. To it come the touches since the last purchase, which thin out when a
customer has left, and the survey answers, which speak of p. Given the state (alive, or gone since t_x), lambda and p are independent,
each with a known posterior shape; the rest is averaged over its quantiles.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
from scipy import special, stats

from funnelcast.simulate.company import Company
from funnelcast.simulate.engagement import (
    MEETING_SHARE,
    NPS_DROPOUT,
    NPS_FAREWELL,
    NPS_MEAN,
    NPS_NOISE,
    QUOTE_SHARE,
    VISIT_DAYS,
    survey_range,
    touch_rate,
)
from funnelcast.simulate.known import Known, gather
from funnelcast.simulate.seasons import Bools, Floats, Ints
from funnelcast.simulate.touches import Touches
from funnelcast.simulate.world import EMAIL, KIND, PHONE, STREAMS, Stream
from funnelcast.terms import DAYS_PER_YEAR

_QUANTILES = (np.arange(40) + 0.5) / 40
_OF_DEALS = ((KIND["quote_request"], QUOTE_SHARE), (KIND["meeting"], MEETING_SHARE))
"""Kinds of phone touches that deals bring about too, and how many of them one deal brings."""
_MEETING_LAG = 8.0


@dataclass(frozen=True)
class _History:
    """Each customer's x, t_x and T in weeks of operational time, first and last purchase in days, and touches by row of customer."""

    members: Ints
    x: Ints
    recency: Floats
    age: Floats
    first: Floats
    last: Floats
    touches: Touches


def silence(company: Company, as_of: datetime, horizon_days: int) -> pa.Table:
    """Give the probability that each customer doesn't buy within the horizon.

    Returns
    -------
    ``contact_id``, ``probability`` and ``alive`` (of not having left yet) of everyone known as a customer before ``as_of``.
    """
    known = gather(company, as_of)
    history = _history(known)
    world, seasons = known.market.world, known.market.seasons
    shape = world.r + history.x
    alive_rate = stats.gamma.ppf(_QUANTILES, shape[:, None]) / (world.alpha + history.age)[:, None]
    gone_rate = stats.gamma.ppf(_QUANTILES, shape[:, None]) / (world.alpha + history.recency)[:, None]
    alive_touched, gone_touched = _touched(known, history, alive_rate, gone_rate)
    alive_answered, gone_answered = _answered(known, history)
    log_alive = -shape * np.log(world.alpha + history.age) + _log_mean(alive_touched) + alive_answered
    log_gone = -shape * np.log(world.alpha + history.recency) + _log_mean(gone_touched) + gone_answered
    alive = np.where(history.x > 0, special.expit(log_alive - log_gone), 1.0)
    until = min(known.at + horizon_days, float(seasons.days))
    ahead = float(np.diff(seasons.to_operational(np.array([known.at, until])))[0]) / 7.0
    quiet = np.exp(_log_mean(alive_touched - alive_rate * ahead) - _log_mean(alive_touched))
    ids = pa.array([known.contact_id[member] for member in history.members])
    return pa.table({"contact_id": ids, "probability": pa.array(1.0 - alive + alive * quiet), "alive": pa.array(alive)})


def _history(known: Known) -> _History:
    seasons = known.market.seasons
    customer = np.isfinite(known.became)[known.buyer]
    buyer, bought = known.buyer[customer], known.bought[customer]
    order = np.lexsort((bought, buyer))
    buyer, bought = buyer[order], bought[order]
    members, start, count = np.unique(buyer, return_index=True, return_counts=True)
    clock = seasons.to_operational(np.floor(bought) + 0.5) / 7.0
    now = float(seasons.to_operational(np.array([known.at]))[0]) / 7.0
    first, last = bought[start], bought[start + count - 1]
    row = np.full(len(known.contact_id), -1)
    row[members] = np.arange(len(members))
    touches = known.touches.where((row[known.touches.contact] >= 0) & ~_before_purchase(known.touches, buyer, bought))
    owner = row[touches.contact]
    later = touches.time > first[owner]
    touches = Touches(owner, touches.time, touches.channel, touches.kind, touches.minutes, touches.score).where(later)
    return _History(members, count - 1, clock[start + count - 1] - clock[start], now - clock[start], first, last, touches)


def _before_purchase(touches: Touches, buyer: Ints, bought: Floats) -> Bools:
    """Say which touches came so shortly before a purchase of the same contact that they belong to it (``bought`` sorted by buyer)."""
    span = 10_000.0
    purchases = buyer * span + bought
    wanted = touches.contact * span + touches.time
    following = np.append(purchases, np.inf)[np.searchsorted(purchases, wanted)]
    close: Bools = following - wanted <= VISIT_DAYS + 1e-4
    return close


def _touched(known: Known, history: _History, alive_rate: Floats, gone_rate: Floats) -> tuple[Floats, Floats]:
    """Give the log-likelihood of the touches if alive and if gone since t_x, [customer, quantile of the rate].

    Streams that only engagement drives are added up, as they share one factor; those that deals drive too are taken one by one.
    """
    world = known.market.world
    relative_alive = (alive_rate * world.alpha / world.r) ** world.engagement_power
    relative_gone = (gone_rate * world.alpha / world.r) ** world.engagement_power
    left = world.dead_engagement
    plain = [stream for stream in STREAMS if not _driven_by_deals(stream.channel, stream.kind)]
    before, since = (sum((_expected(known, history, stream, part) for stream in plain), np.zeros(len(history.x))) for part in (0, 1))
    seen = np.isin(_codes(history.touches), [_code(stream.channel, KIND[stream.kind]) for stream in plain])
    count_before, count_since = _counts(history, seen)
    alive = _poisson(count_before + count_since, relative_alive * (before + since)[:, None], relative_alive)
    gone = _poisson(count_before, relative_gone * before[:, None], relative_gone)
    gone += _poisson(count_since, left * relative_gone * since[:, None], left * relative_gone)
    for stream in STREAMS:
        if _driven_by_deals(stream.channel, stream.kind):
            more_alive, more_gone = _deal_driven(known, history, stream, relative_alive, relative_gone)
            alive, gone = alive + more_alive, gone + more_gone
    return alive, gone


def _deal_driven(known: Known, history: _History, stream: Stream, relative_alive: Floats, relative_gone: Floats) -> tuple[Floats, Floats]:
    """Give the log-likelihood of calls that both engagement and new deals bring; deals end when the customer leaves."""
    world = known.market.world
    share = dict(_OF_DEALS)[KIND[stream.kind]]
    per_day = known.business[history.members] * world.deal_rate / DAYS_PER_YEAR * share
    before, since = (_expected(known, history, stream, part)[:, None] for part in (0, 1))
    days_before, days_since = (history.last - history.first)[:, None], (known.at - history.last)[:, None]
    late = np.minimum(days_since, _MEETING_LAG) if stream.kind == "meeting" else 0.0 * days_since
    seen = _codes(history.touches) == _code(stream.channel, KIND[stream.kind])
    count_before, count_since = _counts(history, seen)
    deals = per_day[:, None]
    alive_mean = (relative_alive * before + deals * days_before, relative_alive * since + deals * days_since)
    gone_mean = (relative_gone * before + deals * days_before, world.dead_engagement * relative_gone * since + deals * late)
    alive = _poisson(count_before, alive_mean[0], alive_mean[0]) + _poisson(count_since, alive_mean[1], alive_mean[1])
    gone = _poisson(count_before, gone_mean[0], gone_mean[0]) + _poisson(count_since, gone_mean[1], gone_mean[1])
    return alive, gone


def _driven_by_deals(channel: int, kind: str) -> bool:
    return channel == PHONE and KIND[kind] in dict(_OF_DEALS)


def _expected(known: Known, history: _History, stream: Stream, part: int) -> Floats:
    """Give the expected touches at mean lambda from the first to the last purchase (0), or from the last to T (1)."""
    pressure = np.concatenate([[0.0], np.cumsum(known.market.pressure[stream.channel])])
    start, stop = (history.first, history.last) if part == 0 else (history.last, np.full(len(history.last), known.at))
    if stream.channel == EMAIL:
        opted_out = known.opted_out[history.members]
        start, stop = np.minimum(start, opted_out), np.minimum(stop, opted_out)
    days = np.arange(len(pressure))
    mean = known.market.world.r / known.market.world.alpha
    rate = touch_rate(stream, known.business[history.members], np.full(len(start), mean), known.market.world)
    expected: Floats = rate * (np.interp(stop, days, pressure) - np.interp(start, days, pressure))
    return expected


def _poisson(count: Ints, mean: Floats, rate: Floats) -> Floats:
    """Give count * log(rate) - mean, the part of a Poisson log-likelihood that the rate changes."""
    result: Floats = count[:, None] * np.log(np.maximum(rate, 1e-12)) - mean
    return result


def _counts(history: _History, seen: Bools) -> tuple[Ints, Ints]:
    """Count touches before and since the last purchase."""
    touches = history.touches.where(seen)
    since = touches.time > history.last[touches.contact]
    size = len(history.x)
    return np.bincount(touches.contact[~since], minlength=size), np.bincount(touches.contact[since], minlength=size)


def _code(channel: int, kind: int) -> int:
    return channel * 100 + kind


def _codes(touches: Touches) -> Ints:
    return touches.channel * 100 + touches.kind


def _answered(known: Known, history: _History) -> tuple[Floats, Floats]:
    """Give log E[(1-p)^x * answers] and log E[p (1-p)^(x-1) * answers] over p ~ Beta(a, b)."""
    world, x = known.market.world, history.x
    again = np.maximum(x, 1)
    alive_p = np.asarray(stats.beta.ppf(_QUANTILES, world.a, (world.b + x)[:, None]), dtype=np.float64)
    gone_p = np.asarray(stats.beta.ppf(_QUANTILES, world.a + 1.0, (world.b + again - 1.0)[:, None]), dtype=np.float64)
    surveys = history.touches.where(~np.isnan(history.touches.score))
    parting = surveys.time > history.last[surveys.contact]
    alive = special.betaln(world.a, world.b + x) + _log_mean(_answers(surveys, alive_p, np.zeros_like(parting)))
    gone = special.betaln(world.a + 1.0, world.b + again - 1.0) + _log_mean(_answers(surveys, gone_p, parting))
    return alive, gone


def _answers(surveys: Touches, p: Floats, parting: Bools) -> Floats:
    """Give the log-likelihood of all answers of each customer at each p: a normal contentment, rounded and clipped."""
    lowest, highest = survey_range(surveys.kind)
    step = 10.0 / (highest - lowest)
    mean = NPS_MEAN - NPS_DROPOUT * p[surveys.contact] - (NPS_FAREWELL * parting)[:, None]
    centre = (surveys.score - lowest) * step
    upper = np.where(surveys.score >= highest, np.inf, centre + step / 2.0)[:, None]
    lower = np.where(surveys.score <= lowest, -np.inf, centre - step / 2.0)[:, None]
    chance = special.ndtr((upper - mean) / NPS_NOISE) - special.ndtr((lower - mean) / NPS_NOISE)
    total = np.zeros_like(p)
    np.add.at(total, surveys.contact, np.log(np.maximum(chance, 1e-300)))
    return total


def _log_mean(log_values: Floats) -> Floats:
    """Give the log of the mean over quantiles."""
    result: Floats = special.logsumexp(log_values, axis=1) - np.log(log_values.shape[1])
    return result
