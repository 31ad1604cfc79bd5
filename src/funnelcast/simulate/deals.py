"""Deals that run through stages day by day: competing hazards of going forward and of being lost, and close dates that are pushed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from funnelcast.simulate.customers import Customers
from funnelcast.simulate.leads import Leads
from funnelcast.simulate.market import Market
from funnelcast.simulate.seasons import Bools, Floats, Ints
from funnelcast.simulate.world import (
    DEAL_LOST,
    DEAL_WON,
    EMAIL,
    EVENT,
    NEGOTIATION,
    PHONE,
    PROPOSAL,
    QUALIFICATION,
    STAGE_HAZARDS,
    STORE,
    WEB,
)

PRODUCTS = ("equipment", "installation", "renovation", "maintenance")
_PRODUCT_SHARES = (0.40, 0.25, 0.20, 0.15)
_PRODUCT_SIZE = np.array([1.0, 1.3, 2.0, 0.5])
_COMPANY_SIZE = np.array([0.7, 1.1, 1.8, 2.8, 1.0])
_CHANNELS = (np.array([WEB, EMAIL, STORE, PHONE, EVENT]), np.array([0.30, 0.08, 0.20, 0.27, 0.15]))
_CHANNEL_EFFECT = np.array([0.9, 1.0, 1.0, 0.85, 1.15, 1.05, 1.2])
MEDIAN_AMOUNT = 2600.0
LONGEST = 500
"""The age in days after which a deal is left as it is."""
_AMOUNT_POWER = -0.12
NEGLECTED = 0.04
"""The share of deals that nobody ever closes once they have lain for a while."""
FRAILTY = 0.25
"""Standard deviation of the log of what can't be seen in a deal."""


@dataclass(frozen=True)
class Openings:
    """Deals of a block as they are opened, by contact and time.

    Parameters
    ----------
    amount
        As known at opening.
    multiplier
        Of the hazard of going forward at every stage: owner, channel, amount and what can't be seen.
    neglected_from
        The age in days from which nothing moves any more; infinite for most.
    """

    contact: Ints
    opened: Floats
    amount: Floats
    owner: Ints
    channel: Ints
    product: Ints
    multiplier: Floats
    neglected_from: Floats


@dataclass(frozen=True)
class Endings:
    """How each deal ended: ``closed`` is NaN, ``outcome`` -1 and ``amount`` NaN while it is open; a lost deal has amount 0.

    ``forward`` and ``lost`` are the hazards per plain working day in which the facts leave an open deal; NaN for a closed one.
    """

    closed: Floats
    outcome: Ints
    amount: Floats
    forward: Floats
    lost: Floats


@dataclass(frozen=True)
class DealEvents:
    """The history of a block's deals: one row for each opening, change of stage and push, by deal and time."""

    deal: Ints
    time: Floats
    stage: Ints
    amount: Floats
    expected_close: Ints


@dataclass(frozen=True)
class Deals:
    """The deals of a block from opening to end."""

    opening: Openings
    ending: Endings
    events: DealEvents


def draw(leads: Leads, customers: Customers, rng: np.random.Generator) -> Deals:
    """Draw the deals of business customers and run each until it closes or the facts end."""
    opening = openings(leads, customers, rng)
    course = Course(leads.market, opening, rng)
    events = course.run()
    return Deals(opening, course.endings(), events)


def openings(leads: Leads, customers: Customers, rng: np.random.Generator) -> Openings:
    """Draw what deals are opened while their companies are customers, and what each is like."""
    market = leads.market
    customer, opened = _occasions(leads, customers, rng)
    contact = customers.contact[customer]
    count = len(contact)
    product = rng.choice(len(PRODUCTS), count, p=_PRODUCT_SHARES)
    channel = rng.choice(_CHANNELS[0], count, p=_CHANNELS[1])
    owner = rng.integers(0, len(market.owners), count)
    typical = MEDIAN_AMOUNT * _PRODUCT_SIZE[product] * _COMPANY_SIZE[leads.people.codes["company_size"][contact]]
    amount = np.round(typical * np.exp(rng.normal(0.0, 0.7, count)), -1)
    seen = market.skill[owner] * _CHANNEL_EFFECT[channel] * (amount / MEDIAN_AMOUNT) ** _AMOUNT_POWER
    return Openings(
        contact=contact,
        opened=opened,
        amount=amount,
        owner=owner,
        channel=channel,
        product=product,
        multiplier=seen * np.exp(rng.normal(0.0, FRAILTY, count)),
        neglected_from=np.where(rng.random(count) < NEGLECTED, rng.uniform(10.0, 60.0, count), np.inf),
    )


def _occasions(leads: Leads, customers: Customers, rng: np.random.Generator) -> tuple[Ints, Floats]:
    """Open deals at a constant rate while a company is a customer, on working days, fewer in August and at Christmas."""
    seasons, world = leads.market.seasons, leads.market.world
    business = leads.people.business[customers.contact]
    until = np.minimum(customers.left, seasons.days)
    season = leads.market.pressure[WEB] * seasons.working
    count = rng.poisson(business * np.maximum(until - customers.since, 0.0) * world.deal_rate / 365.25 * season.max() / season.mean())
    customer = np.repeat(np.arange(len(until)), count)
    when = customers.since[customer] + rng.random(len(customer)) * (until - customers.since)[customer]
    day = np.minimum(np.floor(when).astype(np.int64) + 1, seasons.days - 1)
    kept = rng.random(len(day)) * season.max() < season[day]
    opened = day[kept] + rng.uniform(9.0, 18.0, kept.sum()) / 24.0
    order = np.lexsort((opened, customer[kept]))
    return customer[kept][order], opened[order]


def stage_pace(pushes: Ints, age_in_stage: Ints) -> tuple[Floats, Floats]:
    """Give what a deal's own history does to the hazards (forward, lost): pushes and a long stay in a stage are bad signs."""
    stale = 1.0 + age_in_stage / 45.0
    return 0.80**pushes * stale**-0.5, 1.25**pushes * stale**0.35


def calendar_pace(market: Market) -> tuple[Floats, Floats]:
    """Give what the calendar does to the hazard (of winning, of any move) by day: quarter ends, August, the month's shock."""
    seasons = market.seasons
    left = seasons.quarter_position
    closing = np.where(left < 12, 1.9, np.where(left > 76, 0.7, 1.0))
    holiday = np.array([0.45 if (when.month == 8 or (when.month, when.day) >= (12, 22)) else 1.0 for when in seasons.dates])
    return closing * market.shock[seasons.month], holiday * seasons.working


class Course:
    """The run of all deals at once, by days of age; each attribute but the surroundings holds one value per deal."""

    def __init__(self, market: Market, opening: Openings, rng: np.random.Generator) -> None:
        count = len(opening.opened)
        self.market, self.opening, self.rng = market, opening, rng
        self.day = np.floor(opening.opened).astype(np.int64)
        self.stage = np.full(count, QUALIFICATION)
        self.entered = self.day.copy()
        self.pushes = np.zeros(count, dtype=np.int64)
        self.amount = opening.amount.copy()
        self.expected = self._snapped(self.day + self.rng.integers(50, 110, count))
        self.closed = np.full(count, np.nan)
        self.win_pace, self.pace = calendar_pace(market)
        self.rows = [(np.arange(count), opening.opened, self.stage.copy(), self.amount.copy(), self.expected.copy())]

    def run(self) -> DealEvents:
        """Step through the days and give the history by deal and time."""
        active = np.arange(len(self.day))
        for age in range(1, LONGEST):
            today = self.day[active] + age
            active, today = active[today < self.market.seasons.days], today[today < self.market.seasons.days]
            if not len(active):
                break
            self.advance(active, today, age)
            active = active[self.stage[active] < DEAL_WON]
        deal, time, stage, amount, expected = (np.concatenate(column) for column in zip(*self.rows, strict=True))
        order = np.lexsort((time, deal))
        return DealEvents(deal[order], time[order], stage[order], amount[order], expected[order])

    def advance(self, active: Ints, today: Ints, age: Ints | int) -> None:
        """Let a day pass for the deals that are active: their dates are pushed, they move on, or they are lost."""
        self._push(active, today, age)
        self._move(active, today, age)

    def endings(self) -> Endings:
        """Give closing time, outcome and amount at close."""
        over = self.stage >= DEAL_WON
        won = self.stage == DEAL_WON
        last = self.market.seasons.days
        hazards = self._hazards(np.flatnonzero(~over), np.full((~over).sum(), last))
        still_open = np.full((2, len(over)), np.nan)
        still_open[:, ~over] = np.where(last - self.day < np.minimum(self.opening.neglected_from, LONGEST), 1.0, 0.0)[~over] * hazards
        amount = np.where(over, np.where(won, self.amount, 0.0), np.nan)
        return Endings(self.closed, np.where(over, self.stage, -1), amount, *still_open)

    def _hazards(self, who: Ints, today: Ints) -> Floats:
        """Give the hazards of going forward and of being lost on a plain working day, [which, deal]."""
        forward, lost = stage_pace(self.pushes[who], today - self.entered[who])
        base = np.array(STAGE_HAZARDS)[self.stage[who]]
        return np.stack([base[:, 0] * forward * self.opening.multiplier[who], base[:, 1] * lost])

    def _move(self, active: Ints, today: Ints, age: Ints | int) -> None:
        moving = self.pace[today] * (age < self.opening.neglected_from[active])
        winning = np.where(self.stage[active] == NEGOTIATION, self.win_pace[today], 1.0)
        to_next, to_lost = self._hazards(active, today) * moving
        to_next = to_next * winning
        total = to_next + to_lost
        moved = self.rng.random(len(active)) < -np.expm1(-total)
        ahead = self.rng.random(len(active)) * np.maximum(total, 1e-12) < to_next
        who, when = active[moved], today[moved]
        self.stage[who] = np.where(ahead[moved], self.stage[who] + 1, DEAL_LOST)
        self.entered[who] = when
        self._revise(who)
        self._record(who, when, over=self.stage[who] >= DEAL_WON, hours=(9.5, 18.5))

    def _revise(self, who: Ints) -> None:
        """Let the proposal put a price on it, and the close concede a little."""
        noise = self.rng.normal(0.0, 1.0, len(who))
        stage = self.stage[who]
        change = np.where(stage == PROPOSAL, 0.12 * noise, np.where(stage == DEAL_WON, -0.04 + 0.07 * noise, 0.0))
        self.amount[who] = np.round(self.amount[who] * np.exp(change), -1)

    def _push(self, active: Ints, today: Ints, age: Ints | int) -> None:
        """Whoever is still open on the expected day gets a new one, unless nobody looks after the deal any more."""
        overdue = (self.expected[active] <= today) & self.market.seasons.working[today] & (age < self.opening.neglected_from[active])
        who, when = active[overdue], today[overdue]
        self.expected[who] = self._snapped(when + self.rng.integers(14, 50, len(who)))
        self.pushes[who] += 1
        self._record(who, when, over=np.zeros(len(who), dtype=bool), hours=(8.0, 9.4))

    def _record(self, who: Ints, when: Ints, over: Bools, hours: tuple[float, float]) -> None:
        time = when + self.rng.uniform(*hours, len(who)) / 24.0
        self.closed[who] = np.where(over, time, self.closed[who])
        self.rows.append((who, time, self.stage[who].copy(), self.amount[who].copy(), np.where(over, -1, self.expected[who])))

    def _snapped(self, day: Ints) -> Ints:
        """Salespeople promise the end of the month every second time."""
        ends = np.flatnonzero(self.market.seasons.month_end)
        end = ends[np.minimum(np.searchsorted(ends, day), len(ends) - 1)]
        chosen = (self.rng.random(len(day)) < 0.5) & (end >= day)
        return np.where(chosen, end, day)
