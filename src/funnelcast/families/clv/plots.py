"""How the fit looks: purchase counts, purchases over time, who is alive, and the ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from funnelcast.families.clv.holdout import deciles as tenths
from funnelcast.families.clv.parameters import Floats
from funnelcast.families.clv.predictions import p_alive

if TYPE_CHECKING:
    from funnelcast.families.clv.model import ClvModel

_MOST_COUNTS = 8
_POINTS = 40


def frequency(model: ClvModel, rows: pd.DataFrame, days: float) -> Any:  # noqa: ARG001 (every plot of a hold-out is called alike)
    """Draw how many customers had 0, 1, 2 … repeat purchases by their age, and how many the model expects."""
    x, T = rows["frequency"].to_numpy(), rows["T"].to_numpy() / model.terms.days_per_unit
    actual = np.bincount(np.minimum(x, _MOST_COUNTS).astype(np.int64), minlength=_MOST_COUNTS + 1)
    expected = _expected_counts(model, T)
    figure, axes = _axes("Repeat purchases before the hold-out", "repeat purchases", "customers")
    place = np.arange(_MOST_COUNTS + 1)
    axes.bar(place - 0.2, actual, 0.4, label="actual")
    axes.bar(place + 0.2, expected, 0.4, label="model")
    axes.set_xticks(place, [*(str(count) for count in place[:-1]), f"{_MOST_COUNTS}+"])
    axes.legend()
    return figure


def _expected_counts(model: ClvModel, T: Floats) -> Floats:
    ages, customers = np.unique(T, return_counts=True)
    new = np.zeros(len(ages))
    survivals = model.process.survival_of_counts(new, new, ages)
    stay = customers * p_alive(model.process, new, new, new)
    more = [float(stay @ next(survivals)) for _ in range(_MOST_COUNTS)]
    return -np.diff([float(customers.sum()), *more, 0.0])


def tracking(model: ClvModel, rows: pd.DataFrame, days: float) -> Any:
    """Draw the purchases that the model expects of these customers over the hold-out, up to what came."""
    columns = list(model.columns)
    ends = np.linspace(days / 10, days, 10)
    expected = [float(model.expected_purchases(rows[columns], float(end)).sum()) for end in ends]
    figure, axes = _axes("Purchases in the hold-out, cumulative", "days after the cut", "purchases")
    axes.plot([0.0, *ends], [0.0, *expected], label="model")
    axes.plot([days], [float(rows["purchases"].sum())], "o", label="actual, in total")
    axes.legend()
    return figure


def alive(model: ClvModel, rows: pd.DataFrame) -> Any:
    """Draw P(alive) over frequency and recency, at the longest age among the customers."""
    T = float(rows["T"].max())
    most = float(max(np.quantile(rows["frequency"], 0.999), 5.0))
    x, t_x = np.meshgrid(np.arange(np.ceil(most) + 1), np.linspace(0, T, _POINTS))
    unit = model.terms.days_per_unit
    matrix = p_alive(model.process, x, t_x / unit, np.full_like(x, T / unit))
    figure, axes = _axes(f"P(alive) at an age of {T:.0f} days", "repeat purchases", "recency in days")
    image = axes.imshow(matrix, origin="lower", aspect="auto", extent=(-0.5, x.max() + 0.5, 0, T), vmin=0, vmax=1)
    figure.colorbar(image)
    return figure


def deciles(predicted: Floats, actual: Floats) -> Any:
    """Draw the mean purchases of each tenth of the customers, in the order of the prediction."""
    rows = tenths(predicted, actual)
    figure, axes = _axes("Purchases in the hold-out by decile of the prediction", "decile, best first", "mean purchases")
    place = np.array([row["decile"] for row in rows])
    axes.bar(place - 0.2, [row["predicted"] for row in rows], 0.4, label="model")
    axes.bar(place + 0.2, [row["actual"] for row in rows], 0.4, label="actual")
    axes.legend()
    return figure


def _axes(title: str, across: str, up: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure  # noqa: PLC0415 (takes half a second that the service need not spend)

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    axes.set(title=title, xlabel=across, ylabel=up)
    return figure, axes
