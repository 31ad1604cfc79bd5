"""From what is known of a deal to the columns of the linear predictor: smooth age, the calendar of the week, stage, close date, owner."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

AGE_KNOTS = (0.0, 7.0, 14.0, 21.0, 28.0, 42.0, 56.0, 70.0, 84.0, 98.0, 112.0, 140.0, 182.0, 273.0, 365.0, 545.0, 730.0, 1095.0)
PHASE_KNOTS = (0.0, 14.0, 21.0, 42.0, 91.0, 182.0)
CLOSE_KNOTS = (-91.0, -28.0, -7.0, 0.0, 7.0, 14.0, 28.0, 56.0, 91.0, 182.0)
"""Days: age at the start of the week, alone and by its month of the quarter; and from there to the expected close date as it was known."""

_QUARTER_END_DAYS = 14
_FEWEST_KNOTS = 2
_SMOOTH = (1, 7)
"""The blocks of columns (age, days to the expected close) whose neighbours are alike."""


@dataclass(frozen=True)
class Design:
    """The columns of the linear predictor and how they are scaled; made once from the rows of a fit.

    Parameters
    ----------
    stages, channels
        The levels that the fit saw; another one counts as none of them.
    age_knots
        Days, up to the oldest age at which a deal closed.
    lead_knots
        Weeks ahead that the fit saw, between which what a stage says is interpolated.
    scales
        Mean and standard deviation of ``stage_age``, ``pushes``, ``amount``, ``backlog`` (all in logarithms) and ``owner`` (log odds).
    """

    stages: tuple[str, ...]
    channels: tuple[str, ...]
    age_knots: tuple[float, ...]
    lead_knots: tuple[float, ...]
    scales: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, rows: pd.DataFrame, oldest_closed: float) -> Design:
        """Take levels and scales from the rows of a fit."""
        knots = tuple(knot for knot in AGE_KNOTS if knot <= max(oldest_closed, AGE_KNOTS[1]))
        scales = {name: _scale(values) for name, values in _continuous(rows).items()}
        # a basis needs two knots; beyond the last it is flat
        leads = tuple(sorted({0.0, 1.0} if rows["lead_weeks"].nunique() < _FEWEST_KNOTS else set(rows["lead_weeks"].astype(float))))
        return cls(_levels(rows["stage"]), _levels(rows["channel"]), knots, leads, scales)

    def matrix(self, rows: pd.DataFrame, lead_weeks: npt.ArrayLike) -> Floats:
        """Give the matrix of shape [rows, columns] for the week that starts ``lead_weeks`` (a scalar or one per row) after each row."""
        lead = np.broadcast_to(np.asarray(lead_weeks, dtype=np.float64), (len(rows),))
        ahead = 7.0 * lead
        near = tents(lead, self.lead_knots)
        scaled = {name: (values - self.scales[name][0]) / self.scales[name][1] for name, values in _continuous(rows).items()}
        stage = _indicators(rows["stage"], self.stages)
        stage_age = scaled["stage_age"][:, None]
        days_to_close = rows["expected_close_days"].to_numpy(np.float64) - ahead
        age, quarter = rows["age_days"].to_numpy(np.float64) + ahead, calendar(rows["day"].to_numpy(np.float64) + ahead)
        blocks = [
            np.ones((len(rows), 1)),
            tents(age, self.age_knots),
            quarter,
            np.hstack([near, stage, _products(near, stage), stage_age, stage_age * near]),
            tents(days_to_close, CLOSE_KNOTS) * ~np.isnan(days_to_close)[:, None],
            _indicators(rows["channel"], self.channels),
            _known(np.column_stack([scaled["pushes"], scaled["amount"], scaled["owner"]])),
            _known(scaled["backlog"])[:, None],
            np.isnan(scaled["amount"]).astype(np.float64)[:, None],
            _products(tents(age, PHASE_KNOTS), quarter[:, :3]),
        ]
        return np.hstack(blocks)

    def precision(self) -> Floats:
        """Give the prior precision of the coefficients, [columns, columns]: smooth in age, shrunk to no effect elsewhere."""
        sizes = self._sizes()
        ridge = np.concatenate([np.full(size, strength) for size, strength in sizes])
        precision = np.diag(ridge)
        starts = np.cumsum([0, *(size for size, _ in sizes)])
        for block in _SMOOTH:
            span = slice(starts[block], starts[block + 1])
            bends = np.diff(np.eye(sizes[block][0]), n=2, axis=0)
            precision[span, span] += bends.T @ bends
        return precision

    def _sizes(self) -> list[tuple[int, float]]:
        """Give the size and the prior precision of each block of columns, in the order of ``matrix``."""
        return [
            (1, 0.25),
            (len(self.age_knots), 0.1),
            (4, 4.0),
            (len(self.lead_knots), 0.05),
            # a first stage is hardly ever won within the week: what a stage says must be free to differ a hundredfold
            (len(self.stages), 0.2),
            (len(self.lead_knots) * len(self.stages), 0.1),
            (1 + len(self.lead_knots), 2.0),
            (len(CLOSE_KNOTS), 2.0),
            (len(self.channels), 16.0),
            (3, 16.0),
            (1, 16.0),
            (1, 16.0),
            (3 * len(PHASE_KNOTS), 16.0),
        ]

    def document(self) -> dict[str, Any]:
        """Give the design as JSON."""
        return {
            "stages": list(self.stages),
            "channels": list(self.channels),
            "age_knots": list(self.age_knots),
            "lead_knots": list(self.lead_knots),
            "scales": {name: list(scale) for name, scale in self.scales.items()},
        }

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Design:
        """Read a design from its JSON."""
        scales = {name: (float(mean), float(spread)) for name, (mean, spread) in document["scales"].items()}
        ages, leads = (tuple(float(knot) for knot in document[name]) for name in ("age_knots", "lead_knots"))
        return cls(tuple(document["stages"]), tuple(document["channels"]), ages, leads, scales)


def tents(values: Floats, knots: Sequence[float]) -> Floats:
    """Give the piecewise linear basis: weights that interpolate between neighbouring knots, flat beyond the first and the last.

    Returns
    -------
    Shape [values, knots]; each row of a known value sums to 1, an unknown one gives zeros.
    """
    bounds = np.asarray(knots, dtype=np.float64)
    held = np.clip(np.nan_to_num(values, nan=bounds[0]), bounds[0], bounds[-1])
    left = np.clip(np.searchsorted(bounds, held, side="right") - 1, 0, len(bounds) - 2)
    share = (held - bounds[left]) / (bounds[left + 1] - bounds[left])
    basis = np.zeros((len(held), len(bounds)))
    row = np.arange(len(held))
    basis[row, left] = 1.0 - share
    basis[row, left + 1] = share
    return basis


def calendar(day: Floats) -> Floats:
    """Give a week's place in the quarter: the shares of its days in the quarter's first, second and third month and in its last fortnight.

    Parameters
    ----------
    day
        The week's start in days since 1970-01-01.

    Returns
    -------
    Shape [weeks, 4]; the first three sum to 1.
    """
    starts, position = np.unique(np.floor(day).astype(np.int64), return_inverse=True)
    days = (starts[:, None] + np.arange(7)).astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    place = months.astype(np.int64) % 3
    next_quarter = (months + (3 - place)).astype("datetime64[D]")
    ending = (next_quarter - days).astype(np.int64) <= _QUARTER_END_DAYS
    shares = np.column_stack([*((place == month).mean(axis=1) for month in range(3)), ending.mean(axis=1)])
    return np.asarray(shares[position], dtype=np.float64)


def _continuous(rows: pd.DataFrame) -> dict[str, Floats]:
    owner = np.clip(rows["owner_win_rate"].to_numpy(np.float64), 1e-3, 1.0 - 1e-3)
    amount, backlog = rows["amount"].to_numpy(np.float64), rows["backlog"].to_numpy(np.float64)
    return {
        # in weeks, as all that is learned: in days a deal that was just opened would lie far out, and win by extrapolation
        "stage_age": np.log1p(np.maximum(np.nan_to_num(rows["stage_age_days"].to_numpy(np.float64)), 0.0) / 7.0),
        "pushes": np.log1p(np.nan_to_num(rows["pushes"].to_numpy(np.float64))),
        "amount": np.log(np.where(amount > 0, amount, np.nan)),
        "owner": np.log(owner / (1.0 - owner)),
        "backlog": np.log(np.where(backlog > 0, backlog, np.nan)),
    }


def _scale(values: Floats) -> tuple[float, float]:
    known = values[~np.isnan(values)]
    if not known.size:
        return 0.0, 1.0
    spread = float(known.std())
    return float(known.mean()), spread if spread > 1e-9 else 1.0


def _products(left: Floats, right: Floats) -> Floats:
    return np.asarray((left[:, :, None] * right[:, None, :]).reshape(len(left), left.shape[1] * right.shape[1]))


def _known(values: Floats) -> Floats:
    return np.nan_to_num(values, nan=0.0)


def _levels(values: pd.Series[str]) -> tuple[str, ...]:
    return tuple(sorted(values.astype(str).unique()))


def _indicators(values: pd.Series[str], levels: Sequence[str]) -> Floats:
    same = values.to_numpy(object)[:, None] == np.array(levels, dtype=object)[None, :]
    return np.asarray(same, dtype=np.float64)
