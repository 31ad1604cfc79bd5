"""The folds: as-of dates a horizon apart, the newest kept for the gate; contact groups where the facts have no time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.errors import SpecError
from funnelcast.terms import AsOf

Indices = npt.NDArray[np.int64]
_MOST_COPIES = 3


@dataclass(frozen=True)
class Fold:
    """Positions of the rows to fit on and of those to judge on, with a log of the dates; empty dates where the facts have no time."""

    fit: Indices
    judge: Indices
    fit_dates: tuple[datetime, ...] = ()
    judge_date: datetime | None = None


@dataclass(frozen=True)
class Grid:
    """The as-of dates of one training run.

    Parameters
    ----------
    newest
        The date on which the gate judges; its label window ends no later than what was observed.
    earlier
        Dates to fit on, ascending: each lies at least the gap before ``newest``.
    """

    newest: AsOf
    earlier: tuple[AsOf, ...]


def grid(first: AsOf, as_of: AsOf, observed_until: AsOf, *, horizon_days: int, spacing_days: int, gap_days: int, most: int) -> Grid:
    """Lay the as-of dates back from the newest one that can be judged.

    Where facts were observed for a whole horizon after ``as_of``, they are the hold-out and ``as_of`` itself is the newest date;
    otherwise the newest date lies one horizon before ``as_of``. Dates to fit on have labels that were mature at the newest date.

    Parameters
    ----------
    first
        The earliest date with enough history before it.
    horizon_days
        h of the label window [T, T + h).
    spacing_days
        Between neighbouring dates; below h, label windows overlap.
    gap_days
        From the last date to fit on to the newest; at least h.
    most
        How many earlier dates are kept, the latest ones.

    Raises
    ------
    SpecError
        The gap is shorter than the horizon: a label to fit on would overlap the window that is judged.
    """
    if gap_days < horizon_days:
        raise SpecError(path="[folds]", reason=f"gap_days {gap_days} is shorter than the horizon of {horizon_days} days")
    later = as_of.plus(horizon_days) <= observed_until
    newest = as_of if later else as_of.plus(-horizon_days)
    last = newest.plus(-gap_days)
    dates = [last.plus(-spacing_days * step) for step in range(most)]
    return Grid(newest, tuple(sorted(date for date in dates if date >= first)))


def time_folds(as_of: pd.Series, gap_days: int, count: int) -> tuple[Fold, ...]:
    """Judge on each of the last ``count`` dates what was fitted on dates at least the gap before it.

    Parameters
    ----------
    as_of
        Shape (rows,); a few distinct dates.
    count
        The most folds; fewer where dates run out. Oldest first.
    """
    stamps = pd.to_datetime(as_of).to_numpy().astype("datetime64[us]")
    dates = np.unique(stamps)
    gap = np.timedelta64(gap_days, "D")
    folds = []
    for date in dates[-count:] if count else []:
        fit = np.flatnonzero(stamps <= date - gap)
        if fit.size:
            judged = np.flatnonzero(stamps == date)
            folds.append(Fold(fit, judged, tuple(d.item() for d in dates[dates <= date - gap]), date.item()))
    return tuple(folds)


def group_folds(outcome: npt.NDArray[np.float64], groups: npt.NDArray[np.int64], count: int, seed: int) -> tuple[Fold, ...]:
    """Deal whole groups to folds, stratified by outcome and shuffled by the seed.

    Parameters
    ----------
    outcome
        Shape (rows,), 0 or 1.
    groups
        Shape (rows,): rows of one contact, and exact duplicates of each other, share a number.
    count
        Folds; fewer where there are fewer groups.
    """
    _, first, code = np.unique(groups, return_index=True, return_inverse=True)
    positives = np.bincount(code, weights=outcome)
    order = np.random.default_rng(seed).permutation(first.size)
    order = order[np.argsort(-(positives[order] > 0).astype(np.int64), kind="stable")]
    count = min(count, first.size)
    fold_of = np.empty(first.size, np.int64)
    fold_of[order] = np.arange(first.size) % max(count, 1)
    of_row = fold_of[code]
    return tuple(Fold(np.flatnonzero(of_row != k), np.flatnonzero(of_row == k)) for k in range(count) if count > 1)


def duplicate_groups(rows: pd.DataFrame) -> Indices:
    """Give each row a number that it shares with its exact duplicates (in every column given).

    Where rows recur more than ``_MOST_COPIES`` times on average, few values describe many contacts: then equal rows aren't copies, and each
    has a number of its own.
    """
    if rows.shape[1] == 0:
        return np.arange(len(rows), dtype=np.int64)
    hashes = pd.util.hash_pandas_object(rows, index=False).to_numpy()
    distinct, codes = np.unique(hashes, return_inverse=True)
    return np.arange(len(rows), dtype=np.int64) if len(rows) > _MOST_COPIES * distinct.size else codes.astype(np.int64)
