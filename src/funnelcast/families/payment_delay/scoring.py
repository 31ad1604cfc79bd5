"""How good a prediction of the payment date was: proper losses with open invoices censored, and the figures that people read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.payment_delay.model import said
from funnelcast.families.payment_delay.prediction import DAYS, Hazards, paid_by_day
from funnelcast.families.payment_delay.rows import COLUMNS

Floats = npt.NDArray[np.float64]

SETTLED_AFTER_DUE = 60.0
"""An invoice is judged by its date only if it was watched so many days after its due date: else the fast ones alone would be."""

_LEAST = 1e-12


def log_loss(model: Hazards, rows: pd.DataFrame) -> Floats:
    """Give -ln of the probability of what was seen, one per row.

    An invoice paid on day d counts with P(paid on d), an open one with P(not paid in the days that were observed); beyond the span of a
    prediction both count with P(not paid within it). A proper score under independent censoring.
    """
    paid, _ = paid_by_day(model, rows[list(COLUMNS)])
    day, seen = _outcome(rows)
    every = np.arange(len(rows))
    happened = np.isfinite(day) & (day < DAYS)
    on_day = paid[every, np.where(happened, day, 0.0).astype(np.int64)]
    by_then = np.concatenate([np.zeros((len(rows), 1)), np.cumsum(paid, axis=1)], axis=1)
    watched = np.where(np.isfinite(day), DAYS, np.minimum(seen, DAYS)).astype(np.int64)
    return np.asarray(-np.log(np.maximum(np.where(happened, on_day, 1.0 - by_then[every, watched]), _LEAST)), dtype=np.float64)


def settled(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the paid invoices among those that were watched long enough; all paid ones where none was."""
    paid = rows["paid_days"].notna()
    long_enough = rows["observed_days"] >= rows["terms_days"] - rows["age_days"] + SETTLED_AFTER_DUE
    return rows[paid & long_enough] if (paid & long_enough).any() else rows[paid]


def metrics(model: Hazards, rows: pd.DataFrame) -> dict[str, float]:
    """Judge the payment date out of sample: absolute error of the median, log loss, coverage and bias of the days, Brier score."""
    figures = {"log_loss": float(log_loss(model, rows).mean())} if len(rows) else {}
    judged = settled(rows)
    if judged.empty:
        return figures
    paid, _ = paid_by_day(model, judged[list(COLUMNS)])
    by_then = np.cumsum(paid, axis=1)
    day = judged["paid_days"].to_numpy(np.float64)
    low, middle, high = (_first_day(by_then, level) for level in (0.1, 0.5, 0.9))
    horizon = min(max(model.horizon_days, 1), DAYS)
    return {
        **figures,
        "median_absolute_error": float(np.median(np.abs(day - middle))),
        "mean_absolute_error": float(np.mean(np.abs(day - middle))),
        "bias_days": float(np.mean(middle - day)),
        "coverage_80": float(np.mean((low <= day) & (day <= high))),
        "brier": float(np.mean((by_then[:, horizon - 1] - (day < horizon)) ** 2)),
        "judged": float(len(judged)),
    }


def date_errors(model: Hazards, rows: pd.DataFrame) -> pd.DataFrame:
    """Give by how many days each date was wrong of the settled invoices, predicted when issued.

    ``date_mae_median``: the model's median; ``…_due_date``: the due date itself; ``…_last_delay``: as late as the customer's last payment
    known then.
    """
    judged = settled(rows)
    paid, _ = paid_by_day(model, judged[list(COLUMNS)])
    due = (judged["terms_days"] - judged["age_days"]).to_numpy(np.float64)
    dates = {
        "date_mae_median": _first_day(np.cumsum(paid, axis=1), 0.5),
        "date_mae_median_due_date": np.maximum(due, 0.0),
        "date_mae_median_last_delay": np.maximum(due + said(judged, "last_delay"), 0.0),
    }
    return pd.DataFrame({name: np.abs(day - judged["paid_days"].to_numpy(np.float64)) for name, day in dates.items()})


def _outcome(rows: pd.DataFrame) -> tuple[Floats, Floats]:
    return rows["paid_days"].to_numpy(np.float64), np.maximum(rows["observed_days"].to_numpy(np.float64), 0.0)


def _first_day(by_then: Floats, level: float) -> Floats:
    reached = by_then >= level
    return np.where(reached.any(axis=1), reached.argmax(axis=1), DAYS).astype(np.float64)
