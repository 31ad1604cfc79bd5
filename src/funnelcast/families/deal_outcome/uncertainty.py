"""How far whole months lie beside their hazards: the shocks that all deals share, sized from past errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import polygamma

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_PRIOR_SD = 0.15
_PRIOR_MONTHS = 4.0


@dataclass(frozen=True)
class Shocks:
    """Standard deviations of what all deals of a draw have in common.

    Parameters
    ----------
    closing_month, winning_month
        Of the log of how many deals close, and of the log odds that a closing deal is won: anew in each calendar month.
    closing_level, winning_level
        The same, lasting for all months: how well the past could tell the level.
    """

    closing_month: float
    winning_month: float
    closing_level: float
    winning_level: float

    def document(self) -> dict[str, float]:
        """Give the shocks as JSON."""
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, float]) -> Shocks:
        """Read the shocks from their JSON."""
        return cls(**{name: float(value) for name, value in document.items()})


def size_shocks(month: Integers, won: Floats, lost: Floats, won_hazard: Floats, lost_hazard: Floats) -> Shocks:
    """Size the shocks by how monthly counts missed the sums of their hazards, beyond what independent deals would.

    By moments, over months: s^2 = sum((O - E)^2 - V) / sum(V^2), with V = E for closings and V = sum of p (1 - p) for the won among them;
    shrunk to 0.15 by four months. Levels: trigamma(n + 1/2), the variance of the log of a gamma variable, of the n closings seen.

    Parameters
    ----------
    month
        Of each row of the person-period table, as a number: shape [rows].
    won, lost
        Outcomes, 0 or 1: shape [rows].
    won_hazard, lost_hazard
        What the model gave: shape [rows].
    """
    months, place = np.unique(month, return_inverse=True)
    closing_hazard = won_hazard + lost_hazard
    closed = won + lost
    win_share = won_hazard / np.maximum(closing_hazard, 1e-12)

    def by_month(values: Floats) -> Floats:
        return np.bincount(place, weights=values, minlength=len(months)).astype(np.float64, copy=False)

    expected = by_month(closing_hazard)
    noise = by_month(closed * win_share * (1.0 - win_share))
    return Shocks(
        closing_month=_beyond_chance(by_month(closed) - expected, expected),
        winning_month=_beyond_chance(by_month(won) - by_month(closed * win_share), noise),
        closing_level=_level(float(closed.sum())),
        winning_level=float(np.hypot(_level(float(won.sum())), _level(float(lost.sum())))),
    )


def _beyond_chance(missed: Floats, variance: Floats) -> float:
    scale = float((variance**2).sum())
    found = max(float((missed**2 - variance).sum()), 0.0) / scale if scale > 0 else 0.0
    # months with next to nothing expected say nothing of the shock; count those with a few closings
    months = float((variance >= 1.0).sum())
    return float(np.sqrt((_PRIOR_MONTHS * _PRIOR_SD**2 + months * found) / (_PRIOR_MONTHS + months)))


def _level(count: float) -> float:
    return float(np.sqrt(polygamma(1, count + 0.5)))
