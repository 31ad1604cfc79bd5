"""From bookings to cash: a won deal is invoiced, and the invoice paid. What a deal was invoiced already is never expected again.

In every draw: booked = invoiced before + to invoice, and invoiced = collected + open + lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.forecast import shared_draws
from funnelcast.forecast.billing_terms import BillingTerms
from funnelcast.forecast.flows import NOT_YET, Flows
from funnelcast.forecast.invoicing import InvoicingPlans
from funnelcast.forecast.payments import LATER, NEVER, Lateness, Pace

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_OWN_LUCK = 0x5041_5944  # apart from that which won the deal
_STEP, _PART_STEP = np.uint64(0xD1342543DE82EF95), np.uint64(0xAEF17502108EF2D9)
_PLAN_BITS = np.uint64(16)
_AT_A_TIME = 1 << 16


@dataclass(frozen=True, eq=False)
class Billing:
    """How the company invoices its deals.

    Parameters
    ----------
    terms
        When an invoice is due.
    vat_rate
        Added to the deal's amount, which is net.
    plans
        In which parts, and how long after winning.
    already_net
        What was invoiced before as_of, by deal: it replaces as much of the booking.
    lateness
        Days from an invoice's due date to its payment.
    """

    terms: BillingTerms
    vat_rate: float
    plans: InvoicingPlans
    already_net: Mapping[str, float]
    lateness: Lateness


@dataclass(frozen=True, eq=False)
class Converted:
    """What comes of bookings, gross.

    Parameters
    ----------
    invoiced
        On the day of issue.
    paid_day
        When each of these amounts is paid, far beyond any forecast where it never is: shape [amounts].
    """

    invoiced: Flows
    paid_day: npt.NDArray[np.int32]

    @property
    def paid(self) -> Flows:
        """Give the same amounts on the day of payment."""
        issued = self.invoiced
        return Flows(issued.draws, issued.draw, self.paid_day, issued.amount, issued.lineage, issued.ids)

    @property
    def collected(self) -> Flows:
        """Give what is paid some day."""
        return self.paid.where(self.paid_day < NEVER)

    @property
    def lost(self) -> Flows:
        """Give what is never paid, on the day of issue."""
        return self.invoiced.where(self.paid_day >= NEVER)


def convert(bookings: Flows, billing: Billing, pace: Pace, *, first_day: int, seed: int) -> Converted:
    """Invoice each booking in its parts and draw when each is paid.

    Parameters
    ----------
    bookings
        Net amounts on the day of winning, which may lie before as_of.
    first_day
        as_of's day, from 1970-01-01: billing terms go by the calendar.
    seed
        A deal's luck with invoices and payment belongs to it and the draw: it stays the same, whatever a scenario changes elsewhere.
    """
    before = np.array([*(billing.already_net.get(name, 0.0) for name in bookings.ids), 0.0])
    own_keys = np.append(shared_draws.keys_of(bookings.ids, seed + _OWN_LUCK), np.zeros(1, np.uint64))
    invoiced, paid_days = [], []
    # block by block, so that what each step needs is still in the processor's cache
    for first in range(0, max(bookings.size, 1), _AT_A_TIME):
        block = bookings.where(slice(first, first + _AT_A_TIME))
        issued, keys = _to_invoice(block, before[block.lineage], _keys(block, own_keys, seed), billing)
        invoiced.append(issued)
        paid_days.append(_paid(issued, keys, billing, pace, first_day))
    return Converted(Flows.concatenate(invoiced), np.concatenate(paid_days))


def _to_invoice(bookings: Flows, before: Floats, keys: shared_draws.Words, billing: Billing) -> tuple[Flows, shared_draws.Words]:
    """Give what is still to be invoiced, gross, and the key to each part's luck."""
    remaining = np.maximum(bookings.amount - before, 0.0)
    left = remaining > 0
    bookings, gross, keys = bookings.where(left), remaining[left] * (1.0 + billing.vat_rate), keys[left]
    deal, lag, share = billing.plans.parts(_plans(bookings, billing.plans, keys), np.maximum(-bookings.day.astype(np.int64), 0))
    day = (bookings.day[deal] + lag).astype(np.int32)
    parts = Flows(bookings.draws, bookings.draw[deal], day, gross[deal] * share, bookings.lineage[deal], bookings.ids)
    return parts, keys[deal] + lag.astype(np.uint64) * _PART_STEP


def _paid(invoiced: Flows, keys: shared_draws.Words, billing: Billing, pace: Pace, first_day: int) -> npt.NDArray[np.int32]:
    """Draw the day of payment of each invoice."""
    issued = invoiced.day.astype(np.int64)
    every = np.arange(int(issued.max(initial=0)) + 1)
    due = (billing.terms.due(first_day + every) - first_day)[issued]
    late = billing.lateness.at(shared_draws.uniforms(shared_draws.words(keys, 1)[:, 0]))
    lag = np.where(late >= LATER, late, np.maximum(due + late - issued, 0))
    return pace.day(invoiced.draw.astype(np.int64), issued, lag).astype(np.int32)


def _plans(bookings: Flows, plans: InvoicingPlans, keys: shared_draws.Words) -> Integers:
    """Choose each booking's plan; one that was won before as_of follows a plan that goes on after that."""
    uniform = shared_draws.uniforms(shared_draws.words(keys, 1)[:, 0] >> _PLAN_BITS).astype(np.float64)
    chosen = plans.choose(bookings.amount, uniform)
    won = np.flatnonzero(bookings.day < 0)
    for lineage in np.unique(bookings.lineage[won]):
        mine = won[bookings.lineage[won] == lineage]
        one = int(mine[0])
        chosen[mine] = plans.choose_unfinished(float(bookings.amount[one]), -int(bookings.day[one]), uniform[mine])
    return chosen


def _keys(bookings: Flows, own_keys: shared_draws.Words, seed: int) -> shared_draws.Words:
    """Give a key to each booking's luck, from the deal's id and the draw; deals to come are told apart by their amounts."""
    by_amount = np.ascontiguousarray(bookings.amount).view(np.uint64) ^ np.uint64(seed % 2**32)
    keys = np.where(bookings.lineage == NOT_YET, by_amount, own_keys[bookings.lineage]) + bookings.draw.astype(np.uint64) * _STEP
    return np.asarray(keys, dtype=np.uint64)


def certain(won: pd.DataFrame, draws: int) -> Flows:
    """Give deals won before as_of (deal_id, day, amount): the same net amount on the same day in every draw."""
    count = len(won)
    place = np.repeat(np.arange(count, dtype=np.int32), draws)
    draw = np.tile(np.arange(draws, dtype=np.int32), count)
    day, amount = won["day"].to_numpy(np.int32)[place], won["amount"].to_numpy(np.float64)[place]
    return Flows(draws, draw, day, amount, place, tuple(won["deal_id"].astype(str)))
