"""Dated amounts in every draw: what the parts of a forecast hand to each other, so that every sum comes from the same futures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

NOT_YET = -1
"""The lineage of an amount whose deal or invoice doesn't exist yet."""


@dataclass(frozen=True, eq=False)
class Flows:
    """Amounts, each in one draw on one day.

    Parameters
    ----------
    draws
        How many futures there are; a draw without an amount counts as zero.
    draw
        Of each amount, its future: shape [k], 0 <= draw < draws.
    day
        Whole days after as_of: shape [k]; an amount on as_of's own day has 0.
    amount
        In the source's currency: shape [k].
    lineage
        Which of ``ids`` the amount comes from, or -1 where it comes from what doesn't exist yet: shape [k].
    ids
        Of existing deals or invoices. An expected amount is replaced, never added to, when its id becomes real.
    """

    draws: int
    draw: Integers
    day: Integers
    amount: Floats
    lineage: Integers
    ids: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        sizes = {self.draw.size, self.day.size, self.amount.size, self.lineage.size}
        if len(sizes) != 1:
            message = f"Flows: draw, day, amount and lineage are one entry per amount; got {self.draw.size}, {self.day.size}, "
            message += f"{self.amount.size} and {self.lineage.size}"
            raise ValueError(message)
        if self.draw.size and not (self.draw.min() >= 0 and self.draw.max() < self.draws):
            message = f"Flows: draw runs from {self.draw.min()} to {self.draw.max()}, outside of 0 to {self.draws - 1}"
            raise ValueError(message)
        if self.lineage.size and not (self.lineage.min() >= NOT_YET and self.lineage.max() < len(self.ids)):
            message = f"Flows: lineage runs from {self.lineage.min()} to {self.lineage.max()}, outside of -1 to {len(self.ids) - 1}"
            raise ValueError(message)

    @property
    def size(self) -> int:
        """How many amounts there are over all draws."""
        return int(self.draw.size)

    def by_period(self, edges: npt.ArrayLike) -> Floats:
        """Add up the amounts of each draw in half-open periods.

        Parameters
        ----------
        edges
            Whole days after as_of, ascending: shape [periods + 1]. Period j is [edges[j], edges[j + 1]); what lies outside isn't counted.

        Returns
        -------
        Sums of shape [draws, periods].
        """
        bounds = np.asarray(edges, dtype=np.int64)
        periods = bounds.size - 1
        last = max(int(bounds[-1]), 0)
        # a look-up by day is several times faster than a binary search for each of a million amounts
        period_of_day = np.full(last + 1, periods, dtype=np.int64)
        period_of_day[:last] = np.searchsorted(bounds, np.arange(last), side="right") - 1
        period_of_day[period_of_day < 0] = periods
        period = period_of_day[np.clip(self.day, 0, last)]
        period[self.day < 0] = periods
        cells = self.draw.astype(np.int64) * (periods + 1) + period
        sums = np.bincount(cells, weights=self.amount, minlength=self.draws * (periods + 1))
        return sums.astype(np.float64, copy=False).reshape(self.draws, periods + 1)[:, :periods]

    def totals(self) -> Floats:
        """Add up each draw, whenever the amounts fall: shape [draws]."""
        return np.bincount(self.draw, weights=self.amount, minlength=self.draws).astype(np.float64, copy=False)

    def where(self, mask: Mask | slice) -> Flows:
        """Keep the amounts that the mask marks: shape [k], or a slice of them."""
        return Flows(self.draws, self.draw[mask], self.day[mask], self.amount[mask], self.lineage[mask], self.ids)

    def of(self, chosen: Iterable[str]) -> Flows:
        """Keep the amounts that come from the chosen ids."""
        wanted = frozenset(chosen)
        known = np.array([name in wanted for name in self.ids] + [False], dtype=np.bool_)
        return self.where(known[self.lineage])

    @classmethod
    def none(cls, draws: int, ids: tuple[str, ...] = ()) -> Flows:
        """Give futures in which nothing flows."""
        nothing = np.zeros(0, dtype=np.int32)
        return cls(draws, nothing, nothing, np.zeros(0), nothing, ids)

    @classmethod
    def concatenate(cls, parts: Sequence[Flows]) -> Flows:
        """Put flows of the same draws together; an id that several parts know is one id.

        Raises
        ------
        ValueError
            The parts don't have the same number of draws, or there is no part.
        """
        counts = sorted({part.draws for part in parts})
        if len(counts) != 1:
            message = f"Flows.concatenate: the parts must share their draws; got {counts}"
            raise ValueError(message)
        if all(part.ids == parts[0].ids for part in parts):
            ids, lineages = parts[0].ids, [part.lineage for part in parts]
        else:
            ids = tuple(dict.fromkeys(name for part in parts for name in part.ids))
            place = {name: position for position, name in enumerate(ids)}
            moved = (np.array([*(place[name] for name in part.ids), NOT_YET], dtype=np.int32)[part.lineage] for part in parts[1:])
            lineages = [parts[0].lineage, *moved]  # the first part's ids keep their places
        return cls(
            counts[0],
            np.concatenate([part.draw for part in parts]),
            np.concatenate([part.day for part in parts]),
            np.concatenate([part.amount for part in parts]),
            np.concatenate(lineages),
            ids,
        )
