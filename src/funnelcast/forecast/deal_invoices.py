"""From bookings to cash: a won deal is invoiced, and the invoice paid. What a deal was invoiced already is never expected again.

In every draw: booked = invoiced before + to invoice, and invoiced = collected + open + lost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from funnelcast.forecast import shared_draws
from funnelcast.forecast.billing_terms import BillingTerms
from funnelcast.forecast.flows import NOT_YET, Flows
from funnelcast.forecast.payments import LATER, NEVER, Lateness, Pace

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_OWN_LUCK = 0x5041_5944  # apart from that which won the deal
_STEP = np.uint64(0xD1342543DE82EF95)


@dataclass(frozen=True)
class Billing:
    """How the company invoices its deals.

    Parameters
    ----------
    terms
        When an invoice is due.
    vat_rate
        Added to the deal's amount, which is net.
    lag_days
        From won to invoiced.
    """

    terms: BillingTerms
    vat_rate: float
    lag_days: int


@dataclass(frozen=True, eq=False)
class Converted:
    """What comes of bookings, gross: ``invoiced`` and ``lost`` on the day of issue, ``collected`` on that of payment."""

    invoiced: Flows
    collected: Flows
    lost: Flows


def convert(
    bookings: Flows,
    already_net: Mapping[str, float],
    billing: Billing,
    lateness: Lateness,
    pace: Pace,
    *,
    first_day: int,
    seed: int,
) -> Converted:
    """Invoice each booking and draw when it is paid.

    Parameters
    ----------
    bookings
        Net amounts on the day of winning.
    already_net
        What was invoiced before as_of, by deal: it replaces as much of the booking.
    first_day
        as_of's day, from 1970-01-01: billing terms go by the calendar.
    seed
        A deal's luck with payment belongs to it and the draw: it stays the same, whatever a scenario changes elsewhere.
    """
    invoiced = _to_invoice(bookings, already_net, billing)
    draw, issued = invoiced.draw.astype(np.int64), invoiced.day.astype(np.int64)
    due = billing.terms.due(first_day + issued) - first_day
    late = lateness.at(_luck(invoiced, seed))
    lag = np.where(late >= LATER, late, np.maximum(due + late - issued, 0))
    paid = pace.day(draw, issued, lag)
    lost = paid >= NEVER
    collected = Flows(invoiced.draws, invoiced.draw, paid.astype(np.int32), invoiced.amount, invoiced.lineage, invoiced.ids)
    return Converted(invoiced, collected.where(~lost), invoiced.where(lost))


def _to_invoice(bookings: Flows, already_net: Mapping[str, float], billing: Billing) -> Flows:
    before = np.array([*(already_net.get(name, 0.0) for name in bookings.ids), 0.0])[bookings.lineage]
    remaining = np.maximum(bookings.amount - before, 0.0)
    day = np.maximum(bookings.day, 0) + np.int32(billing.lag_days)
    gross = remaining * (1.0 + billing.vat_rate)
    every = Flows(bookings.draws, bookings.draw, day, gross, bookings.lineage, bookings.ids)
    return every.where(remaining > 0)


def _luck(invoiced: Flows, seed: int) -> Floats:
    """Give one number within (0, 1) per amount, from the deal's id and the draw; deals to come are told apart by their amounts."""
    own = np.append(shared_draws.keys_of(invoiced.ids, seed + _OWN_LUCK), np.zeros(1, np.uint64))[invoiced.lineage]
    by_amount = np.ascontiguousarray(invoiced.amount).view(np.uint64) ^ np.uint64(seed % 2**32)
    keys = np.where(invoiced.lineage == NOT_YET, by_amount, own) + invoiced.draw.astype(np.uint64) * _STEP
    return shared_draws.uniforms(shared_draws.words(keys, 1)[:, 0]).astype(np.float64)


def certain(amounts: Mapping[str, float], draws: int) -> Flows:
    """Give won deals that wait to be invoiced: the same net amount on as_of's day in every draw."""
    ids = tuple(amounts)
    count = len(ids)
    draw = np.repeat(np.arange(draws, dtype=np.int32), count)
    place = np.tile(np.arange(count, dtype=np.int32), draws)
    amount = np.array(list(amounts.values()), dtype=np.float64)[place] if count else np.zeros(0)
    return Flows(draws, draw, np.zeros(draw.size, dtype=np.int32), amount, place if count else np.full(0, NOT_YET, np.int32), ids)
