"""Whether a first purchase tells what the next ones will be worth: an introductory offer doesn't."""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from funnelcast.families.clv.summary import PARTS_OF_MONEY
from funnelcast.terms import Json

FIRST_VALUE = "first_value"
_FARTHEST = 0.2


@dataclass(frozen=True)
class FirstValues:
    """The mean first purchase, and the mean of the same customers' mean repeat purchases, in money, where both are positive."""

    customers: float = 0.0
    first: float = 0.0
    repeats: float = 0.0

    @property
    def alike(self) -> bool:
        """The rule: the first purchases of those who came back are worth within a fifth of their repeat purchases, on average."""
        return self.repeats > 0 and abs(self.first / self.repeats - 1) <= _FARTHEST

    def document(self) -> dict[str, Json]:
        """Say what was compared, and what follows."""
        found = f"{self.first:.2f} at first against {self.repeats:.2f} later" if self.customers else "nobody came back at a positive value"
        return {
            "used": self.alike,
            "customers": self.customers,
            "mean_first": self.first,
            "mean_repeat": self.repeats,
            "rule": f"the first purchase enters the expected value where it is worth within {_FARTHEST:.0%} of the repeats: {found}",
        }


def first_values(summary: ir.Table) -> FirstValues:
    """Compare in the engine, in whole parts of money, so that the order of rows changes nothing."""
    both = summary.filter((summary["frequency"] > 0) & (summary["monetary_value"] > 0) & (summary[FIRST_VALUE] > 0))
    first, repeats = ((both[name] * PARTS_OF_MONEY).round().sum() for name in (FIRST_VALUE, "monetary_value"))
    return _means(both.aggregate(customers=both.count(), first=first, repeats=repeats).execute())


def with_known_first(summary: ir.Table) -> ir.Table:
    """Make a first value unknown (0) where returns of its day outweigh it."""
    return summary.mutate(**{FIRST_VALUE: ibis.greatest(summary[FIRST_VALUE], 0.0)})


def first_values_of(rows: pd.DataFrame) -> FirstValues:
    """Do the same to rows that are in Python already; without their first values nothing is known."""
    if FIRST_VALUE not in rows:
        return FirstValues()
    both = rows[(rows["frequency"] > 0) & (rows["monetary_value"] > 0) & (rows[FIRST_VALUE] > 0)]
    parts = (both[[FIRST_VALUE, "monetary_value"]] * PARTS_OF_MONEY).round().sum()
    return _means(pd.DataFrame({"customers": [len(both)], "first": [parts.iloc[0]], "repeats": [parts.iloc[1]]}))


def _means(sums: pd.DataFrame) -> FirstValues:
    customers = float(sums["customers"].iloc[0])
    if not customers:
        return FirstValues()
    first, repeats = (float(sums[name].iloc[0]) / PARTS_OF_MONEY / customers for name in ("first", "repeats"))
    return FirstValues(customers, first, repeats)
