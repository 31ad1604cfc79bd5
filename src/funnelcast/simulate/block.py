"""One block of contacts from arrival to last payment; every block has generators of its own, so that order doesn't matter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from funnelcast.simulate import counterfactual, customers, deals, engagement, invoices, leads, people
from funnelcast.simulate.counterfactual import Increments
from funnelcast.simulate.customers import Customers, Purchases
from funnelcast.simulate.deals import Deals
from funnelcast.simulate.invoices import Ledger
from funnelcast.simulate.leads import Leads
from funnelcast.simulate.market import Market
from funnelcast.simulate.seasons import Floats
from funnelcast.simulate.touches import Touches

BLOCK = 5_000
"""How many contacts are simulated at a time: what bounds the memory."""


@dataclass(frozen=True)
class Block:
    """All that happened to some contacts.

    ``touches`` holds those that were seen: of leads until they bought or left, then of customers.
    """

    number: int
    leads: Leads
    customers: Customers
    purchases: Purchases
    touches: Touches
    deals: Deals
    ledger: Ledger
    increments: Increments
    rendering: np.random.Generator

    @property
    def count(self) -> int:
        """How many contacts."""
        return self.leads.people.count

    def receipts(self) -> Floats:
        """Give the money that came in on each day: purchases and paid invoices, gross."""
        days = self.leads.market.seasons.days
        invoices = self.ledger.invoices
        paid = invoices.paid < days
        time = np.concatenate([self.purchases.time, invoices.paid[paid]])
        amount = np.concatenate([self.purchases.amount, invoices.amount[paid]])
        total: Floats = np.bincount(np.floor(time).astype(np.int64), amount, minlength=days).astype(np.float64)
        return total


def simulate_block(market: Market, number: int, count: int, seed: np.random.SeedSequence) -> Block:
    """Simulate one block; each mechanism draws from a generator of its own."""
    rngs = [np.random.default_rng(child) for child in seed.spawn(8)]
    crowd = people.draw(market, count, rngs[0])
    funnel = leads.draw(market, crowd, rngs[1])
    buyers, purchases = customers.draw(funnel, rngs[2])
    touched = engagement.draw(funnel, buyers, purchases, rngs[3])
    projects = deals.draw(funnel, buyers, rngs[4])
    quotes = engagement.deal_touches(projects.opening.contact, projects.opening.opened, market, rngs[5])
    touches = Touches.together([_as_leads(funnel, buyers), touched, quotes])
    return Block(
        number=number,
        leads=funnel,
        customers=buyers,
        purchases=purchases,
        touches=touches.where(np.lexsort((touches.kind, touches.contact, touches.time))),
        deals=projects,
        ledger=invoices.draw(funnel, buyers, projects, rngs[6]),
        increments=counterfactual.measure(funnel, buyers, purchases),
        rendering=rngs[7],
    )


def _as_leads(funnel: Leads, buyers: Customers) -> Touches:
    """Keep the touches of the time as a lead: up to the first purchase, or until disqualified."""
    until = funnel.fates.disqualified.copy()
    until[buyers.contact] = np.minimum(buyers.since, funnel.day[buyers.contact] + 1.0)
    return funnel.touches.where((funnel.touches.time < until[funnel.touches.contact]) | funnel.acquisition)
