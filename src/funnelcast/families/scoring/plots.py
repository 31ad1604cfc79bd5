"""The figures of a run: reliability with bands, ROC and gain, drawn when asked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from funnelcast.evaluate.calibration import reliability
from funnelcast.evaluate.metrics import gain_curve, roc_auc, roc_curve

Floats = npt.NDArray[np.float64]


def plots(outcome: Floats, model: Floats, baseline: Floats) -> dict[str, Callable[[], Figure]]:
    """Give each figure's maker by name; probabilities are out of sample, shape (n,)."""
    return {
        "reliability": lambda: reliability_figure(outcome, model),
        "roc": lambda: roc_figure(outcome, model, baseline),
        "gain": lambda: gain_figure(outcome, model, baseline),
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


def _axes(across: str, up: str, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=across, ylabel=up, title=title, xlim=(0, 1), ylim=(0, 1))
    return figure, axes
