"""What customers do besides buying: touches that fade when they leave, visits that come before a purchase, and surveys."""

from __future__ import annotations

import numpy as np

from funnelcast.simulate.customers import Customers, Purchases
from funnelcast.simulate.leads import Fates, Leads
from funnelcast.simulate.market import Market
from funnelcast.simulate.seasons import Bools, Floats, Ints
from funnelcast.simulate.touches import Touches, thin, touches_of
from funnelcast.simulate.world import EMAIL, KIND, PHONE, SEARCH, SOCIAL, STORE, STREAMS, WEB, Stream, World

VISIT_SHARE = 0.55
"""The share of repeat purchases that a touch of the same day precedes."""
VISIT_DAYS = 0.04
"""It comes at most so many days before the purchase."""
SURVEY_SHARE = 0.12
"""The share of purchases that a survey is answered for."""
QUOTE_SHARE, MEETING_SHARE = 0.7, 0.6
"""The share of deals that a quote request comes before, and that a meeting follows within three weeks."""
NPS_MEAN, NPS_DROPOUT, NPS_FAREWELL, NPS_NOISE = 9.2, 12.0, 2.0, 1.6
"""An answer to NPS: mean - dropout * p - farewell * (left after this purchase) + noise, rounded into 0 to 10."""
_BEFORE_ONLINE = (np.array([WEB, SEARCH, EMAIL, SOCIAL]), np.array([0.40, 0.25, 0.25, 0.10]))


def draw(leads: Leads, customers: Customers, purchases: Purchases, rng: np.random.Generator) -> Touches:
    """Draw every touch after the first purchase."""
    background = [_stream(stream, leads, customers, rng) for stream in STREAMS]
    before = _before_purchases(leads, customers, purchases, rng)
    together = Touches.together([*background, before, _surveys(leads, customers, purchases, rng)])
    return together.where(together.time < leads.market.seasons.days)


def touch_rate(stream: Stream, business: Bools, rate: Floats, world: World) -> Floats:
    """Give a stream's rate per day for customers who are alive: rate * (company or person) * (lambda / mean) ** power."""
    relative: Floats = (rate * world.alpha / world.r) ** world.engagement_power
    return stream.customer * np.where(business, stream.business, stream.consumer) * relative


def _stream(stream: Stream, leads: Leads, customers: Customers, rng: np.random.Generator) -> Touches:
    """Draw a Poisson stream from the first purchase on; after dropping out only a share of it remains."""
    market = leads.market
    rate = touch_rate(stream, leads.people.business[customers.contact], customers.rate, market.world)
    span = market.seasons.days - customers.since
    count = rng.poisson(rate * span * market.pressure[stream.channel].max())
    member = np.repeat(np.arange(len(span)), count)
    when = customers.since[member] + rng.random(len(member)) * span[member]
    member, time = thin(member, when, stream.channel, market, rng)
    kept = (time > customers.since[member]) & ((time < customers.left[member]) | (rng.random(len(time)) < market.world.dead_engagement))
    contact = customers.contact[member[kept]]
    touches = touches_of(contact, time[kept], stream.channel, KIND[stream.kind], rng)
    return touches.where(_mailed(touches, leads.fates))


def _mailed(touches: Touches, fates: Fates) -> Bools:
    """Say which touches may happen: none by e-mail after the opt-out."""
    allowed: Bools = (touches.channel != EMAIL) | (touches.time < fates.opted_out[touches.contact])
    return allowed


def _before_purchases(leads: Leads, customers: Customers, purchases: Purchases, rng: np.random.Generator) -> Touches:
    """Draw what leads to a repeat purchase, within the hours before it."""
    shown = (rng.random(len(purchases.time)) < VISIT_SHARE) & (purchases.number > 0)
    channel = purchases.channel[shown]
    online = rng.choice(_BEFORE_ONLINE[0], len(channel), p=_BEFORE_ONLINE[1])
    via = np.where(channel == WEB, online, channel)
    kinds = np.array([KIND["visit"], KIND["visit"], KIND["visit"], KIND["email_click"], KIND["store_visit"], KIND["call"]])[via]
    ahead = rng.uniform(0.005, VISIT_DAYS, len(via))
    time = np.maximum(purchases.time[shown] - ahead, customers.since[purchases.customer[shown]])
    touches = touches_of(customers.contact[purchases.customer[shown]], time, via, kinds, rng)
    return touches.where(_mailed(touches, leads.fates))


def _surveys(leads: Leads, customers: Customers, purchases: Purchases, rng: np.random.Generator) -> Touches:
    """Ask after a purchase: NPS by e-mail, CSAT at the counter, CES on the site or the phone; who will leave is less content."""
    asked = rng.random(len(purchases.time)) < SURVEY_SHARE
    customer, channel = purchases.customer[asked], purchases.channel[asked]
    nps = rng.random(len(customer)) < 0.5
    kind = np.where(nps, KIND["nps"], np.where(channel == STORE, KIND["csat"], KIND["ces"]))
    time = purchases.time[asked] + np.where(nps, rng.uniform(0.8, 6.0, len(nps)), rng.uniform(0.01, 0.1, len(nps)))
    farewell = np.isfinite(customers.left[customer]) & (_is_last(purchases)[asked])
    touches = touches_of(customers.contact[customer], time, np.where(nps, EMAIL, np.where(channel == STORE, STORE, channel)), kind, rng)
    score = scores(kind, customers.dropout[customer], farewell, rng.normal(0.0, NPS_NOISE, len(kind)))
    scored = Touches(touches.contact, touches.time, touches.channel, touches.kind, touches.minutes, score)
    return scored.where(_mailed(scored, leads.fates))


def scores(kind: Ints, dropout: Floats, farewell: Bools, noise: Floats) -> Floats:
    """Give a survey's answer from contentment on the scale of NPS: 0 to 10, CSAT 1 to 5, CES 1 to 7."""
    contentment = NPS_MEAN - NPS_DROPOUT * dropout - NPS_FAREWELL * farewell + noise
    lowest, highest = survey_range(kind)
    return np.clip(np.round(lowest + (highest - lowest) * contentment / 10.0), lowest, highest)


def survey_range(kind: Ints) -> tuple[Floats, Floats]:
    """Give the lowest and highest answer to each survey."""
    return np.where(kind == KIND["nps"], 0.0, 1.0), np.where(kind == KIND["nps"], 10.0, np.where(kind == KIND["csat"], 5.0, 7.0))


def _is_last(purchases: Purchases) -> Bools:
    last: Bools = np.append(purchases.customer[1:], -1) != purchases.customer
    return last


def deal_touches(contact: Ints, opened: Floats, market: Market, rng: np.random.Generator) -> Touches:
    """Draw the quote request that comes before a deal, and the meeting that follows its opening."""
    quote = rng.random(len(contact)) < QUOTE_SHARE
    meeting = rng.random(len(contact)) < MEETING_SHARE
    asked = touches_of(contact[quote], opened[quote] - rng.uniform(0.01, 0.05, quote.sum()), PHONE, KIND["quote_request"], rng)
    days = market.seasons.next_working(np.floor(opened[meeting]).astype(np.int64) + rng.integers(1, 15, meeting.sum()))
    met = touches_of(contact[meeting], days + rng.uniform(9, 17, len(days)) / 24.0, PHONE, KIND["meeting"], rng)
    both = Touches.together([asked, met])
    return both.where(both.time < market.seasons.days)
