"""What customers are worth by how they were won and how many channels they use, with intervals from one set of shared worlds.

Every table sums the same simulated futures: within a draw the segments of a table add up to the total, so that sums, shares and
differences between segments hang together. Points are the model's exact expectations over all customers.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd

from funnelcast.families.clv.acquisition import CHANNEL, JOURNEY, USED
from funnelcast.families.clv.draws import Sums
from funnelcast.families.clv.process.parameters import Floats, Whole
from funnelcast.families.clv.rows import read_by
from funnelcast.families.clv.segments.words import OTHER, UNKNOWN, label_of, note, title
from funnelcast.families.clv.terms import Terms
from funnelcast.journeys import TYPES
from funnelcast.terms import Json

TABLES = (CHANNEL, JOURNEY, USED)
_LEVELS = (0.1, 0.9)
_CELLS = 20_000_000  # customers x worlds: what is simulated beyond them is a sample
_MOST_SEGMENTS = 20
_MANY_CHANNELS = 6


class Valuer(Protocol):
    """A model that values customers, alone and in simulated sums."""

    @property
    def terms(self) -> Terms:
        """Horizon, rate and margin of the values."""
        ...

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns that it reads."""
        ...

    def expected(self, rows: pd.DataFrame) -> tuple[Floats, Floats]:
        """Give each customer's expected purchases and CLV."""
        ...

    def simulate_groups(self, rows: pd.DataFrame, group: Whole, horizon_days: float, draws: int, seed: int, discount_rate: float) -> Sums:
        """Draw purchases and discounted money by group."""
        ...


@dataclass(frozen=True)
class Holdout:
    """Customers of the hold-out with their segments, and what was expected and came of each: purchases."""

    rows: pd.DataFrame
    predicted: Floats
    actual: Floats


def segments(model: Valuer, rows: pd.DataFrame, untold: Mapping[str, Mapping[str, str]], holdout: Holdout | None = None) -> dict[str, Json]:
    """Value the segments of every table.

    Parameters
    ----------
    rows
        Every customer: the model's columns and those of ``TABLES``.
    untold
        Why a table can't be made, by name.

    Returns
    -------
    ``horizon_days, discount_rate, margin, level`` (0.8), ``draws, customers``, ``simulated`` (how many of them, where a sample stands for
    all), ``missing`` (reasons by table), ``total`` and ``tables``: by name a ``title``, a ``note`` and ``segments`` with segment, label
    (en, fr), customers, share, expected_purchases, mean_clv, mean_p10, mean_p90, total_clv, total_p10, total_p90, ``p_above`` (the
    probability that its mean lies above another's), and ``holdout`` (customers, predicted and actual purchases, bias_pct; null where
    none is known).
    """
    terms = model.terms
    told = [name for name in TABLES if name not in untold]
    places = {name: _places(name, rows[name]) for name in told}
    purchases, worth = model.expected(read_by(model.columns, rows))
    drawn, simulated = _drawn(model, rows, worth, list(places.values()))
    tables: dict[str, Json] = {}
    for name, (labels, place) in places.items():
        judged = {} if holdout is None else _judged(name, labels, holdout)
        found = _rows(labels, place, purchases, worth, drawn.of(name, told, place))
        rows_told: list[Json] = [{**row, "holdout": judged.get(str(row["segment"]))} for row in found]
        tables[name] = {"title": title(name), "note": note(name), "segments": rows_told}
    everyone = np.zeros(len(rows), dtype=np.int64)
    total = _rows(["all"], everyone, purchases, worth, drawn.total())[0]
    return {
        "horizon_days": terms.horizon_days,
        "discount_rate": terms.discount_rate,
        "margin": terms.margin,
        "level": _LEVELS[1] - _LEVELS[0],
        "draws": terms.draws,
        "customers": len(rows),
        "simulated": simulated,
        "missing": {name: dict(reason) for name, reason in untold.items()},
        "total": {name: value for name, value in total.items() if name not in ("segment", "label", "share", "p_above")},
        "tables": tables,
    }


def table(document: Mapping[str, Any]) -> pd.DataFrame:
    """Lay the segments out in rows, as a spreadsheet takes them."""
    plain = []
    for name, found in document["tables"].items():
        for row in found["segments"]:
            kept = {key: value for key, value in row.items() if key not in ("label", "p_above", "holdout")}
            judged = {f"holdout_{key}": value for key, value in (row["holdout"] or {}).items()}
            plain.append({"table": name, **kept, **judged})
    return pd.DataFrame(plain)


@dataclass(frozen=True)
class _Drawn:
    """CLV summed by cell (a combination of all tables' segments) in each world: worlds x cells."""

    sums: Floats
    cells: Whole

    def of(self, name: str, told: Sequence[str], place: Whole) -> Floats:
        """Sum the cells of each segment of a table: worlds x segments."""
        column = self.cells[:, list(told).index(name)]
        size = int(place.max(initial=0)) + 1
        return np.stack([self.sums[:, column == segment].sum(axis=1) for segment in range(size)], axis=1)

    def total(self) -> Floats:
        """Sum all cells: worlds x 1."""
        return np.asarray(self.sums.sum(axis=1, keepdims=True), dtype=np.float64)


def _drawn(model: Valuer, rows: pd.DataFrame, worth: Floats, tables: list[tuple[list[str], Whole]]) -> tuple[_Drawn, int]:
    """Simulate customers once for all tables, as many as the cells of memory and time allow; each cell of a sample stands for its like.

    A sampled cell's draws are scaled to the expectation of all its customers. Its futures vary a little more than theirs would: the
    intervals of a sample are somewhat too wide, never too narrow.
    """
    terms = model.terms
    keys = np.stack([place for _, place in tables], axis=1) if tables else np.zeros((len(rows), 1), dtype=np.int64)
    cells, cell = np.unique(keys, axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    chosen = _sample(cell, max(_CELLS // terms.draws, len(cells)), terms.seed)
    inputs = read_by(model.columns, rows.iloc[chosen])
    sums = model.simulate_groups(inputs, cell[chosen], terms.horizon_days, terms.draws, terms.seed, terms.discount_rate)
    count = len(cells)
    all_worth, seen = (np.bincount(cell[part], weights=worth[part], minlength=count) for part in (np.arange(len(cell)), chosen))
    scale = np.divide(all_worth, seen, out=np.ones(count), where=seen > 0)
    amounts = np.zeros((terms.draws, count))
    amounts[:, : sums.amounts.shape[1]] = sums.amounts
    return _Drawn(terms.margin * amounts * scale, cells), len(chosen)


def _sample(cell: Whole, most: int, seed: int) -> Whole:
    """Choose at most so many rows: the same number of every cell, or all of a small one."""
    if len(cell) <= most:
        return np.arange(len(cell))
    sizes = np.bincount(cell)
    each = bisect_right(range(int(sizes.max())), most, key=lambda size: int(np.minimum(sizes, size).sum())) - 1
    mixed = np.random.default_rng(seed).permutation(len(cell))
    rank = pd.Series(cell[mixed]).groupby(cell[mixed]).cumcount().to_numpy()
    return np.sort(mixed[rank < each])


def _places(name: str, values: pd.Series) -> tuple[list[str], Whole]:
    """Give a table's segments in order, and each customer's place among them."""
    named = _named(name, values)
    labels = _ordered(name, named)
    return labels, pd.Categorical(named, categories=labels).codes.astype(np.int64)


def _named(name: str, values: pd.Series) -> pd.Series:
    if name == USED:
        known = values.clip(upper=_MANY_CHANNELS).astype("Int64").astype("string")
        return known.mask(values >= _MANY_CHANNELS, f"{_MANY_CHANNELS}+").fillna(UNKNOWN).astype(str)
    plain = values.astype(object).fillna(UNKNOWN)
    frequent = set(plain.value_counts().index[:_MOST_SEGMENTS])
    return plain.where(plain.isin(frequent), OTHER)


def _ordered(name: str, named: pd.Series) -> list[str]:
    """Put channels in order of their customers, types and counts in their own; what isn't known comes last."""
    found = named.value_counts()
    if name == CHANNEL:
        order = sorted(found.index, key=lambda label: (label in (OTHER, UNKNOWN), -int(found[label]), label))
    else:
        own = TYPES if name == JOURNEY else sorted(label for label in found.index if label != UNKNOWN)
        order = [label for label in (*own, OTHER, UNKNOWN) if label in found.index]
    return [str(label) for label in order]


def _rows(labels: list[str], place: Whole, purchases: Floats, worth: Floats, drawn: Floats) -> list[dict[str, Json]]:
    size = len(labels)
    count = np.bincount(place, minlength=size)
    bought, value = (np.bincount(place, weights=weights, minlength=size) for weights in (purchases, worth))
    low, high = np.quantile(drawn, _LEVELS, axis=0)
    means = drawn / np.maximum(count, 1)
    above = (means[:, :, None] > means[:, None, :]).mean(axis=0)
    return [
        {
            "segment": label,
            "label": label_of(label),
            "customers": int(count[at]),
            "share": float(count[at] / max(len(place), 1)),
            "expected_purchases": float(bought[at]),
            "mean_clv": float(value[at] / max(count[at], 1)),
            "mean_p10": float(low[at] / max(count[at], 1)),
            "mean_p90": float(high[at] / max(count[at], 1)),
            "total_clv": float(value[at]),
            "total_p10": float(low[at]),
            "total_p90": float(high[at]),
            "p_above": {other: float(above[at, beside]) for beside, other in enumerate(labels) if beside != at},
        }
        for at, label in enumerate(labels)
    ]


def _judged(name: str, labels: list[str], holdout: Holdout) -> dict[str, dict[str, Json]]:
    """Set what came in the hold-out against what was expected, by the segment that was known at its start."""
    named = _named(name, holdout.rows[name])
    sums = pd.DataFrame({"predicted": holdout.predicted, "actual": holdout.actual}).groupby(named.to_numpy()).agg(["sum", "size"])
    return {
        str(label): {
            "customers": int(row[("actual", "size")]),
            "predicted": float(row[("predicted", "sum")]),
            "actual": float(row[("actual", "sum")]),
            "bias_pct": float(100 * (row[("predicted", "sum")] / row[("actual", "sum")] - 1)) if row[("actual", "sum")] > 0 else None,
        }
        for label, row in sums.iterrows()
        if label in labels
    }
