"""A prediction as its caller reads it: the same columns over HTTP and in a batch file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.churn.channels import NEXT_COLUMNS, OFFLINE, ONLINE, channel_states
from funnelcast.families.table import Array, Table
from funnelcast.terms import Json

GRADES: tuple[tuple[str, float], ...] = (("A", 90.0), ("B", 70.0), ("C", 40.0), ("D", 20.0), ("E", 0.0))
"""The grades, each with the lowest percentile that reaches it: A is the highest tenth."""

READ = ("engagement_points", "source_channel", "days_since_purchase", ONLINE, OFFLINE)
"""The features that answers are made of beside those that a model reads."""

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
    family: str, rows: Table, predictions: Mapping[str, Array], scale: Scale, value: Array | None, horizon_days: float
) -> dict[str, Array]:
    """Give the columns of the contract for one family's predictions.

    Parameters
    ----------
    family
        ``churn`` and ``lead_scoring`` gain percentile, grade and what goes with them; others lose what only forecasts draw from.
    rows
        The candidates: those of the features ``READ`` that the company has.
    predictions
        What the model gave for them, by column.
    scale
        Among which percentile and grade are counted; an empty one gives neither.
    value
        Of each row in the source's currency, NaN where it isn't known: a customer's CLV, or what a lead's conversion is worth. Times the
        probability it is the expected loss, or the expected value.
    horizon_days
        Of the label: a customer's present state looks back as far as the prediction looks ahead.
    """
    if family not in {"churn", "lead_scoring"}:
        return {name: values for name, values in predictions.items() if not _INNER.fullmatch(name)}
    unknown = np.full(len(rows), np.nan)
    expected = unknown if value is None else predictions["probability"] * value
    of_lead = family == "lead_scoring"
    answer = {name: predictions[name] for name in ("probability", "low", "high")}
    answer |= ranks(answer["probability"], expected if of_lead else unknown, scale)
    if of_lead:
        return {**answer, "expected_value": expected, "engagement_points": rows.columns.get("engagement_points", unknown)}
    chances = {name: predictions.get(name, unknown) for name in NEXT_COLUMNS}
    return {**answer, "expected_loss": expected, "channel_state": channel_states(rows, horizon_days), **chances}


def ranks(probability: Array, expected_value: Array, scale: Scale) -> dict[str, Array]:
    """Give grade and percentile, the place in a population: the percentile is the probability's.

    The grade goes by expected value where a lead has one, else by probability; that of churn, whose are NaN, by probability.
    """
    place, worth = percentile(probability, scale.probability), percentile(expected_value, scale.expected_value)
    return {"grade": grades(np.where(np.isnan(worth), place, worth)), "percentile": place}


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
