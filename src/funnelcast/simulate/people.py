"""Who the contacts are: attributes that can be seen, what they do to a lead's hazard, and the intent that can't."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from funnelcast.simulate.market import Market
from funnelcast.simulate.seasons import Bools, Floats, Ints
from funnelcast.simulate.touches import clock_time
from funnelcast.simulate.world import SOURCES, STORE


@dataclass(frozen=True)
class Attribute:
    """One attribute: its levels, how common each is, and what each adds to the log-hazard of converting.

    ``of`` says who has it: ``business``, ``consumer`` or ``all``; the rest have none.
    """

    name: str
    levels: tuple[str, ...]
    shares: tuple[float, ...]
    effects: tuple[float, ...]
    of: str = "all"


ATTRIBUTES = (
    Attribute("company_size", ("1-9", "10-49", "50-249", "250+"), (0.52, 0.30, 0.13, 0.05), (-0.15, 0.15, 0.35, 0.0), "business"),
    Attribute(
        "sector",
        ("construction", "hospitality", "retail", "services", "industry", "public"),
        (0.24, 0.16, 0.20, 0.22, 0.11, 0.07),
        (0.35, 0.30, 0.0, -0.30, 0.05, -0.45),
        "business",
    ),
    Attribute(
        "age_band", ("18-24", "25-34", "35-49", "50-64", "65+"), (0.10, 0.24, 0.32, 0.22, 0.12), (-0.6, -0.1, 0.2, 0.3, 0.0), "consumer"
    ),
    Attribute(
        "region",
        ("Île-de-France", "Auvergne-Rhône-Alpes", "Nouvelle-Aquitaine", "Occitanie", "Hauts-de-France", "Bretagne", "Grand Est", "PACA"),
        (0.28, 0.18, 0.11, 0.10, 0.09, 0.08, 0.08, 0.08),
        (0.05, 0.25, 0.0, 0.0, -0.1, 0.0, -0.1, -0.1),
    ),
    Attribute("newsletter", ("yes", "no"), (0.45, 0.55), (0.25, -0.15)),
)
BUSINESS_SHARE = 0.42
_DISTANCE_EFFECT = -0.008


@dataclass(frozen=True)
class People:
    """The contacts of a block.

    Parameters
    ----------
    created
        Days since the start.
    source
        Code of the channel that brought them.
    business
        Companies; the rest are persons.
    codes
        By attribute: the level, -1 where there is none.
    distance
        Kilometres to the nearest shop.
    fit
        exp of the sum of what attributes and source add to the log-hazard: seen by everyone.
    intent
        Level of the latent intent: seen by nobody.
    """

    created: Floats
    source: Ints
    business: Bools
    codes: Mapping[str, Ints]
    distance: Floats
    fit: Floats
    intent: Ints

    @property
    def count(self) -> int:
        """How many."""
        return len(self.created)


def draw(market: Market, count: int, rng: np.random.Generator) -> People:
    """Draw contacts, when they arrive, what they are and what they want."""
    source = rng.choice(len(SOURCES), count, p=[source.share for source in SOURCES])
    business = rng.random(count) < BUSINESS_SHARE
    codes = {attribute.name: _levels(attribute, business, rng) for attribute in ATTRIBUTES}
    distance = np.round(rng.gamma(1.4, 16.0, count), 1)
    return People(
        created=_arrivals(market, source, rng),
        source=source,
        business=business,
        codes=codes,
        distance=distance,
        fit=np.exp(log_fit(source, codes, distance)),
        intent=rng.choice(len(market.world.intents), count, p=market.world.intent_shares),
    )


def log_fit(source: Ints, codes: Mapping[str, Ints], distance: Floats) -> Floats:
    """Give what source and attributes add to the log-hazard of converting."""
    total = np.array([source.quality for source in SOURCES])[source] + _DISTANCE_EFFECT * np.minimum(distance, 60.0)
    for attribute in ATTRIBUTES:
        total = total + np.array((*attribute.effects, 0.0))[codes[attribute.name]]
    return total


def _levels(attribute: Attribute, business: Bools, rng: np.random.Generator) -> Ints:
    drawn = rng.choice(len(attribute.levels), len(business), p=attribute.shares)
    if attribute.of == "all":
        return drawn
    return np.where(business == (attribute.of == "business"), drawn, -1)


def _arrivals(market: Market, source: Ints, rng: np.random.Generator) -> Floats:
    """Draw a day by the channel's press (budget, season, fairs), then an hour."""
    uniform = rng.random(len(source))
    day = np.zeros(len(source), dtype=np.int64)
    for channel in range(len(SOURCES)):
        chosen = source == channel
        day[chosen] = np.searchsorted(market.arrivals[channel], uniform[chosen], side="right")
    return clock_time(np.minimum(day, market.seasons.days - 1), source >= STORE, rng)
