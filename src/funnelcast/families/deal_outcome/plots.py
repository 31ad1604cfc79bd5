"""Figures of a fit: what becomes of a new deal, and whether win probabilities mean what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.evaluate.calibration import reliability
from funnelcast.families.deal_outcome import judging
from funnelcast.families.deal_outcome.prediction import LOST_COLUMNS, WEEKS, WON_COLUMNS
from funnelcast.families.deal_outcome.prediction import cumulative_incidence as incidence
from funnelcast.families.deal_outcome.table import COLUMNS
from funnelcast.families.family import Model

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

_ENTRIES_SHOWN = 500


def cumulative_incidence(model: Model, rows: pd.DataFrame) -> Figure:
    """Draw the share of the latest new deals that is won and lost by each week after opening."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (the service never draws: it needs no matplotlib)

    entered = rows[rows["entry"].astype(bool) & (rows["lead_weeks"] == 0)].tail(_ENTRIES_SHOWN)
    predicted = model.predict(entered[list(COLUMNS)])
    won, lost = incidence(predicted[list(WON_COLUMNS)].to_numpy(np.float64), predicted[list(LOST_COLUMNS)].to_numpy(np.float64))
    figure = Figure(figsize=(7, 4))
    axes = figure.subplots()
    if len(entered):
        axes.step(range(1, WEEKS + 1), won.mean(axis=0), where="mid", label="won")
        axes.step(range(1, WEEKS + 1), lost.mean(axis=0), where="mid", label="lost")
        axes.legend()
    axes.set(
        xlabel="weeks since opening", ylabel="share of new deals", ylim=(0, 1), title=f"Cumulative incidence ({len(entered)} new deals)"
    )
    return figure


def calibration_of_wins(model: Model, baseline: Model, taken: pd.DataFrame) -> Figure:
    """Draw observed against predicted shares won within four weeks, on snapshots that neither model has seen."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (the service never draws: it needs no matplotlib)

    figure = Figure(figsize=(5, 5))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for name, judged in (("hazards", model), ("stage-weighted", baseline)):
        if len(taken):
            found = reliability(taken["won"].to_numpy(np.float64), _chances(judged, taken))
            axes.plot(found.predicted, found.observed, marker="o", label=name)
    if len(taken):
        axes.legend()
    axes.set(xlabel="predicted P(won within 4 weeks)", ylabel="observed share", title=f"{len(taken)} deals on snapshots")
    return figure


def _chances(model: Model, taken: pd.DataFrame) -> Floats:
    return judging.win_probability(model.predict(taken[list(COLUMNS)]), judging.SNAPSHOT_WEEKS)
