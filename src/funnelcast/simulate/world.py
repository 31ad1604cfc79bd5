"""The laws of the simulated company: every number that its truth depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

CHANNELS = ("web", "search", "social", "email", "store", "phone", "event")
WEB, SEARCH, SOCIAL, EMAIL, STORE, PHONE, EVENT = range(7)
OFFLINE = ("store", "phone", "event")


class Kind(NamedTuple):
    """One kind of touch: what it adds to a lead's hazard, how long it lasts, and the points of the field's rule."""

    name: str
    worth: float
    minutes: float = 0.0
    points: float = 0.0


KINDS = (
    Kind("email_open", 0.6, points=1),
    Kind("email_click", 2.5, points=2),
    Kind("visit", 1.5, minutes=4, points=2),
    Kind("download", 6.0, points=5),
    Kind("webinar", 17.0, minutes=45, points=10),
    Kind("store_visit", 20.0, minutes=25, points=20),
    Kind("call", 8.0, minutes=8, points=8),
    Kind("meeting", 18.0, minutes=50, points=15),
    Kind("event", 14.0, minutes=20, points=15),
    Kind("quote_request", 34.0, points=30),
    Kind("nps", 0.0),
    Kind("csat", 0.0),
    Kind("ces", 0.0),
)
KIND = {kind.name: code for code, kind in enumerate(KINDS)}


class Stream(NamedTuple):
    """Touches of one kind in one channel.

    ``lead`` is the rate per day of a new lead of intent 1, fading by exp(-age/fade); ``customer`` the rate per day of a customer who is
    alive. ``chases`` says how far the channel follows intent: the lead's rate is multiplied by intent ** (World.chasing * chases).
    ``business`` multiplies both rates for a company, ``consumer`` for a person.
    """

    channel: int
    kind: str
    lead: float
    customer: float
    chases: float = 0.0
    fade: float = 45.0
    business: float = 1.0
    consumer: float = 1.0


STREAMS = (
    Stream(EMAIL, "email_open", 0.075, 0.022, chases=0.6, fade=90.0),
    Stream(EMAIL, "email_click", 0.018, 0.005, chases=1.2, fade=90.0),
    Stream(WEB, "visit", 0.030, 0.008, chases=0.6),
    Stream(SEARCH, "visit", 0.022, 0.003, chases=1.6),
    Stream(SOCIAL, "visit", 0.026, 0.003, chases=0.8),
    Stream(WEB, "download", 0.006, 0.0006, business=1.8, consumer=0.4),
    Stream(WEB, "webinar", 0.002, 0.0005, business=2.0, consumer=0.2),
    Stream(STORE, "store_visit", 0.007, 0.003, business=0.6, consumer=1.3),
    Stream(PHONE, "call", 0.008, 0.0020, chases=0.4, business=1.7, consumer=0.4),
    Stream(PHONE, "meeting", 0.002, 0.0006, chases=0.4, business=2.0, consumer=0.1),
    Stream(EVENT, "event", 0.0015, 0.0004, business=1.6, consumer=0.5),
    Stream(WEB, "quote_request", 0.0015, 0.0002, chases=0.5, business=1.4, consumer=0.7),
    Stream(STORE, "quote_request", 0.0008, 0.0001, chases=0.5),
    Stream(PHONE, "quote_request", 0.0010, 0.0002, chases=0.5, business=1.6, consumer=0.5),
)


class Source(NamedTuple):
    """How leads arrive through one channel: their share, the kind of the first touch, their log-hazard, and the budget per lead."""

    share: float
    kind: str
    quality: float
    cost_per_lead: float


SOURCES = (
    Source(0.18, "visit", 0.10, 0.0),
    Source(0.27, "visit", 0.20, 14.0),
    Source(0.20, "visit", -0.60, 11.0),
    Source(0.06, "email_click", -0.10, 4.0),
    Source(0.14, "store_visit", 0.35, 9.0),
    Source(0.06, "call", 0.20, 22.0),
    Source(0.09, "event", 0.55, 70.0),
)

STAGES = ("qualification", "proposal", "negotiation", "won", "lost")
QUALIFICATION, PROPOSAL, NEGOTIATION, DEAL_WON, DEAL_LOST = range(5)


class Stage(NamedTuple):
    """The chance per working day of going forward from an open stage, and of being lost in it."""

    forward: float
    lost: float


STAGE_HAZARDS = (Stage(0.055, 0.0085), Stage(0.046, 0.0080), Stage(0.052, 0.0110))


@dataclass(frozen=True)
class World:
    """The dials of the simulated company. Rates of buyers are per week, hazards of leads and invoices per day.

    Parameters
    ----------
    seasonality
        Exponent of every seasonal factor; 0 switches the seasons off.
    launch
        By how much more leads arrive in the company's first weeks than later, fading over four months.
    chasing
        How strongly channels follow people who would buy anyway (the confounding of attribution); 0 is none.
    touch_effect
        Multiplies what every touch adds to a lead's hazard; 0 makes conversion independent of every touch.
    organic
        The chance that a lead would have come without the channel that brought it.
    intents, intent_shares
        The levels of a lead's latent intent z and how common they are.
    base_hazard, touch_hazard, half_life, fade, floor
        Of a lead of intent 1 and average fit: hazard/day = season * (base_hazard * (exp(-age/fade) + floor)
        + touch_hazard * sum of worth * sqrt(duration/typical) * 2**(-days/half_life)).
    disqualified, patience
        Hazard per day of being disqualified, by level of intent, from ``patience`` days after arrival on.
    lead_days
        After so many days a lead is cold: no touch, no conversion.
    opt_out
        Hazard per day of opting out of e-mail.
    r, alpha, a, b
        BG/NBD of repeat purchases: lambda ~ Gamma(r, alpha) per week, dropout ~ Beta(a, b) after each repeat purchase.
    p, q, v
        Gamma-Gamma of the amount of one purchase: amount ~ Gamma(p, rate nu), nu ~ Gamma(q, rate v).
    dead_engagement
        What is left of a customer's touch rate after dropping out.
    engagement_power
        A customer's touch rate goes with (lambda / mean lambda) ** engagement_power.
    late_share, late_days
        The share of store, phone and fair facts that the systems learn late, and the longest delay.
    identified, unmatched
        The share of offline facts that arrive under a card, number or address, and the share under one that nobody knows.
    deal_rate
        New deals per year of a business customer who is alive.
    shock
        Standard deviation of the log of the shock that all deals of a month share.
    bad_debt
        The share of invoices that are never paid.
    """

    seasonality: float = 1.0
    launch: float = 1.5
    chasing: float = 0.5
    touch_effect: float = 1.0
    organic: float = 0.35
    intents: tuple[float, ...] = (0.12, 0.5, 1.5, 4.0)
    intent_shares: tuple[float, ...] = (0.34, 0.34, 0.22, 0.10)
    base_hazard: float = 0.0036
    touch_hazard: float = 0.00065
    half_life: float = 12.0
    fade: float = 60.0
    floor: float = 0.06
    disqualified: tuple[float, ...] = (0.0060, 0.0040, 0.0020, 0.0010)
    patience: int = 21
    lead_days: int = 360
    opt_out: float = 0.00022
    r: float = 0.85
    alpha: float = 7.5
    a: float = 0.9
    b: float = 6.5
    p: float = 4.0
    q: float = 4.5
    v: float = 75.0
    dead_engagement: float = 0.2
    engagement_power: float = 0.5
    late_share: float = 0.25
    late_days: float = 5.0
    identified: float = 0.55
    unmatched: float = 0.01
    deal_rate: float = 1.3
    shock: float = 0.15
    bad_debt: float = 0.012
