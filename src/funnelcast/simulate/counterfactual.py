"""What each channel really brought: the same company, the same chance, with the channel switched off."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from funnelcast.simulate.coalitions import expected_conversions
from funnelcast.simulate.customers import Customers, Purchases
from funnelcast.simulate.leads import WORTH, Leads, at_rest, conversion_day, without
from funnelcast.simulate.seasons import Bools, Floats, Ints
from funnelcast.simulate.touches import duration_factor
from funnelcast.simulate.world import CHANNELS


@dataclass(frozen=True)
class Increments:
    """Sums over a block's customers, by channel (the last row: every channel switched off at once).

    Parameters
    ----------
    leads, conversions
        How many leads the channel brought, and how many of them bought.
    by_acquisition
        First purchases lost because the lead would never have come.
    by_touches
        First purchases lost because touches were missing.
    purchases, revenue
        All purchases of those lost or delayed that fall away before the end.
    hazard_share
        The channel's share of the hazard at the moment of each first purchase, summed; the last row is what no channel did.
    expected
        Expected first purchases by set of channels that is on.
    """

    leads: Floats
    conversions: Floats
    by_acquisition: Floats
    by_touches: Floats
    purchases: Floats
    revenue: Floats
    hazard_share: Floats
    expected: Floats

    def __add__(self, other: Increments) -> Increments:
        """Add another block's sums."""
        return Increments(*(mine + theirs for mine, theirs in zip(vars(self).values(), vars(other).values(), strict=True)))


def measure(leads: Leads, customers: Customers, purchases: Purchases) -> Increments:
    """Switch off each channel, then all, under common random numbers."""
    worlds = [leads.touches.channel != code for code in range(len(CHANNELS))] + [np.zeros(len(leads.touches.time), dtype=bool)]
    sources = [leads.people.source == code for code in range(len(CHANNELS))] + [np.ones(leads.people.count, dtype=bool)]
    rows = [_switch_off(leads, customers, purchases, keep, brought) for keep, brought in zip(worlds, sources, strict=True)]
    counts = np.array(rows)
    return Increments(
        leads=counts[:, 0],
        conversions=counts[:, 1],
        by_acquisition=counts[:, 2],
        by_touches=counts[:, 3],
        purchases=counts[:, 4],
        revenue=counts[:, 5],
        hazard_share=hazard_share(leads, customers),
        expected=expected_conversions(leads),
    )


def _switch_off(leads: Leads, customers: Customers, purchases: Purchases, keep: Bools, brought: Bools) -> tuple[float, ...]:
    """Lose the leads that wouldn't have come, and run the others through their hazards without the channel's touches."""
    contact = customers.contact
    never_comes = brought[contact] & ~leads.fates.comes_anyway[contact]
    day = leads.day[contact].copy()
    reached = np.zeros(leads.people.count, dtype=bool)
    reached[leads.touches.contact[~keep]] = True
    again = np.flatnonzero(reached[contact] & ~never_comes)
    day[again] = conversion_day(leads, contact[again], without(leads, contact[again], keep))
    missing = (day < 0) & ~never_comes
    gone = _fallen_away(leads, customers, purchases, day, never_comes | missing)
    return (
        float(brought.sum()),
        float(brought[contact].sum()),
        float(never_comes.sum()),
        float(missing.sum()),
        float(gone.sum()),
        float(purchases.amount[gone].sum()),
    )


def _fallen_away(leads: Leads, customers: Customers, purchases: Purchases, day: Ints, lost: Bools) -> Bools:
    """Mark the purchases of lost customers, and those that a later start pushes past the end on the buyer's own clock."""
    seasons = leads.market.seasons
    before = seasons.to_operational((leads.day[customers.contact] + 0.5).astype(np.float64))
    delay: Floats = np.where(lost, np.inf, seasons.to_operational((day + 0.5).astype(np.float64)) - before)
    gone: Bools = purchases.operational + delay[purchases.customer] >= seasons.operational[-1]
    return gone


def hazard_share(leads: Leads, customers: Customers) -> Floats:
    """Split each first purchase over what made up its hazard on that day: each channel's touches, and the rest."""
    world = leads.market.world
    row = np.full(leads.people.count, -1)
    row[customers.contact] = np.arange(len(customers.contact))
    touches = leads.touches
    buyer = row[touches.contact]
    since = leads.day[touches.contact] - np.floor(touches.time)
    counted = (buyer >= 0) & (since >= 0)
    pull = world.touch_hazard * world.touch_effect * WORTH[touches.kind] * duration_factor(touches) * 2.0 ** (-since / world.half_life)
    cell = buyer[counted] * len(CHANNELS) + touches.channel[counted]
    by_channel = np.bincount(cell, pull[counted], minlength=len(customers.contact) * len(CHANNELS)).reshape(-1, len(CHANNELS))
    age = leads.day[customers.contact] - np.floor(leads.people.created[customers.contact])
    everything = np.column_stack([by_channel, at_rest(world, age)])
    result: Floats = (everything / everything.sum(axis=1, keepdims=True)).sum(axis=0)
    return result
