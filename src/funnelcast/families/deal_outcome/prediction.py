"""From weekly hazards to what is said of a deal: the chance of each end within the horizon, and the amount."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.errors import WrongColumns
from funnelcast.families.deal_outcome.amounts import Amounts
from funnelcast.families.deal_outcome.table import COLUMNS
from funnelcast.families.deal_outcome.uncertainty import Shocks

Floats = npt.NDArray[np.float64]

WEEKS = 52
"""How far the hazards reach."""

WON_COLUMNS = tuple(f"won_{week:02d}" for week in range(1, WEEKS + 1))
LOST_COLUMNS = tuple(f"lost_{week:02d}" for week in range(1, WEEKS + 1))


def check_columns(rows: pd.DataFrame) -> None:
    """Refuse rows that don't have exactly the columns of this family, in their types.

    Raises
    ------
    WrongColumns
        Names what is missing, unknown or of the wrong type.
    """
    missing = [name for name in COLUMNS if name not in rows.columns]
    extra = [str(name) for name in rows.columns if name not in COLUMNS]
    wrong = [name for name, kind in COLUMNS.items() if name in rows.columns and not _fits(rows[name], kind)]
    if missing or extra or wrong:
        raise WrongColumns(family="deal_outcome", missing=missing, extra=extra, wrong=wrong)


def cumulative_incidence(won: Floats, lost: Floats) -> tuple[Floats, Floats]:
    """Give the chances of having been won, and of having been lost, by the end of each week.

    F_c(k) = sum over j <= k of h_c(j) S(j - 1), with S(j) = product over i <= j of (1 - h_won(i) - h_lost(i)): the cumulative incidence,
    which counts a lost deal as one that can no longer be won (one minus the Kaplan-Meier curve of the won ones wouldn't).

    Parameters
    ----------
    won, lost
        Conditional hazards of each coming week, of shape [deals, weeks].

    Returns
    -------
    Two arrays of shape [deals, weeks], not decreasing, their sum at most 1.
    """
    survived = np.cumprod(1.0 - np.minimum(won + lost, 1.0), axis=1)
    before = np.hstack([np.ones((len(won), 1)), survived[:, :-1]])
    return np.cumsum(won * before, axis=1), np.cumsum(lost * before, axis=1)


def frame(rows: pd.DataFrame, hazards: Callable[[int], Floats], horizon_weeks: int, amounts: Amounts, shocks: Shocks) -> pd.DataFrame:
    """Give the predictions: one row per deal.

    Parameters
    ----------
    hazards
        Gives shape [rows, 2] (won, lost) for the week that starts so many weeks after the rows' as_of.
    horizon_weeks
        Over how many weeks ``p_win``, ``p_lost`` and ``p_open`` look, at most 52.

    Returns
    -------
    p_win, p_lost, p_open, expected_amount (if won) and amount_log_sd (lognormal with that mean), the four standard deviations of the
    shocks that all deals share, won_01 … won_52 and lost_01 … lost_52 (conditional hazards).
    """
    weekly = np.stack([hazards(week) for week in range(WEEKS)], axis=1)
    won, lost = weekly[:, :, 0], weekly[:, :, 1]
    by_won, by_lost = cumulative_incidence(won, lost)
    p_win, p_lost = by_won[:, horizon_weeks - 1], by_lost[:, horizon_weeks - 1]
    expected, log_sd = amounts.at_close(rows["amount"].to_numpy(np.float64))
    head: Mapping[str, Floats] = {
        "p_win": p_win,
        "p_lost": p_lost,
        "p_open": np.maximum(1.0 - p_win - p_lost, 0.0),
        "expected_amount": expected,
        "amount_log_sd": log_sd,
        **{f"{name}_sd": np.full(len(rows), value) for name, value in shocks.document().items()},
    }
    return pd.concat(
        [
            pd.DataFrame(head, index=rows.index),
            pd.DataFrame(won, index=rows.index, columns=list(WON_COLUMNS)),
            pd.DataFrame(lost, index=rows.index, columns=list(LOST_COLUMNS)),
        ],
        axis=1,
    )


def _fits(values: pd.Series[float], kind: str) -> bool:
    if kind == "number":
        return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return not pd.api.types.is_numeric_dtype(values) and all(isinstance(value, str) for value in values.unique())
