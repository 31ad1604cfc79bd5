"""Whether a model's intervals held what came in a hold-out: sums over customers by simulated futures, single customers by their PIT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.evaluate.quantiles import inside, pit
from funnelcast.families.clv.groups import PurchaseModel
from funnelcast.families.clv.holdout import covered, evenness
from funnelcast.families.clv.process.parameters import Floats, Whole
from funnelcast.families.clv.rows import read_by
from funnelcast.terms import Json

_GROUP = 200
_TENTHS = 10
_MOST_CUSTOMERS = 20_000
_COUNTED = ("purchases", "spent")


@dataclass(frozen=True)
class Met:
    """Sums over customers that came, shape (n,), and their simulated futures, shape (draws, n)."""

    actual: Floats
    drawn: Floats

    def pit(self, seed: int) -> Floats:
        """Give where each sum lies among its futures, 0 to 1, at random among those equal to it."""
        return pit(self.actual, self.drawn, seed)

    def inside(self, level: float) -> npt.NDArray[np.bool_]:
        """Say which lie within the central interval, bounds included: of whole numbers more than the level says."""
        return inside(self.actual, self.drawn, level)


def account(model: PurchaseModel, rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Judge the intervals of a hold-out, for the train document: ``coverage`` and ``pit``.

    Of more than 20,000 customers as many are taken at random, and the sums are theirs: 100 groups tell enough.

    Parameters
    ----------
    rows
        The model's columns, ``purchases``, ``spent`` and ``holdout_days``.
    """
    terms = model.terms
    chosen = rows.iloc[np.random.default_rng(terms.seed).permutation(len(rows))[:_MOST_CUSTOMERS]]
    days = float(chosen["holdout_days"].iloc[0])
    values = model.count_pit(read_by(model.columns, chosen), chosen["purchases"].to_numpy(dtype=np.float64), days, terms.seed)
    sums = met(model, chosen, days, terms.draws, terms.seed)
    told: dict[str, Json] = {name: {kind: _told(kind, found, terms.seed) for kind, found in of.items()} for name, of in sums.items()}
    return {
        "coverage": {"customers": len(chosen), "draws": terms.draws, **told},
        "pit": {"customers": len(chosen), **evenness(values)},
    }


def met(model: PurchaseModel, rows: pd.DataFrame, days: float, draws: int, seed: int) -> dict[str, dict[str, Met]]:
    """Compare sums with their futures: ``purchases`` and ``spent``, each of all, of groups of 200 and of tenths by prediction.

    Parameters
    ----------
    rows
        In random order: each group takes every so many of them, 200 or a few more (all, where there are fewer).
    """
    inputs = read_by(model.columns, rows)
    groups = max(len(rows) // _GROUP, 1)
    cell = _tenths(model.expected_purchases(inputs, days)) * groups + np.arange(len(rows)) % groups
    present, place = np.unique(cell, return_inverse=True)
    drawn = model.simulate_groups(inputs, place, days, draws, seed)
    found = {}
    for name, simulated in zip(_COUNTED, (drawn.counts, drawn.amounts), strict=True):
        futures = np.zeros((draws, _TENTHS * groups))
        futures[:, present] = simulated
        came = np.bincount(cell, weights=rows[name], minlength=_TENTHS * groups).astype(np.float64)
        found[name] = _by_kind(came.reshape(1, _TENTHS, groups), futures.reshape(draws, _TENTHS, groups))
    return found


def _by_kind(came: Floats, futures: Floats) -> dict[str, Met]:
    """Sum (…, tenths, groups) over both, over tenths, and over groups."""
    axes: Mapping[str, int | tuple[int, int]] = {"total": (1, 2), "groups_of_200": 1, "deciles": 2}
    return {kind: Met(came.sum(axis=axis).ravel(), futures.sum(axis=axis).reshape(len(futures), -1)) for kind, axis in axes.items()}


def _tenths(expected: Floats) -> Whole:
    """Give each customer's tenth by prediction, 0 the best."""
    tenth = np.empty(len(expected), dtype=np.int64)
    tenth[np.argsort(-expected, kind="stable")] = np.arange(len(expected)) * _TENTHS // max(len(expected), 1)
    return tenth


def _told(kind: str, found: Met, seed: int) -> dict[str, Json]:
    values = found.pit(seed)
    shares: dict[str, Json] = {"sums": len(values), **covered(values)}
    if kind != "total":
        return shares
    quantiles = np.quantile(found.drawn[:, 0], (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)).tolist()
    return {
        "actual": float(found.actual[0]),
        **dict(zip(("p5", "p10", "p25", "p50", "p75", "p90", "p95"), quantiles, strict=True)),
        **shares,
    }
