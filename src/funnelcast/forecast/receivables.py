"""The open invoices: on which day each is paid in every draw."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.payments import LATER, NEVER, Pace, PayDistribution

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_AT_A_TIME = 128


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
    cells = _cells(pace, days)
    width, outcomes = cells.shape[1], days + 2
    sums = np.zeros(draws * outcomes)
    starts = (np.arange(draws) * width).astype(np.int64)
    kept_days = np.zeros((keep.size, draws), dtype=np.int64)
    for first in range(0, distribution.size, _AT_A_TIME):
        chunk = slice(first, first + _AT_A_TIME)
        table = PayDistribution(distribution.daily[chunk], distribution.never[chunk]).table(generator)
        table[table == NEVER] = width - 1  # the cells' last column
        slot = generator.integers(0, table.shape[1], (len(table), draws), dtype=np.uint16)
        day = np.take_along_axis(table, slot.astype(np.intp), axis=1)
        cell = cells.ravel().take(day + starts)
        sums += np.bincount(cell.ravel(), weights=np.repeat(amount[chunk], draws), minlength=sums.size)
        mine = (keep >= first) & (keep < first + len(table))
        kept_days[mine] = cell[keep[mine] - first] - np.arange(draws) * outcomes
    by_outcome = sums.reshape(draws, outcomes)
    return Collected(by_outcome[:, :days], by_outcome[:, days], by_outcome[:, days + 1], keep, kept_days)


def _cells(pace: Pace, days: int) -> Integers:
    """Give, by draw and drawn day, the cell to which an amount goes: its paced day, ``days`` for open, ``days + 1`` for lost."""
    draws = pace.factor.shape[0]
    every = np.arange(draws)[:, None]
    paced = pace.day(every, np.zeros(1, np.int64), np.arange(LATER + 1)[None, :])
    outcome = np.minimum(paced, days)
    # a payment after the last span is open unless the forecast reaches that far
    lost = np.full((draws, 1), days + 1)
    return np.asarray(np.concatenate([outcome, lost], axis=1) + every * (days + 2), dtype=np.int64)
