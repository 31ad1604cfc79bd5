"""Customers followed from their start, month by month; a month counts whom it was wholly observed for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd

from funnelcast.cohorts import elapsed_days
from funnelcast.economics.estimates import CLUSTERS, Floats
from funnelcast.families.attribution.paths import significant
from funnelcast.terms import DAYS_PER_MONTH, AsOf


def instant(as_of: AsOf) -> Any:
    """Give as_of as an expression."""
    return ibis.literal(as_of.at, type="timestamp")


def months_between(earlier: Any, later: Any) -> Any:
    """Count the whole months of average length from one instant to another."""
    return (elapsed_days(earlier, later) / DAYS_PER_MONTH).floor().cast("int64")


@dataclass(frozen=True)
class Followed:
    """Customers and what they did in each month.

    Parameters
    ----------
    customers
        At the start, shape (clusters,).
    done
        In each month, shape (months, clusters).
    at_risk
        Customers who were observed through the whole month, shape (months, clusters).
    """

    customers: Floats
    done: Floats
    at_risk: Floats

    @classmethod
    def of(cls, sums: pd.DataFrame, ages: pd.DataFrame, column: str, longest: int) -> Followed:
        """Lay out sums by ``month`` (from 0) and ``cluster``, as long as anyone was observed.

        Parameters
        ----------
        ages
            ``customers`` by ``age``, the whole months for which they were observed, and ``cluster``.
        """
        months = int(min(longest, ages["age"].max())) if len(ages) else 0
        aged = laid_out(ages["age"].clip(upper=months), ages, "customers", months + 1)
        observed = np.flip(np.cumsum(np.flip(aged, axis=0), axis=0), axis=0)
        kept = sums[sums["month"] < months]
        return cls(observed[0], laid_out(kept["month"], kept, column, months), observed[1:])


def laid_out(row: Any, frame: pd.DataFrame, column: str, rows: int) -> Floats:
    """Sum a column by row (say, day or month) and cluster, shape (rows, clusters)."""
    cells = row.to_numpy(dtype=np.int64) * CLUSTERS + frame["cluster"].to_numpy(dtype=np.int64)
    amounts = significant(frame[column].to_numpy(dtype=np.float64))
    summed = np.bincount(cells, weights=amounts, minlength=rows * CLUSTERS)
    return np.asarray(summed, dtype=np.float64).reshape(rows, CLUSTERS)
