"""From hazards to what is asked: how many days to payment, paid within the horizon, and when after as_of."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.payment_delay.prior import WRITE_OFF_DAYS

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

DAYS = 364
"""The days after as_of that a prediction spans."""

SPANS: tuple[int, ...] = (*range(91), *range(91, DAYS, 7))
"""Where each span of a prediction starts: days for a quarter, then weeks. ``pay_007`` is [7, 8), ``pay_091`` is [91, 98)."""

_TAIL_DAYS = 28
_AT_A_TIME = 2_000


class Hazards(Protocol):
    """What gives the probability of payment on each day, if still open."""

    @property
    def horizon_days(self) -> int:
        """The horizon of ``p_paid``."""
        ...

    def hazards(self, rows: pd.DataFrame, days: Integers) -> Floats:
        """Give shape [rows, days]."""
        ...


def pay_columns() -> list[str]:
    """Name the columns that hold the probability of payment in each span after as_of."""
    return [f"pay_{start:03d}" for start in SPANS]


def predicted(model: Hazards, rows: pd.DataFrame) -> pd.DataFrame:
    """Predict each unpaid invoice.

    Returns
    -------
    ``expected_days``: median days from issue to payment; ``days_p10``, ``days_p90``; ``p_paid``: paid within the model's horizon after
    as_of; ``p_never``: not paid within a year after the due date; ``pay_DDD``: paid in the span that starts so many days after as_of.
    Spans and ``p_never`` add up to at most 1; the rest is paid after the last span.
    """
    parts = [_predicted(model, rows.iloc[start : start + _AT_A_TIME]) for start in range(0, max(len(rows), 1), _AT_A_TIME)]
    return pd.concat(parts)


def paid_by_day(model: Hazards, rows: pd.DataFrame) -> tuple[Floats, Floats]:
    """Give the probability of payment on each of ``DAYS`` days after as_of (shape [rows, DAYS]) and of none ever (shape [rows])."""
    hazards = model.hazards(rows, np.arange(DAYS))
    still_open = np.cumprod(1.0 - hazards, axis=1)
    paid = hazards * np.concatenate([np.ones((len(rows), 1)), still_open[:, :-1]], axis=1)
    lost = (rows["terms_days"] - rows["age_days"]).to_numpy(np.float64) + WRITE_OFF_DAYS
    paid[np.arange(DAYS)[None, :] >= lost[:, None]] = 0.0
    # beyond the last day the hazard goes on as in its last four weeks
    tail = (1.0 - hazards[:, -_TAIL_DAYS:].mean(axis=1)) ** np.maximum(lost - DAYS, 0.0)
    last = np.clip(lost, 0, DAYS).astype(np.int64)
    survives = np.concatenate([np.ones((len(rows), 1)), still_open], axis=1)[np.arange(len(rows)), last]
    return paid, survives * tail


def _predicted(model: Hazards, rows: pd.DataFrame) -> pd.DataFrame:
    paid, never = paid_by_day(model, rows)
    by_then = np.cumsum(paid, axis=1)
    age, terms = rows["age_days"].to_numpy(np.float64), rows["terms_days"].to_numpy(np.float64)
    latest = np.maximum(terms + WRITE_OFF_DAYS, age)
    days = {name: _quantile(by_then, level, age, latest) for name, level in (("days_p10", 0.1), ("expected_days", 0.5), ("days_p90", 0.9))}
    horizon = min(max(model.horizon_days, 1), DAYS)
    spans = np.add.reduceat(paid, SPANS, axis=1) if len(rows) else np.zeros((0, len(SPANS)))
    columns = {
        "expected_days": days["expected_days"],
        "days_p10": days["days_p10"],
        "days_p90": days["days_p90"],
        "p_paid": np.minimum(by_then[:, horizon - 1], 1.0),
        "p_never": never,
        **dict(zip(pay_columns(), spans.T, strict=True)),
    }
    return pd.DataFrame(columns, index=rows.index)


def _quantile(by_then: Floats, level: float, age: Floats, latest: Floats) -> Floats:
    reached = by_then >= level
    first = np.where(reached.any(axis=1), reached.argmax(axis=1) if by_then.size else 0, np.inf)
    return np.asarray(np.minimum(age + first, latest), dtype=np.float64)
