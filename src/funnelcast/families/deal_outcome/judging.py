"""Judging hazards: the loss per deal-week, and win probabilities on snapshots whose future is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

import ibis
import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.evaluate import calibration, metrics
from funnelcast.families.deal_outcome.model import events
from funnelcast.families.deal_outcome.prediction import LOST_COLUMNS, WON_COLUMNS, cumulative_incidence
from funnelcast.families.deal_outcome.table import COLUMNS, SECONDS_PER_DAY, closings, describe, open_at
from funnelcast.families.family import Model
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]

SNAPSHOT_WEEKS = 4
"""How far the judged snapshots look ahead, and how far they lie apart: they don't overlap."""

_CLASSES_NEEDED = 5


class Hazards(Protocol):
    """What can be judged: challenger or baseline."""

    def hazards(self, rows: pd.DataFrame, lead_weeks: npt.ArrayLike) -> Floats:
        """Give shape [rows, 2]."""
        ...


def deal_week_losses(model: Hazards, rows: pd.DataFrame) -> Floats:
    """Give -log P(what happened) of each row of the person-period table, times its weight over the mean weight."""
    hazards = model.hazards(rows, rows["lead_weeks"].to_numpy(np.float64))
    happened = events(rows)
    none = 1.0 - hazards.sum(axis=1)
    chance = (happened * hazards).sum(axis=1) + (1.0 - happened.sum(axis=1)) * none
    weight = rows["weight"].to_numpy(np.float64)
    return np.asarray(-np.log(np.clip(chance, 1e-12, 1.0)) * weight / weight.mean())


def snapshots(facts: Facts, since: datetime, as_of: AsOf) -> pd.DataFrame:
    """Give the deals open at instants from ``since`` on, with what became of them in the four weeks after.

    Returns
    -------
    deal_id, as_of, the columns, ``won`` (0 or 1) and ``closed_amount`` (0 where not won); ordered.
    """
    step = timedelta(weeks=SNAPSHOT_WEEKS)
    count = max(int((as_of.at - since) / step), 0)
    instants = [since + place * step for place in range(count)]
    cohort = open_at(facts, instants)
    taken: pd.DataFrame = _outcomes(describe(facts, cohort), facts).order_by("as_of", "deal_id").execute()
    return taken


def judge(model: Model, taken: pd.DataFrame) -> dict[str, float]:
    """Give brier_win, roc_auc, calibration_slope and bias_pct (of the won amount) over four weeks; what can't be told is left out."""
    if taken.empty:
        return {}
    predicted = model.predict(taken[list(COLUMNS)])
    p_win = win_probability(predicted, SNAPSHOT_WEEKS)
    won = taken["won"].to_numpy(np.float64)
    found = {"brier_win": metrics.brier(won, p_win)}
    if min(won.sum(), len(won) - won.sum()) >= _CLASSES_NEEDED:
        found["roc_auc"] = metrics.roc_auc(won, p_win)
        found["calibration_slope"] = calibration.slope_of(won, p_win)
    actual = float(taken["closed_amount"].sum())
    if actual > 0:
        expected = float(p_win @ predicted["expected_amount"].to_numpy(np.float64))
        found["bias_pct"] = 100.0 * (expected - actual) / actual
    return {name: float(value) for name, value in found.items() if np.isfinite(value)}


def win_probability(predicted: pd.DataFrame, weeks: int) -> Floats:
    """Give P(won within so many weeks) from predicted hazards."""
    won = predicted[list(WON_COLUMNS[:weeks])].to_numpy(np.float64)
    return cumulative_incidence(won, predicted[list(LOST_COLUMNS[:weeks])].to_numpy(np.float64))[0][:, -1]


def _outcomes(rows: ir.Table, facts: Facts) -> ir.Table:
    amounts = facts.table("deals").select("deal_id", "closed_amount")
    ended = closings(facts).inner_join(amounts, "deal_id").select("deal_id", "closed_at", "outcome", "closed_amount")
    joined = rows.left_join(ended, "deal_id").drop("deal_id_right")
    passed = (joined.closed_at.epoch_seconds() - joined.as_of.epoch_seconds()) / (7.0 * SECONDS_PER_DAY)
    won = ((joined.outcome == "won") & (passed < SNAPSHOT_WEEKS)).fill_null(False)  # noqa: FBT003
    return joined.select(
        *rows.columns,
        won=won.cast("float64"),
        closed_amount=ibis.ifelse(won, ibis.coalesce(joined.closed_amount, joined.amount, 0.0), 0.0),
    )
