"""A prediction as its caller reads it: the same columns over HTTP and in a batch file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.churn.channels import NEXT_COLUMNS, channel_state
from funnelcast.terms import Json

GRADES: tuple[tuple[str, float], ...] = (("A", 90.0), ("B", 70.0), ("C", 40.0), ("D", 20.0), ("E", 0.0))
"""The grades, each with the lowest percentile that reaches it: A is the highest tenth."""

_INNER = re.compile(r"(won|lost|pay)_\d+|.*_sd")
"""Columns that only forecasts draw from."""


@dataclass(frozen=True)
class Scale:
    """The population among which answers are ranked: ascending quantiles; empty where there is none.

    Parameters
    ----------
    probability
        Of its probabilities.
    expected_value
        Of the expected values of its leads, where a conversion has a value.
    """

    probability: Sequence[float] = ()
    expected_value: Sequence[float] = ()

    @classmethod
    def of_answers(cls, answers: pd.DataFrame) -> Scale:
        """Take everyone who was answered."""
        worth = answers.get("expected_value", pd.Series(dtype=np.float64))
        return cls(scale_of(answers["probability"].to_numpy()), scale_of(worth.dropna().to_numpy()))

    @classmethod
    def in_use(cls, scales: Mapping[str, Any], model: str, judged: Sequence[float]) -> Scale:
        """Give the last refresh's population, by its scales.json, else the fold on which the model was judged."""
        found = scales.get(model)
        return cls(**found) if isinstance(found, Mapping) else cls(judged)

    def document(self) -> dict[str, Json]:
        """Give the scale as JSON."""
        return asdict(self)


def answer_rows(
    family: str, rows: pd.DataFrame, predictions: pd.DataFrame, scale: Scale, value: pd.Series | None, horizon_days: float
) -> pd.DataFrame:
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
        Among which percentile and grade are counted; an empty one gives neither.
    value
        In the source's currency by the rows' index, where it is known: a customer's CLV, or what a lead's conversion is worth. Times the
        probability it is the expected loss, or the expected value.
    horizon_days
        Of the label: a customer's present state looks back as far as the prediction looks ahead.
    """
    if family not in {"churn", "lead_scoring"}:
        return predictions[[name for name in predictions.columns if not _INNER.fullmatch(str(name))]]
    answer = predictions[["probability", "low", "high"]].copy()
    answer[["grade", "percentile"]] = None, np.nan  # in the contract's order
    expected = np.nan if value is None else answer["probability"] * value.reindex(answer.index)
    if family == "lead_scoring":
        answer["expected_value"] = expected
        answer["engagement_points"] = rows.get("engagement_points", np.nan)
    else:
        answer["expected_loss"] = expected
        answer["channel_state"] = channel_state(rows, horizon_days)
        answer[list(NEXT_COLUMNS)] = predictions.reindex(columns=list(NEXT_COLUMNS))
    return ranked(answer, scale)


def ranked(answer: pd.DataFrame, scale: Scale) -> pd.DataFrame:
    """Give the answers with their place in a population: the percentile is the probability's.

    The grade goes by expected value where a lead has one, else by probability; that of churn by probability.
    """
    place = percentile(answer["probability"].to_numpy(), scale.probability)
    worth = percentile(answer["expected_value"].to_numpy(), scale.expected_value) if "expected_value" in answer else np.nan
    return answer.assign(grade=grades(np.where(np.isnan(worth), place, worth)), percentile=place)


def percentile(values: npt.NDArray[np.float64], scale: Sequence[float]) -> npt.NDArray[np.float64]:
    """Give the share in percent of the scale's population that lies below each value, ties counted half; NaN without value or scale."""
    if not len(scale):
        return np.full(values.shape, np.nan)
    levels = np.asarray(scale, dtype=float)
    below = np.searchsorted(levels, values, side="left")
    up_to = np.searchsorted(levels, values, side="right")
    return np.where(np.isnan(values), np.nan, np.round(100.0 * (below + up_to) / (2 * levels.size), 1))


def grades(percentiles: npt.NDArray[np.float64]) -> npt.NDArray[np.object_]:
    """Give each percentile its grade; None where there is no percentile."""
    ascending = GRADES[::-1]
    place = np.searchsorted([lowest for _, lowest in ascending], percentiles, side="right")
    letters = np.array([None, *(grade for grade, _ in ascending)], dtype=object)
    return letters[np.where(np.isnan(percentiles), 0, place)]


def scale_of(population: npt.NDArray[np.float64]) -> list[float]:
    """Give the 101 quantiles that stand for a population; empty for nobody."""
    return [float(level) for level in np.quantile(population, np.linspace(0.0, 1.0, 101))] if population.size else []
