"""What changed in what models read, say and predict: effect sizes over a quarter, held against every quarter of the two years before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

FALSE_DISCOVERY_RATE = 0.05
SMALLEST_EFFECT = 0.1
"""An effect below a tenth (of probability mass) is not worth a person's time, however certain."""
BLOCK_DAYS, LAG, BLOCKS = 28, 3, 26
"""Blocks of rows lie so many days apart; a block is compared with the one so many before it; so many are looked at: two years."""

_SMALLEST_SAMPLE = 20
_FEWEST_PAST = 6
_BINS = 10
_NOISE = 0.005  # of shares: a column that hardly ever moved isn't infinitely surprised by a hundredth


@dataclass(frozen=True)
class Drift:
    """How one column changed.

    Parameters
    ----------
    effect
        In [0, 1]: the largest distance between the distribution functions of a number, half the sum of the changes in share of a category.
    p_value
        Of a change as large as those of the past; None where the past is too short to say.
    q_value
        The same after Benjamini and Hochberg (1995) over all columns.
    """

    name: str
    effect: float
    p_value: float | None
    q_value: float | None

    @property
    def drifted(self) -> bool:
        """Say whether the change is both certain and large enough to matter."""
        return self.q_value is not None and self.q_value <= FALSE_DISCOVERY_RATE and self.effect >= SMALLEST_EFFECT

    def document(self) -> dict[str, Json]:
        """Give the finding as JSON."""
        return {"name": self.name, "effect": self.effect, "p_value": self.p_value, "q_value": self.q_value, "drifted": self.drifted}


@dataclass(frozen=True, eq=False)
class Column:
    """How one column is distributed in each block.

    Parameters
    ----------
    shares
        By block, oldest first, and bin or level, missing included: shape (blocks, bins). NaN in a block of fewer than 20 rows.
    ordered
        Whether the bins follow one another.
    varied
        Whether the column has more than one value in a block: what is the same for all on one day, such as the date itself, says nothing
        of those in question.
    """

    name: str
    shares: Floats
    ordered: bool
    varied: bool

    @classmethod
    def of(cls, name: str, values: pd.Series, block: Integers, blocks: int) -> Column:
        """Sort values into ten bins between their quantiles, or by level.

        Parameters
        ----------
        block
            Of each row, 0 for the oldest, shape (rows,).
        """
        ordered = bool(pd.api.types.is_numeric_dtype(values))
        codes = _binned(values.to_numpy(np.float64)) if ordered else pd.factorize(values, use_na_sentinel=True)[0] + 1
        width = int(codes.max(initial=0)) + 1
        counts = np.bincount(block * width + codes, minlength=blocks * width).reshape(blocks, width).astype(np.float64)
        rows = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, rows, out=np.full_like(counts, np.nan), where=rows >= _SMALLEST_SAMPLE)
        varied = bool(values.groupby(block).nunique(dropna=False).max() > 1) if len(values) else False
        return cls(name, shares, ordered, varied)

    def changes(self) -> Floats:
        """Give the distance of each block from the one ``LAG`` before it, shape (blocks - LAG,)."""
        moved = self.shares[LAG:] - self.shares[:-LAG]
        distances = np.abs(moved.cumsum(axis=1)).max(axis=1) if self.ordered else np.abs(moved).sum(axis=1) / 2
        return np.asarray(distances)


def compare(columns: Sequence[Column]) -> list[Drift]:
    """Say how far each column moved over the newest quarter, largest effect first, and how often the past moved as far by itself.

    The blocks of dates are rotated in their order: each block before the newest quarter takes the newest one's place, and its distance
    from the one ``LAG`` before it is a draw from the null, with seasons, growth and whatever else makes neighbouring rows alike in it
    (block permutation: Politis, Romano and Wolf 1999, ch. 4). Two years hold twenty such draws, too few for a hundred columns: in units
    of its own mean, each column's draws stand beside all others', and p = (1 + draws as large) / (1 + draws).
    """
    moved = [(column, changes) for column in columns if column.varied and (changes := column.changes()).size and np.isfinite(changes[-1])]
    before = [_finite(changes[:-LAG]) for _, changes in moved]
    enough = [past.size >= _FEWEST_PAST for past in before]
    units = [float(past.mean()) + _NOISE if told else np.nan for past, told in zip(before, enough, strict=True)]
    draws = [past / unit for past, unit, told in zip(before, units, enough, strict=True) if told]
    pooled = np.sort(np.concatenate(draws)) if draws else np.zeros(0)
    newest = np.array([changes[-1] / unit for (_, changes), unit, told in zip(moved, units, enough, strict=True) if told])
    p_values = (1 + pooled.size - np.searchsorted(pooled, newest, side="left")) / (1 + pooled.size)
    certain = iter(zip(p_values, benjamini_hochberg(p_values), strict=True))
    found = []
    for (column, changes), told in zip(moved, enough, strict=True):
        p_value, q_value = next(certain) if told else (None, None)
        found.append(Drift(column.name, float(changes[-1]), _plain(p_value), _plain(q_value)))
    return sorted(found, key=lambda drift: (-drift.effect, drift.name))


def benjamini_hochberg(p_values: Floats) -> Floats:
    """Adjust p-values for the false discovery rate: q_(i) = min over j >= i of p_(j) n / j (Benjamini and Hochberg 1995)."""
    count = p_values.size
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * count / np.arange(1, count + 1)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def _binned(values: Floats) -> Integers:
    """Give each value its bin, counted from 1; 0 is missing."""
    known = values[~np.isnan(values)]
    edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS)) if known.size else np.zeros(0)
    return np.where(np.isnan(values), 0, np.searchsorted(edges, values, side="left") + 1)


def _finite(values: Floats) -> Floats:
    return values[np.isfinite(values)]


def _plain(value: float | None) -> float | None:
    return None if value is None else float(value)
