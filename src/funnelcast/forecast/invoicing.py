"""In which parts, and how long after winning, a deal is invoiced: as the company's own deals of about that amount were."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_ALIKE = 12
_LEAST_AMOUNT = 1e-2
_GRID_STEPS = 50.0
_GRID = np.log(_LEAST_AMOUNT) + np.arange(2000) / _GRID_STEPS


@dataclass(frozen=True, eq=False)
class InvoicingPlans:
    """How past deals were invoiced, from the smallest deal to the largest.

    Parameters
    ----------
    amount
        Net amount of each deal, ascending: shape [plans], at least one.
    first
        Where each plan's parts begin, and how many parts there are in all: shape [plans + 1].
    lag
        Days from won to each part's issue, ascending within a plan: shape [parts].
    share
        Of the deal's amount; those of a plan add up to 1: shape [parts].
    """

    amount: Floats
    first: Integers
    lag: Integers
    share: Floats

    @classmethod
    def at_once(cls) -> InvoicingPlans:
        """Give what is believed where no deal was ever invoiced: the whole amount on the day of winning."""
        return cls(np.ones(1), np.array([0, 1]), np.zeros(1, np.int64), np.ones(1))

    @classmethod
    def of(cls, parts: pd.DataFrame) -> InvoicingPlans:
        """Read past invoices of won deals: deal_id, deal_amount, lag (days from won to issue, 0 where it came before), amount above 0."""
        if parts.empty:
            return cls.at_once()
        ordered = parts.sort_values(["deal_amount", "deal_id", "lag", "amount"], ignore_index=True)
        sums = ordered.groupby("deal_id")["amount"].transform("sum")
        begins = np.flatnonzero(ordered["deal_id"] != ordered["deal_id"].shift())
        return cls(
            amount=ordered["deal_amount"].to_numpy(np.float64)[begins],
            first=np.append(begins, len(ordered)),
            lag=ordered["lag"].to_numpy(np.int64),
            share=(ordered["amount"] / sums).to_numpy(np.float64),
        )

    @property
    def longest(self) -> int:
        """The days from won to the last part, at most."""
        return int(self.lag.max())

    def choose(self, amount: Floats, uniform: Floats) -> Integers:
        """Give each deal the plan of a past one of about its amount: positions of shape [deals].

        Parameters
        ----------
        amount, uniform
            Of each deal: its net amount, and a number within (0, 1) that picks one of the plans alike.
        """
        alike = min(_ALIKE, self.amount.size)
        # looked up on a fine grid of the logarithm: a binary search for each of millions takes several times as long
        log_amount = np.log(np.maximum(amount, _LEAST_AMOUNT))
        place = np.clip((log_amount - _GRID[0]) * _GRID_STEPS, 0, _GRID.size - 1).astype(np.int64)
        begins = np.clip(np.searchsorted(self.amount, np.exp(_GRID)) - alike // 2, 0, self.amount.size - alike)[place]
        return np.asarray(begins + (uniform * alike).astype(np.int64), dtype=np.int64)

    def choose_unfinished(self, amount: float, elapsed: int, uniform: Floats) -> Integers:
        """Choose for a deal that was won so many days ago and isn't wholly invoiced, among the plans that go on after that.

        Those of its own size count where there are some; where no plan goes on, any of its size does.
        """
        last = self.lag[self.first[1:] - 1]
        nearest = np.argsort(np.abs(self.amount - amount), kind="stable")[:_ALIKE]
        going_on = nearest[last[nearest] > elapsed]
        chosen = np.sort(going_on if going_on.size else nearest)
        return np.asarray(chosen[(uniform * chosen.size).astype(np.int64)], dtype=np.int64)

    def parts(self, plan: Integers, elapsed: Integers) -> tuple[Integers, Integers, Floats]:
        """Give what is still to be invoiced by each chosen plan, ``elapsed`` days after winning.

        Returns
        -------
        The position of the deal, the days from winning to issue, and the share of what remains: one entry per part. The shares of a deal
        add up to 1. A plan that is over has its last part at once.
        """
        counts = np.diff(self.first)[plan]
        deal = np.repeat(np.arange(plan.size), counts)
        place = np.arange(deal.size) + np.repeat(self.first[plan] - np.cumsum(counts) + counts, counts)
        lag, share = self.lag[place], self.share[place]
        begun = np.flatnonzero(np.repeat(elapsed > 0, counts))
        if not begun.size:
            return deal, lag, share
        whose, is_last = deal[begun], np.isin(place[begun], self.first[1:] - 1)
        lag[begun], over = np.maximum(lag[begun], elapsed[whose]), lag[begun] <= elapsed[whose]
        share[begun[over & ~is_last]] = 0.0
        share[begun] /= np.bincount(whose, weights=share[begun], minlength=plan.size)[whose]
        ahead = share > 0.0
        return deal[ahead], lag[ahead], share[ahead]

    def frame(self) -> pd.DataFrame:
        """Give the plans as a table of parts, which ``of`` reads."""
        deal = np.repeat(np.arange(self.amount.size), np.diff(self.first))
        return pd.DataFrame({"deal_id": deal, "deal_amount": self.amount[deal], "lag": self.lag, "amount": self.share})
