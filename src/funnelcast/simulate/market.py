"""What all contacts share: budgets by channel and day, campaigns, the press of touches, the sales team, the shocks of each month."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from funnelcast.simulate.seasons import Floats, Ints, Seasons
from funnelcast.simulate.world import CHANNELS, EMAIL, EVENT, PHONE, SEARCH, SOCIAL, SOURCES, STORE, World

_NAMES = ("Martin", "Bernard", "Dubois", "Petit", "Moreau", "Lefèvre", "Garcia", "Roux", "Fournier", "Lambert", "Bonnet", "Mercier",
          "Faure", "Rousseau", "Blanc", "Guérin", "Henry", "Nicolas", "Perrin", "Morin", "Mathieu", "Clément", "Gauthier", "Dumont",
          "Robin", "Masson", "Noël", "Duval", "Colin", "Vidal")  # fmt: skip
_DEALS_PER_OWNER = 330


@dataclass(frozen=True)
class Market:
    """The surroundings of the whole company, drawn once.

    Parameters
    ----------
    pressure
        Press of touches and arrivals [channel, day], mean one over the days.
    spend
        Budget [channel, day] in currency, whole cents.
    campaigns, campaign_of
        Names, and [channel, day] the campaign that runs (-1: none).
    owners, skill
        The sales team and what each does to the odds of going forward, mean about one.
    shock
        By month since the start: what all deals share.
    """

    seasons: Seasons
    world: World
    pressure: Floats
    spend: Floats
    campaigns: tuple[str, ...]
    campaign_of: Ints
    owners: tuple[str, ...]
    skill: Floats
    shock: Floats

    @cached_property
    def arrivals(self) -> Floats:
        """Cumulative share of a channel's leads that have arrived by the end of each day [channel, day]."""
        burst = 1.0 + self.world.launch * np.exp(-np.arange(self.seasons.days) / 120.0)
        density = self.pressure * burst
        arrived: Floats = np.cumsum(density, axis=1) / density.sum(axis=1, keepdims=True)
        return arrived


def draw(seasons: Seasons, world: World, contacts: int, rng: np.random.Generator) -> Market:
    """Draw the surroundings of a company of so many contacts."""
    swing = _swing(rng, seasons.days)
    pressure = seasons.touches * swing**0.5
    pressure /= pressure.mean(axis=1, keepdims=True)
    campaigns, campaign_of = _campaigns(seasons)
    owners = _NAMES[: int(np.clip(round(contacts * 0.2 / _DEALS_PER_OWNER), 3, len(_NAMES)))]
    return Market(
        seasons=seasons,
        world=world,
        pressure=pressure,
        spend=_spend(seasons, contacts, swing),
        campaigns=campaigns,
        campaign_of=campaign_of,
        owners=owners,
        skill=np.exp(rng.normal(0.0, 0.30, len(_NAMES)))[: len(owners)],
        shock=np.exp(rng.normal(0.0, world.shock, seasons.months)),
    )


def _swing(rng: np.random.Generator, days: int) -> Floats:
    """Budgets wander by weeks and jump when a campaign runs: [channel, day], around one."""
    weeks = days // 7 + 2
    wander = np.zeros((len(CHANNELS), weeks))
    noise = rng.normal(0.0, 0.10, wander.shape)
    for week in range(1, weeks):
        wander[:, week] = 0.85 * wander[:, week - 1] + noise[:, week]
    pushed = rng.random(wander.shape) < 0.08
    weekly = np.exp(wander) * np.where(pushed, 1.7, 1.0)
    return np.repeat(weekly, 7, axis=1)[:, :days]


def _spend(seasons: Seasons, contacts: int, swing: Floats) -> Floats:
    """Budgets follow the season that the marketing team expects, in proportion to the leads that it wants.

    Fairs are paid by the day they are held, the rest every day (e-mail and leaflets on Mondays); the company's own site costs nothing.
    """
    spend = np.zeros_like(swing)
    for channel, source in enumerate(SOURCES):
        total = contacts * source.share * source.cost_per_lead
        shape = swing[channel].copy()
        if channel in {SEARCH, SOCIAL, PHONE, EVENT}:
            shape *= seasons.touches[channel]
        elif channel in {EMAIL, STORE}:
            shape *= seasons.weekday == 0
        spend[channel] = np.round(total * shape / shape.sum(), 2)
    return spend


def _campaigns(seasons: Seasons) -> tuple[tuple[str, ...], Ints]:
    names: dict[str, int] = {}
    running = np.full((len(CHANNELS), seasons.days), -1)
    for day, when in enumerate(seasons.dates):
        season = _season_name(when.month)
        running[EMAIL, day] = names.setdefault(f"newsletter-{when:%Y-%m}", len(names))
        running[SEARCH, day] = names.setdefault("search-marque" if seasons.weekday[day] >= 5 else "search-generique", len(names))
        running[SOCIAL, day] = names.setdefault(f"social-{season}-{when.year}", len(names))
        if seasons.fair[day] >= 0:
            running[EVENT, day] = names.setdefault(f"{seasons.fair_names()[seasons.fair[day]]}-{when.year}", len(names))
    return tuple(names), running


def _season_name(month: int) -> str:
    return ("hiver", "printemps", "ete", "rentree", "noel")[(0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 4, 4)[month - 1]]
