"""A prediction as its caller reads it: the same columns over HTTP and in a batch file."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

GRADES: tuple[tuple[str, float], ...] = (("A", 90.0), ("B", 70.0), ("C", 40.0), ("D", 20.0), ("E", 0.0))
"""The grades, each with the lowest percentile that reaches it: A is the tenth with the highest probability."""

_INNER = re.compile(r"(won|lost|pay)_\d+|.*_sd")
"""Columns that only forecasts draw from."""

CHANNEL_DAYS = 365.0
"""How long a purchase keeps a channel in a customer's state."""

_ONLINE, _OFFLINE = "days_since_online_purchase", "days_since_offline_purchase"


def answer_rows(family: str, rows: pd.DataFrame, predictions: pd.DataFrame, scale: Sequence[float], clv: pd.Series | None) -> pd.DataFrame:
    """Give the columns of the contract for one family's predictions.

    Parameters
    ----------
    family
        ``churn`` and ``lead_scoring`` gain percentile, grade and what goes with them; others lose what only forecasts draw from.
    rows
        The candidates: every feature, those that the model doesn't read included.
    predictions
        What the model gave for them, with the same index.
    scale
        Ascending quantiles of the probabilities among which the percentile is counted; empty: no percentile, no grade.
    clv
        Expected value by the rows' index, where it is known; without it there is no expected loss.
    """
    if family not in {"churn", "lead_scoring"}:
        return predictions[[name for name in predictions.columns if not _INNER.fullmatch(str(name))]]
    answer = predictions[["probability", "low", "high"]].copy()
    ranks = percentile(predictions["probability"].to_numpy(), scale)
    answer["grade"] = grades(ranks)
    answer["percentile"] = ranks
    if family == "lead_scoring":
        answer["engagement_points"] = rows.get("engagement_points", np.nan)
        return answer
    answer["expected_loss"] = np.nan if clv is None else answer["probability"] * clv.reindex(answer.index)
    answer["channel_state"] = channel_state(rows)
    return answer


def percentile(probability: npt.NDArray[np.float64], scale: Sequence[float]) -> npt.NDArray[np.float64]:
    """Give the share in percent of the scale's population that lies below each probability, ties counted half; NaN without a scale."""
    if not len(scale):
        return np.full(probability.shape, np.nan)
    levels = np.asarray(scale, dtype=float)
    below = np.searchsorted(levels, probability, side="left")
    up_to = np.searchsorted(levels, probability, side="right")
    return np.round(100.0 * (below + up_to) / (2 * levels.size), 1)


def grades(percentiles: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    """Give each percentile its grade; None where there is no percentile."""
    given = np.full(percentiles.shape, None, dtype=object)
    for grade, lowest in reversed(GRADES):
        given[percentiles >= lowest] = grade
    return given


def channel_state(rows: pd.DataFrame) -> pd.Series:
    """Say where each customer bought in the last year: online, offline, both or dormant; None where those purchases carry no channel."""
    if _ONLINE not in rows or _OFFLINE not in rows:
        return pd.Series([None] * len(rows), index=rows.index, dtype=object)
    online = (rows[_ONLINE] < CHANNEL_DAYS).to_numpy()
    offline = (rows[_OFFLINE] < CHANNEL_DAYS).to_numpy()
    bought = (rows["days_since_purchase"] < CHANNEL_DAYS).to_numpy() if "days_since_purchase" in rows else online | offline
    known = [online & offline, online, offline, ~bought]
    states = np.select(known, ["both", "online", "offline", "dormant"], default="")
    return pd.Series([state or None for state in states], index=rows.index, dtype=object)


def scale_of(probability: npt.NDArray[np.float64]) -> list[float]:
    """Give the 101 quantiles that stand for a population of probabilities; empty for nobody."""
    return [float(level) for level in np.quantile(probability, np.linspace(0.0, 1.0, 101))] if probability.size else []
