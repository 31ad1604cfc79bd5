"""How late a customer's next invoice will be, on average: the customer's own past, shrunk to those with like terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

_TERMS_EDGES = (0.5, 10.5, 20.5, 37.5, 52.5, 75.5)
_EXTREME_DELAY = (-60.0, 120.0)
_MATURE_AFTER_DUE = 60.0
_SEGMENT_PRIOR = 10.0
_RIDGE = 10.0
_TYPICAL_DELAY = 3.0
_WITHIN_TO_BETWEEN = 2.0


@dataclass(frozen=True)
class Location:
    """The expected delay after the due date, in days.

    Parameters
    ----------
    segments
        Mean delay by length of terms (the bounds are fixed): shape [7].
    shrinkage
        k, as many prior payments as the segment's mean is worth: a customer's mean over n payments counts n / (n + k). It estimates
        the variance within customers over the variance between them (Bühlmann's credibility).
    coefficients
        Of the regression on the shrunk habits: shape [7].
    """

    segments: tuple[float, ...]
    shrinkage: float
    coefficients: tuple[float, ...]

    def of(self, rows: pd.DataFrame) -> Floats:
        """Give each row's expected delay."""
        expected = _habits(rows, np.asarray(self.segments), self.shrinkage) @ np.asarray(self.coefficients)
        return np.asarray(np.clip(expected, *_EXTREME_DELAY), dtype=np.float64)

    def document(self) -> dict[str, Any]:
        """Give the numbers as JSON."""
        return {"segments": list(self.segments), "shrinkage": self.shrinkage, "coefficients": list(self.coefficients)}

    @classmethod
    def read(cls, document: dict[str, Any]) -> Location:
        """Read the numbers from JSON."""
        return cls(tuple(document["segments"]), document["shrinkage"], tuple(document["coefficients"]))


def fit(rows: pd.DataFrame) -> Location:
    """Fit on rows as of issue with their outcomes; those observed too briefly to say are left out."""
    delay = rows["paid_days"] - rows["terms_days"] + rows["age_days"]
    mature = rows["observed_days"] >= rows["terms_days"] - rows["age_days"] + _MATURE_AFTER_DUE
    seen, late = rows[mature], delay[mature].fillna(_EXTREME_DELAY[1]).clip(*_EXTREME_DELAY).to_numpy(np.float64)
    segments = _segment_means(seen, late)
    shrinkage = _credibility(seen, late)
    design = _habits(seen, segments, shrinkage)
    # the penalty pulls to the shrunk mean alone, which is what remains where there are no rows
    prior = np.zeros(design.shape[1])
    prior[1] = 1.0
    penalty = _RIDGE * np.eye(design.shape[1])
    coefficients = prior + np.linalg.solve(design.T @ design + penalty, design.T @ (late - design @ prior))
    return Location(tuple(segments.tolist()), shrinkage, tuple(coefficients.round(9).tolist()))


def _segment_of(rows: pd.DataFrame) -> npt.NDArray[np.int64]:
    return np.searchsorted(_TERMS_EDGES, rows["terms_days"].to_numpy(np.float64)).astype(np.int64)


def _segment_means(rows: pd.DataFrame, delay: Floats) -> Floats:
    count = len(_TERMS_EDGES) + 1
    overall = (delay.sum() + _TYPICAL_DELAY) / (delay.size + 1.0)
    sizes = np.bincount(_segment_of(rows), minlength=count)
    sums = np.bincount(_segment_of(rows), weights=delay, minlength=count)
    return np.asarray((sums + _SEGMENT_PRIOR * overall) / (sizes + _SEGMENT_PRIOR), dtype=np.float64)


def _credibility(rows: pd.DataFrame, delay: Floats) -> float:
    """Estimate k from how far payments lie from the customer's last one and from everyone's mean.

    With variance w within customers and b between them, E(delay - last)^2 = 2 w and Var(delay) = w + b.
    """
    known = rows["prior_count"].to_numpy(np.float64) > 0
    if known.sum() < 10:
        return _WITHIN_TO_BETWEEN
    last = rows["last_delay"].to_numpy(np.float64)[known].clip(*_EXTREME_DELAY)
    within = 0.5 * float(np.mean((delay[known] - last) ** 2))
    between = float(np.var(delay[known])) - within
    return float(np.clip(within / max(between, 1e-9), 0.1, 50.0))


def _habits(rows: pd.DataFrame, segments: Floats, shrinkage: float) -> Floats:
    segment = segments[_segment_of(rows)]
    count, recent = rows["prior_count"].to_numpy(np.float64), rows["recent_count"].to_numpy(np.float64)
    usual = _shrunk(rows["prior_mean_delay"], count, segment, shrinkage)
    late = rows["share_late"].fillna(0.0).to_numpy(np.float64)
    columns = (
        np.ones(len(rows)),
        usual,
        _shrunk(rows["recent_mean_delay"], recent, usual, shrinkage) - usual,
        _shrunk(rows["last_delay"], np.minimum(count, 1.0), usual, shrinkage) - usual,
        (late - 0.5) * count / (count + shrinkage),
        np.log1p(np.maximum(rows["overdue_count"].to_numpy(np.float64), 0.0)),
        (rows["terms_days"].to_numpy(np.float64) - 30.0) / 30.0,
    )
    return np.column_stack(columns)


def _shrunk(mean: pd.Series, count: Floats, towards: Floats, shrinkage: float) -> Floats:
    known = mean.fillna(0.0).clip(*_EXTREME_DELAY).to_numpy(np.float64)
    return np.asarray((count * known + shrinkage * towards) / (count + shrinkage), dtype=np.float64)
