"""A block as canonical Arrow tables: time stamps, late knowledge, and identities in place of some contacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from funnelcast.simulate.block import BLOCK, Block
from funnelcast.simulate.customers import HABITS, mean_spend
from funnelcast.simulate.deals import PRODUCTS
from funnelcast.simulate.leads import hazard_at_end
from funnelcast.simulate.people import ATTRIBUTES
from funnelcast.simulate.seasons import Bools, Floats, Ints, Seasons
from funnelcast.simulate.world import CHANNELS, DEAL_WON, KINDS, PHONE, STAGES, STORE

_HAS_EMAIL, _HAS_PHONE, _HAS_CARD = 0.92, 0.70, 0.55
LATE_DEAL_SHARE, LATE_DEAL_DAYS = 0.15, 1.5
"""The share of deal events that salespeople enter late, and by how many days on average."""
BANK_DAYS = 2.0
"""A payment is known when the bank statement comes, up to so many days later."""


@dataclass(frozen=True)
class Rendered:
    """A block's tables by canonical name: as the company's systems export them, with identities resolved, and the truth by file."""

    exported: dict[str, pa.Table]
    resolved: dict[str, pa.Table]
    truth: dict[str, pa.Table]


@dataclass(frozen=True)
class _Ids:
    """Every id under which facts of a block can arrive, in one pool: contacts, e-mails, phones, cards, and cards that nobody registered."""

    pool: pa.Array
    count: int
    known: Bools

    def of(self, contact: Ints, family: int | Ints = 0) -> pa.Array:
        """Give the contact's own id (0), e-mail (1), phone (2), card (3) or unregistered card (4)."""
        return self.pool.take(pa.array(contact + family * self.count))

    def has(self, contact: Ints, family: Ints) -> Bools:
        """Say whether the contact has a registered identity of the family."""
        registered: Bools = self.known[(family - 1) * self.count + contact]
        return registered

    def identities(self) -> pa.Table:
        """Give the table of registered identities."""
        chosen = np.flatnonzero(self.known)
        return pa.table({"identity": self.of(chosen, 1), "contact_id": self.of(chosen % self.count)})


class _Facts(NamedTuple):
    """Facts about to arrive: ``prompt`` ones are never late, ``matched`` ones never under an unregistered card."""

    contact: Ints
    time: Floats
    channel: Ints
    prompt: Bools
    matched: Bools


@dataclass(frozen=True)
class _Arrival:
    """Under which id each fact arrives and when it becomes known; ``kept`` are those known before the end."""

    exported: pa.Array
    resolved: pa.Array
    known: Floats
    kept: pa.Array


def render(block: Block) -> Rendered:
    """Give a block's tables."""
    rng = block.rendering
    ids = _ids(block, rng)
    contacts_known, transactions = _transactions(block, ids, rng)
    touchpoints = _touchpoints(block, ids, rng)
    both = {
        "contacts": _contacts(block, ids, contacts_known),
        "identities": ids.identities(),
        "subscriptions": _subscriptions(block, ids),
        **_deals(block, ids, rng),
        "invoices": _invoices(block, ids, rng),
    }
    exported, resolved = ({**both, "touchpoints": touchpoints[form], "transactions": transactions[form]} for form in (0, 1))
    truth = {"leads": _true_leads(block, ids), "customers": _true_customers(block, ids), "deals": _true_deals(block)}
    return Rendered(exported, resolved, truth)


def stamps(seasons: Seasons, time: Floats) -> pa.Array:
    """Give days since the start as time stamps to the second; null where there is no time before the end."""
    past = ~(time < seasons.days)
    seconds = np.floor(np.where(past, 0.0, time) * 86_400.0).astype(np.int64)
    return pa.array(seasons.origin + seconds.astype("timedelta64[s]"), type=pa.timestamp("us"), mask=past)


def planned(seasons: Seasons, day: Ints) -> pa.Array:
    """Give whole days since the start as time stamps, beyond the end too."""
    return pa.array(seasons.origin + day.astype("timedelta64[D]"), type=pa.timestamp("us"))


def words(names: tuple[str, ...], codes: Ints) -> pa.Array:
    """Give names of codes; null for -1."""
    return pa.array(names, type=pa.string()).take(pa.array(codes, mask=codes < 0))


def numbers(values: Floats) -> pa.Array:
    """Give numbers; null for NaN."""
    return pa.array(values, mask=np.isnan(values))


def _ids(block: Block, rng: np.random.Generator) -> _Ids:
    first = block.number * BLOCK + 1
    whole = range(first, first + block.count)
    pool = [f"C{number:07d}" for number in whole]
    pool += [f"c{number:07d}@exemple.fr" for number in whole]
    pool += [f"+336{number:08d}" for number in whole]
    pool += [f"FID{number:08d}" for number in whole]
    pool += [f"FID9{number:07d}" for number in whole]
    shares = np.repeat([_HAS_EMAIL, _HAS_PHONE, _HAS_CARD], block.count)
    return _Ids(pa.array(pool), block.count, rng.random(3 * block.count) < shares)


def _arrival(block: Block, ids: _Ids, facts: _Facts, rng: np.random.Generator) -> _Arrival:
    """Let offline facts arrive late, under an identity, or under a card that nobody registered."""
    world, seasons = block.leads.market.world, block.leads.market.seasons
    contact, time, channel, prompt, matched = facts
    offline = channel >= STORE
    late = offline & ~prompt & (rng.random(len(time)) < world.late_share)
    known = np.where(late, time + rng.uniform(0.5, world.late_days, len(time)), np.nan)
    family = np.select([channel == STORE, channel == PHONE], [3, 2], 1)
    aliased = offline & ids.has(contact, family) & (rng.random(len(time)) < world.identified)
    unknown = offline & ~matched & (rng.random(len(time)) < world.unmatched)
    return _Arrival(
        exported=ids.of(contact, np.where(unknown, 4, np.where(aliased, family, 0))),
        resolved=ids.of(contact, np.where(unknown, 4, 0)),
        known=known,
        kept=pa.array(~(known >= seasons.days)),
    )


def _both(arrival: _Arrival, seasons: Seasons, columns: dict[str, pa.Array]) -> tuple[pa.Table, pa.Table]:
    """Give the table under the ids of its export, and under resolved ones."""
    known = {"known_at": stamps(seasons, arrival.known)}
    exported, resolved = (
        pa.table({"contact_id": ids, **columns, **known}).filter(arrival.kept) for ids in (arrival.exported, arrival.resolved)
    )
    return exported, resolved


def _touchpoints(block: Block, ids: _Ids, rng: np.random.Generator) -> tuple[pa.Table, pa.Table]:
    touches, market = block.touches, block.leads.market
    first = touches.time <= block.leads.people.created[touches.contact]
    arrival = _arrival(block, ids, _Facts(touches.contact, touches.time, touches.channel, first, first), rng)
    columns = {
        "occurred_at": stamps(market.seasons, touches.time),
        "channel": words(CHANNELS, touches.channel),
        "kind": words(tuple(kind.name for kind in KINDS), touches.kind),
        "campaign": words(market.campaigns, market.campaign_of[touches.channel, market.seasons.day_of(touches.time)]),
        "duration_minutes": numbers(touches.minutes),
        "score": numbers(touches.score),
    }
    return _both(arrival, market.seasons, columns)


def _transactions(block: Block, ids: _Ids, rng: np.random.Generator) -> tuple[Floats, tuple[pa.Table, pa.Table]]:
    """Give when each customer's first purchase became known (NaN: at once), and the table."""
    purchases, seasons = block.purchases, block.leads.market.seasons
    order = np.lexsort((purchases.customer, purchases.time))
    contact = block.customers.contact[purchases.customer[order]]
    first = purchases.number[order] == 0
    facts = _Facts(contact, purchases.time[order], purchases.channel[order], np.zeros_like(first), first)
    arrival = _arrival(block, ids, facts, rng)
    columns = {
        "occurred_at": stamps(seasons, purchases.time[order]),
        "amount": pa.array(purchases.amount[order]),
        "margin": pa.array(purchases.margin[order]),
        "channel": words(CHANNELS, purchases.channel[order]),
        "transaction_id": _serial("T", block, len(order)),
    }
    known = np.full(block.count, np.nan)
    known[contact[first]] = arrival.known[first]
    return known, _both(arrival, seasons, columns)


def _contacts(block: Block, ids: _Ids, first_known: Floats) -> pa.Table:
    """Give the CRM's contacts; whoever's first purchase isn't known yet is still a lead there."""
    people, fates, seasons = block.leads.people, block.leads.fates, block.leads.market.seasons
    became = np.full(block.count, np.inf)
    became[block.customers.contact] = np.where(first_known[block.customers.contact] >= seasons.days, np.inf, block.customers.since)
    disqualified = np.where(block.leads.day >= 0, np.inf, fates.disqualified)
    columns = {
        "contact_id": ids.of(np.arange(block.count)),
        "created_at": stamps(seasons, people.created),
        "source_channel": words(CHANNELS, people.source),
        "became_customer_at": stamps(seasons, became),
        "became_customer_at_known_at": stamps(seasons, first_known),
        "disqualified_at": stamps(seasons, disqualified),
        "opted_out_at": stamps(seasons, fates.opted_out),
        "customer_type": words(("consumer", "business"), people.business.astype(np.int64)),
        **{attribute.name: words(attribute.levels, people.codes[attribute.name]) for attribute in ATTRIBUTES},
        "distance_km": pa.array(people.distance),
    }
    return pa.table(columns)


def _subscriptions(block: Block, ids: _Ids) -> pa.Table:
    subscriptions, seasons = block.ledger.subscriptions, block.leads.market.seasons
    return pa.table(
        {
            "contact_id": ids.of(block.customers.contact[subscriptions.customer]),
            "started_at": stamps(seasons, subscriptions.started),
            "ended_at": stamps(seasons, subscriptions.ended),
            "monthly_amount": pa.array(subscriptions.monthly),
        }
    )


def _deals(block: Block, ids: _Ids, rng: np.random.Generator) -> dict[str, pa.Table]:
    """Give the deals and their history; an ending that isn't known yet is an open deal."""
    opening, ending, events = block.deals.opening, block.deals.ending, block.deals.events
    market = block.leads.market
    seasons = market.seasons
    late = rng.random(len(events.deal)) < LATE_DEAL_SHARE
    first = events.deal != np.append(-1, events.deal[:-1])
    known = np.where(late & ~first, events.time + rng.exponential(LATE_DEAL_DAYS, len(late)), np.nan)
    deal_id = _serial("D", block, len(opening.contact))
    last = events.stage >= DEAL_WON
    ending_known = np.full(len(opening.contact), np.nan)
    ending_known[events.deal[last]] = known[last]
    closed = np.where(ending_known >= seasons.days, np.inf, np.nan_to_num(ending.closed, nan=np.inf))
    still_open = ~(closed < seasons.days)
    heads = {
        "deal_id": deal_id,
        "contact_id": ids.of(opening.contact),
        "opened_at": stamps(seasons, opening.opened),
        "amount": pa.array(opening.amount),
        "owner": words(market.owners, opening.owner),
        "channel": words(CHANNELS, opening.channel),
        "closed_at": stamps(seasons, closed),
        "closed_at_known_at": stamps(seasons, ending_known),
        "outcome": words(STAGES, np.where(still_open, -1, ending.outcome)),
        "closed_amount": pa.array(np.nan_to_num(ending.amount), mask=still_open),
        "product": words(PRODUCTS, opening.product),
    }
    history = {
        "deal_id": deal_id.take(pa.array(events.deal)),
        "occurred_at": stamps(seasons, events.time),
        "stage": words(STAGES, events.stage),
        "amount": pa.array(events.amount),
        "expected_close_at": pa.array(planned(seasons, events.expected_close).to_numpy(), mask=events.expected_close < 0),
        "known_at": stamps(seasons, known),
    }
    return {"deals": pa.table(heads), "deal_events": pa.table(history).filter(pa.array(~(known >= seasons.days)))}


def _invoices(block: Block, ids: _Ids, rng: np.random.Generator) -> pa.Table:
    invoices, seasons = block.ledger.invoices, block.leads.market.seasons
    statement = invoices.paid + rng.uniform(0.1, BANK_DAYS, len(invoices.paid))
    known = statement < seasons.days
    deal_id = _serial("D", block, len(block.deals.opening.contact))
    return pa.table(
        {
            "invoice_id": _serial("F", block, len(invoices.paid)),
            "contact_id": ids.of(block.customers.contact[invoices.customer]),
            "issued_at": stamps(seasons, invoices.issued),
            "due_at": planned(seasons, invoices.due),
            "amount": pa.array(invoices.amount),
            "paid_at": stamps(seasons, np.where(known, invoices.paid, np.inf)),
            "paid_at_known_at": stamps(seasons, np.where(known, statement, np.inf)),
            "deal_id": deal_id.take(pa.array(invoices.deal, mask=invoices.deal < 0)),
        }
    )


def _serial(letter: str, block: Block, count: int) -> pa.Array:
    return pa.array([f"{letter}{block.number:04d}{number:06d}" for number in range(count)], type=pa.string())


def _true_leads(block: Block, ids: _Ids) -> pa.Table:
    people, world = block.leads.people, block.leads.market.world
    return pa.table(
        {
            "contact_id": ids.of(np.arange(block.count)),
            "intent": pa.array(np.array(world.intents)[people.intent]),
            "fit": pa.array(people.fit),
            "comes_anyway": pa.array(block.leads.fates.comes_anyway),
            "hazard": numbers(hazard_at_end(block.leads)),
        }
    )


def _true_customers(block: Block, ids: _Ids) -> pa.Table:
    customers, payers, seasons = block.customers, block.ledger.payers, block.leads.market.seasons
    return pa.table(
        {
            "contact_id": ids.of(customers.contact),
            "lambda": pa.array(customers.rate),
            "p": pa.array(customers.dropout),
            "alive": pa.array(customers.left >= seasons.days),
            "left_at": stamps(seasons, customers.left),
            "mean_spend": pa.array(mean_spend(block.leads.market.world, customers.spend_rate)),
            "first_habit": words(HABITS, customers.habit),
            "mean_lateness_days": pa.array(payers.lateness),
            "pays_in_runs": pa.array(payers.in_runs),
        }
    )


def _true_deals(block: Block) -> pa.Table:
    deals, ending, market = block.deals.opening, block.deals.ending, block.leads.market
    return pa.table(
        {
            "deal_id": _serial("D", block, len(deals.contact)),
            "multiplier": pa.array(deals.multiplier),
            "owner_skill": pa.array(market.skill[deals.owner]),
            "neglected_from_days": pa.array(deals.neglected_from, mask=np.isinf(deals.neglected_from)),
            "forward_hazard": numbers(ending.forward),
            "lost_hazard": numbers(ending.lost),
        }
    )
