"""The amount at close, given the amount now: it is another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

_PRIOR_DEALS = 3.0
_PRIOR_LOG_SD = 0.3
_PRIOR_UNKNOWN_LOG_SD = 1.0
_FURTHEST_LOG = 3.0


@dataclass(frozen=True)
class Amounts:
    """What a won deal brings: a lognormal factor on the amount now, or the company's spread of amounts where none is given.

    Parameters
    ----------
    ratio, ratio_log_sd
        Mean of amount at close / amount now, weighted by amount, and the standard deviation of its logarithm.
    unknown_mean, unknown_log_sd
        Mean of the amount at close over all won deals, and the lognormal's spread with the same coefficient of variation.
    """

    ratio: float
    ratio_log_sd: float
    unknown_mean: float
    unknown_log_sd: float

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Amounts:
        """Learn from the rows whose deal was won within their week; shrunk to no change by three deals."""
        known = rows["amount"].to_numpy(np.float64)
        closed = rows["closed_amount"].to_numpy(np.float64)
        won = rows["outcome"].to_numpy(object) == "won"
        both = won & (known > 0) & (closed > 0)
        ratio, spread = _ratio(known[both], closed[both])
        # each deal once: at its opening
        entered = rows["entry"].to_numpy(np.bool_) & (rows["lead_weeks"].to_numpy(np.float64) == 0)
        final = closed[won & (closed > 0)] if bool((won & (closed > 0)).any()) else known[entered & (known > 0)]
        return cls(ratio, spread, *_level(final))

    def at_close(self, amount: Floats) -> tuple[Floats, Floats]:
        """Give the expected amount at close and the standard deviation of its logarithm, for amounts now (NaN: not given)."""
        given = ~np.isnan(amount)
        expected = np.where(given, np.nan_to_num(amount) * self.ratio, self.unknown_mean)
        return expected, np.where(given, self.ratio_log_sd, self.unknown_log_sd)

    def document(self) -> dict[str, float]:
        """Give the distribution as JSON."""
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, float]) -> Amounts:
        """Read the distribution from its JSON."""
        return cls(**{name: float(value) for name, value in document.items()})


def _ratio(known: Floats, closed: Floats) -> tuple[float, float]:
    if not known.size:
        return 1.0, _PRIOR_LOG_SD
    usual = _PRIOR_DEALS * float(known.mean())
    ratio = (float(closed.sum()) + usual) / (float(known.sum()) + usual)
    logs = np.clip(np.log(closed / known), -_FURTHEST_LOG, _FURTHEST_LOG)
    spread = (float(((logs - logs.mean()) ** 2).sum()) + _PRIOR_DEALS * _PRIOR_LOG_SD**2) / (known.size + _PRIOR_DEALS)
    return ratio, float(np.sqrt(spread))


def _level(amounts: Floats) -> tuple[float, float]:
    if not amounts.size:
        return 0.0, 0.0
    mean = float(amounts.mean())
    squared_variation = (float(((amounts / mean - 1.0) ** 2).sum()) + _PRIOR_DEALS * np.expm1(_PRIOR_UNKNOWN_LOG_SD**2)) / (
        amounts.size + _PRIOR_DEALS
    )
    return mean, float(np.sqrt(np.log1p(squared_variation)))
