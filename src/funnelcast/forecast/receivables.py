"""The open invoices: on which day each is paid in every draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.payments import LATER, NEVER, Pace, PayDistribution

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_AT_A_TIME = 128
_SPARE_BITS = 4
"""Of the 16 that are drawn, those that a table of 4,096 slots doesn't need."""


@dataclass(frozen=True, eq=False)
class Collected:
    """What comes of the open invoices.

    Parameters
    ----------
    daily
        Collected on each day: shape [draws, days]. With ``open`` and ``lost`` it adds up to what was owed, in every draw.
    open
        Still unpaid at the end, but not lost: shape [draws].
    lost
        Never paid: shape [draws].
    kept
        Positions of the invoices whose days are kept, and those days: shape [kept] and [kept, draws].
    """

    daily: Floats
    open: Floats
    lost: Floats
    kept: Integers
    kept_days: Integers


def collect(
    distribution: PayDistribution, amount: Floats, pace: Pace, *, days: int, generator: np.random.Generator, keep: Integers
) -> Collected:
    """Draw the day of payment of every open invoice.

    Parameters
    ----------
    amount
        Gross, negative for a credit note: shape [invoices].
    days
        The length of the forecast; what is paid later counts as open.
    keep
        Positions of the invoices whose days are wanted.
    """
    draws = pace.factor.shape[0]
    never = LATER + 1
    starts = (np.arange(draws) * (never + 1)).astype(np.int64)
    sums = np.zeros(draws * (never + 1))
    kept_days = np.zeros((keep.size, draws), dtype=np.int64)
    for first in range(0, distribution.size, _AT_A_TIME):
        chunk = slice(first, first + _AT_A_TIME)
        table = PayDistribution(distribution.daily[chunk], distribution.never[chunk]).table(generator)
        table[table == NEVER] = never
        slot = generator.integers(0, 1 << 16, (len(table), draws), dtype=np.uint16) >> _SPARE_BITS
        day = table.ravel().take(slot + (np.arange(len(table)) * table.shape[1])[:, None])
        sums += np.bincount((day + starts).ravel(), weights=np.repeat(amount[chunk], draws), minlength=sums.size)
        mine = (keep >= first) & (keep < first + len(table))
        kept_days[mine] = day[keep[mine] - first]
    outcome = _outcomes(pace, days)
    cell = outcome + (np.arange(draws) * (days + 2))[:, None]
    moved = np.bincount(cell.ravel(), weights=sums, minlength=draws * (days + 2)).astype(np.float64, copy=False)
    by_outcome = moved.reshape(draws, days + 2)
    kept_days = outcome[np.arange(draws), kept_days]
    return Collected(by_outcome[:, :days], by_outcome[:, days], by_outcome[:, days + 1], keep, kept_days)


def _outcomes(pace: Pace, days: int) -> Integers:
    """Give what becomes of each drawn day in each draw, [draws, LATER + 2]: its paced day, ``days`` for open, ``days + 1`` for lost.

    All invoices that are drawn for one day share the month's pace, so that only their sum has to be moved.
    """
    draws = pace.factor.shape[0]
    paced = pace.day(np.arange(draws)[:, None], np.zeros(1, np.int64), np.arange(LATER + 1)[None, :])
    # a payment after the last span is open unless the forecast reaches that far
    return np.concatenate([np.minimum(paced, days), np.full((draws, 1), days + 1)], axis=1)
