"""What is billed, and when it is paid: customer habits, month-end payment runs, disputes, and those who never pay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from funnelcast.simulate.customers import NEVER, Customers
from funnelcast.simulate.deals import Deals
from funnelcast.simulate.leads import Leads
from funnelcast.simulate.market import Market
from funnelcast.simulate.seasons import Bools, Floats, Ints, Seasons
from funnelcast.simulate.world import DEAL_WON
from funnelcast.terms import DAYS_PER_MONTH

VAT_RATE = 0.20
SUBSCRIBER_SHARE = (0.05, 0.26)
"""The share of persons and of companies that take a subscription."""
SUBSCRIPTION_AMOUNT = (19.0, 95.0)
"""The median monthly amount net of VAT of persons and companies."""
SUBSCRIPTION_HAZARD, SUBSCRIPTION_DROPOUT = 0.010, 0.16
"""Hazard of ending per month: hazard + dropout * p."""
DEPOSIT_FROM = 3000.0
"""Won deals from this amount on pay 30 % when signed and the rest on delivery."""
LATENESS_SHAPE, LATENESS_MEAN = 1.1, 9.0
"""A payer's mean lateness m in days is Gamma with this shape and mean, times 1.3 for 250+ and the public sector."""
PROMPT = 12.0
"""An invoice is paid within the five days before it is due with the chance exp(-m / PROMPT)."""
DELAY_SHAPE = 1.6
"""Otherwise it is late by Gamma with this shape and mean m * (amount / 1000) ** 0.08 + 1."""
DISPUTED, DISPUTE_DAYS = 0.03, (25.0, 70.0)
RUN_SHARE = 0.35
"""The share of companies that pay only in a run on the 15th or on the last day of the month."""
TERMS = ((30, False), (45, True), (60, False))
TERM_SHARES = (0.78, 0.14, 0.08)
"""Companies' terms: days, and whether the end of that month counts; persons pay in 30 days."""


@dataclass(frozen=True)
class Payers:
    """How each customer of a block pays: mean lateness m in days, payment runs only, and its terms."""

    lateness: Floats
    in_runs: Bools
    terms: Ints


@dataclass(frozen=True)
class Subscriptions:
    """Subscriptions of a block; ``ended`` is infinite while they run."""

    customer: Ints
    started: Floats
    ended: Floats
    monthly: Floats


@dataclass(frozen=True)
class Invoices:
    """Invoices of a block, gross of VAT; ``deal`` is -1 without a deal, ``paid`` infinite when never paid. May reach beyond the end."""

    customer: Ints
    issued: Floats
    due: Ints
    amount: Floats
    paid: Floats
    deal: Ints


class _Billed(NamedTuple):
    """What is billed, before it is due: ``deal`` is -1 without a deal."""

    customer: Ints
    issued: Floats
    amount: Floats
    deal: Ints


@dataclass(frozen=True)
class Ledger:
    """What a block's customers owe: how they pay, what they subscribed to, and every invoice."""

    payers: Payers
    subscriptions: Subscriptions
    invoices: Invoices


def draw(leads: Leads, customers: Customers, deals: Deals, rng: np.random.Generator) -> Ledger:
    """Bill won deals and subscriptions until the end of the facts, and draw when each invoice is paid (perhaps beyond)."""
    seasons = leads.market.seasons
    payers = _payers(leads, customers, rng)
    subscriptions = _subscriptions(leads, customers, rng)
    billed = _in_order(seasons, _of_deals(seasons, customers, deals, rng), _of_subscriptions(seasons, subscriptions))
    due = due_days(seasons, billed.issued, payers.terms[billed.customer])
    paid = _payments(leads.market, payers, billed, due, rng)
    return Ledger(payers, subscriptions, Invoices(billed.customer, billed.issued, due, billed.amount, paid, billed.deal))


def _in_order(seasons: Seasons, first: _Billed, second: _Billed) -> _Billed:
    """Put what is billed before the end in order of customer and time."""
    customer, issued, amount, deal = (np.concatenate(column) for column in zip(first, second, strict=True))
    order = np.lexsort((deal, issued, customer))
    order = order[issued[order] < seasons.days]
    return _Billed(customer[order], issued[order], amount[order], deal[order])


def _payers(leads: Leads, customers: Customers, rng: np.random.Generator) -> Payers:
    people, contact = leads.people, customers.contact
    business = people.business[contact]
    slow = (people.codes["company_size"][contact] == 3) | (people.codes["sector"][contact] == 5)
    mean = rng.gamma(LATENESS_SHAPE, LATENESS_MEAN / LATENESS_SHAPE, len(contact)) * np.where(slow, 1.3, 1.0)
    terms = np.where(business, rng.choice(len(TERMS), len(contact), p=TERM_SHARES), 0)
    return Payers(np.where(business, mean, 0.25 * mean), business & (rng.random(len(contact)) < RUN_SHARE), terms)


def _subscriptions(leads: Leads, customers: Customers, rng: np.random.Generator) -> Subscriptions:
    business = leads.people.business[customers.contact].astype(np.int64)
    customer = np.flatnonzero(rng.random(len(business)) < np.array(SUBSCRIBER_SHARE)[business])
    started = customers.since[customer] + rng.exponential(60.0, len(customer)) + 0.05
    months = rng.exponential(1.0, len(customer)) / (SUBSCRIPTION_HAZARD + SUBSCRIPTION_DROPOUT * customers.dropout[customer])
    monthly = np.round(np.array(SUBSCRIPTION_AMOUNT)[business[customer]] * np.exp(rng.normal(0.0, 0.4, len(customer))), 0)
    kept = started < leads.market.seasons.days
    ended = started + np.maximum(months, 1.0) * DAYS_PER_MONTH
    return Subscriptions(customer[kept], started[kept], ended[kept], monthly[kept])


def _of_deals(seasons: Seasons, customers: Customers, deals: Deals, rng: np.random.Generator) -> _Billed:
    """Bill large deals in two parts, small ones at once."""
    won = np.flatnonzero(deals.ending.outcome == DEAL_WON)
    customer = np.searchsorted(customers.contact, deals.opening.contact[won])
    gross = deals.ending.amount[won] * (1.0 + VAT_RATE)
    large = deals.ending.amount[won] >= DEPOSIT_FROM
    closed = np.floor(deals.ending.closed[won])
    signed = _office_hour(seasons, closed + rng.integers(1, 5, len(won)), rng)
    delivered = _office_hour(seasons, closed + rng.integers(25, 75, len(won)), rng)
    first = np.round(np.where(large, 0.3 * gross, gross), 2)
    rest = np.round(gross - first, 2)
    return _Billed(
        customer=np.concatenate([customer, customer[large]]),
        issued=np.concatenate([signed, delivered[large]]),
        amount=np.concatenate([first, rest[large]]),
        deal=np.concatenate([won, won[large]]),
    )


def _of_subscriptions(seasons: Seasons, subscriptions: Subscriptions) -> _Billed:
    """Bill subscriptions on the first of each month."""
    firsts = np.flatnonzero(seasons.month_end)[:-1] + 1
    begins = np.searchsorted(firsts, subscriptions.started)
    count = np.maximum(np.searchsorted(firsts, subscriptions.ended) - begins, 0)
    row = np.repeat(np.arange(len(count)), count)
    month = begins[row] + np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    amount = np.round(subscriptions.monthly[row] * (1.0 + VAT_RATE), 2)
    return _Billed(subscriptions.customer[row], firsts[month] + 8.0 / 24.0, amount, np.full(len(row), -1))


def due_days(seasons: Seasons, issued: Floats, terms: Ints) -> Ints:
    """Give the day on which each invoice is due: so many days after issue, or the end of that month."""
    days = np.array([length for length, _ in TERMS])[terms]
    end_of_month = np.array([at_end for _, at_end in TERMS])[terms]
    plain = np.floor(issued).astype(np.int64) + days
    return np.where(end_of_month, _month_end(seasons, plain), plain)


def _payments(market: Market, payers: Payers, billed: _Billed, due: Ints, rng: np.random.Generator) -> Floats:
    """Draw when each invoice is paid: promptly, or late by the payer's habit; perhaps disputed, in a payment run, or never."""
    count, lateness = len(due), payers.lateness[billed.customer]
    prompt = rng.random(count) < np.exp(-lateness / PROMPT)
    mean = lateness * (billed.amount / 1000.0) ** 0.08 + 1.0
    late = rng.gamma(DELAY_SHAPE, 1.0, count) * mean / DELAY_SHAPE
    dispute = np.where(rng.random(count) < DISPUTED, rng.uniform(*DISPUTE_DAYS, count), 0.0)
    wished = due + np.where(prompt, -rng.uniform(0.0, 5.0, count), late) + dispute
    day = np.floor(np.maximum(wished, np.floor(billed.issued) + 1.0)).astype(np.int64)
    day = np.where(payers.in_runs[billed.customer], _next_run(market.seasons, day), day)
    never = rng.random(count) < market.world.bad_debt
    return np.where(never, NEVER, _weekday(market.seasons, day) + rng.uniform(8.0, 17.0, count) / 24.0)


def _office_hour(seasons: Seasons, day: Floats, rng: np.random.Generator) -> Floats:
    return _weekday(seasons, day.astype(np.int64)) + rng.uniform(9.0, 18.0, len(day)) / 24.0


def _weekday(seasons: Seasons, day: Ints) -> Ints:
    """Banks and offices work from Monday to Friday; days may lie beyond the end."""
    weekday = (day + seasons.start.weekday()) % 7
    return day + np.where(weekday >= 5, 7 - weekday, 0)


def _first_day(seasons: Seasons) -> np.datetime64:
    return np.datetime64(seasons.start, "D")


def _month_end(seasons: Seasons, day: Ints) -> Ints:
    following = (_first_day(seasons) + day).astype("datetime64[M]") + np.timedelta64(1, "M")
    last: Ints = (following.astype("datetime64[D]") - _first_day(seasons)).astype(np.int64) - 1
    return last


def _next_run(seasons: Seasons, day: Ints) -> Ints:
    """Give the next 15th or last day of a month, the day itself included."""
    month = (_first_day(seasons) + day).astype("datetime64[M]").astype("datetime64[D]")
    fifteenth = (month - _first_day(seasons)).astype(np.int64) + 14
    return np.where(day <= fifteenth, fifteenth, _month_end(seasons, day))
