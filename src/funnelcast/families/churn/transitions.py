"""Moves between states in total: how many of each state are expected in each next one, between which bounds, and how many came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import special

from funnelcast.families.churn.channels import NEXT_COLUMNS, Moves, channel_state
from funnelcast.families.churn.model import ChurnModel
from funnelcast.families.scoring.calibrator import LEVEL
from funnelcast.labels import LABEL, NEXT_STATE, STATES
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
UNKNOWN = "unknown"
"""The state of those whose purchases carry no channel."""
_MOST_SOURCES = 20


def judged_moves(model: ChurnModel, moves: Moves, newest: pd.DataFrame) -> dict[str, Json]:
    """Hold the expected moves against those that came, on the rows of a date that the model hasn't seen."""
    predicted, came = model.predict(newest[list(model.columns)]), newest[NEXT_STATE]
    by_source: list[Json] = []
    if "source_channel" in newest:
        leaves, left = predicted["probability"].to_numpy(), newest[LABEL].to_numpy()
        by_source = churn_by_source(newest["source_channel"], leaves, moves.shocks[-1], left)
    return {
        "as_of": str(newest["as_of"].iloc[0])[:10],
        "horizon_days": moves.horizon_days,
        "states": list(STATES),
        "table": transition_table(channel_state(newest, moves.horizon_days), predicted, moves.shocks, came),
        "total": total_row(predicted, moves.shocks, came),
        "churn_by_source_channel": by_source,
    }


def expected_moves(moves: Moves, present: pd.Series, chances: pd.DataFrame) -> dict[str, Json]:
    """Give the moves that are expected of everyone scored: ``present`` holds the states, ``chances`` the columns ``next_*``."""
    return {
        "horizon_days": moves.horizon_days,
        "states": list(STATES),
        "table": transition_table(present, chances, moves.shocks),
        "total": total_row(chances, moves.shocks),
    }


def transition_table(present: pd.Series, chances: pd.DataFrame, shocks: Sequence[float], came: pd.Series | None = None) -> list[Json]:
    """Give one row per present state: the expected share of each next state with its 90 % interval, and the observed one.

    Parameters
    ----------
    present
        The state of each contact now; None: unknown.
    chances
        The probabilities of the next states, columns ``next_*``, with the same index.
    shocks
        By state, as ``Moves`` has them.
    came
        The next state of each contact, once it is known.
    """
    known = present.fillna(UNKNOWN)
    rows: list[Json] = []
    for state in (*STATES, UNKNOWN):
        chosen = (known == state).to_numpy()
        if chosen.any():
            rows.append({"from": state, **total_row(chances[chosen], shocks, None if came is None else came[chosen])})
    return rows


def total_row(chances: pd.DataFrame, shocks: Sequence[float], came: pd.Series | None = None) -> dict[str, Json]:
    """Give the number of contacts and, by next state, the expected ``share``, its bounds and, where it is known, the ``observed`` one."""
    to: dict[str, Json] = {}
    for state, column, shock in zip(STATES, NEXT_COLUMNS, shocks, strict=True) if len(chances) else ():
        to[state] = _cell(chances[column].to_numpy(), shock, None if came is None else (came == state).to_numpy())
    return {"contacts": len(chances), "to": to}


def churn_by_source(source: pd.Series, leaves: Floats, shock: float, came: Floats) -> list[Json]:
    """Give expected and observed churn by the channel through which contacts came, the 20 most frequent ones, largest first."""
    known = source.fillna(UNKNOWN).to_numpy()
    rows: list[Json] = []
    for name, count in source.fillna(UNKNOWN).value_counts(sort=True).sort_index().sort_values(ascending=False, kind="stable").items():
        chosen = known == name
        rows.append({"source_channel": str(name), "contacts": int(count), **_cell(leaves[chosen], shock, came[chosen])})
    return rows[:_MOST_SOURCES]


def share_interval(chances: Floats, shock: float) -> tuple[float, float]:
    """Give the 90 % interval of the share of contacts whose event will happen.

    K ~ Poisson-binomial(p_i) with all log-odds moved by one common N(0, shock^2), to first order:
    Var(K / n) = sum p_i (1 - p_i) / n^2 + (mean p_i (1 - p_i))^2 shock^2. The bounds are quantiles of the beta distribution with this mean
    and variance, widened to whole contacts.

    Parameters
    ----------
    chances
        p, shape (n,), n >= 1.
    shock
        Standard deviation on the scale of log-odds.
    """
    count, mean = chances.size, float(chances.mean())
    spread = float((chances * (1.0 - chances)).mean())
    variance = spread / count + (spread * shock) ** 2
    if variance <= 0.0:
        return mean, mean
    size = max(mean * (1.0 - mean) / variance - 1.0, 1e-3)
    low, high = special.betaincinv(mean * size, (1.0 - mean) * size, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(np.floor(low * count) / count), float(np.ceil(high * count) / count)


def common_shocks(chances: pd.DataFrame, came: pd.Series, as_of: pd.Series) -> tuple[float, ...]:
    """Estimate by state how far the log-odds of all contacts move together from date to date, beyond what each model row explains.

    The shift of a date is d = (observed - expected) / I with I = sum p (1 - p); the variance between dates is DerSimonian and Laird's
    (1986, Controlled Clinical Trials 7), t^2 = (sum I d^2 - (k - 1)) / (sum I - sum I^2 / sum I), never below 0. As k dates have seen it,
    a date to come has the variance t^2 (1 + 1 / k), and its 90 % interval the width of Student's t with k - 1 degrees of freedom.

    Returns
    -------
    One standard deviation per state, in log-odds; 0 where there are fewer than two dates.
    """
    dates = as_of.factorize()[0]
    count = int(dates.max(initial=-1)) + 1
    if count < 2:
        return (0.0,) * len(STATES)
    widened = float(np.sqrt(1 + 1 / count) * special.stdtrit(count - 1, (1 + LEVEL) / 2) / special.ndtri((1 + LEVEL) / 2))
    found = []
    for state, column in zip(STATES, NEXT_COLUMNS, strict=True):
        p = chances[column].to_numpy()
        residual = np.bincount(dates, (came == state).to_numpy(np.float64) - p, count)
        information = np.maximum(np.bincount(dates, p * (1.0 - p), count), 1e-9)
        excess = float((residual**2 / information).sum()) - (count - 1)
        effective = float(information.sum() - (information**2).sum() / information.sum())
        found.append(round(widened * float(np.sqrt(max(0.0, excess) / effective)), 6))
    return tuple(found)


def _cell(chances: Floats, shock: float, came: npt.NDArray[np.bool_] | Floats | None) -> dict[str, Json]:
    low, high = share_interval(chances, shock)
    observed: Mapping[str, Json] = {} if came is None else {"observed": round(float(came.mean()), 6)}
    return {**observed, "share": round(float(chances.mean()), 6), "low": round(low, 6), "high": round(high, 6)}
