"""The figures of a run: reliability with bands, ROC, precision and recall, gain, lift and contributions, drawn when asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.evaluate.calibration import reliability
from funnelcast.evaluate.metrics import average_precision, gain_curve, precision_recall_curve, roc_auc, roc_curve

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
_MOST_FEATURES, _MOST_POINTS = 15, 400


def plots(outcome: Floats, model: Floats, baseline: Floats) -> dict[str, Callable[[], Figure]]:
    """Give each figure's maker by name; probabilities are out of sample, shape (n,)."""
    return {
        "reliability": lambda: reliability_figure(outcome, model),
        "roc": lambda: roc_figure(outcome, model, baseline),
        "precision_recall": lambda: precision_recall_figure(outcome, model, baseline),
        "gain": lambda: gain_figure(outcome, model, baseline),
        "lift": lambda: lift_figure(outcome, model, baseline),
    }


def reliability_figure(outcome: Floats, probability: Floats) -> Figure:
    """Draw predicted against observed, with the 90 % interval of each bin."""
    found = reliability(outcome, probability)
    figure, axes = _axes("predicted probability", "observed rate", "Reliability")
    axes.errorbar(
        found.predicted, found.observed, yerr=[found.observed - found.low, found.high - found.observed], fmt="o", color="C0", capsize=3
    )
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--")
    axes.text(0.03, 0.93, f"expected calibration error {found.error:.3f}")
    return figure


def roc_figure(outcome: Floats, model: Floats, baseline: Floats) -> Figure:
    """Draw the ROC curves of model and baseline."""
    figure, axes = _axes("false positive rate", "true positive rate", "ROC")
    for name, probability, colour in (("model", model, "C0"), ("baseline", baseline, "C1")):
        axes.plot(*roc_curve(outcome, probability), color=colour, label=f"{name}: {roc_auc(outcome, probability):.3f}")
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--")
    axes.legend(loc="lower right")
    return figure


def gain_figure(outcome: Floats, model: Floats, baseline: Floats) -> Figure:
    """Draw which share of the positives the best share of a list holds."""
    figure, axes = _axes("share of the list", "share of the positives found", "Gain")
    for name, probability, colour in (("model", model, "C0"), ("baseline", baseline, "C1")):
        axes.plot(*gain_curve(outcome, probability), color=colour, label=name)
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--")
    axes.legend(loc="lower right")
    return figure


def precision_recall_figure(outcome: Floats, model: Floats, baseline: Floats) -> Figure:
    """Draw precision against recall of model and baseline; the dashed line is the base rate."""
    figure, axes = _axes("recall", "precision", "Precision and recall")
    for name, probability, colour in (("model", model, "C0"), ("baseline", baseline, "C1")):
        precision, recall = precision_recall_curve(outcome, probability)
        axes.plot(recall, precision, color=colour, label=f"{name}: {average_precision(outcome, probability):.3f}", drawstyle="steps-post")
    axes.axhline(float(outcome.mean()), color="0.6", linestyle="--")
    axes.legend(loc="upper right")
    return figure


def lift_figure(outcome: Floats, model: Floats, baseline: Floats) -> Figure:
    """Draw how many times the base rate the best share of a list holds."""
    figure, axes = _axes("share of the list", "times the base rate", "Lift")
    highest = 1.0
    for name, probability, colour in (("model", model, "C0"), ("baseline", baseline, "C1")):
        called, found = gain_curve(outcome, probability)
        kept = called >= 0.01  # of a handful of rows the lift is noise
        axes.plot(called[kept], found[kept] / called[kept], color=colour, label=name)
        highest = max(highest, float((found[kept] / called[kept]).max(initial=1.0)))
    axes.axhline(1.0, color="0.6", linestyle="--")
    axes.set_ylim(0, 1.1 * highest)
    axes.legend(loc="upper right")
    return figure


def contributions_figure(parts: pd.DataFrame, ranks: pd.DataFrame) -> Figure:
    """Draw each row's contributions of the columns that move the score most, coloured by the column's value from low to high.

    Parameters
    ----------
    parts
        Log-odds, rows by column, strongest column first.
    ranks
        Each value's rank among its column's, 0 to 1; not a number where it is missing or a word without an order.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 (the service never draws: it needs no matplotlib)

    shown = list(parts.columns[:_MOST_FEATURES])
    step = max(1, -(-len(parts) // _MOST_POINTS))
    figure = Figure(figsize=(8, 0.8 + 0.34 * len(shown)), layout="constrained")
    axes = figure.add_subplot()
    jitter = np.random.default_rng(0).uniform(-0.3, 0.3, len(parts.iloc[::step]))
    for place, name in enumerate(shown):
        colour = ranks[name].iloc[::step]
        level = -place + jitter
        known = colour.notna().to_numpy()
        drawn = parts[name].iloc[::step].to_numpy()
        axes.scatter(drawn[~known], level[~known], s=6, color="0.6", linewidths=0)
        points = axes.scatter(drawn[known], level[known], s=6, c=colour[known], cmap="coolwarm", vmin=0, vmax=1, linewidths=0)
    axes.axvline(0, color="0.6", linewidth=0.8)
    axes.set_yticks([-float(place) for place in range(len(shown))], [name if len(name) <= 36 else f"{name[:35]}…" for name in shown])
    axes.set(xlabel="contribution to the log-odds", title="What moves the score")
    if shown:
        figure.colorbar(points, ax=axes, ticks=[0, 1], label="value").ax.set_yticklabels(["low", "high"])
    return figure


def _axes(across: str, up: str, title: str) -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure  # noqa: PLC0415 (the service never draws: it needs no matplotlib)

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=across, ylabel=up, title=title, xlim=(0, 1), ylim=(0, 1))
    return figure, axes
