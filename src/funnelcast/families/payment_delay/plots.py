"""What a data scientist looks at: predicted against observed survival, and calibration."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.payment_delay.hazard import invoice_days
from funnelcast.families.payment_delay.prediction import Hazards, paid_by_day
from funnelcast.families.payment_delay.rows import COLUMNS
from funnelcast.families.payment_delay.scoring import settled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

_SHOWN_DAYS = 120


def kaplan_meier(rows: pd.DataFrame, days: int) -> Floats:
    """Give the share still open at the end of each day after as_of, open invoices censored: shape [days]."""
    _, day, paid = invoice_days(rows)
    at_risk = np.bincount(day, minlength=days)[:days]
    events = np.bincount(day, weights=paid, minlength=days)[:days]
    return np.asarray(np.cumprod(1.0 - events / np.maximum(at_risk, 1)), dtype=np.float64)


def survival(model: Hazards, baseline: Hazards, rows: pd.DataFrame) -> Figure:
    """Draw the mean predicted share of open invoices by day beside Kaplan and Meier's."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (the service never draws: it needs no matplotlib)

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    days = np.arange(_SHOWN_DAYS)
    axes.step(days, kaplan_meier(rows, _SHOWN_DAYS), where="post", color="black", label="observed (Kaplan–Meier)")
    for name, one in (("model", model), ("pays as last time", baseline)):
        paid, _ = paid_by_day(one, rows[list(COLUMNS)])
        axes.plot(days, 1.0 - np.cumsum(paid, axis=1).mean(axis=0)[:_SHOWN_DAYS], label=name)
    axes.set(xlabel="days after issue", ylabel="share still open", ylim=(0.0, 1.0), title="Newest fold")
    axes.legend()
    return figure


def calibration(model: Hazards, rows: pd.DataFrame) -> Figure:
    """Draw the share paid by the predicted quantile against its level: the probability integral transform, summed up."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (the service never draws: it needs no matplotlib)

    judged = settled(rows)
    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.subplots()
    levels = np.linspace(0.05, 0.95, 19)
    if len(judged):
        paid, _ = paid_by_day(model, judged[list(COLUMNS)])
        by_then = np.cumsum(paid, axis=1)
        place = np.minimum(judged["paid_days"].to_numpy(np.float64), by_then.shape[1] - 1).astype(np.int64)
        every = np.arange(len(judged))
        # the middle of the jump that the distribution makes on a day of its own
        reached = by_then[every, place] - 0.5 * paid[every, place]
        axes.plot(levels, [(reached <= level).mean() for level in levels], marker="o")
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    axes.set(xlabel="predicted probability of being paid by then", ylabel="share of invoices paid", title="Newest fold")
    return figure
