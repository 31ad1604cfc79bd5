"""Where a customer buys now, and where those who stay will buy next: a shop left for the web is a move, not churn.

Both states look at one horizon, [T - h, T) and [T, T + h). Refunds are no purchase. A purchase without a channel tells that the customer
bought and not where: it makes nobody dormant, and gives no state by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import logit

from funnelcast.families import softmax
from funnelcast.families.scoring.columns import as_numbers
from funnelcast.families.scoring.documents import as_document, fields_of
from funnelcast.families.table import Table
from funnelcast.labels import NEXT_STATE, STATES
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]

ONLINE, OFFLINE = "days_since_online_purchase", "days_since_offline_purchase"
COLUMNS = (ONLINE, OFFLINE, "offline_purchase_share_365d", "purchases_365d")
"""The features that moves are read from."""
NEXT_COLUMNS = tuple(f"next_{state}" for state in STATES)
"""The columns of a prediction, in the order of the states."""

_BUYING = STATES[:3]
_FEWEST = 10  # of each side among the next states
_PENALTY = 5.0
_PRIOR = 1.0  # purchases by which a customer's own share is shrunk to the company's
_DECIMALS = 10  # beyond what the penalty settles; hides the order in which a linear-algebra library adds
_GRID = 2.0**53


@dataclass(frozen=True)
class Moves:
    """P(next state | buys, x) of online, offline and both: a multinomial logistic regression with online as its reference.

    x holds the present state (a flag each for online, offline and both), the log-odds of the share of purchases in person over a year,
    shrunk to the company's, their square (those in the middle will buy on both sides), the logarithm of the days with a purchase in it,
    and the side of the last purchase.

    Parameters
    ----------
    horizon_days
        h of both states.
    share
        The company's share of purchases in person, in (0, 1).
    means, scales
        Of x among those who bought next, shape (7,).
    offline, both
        Intercept and slopes of the standardised x against online, shape (8,) each.
    shocks
        By state: how far the log-odds of all customers move together from one horizon to another (standard deviation).
    """

    horizon_days: int
    share: float
    means: tuple[float, ...]
    scales: tuple[float, ...]
    offline: tuple[float, ...]
    both: tuple[float, ...]
    shocks: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0)

    def chances(self, rows: pd.DataFrame | Table) -> Floats:
        """Give P(online), P(offline) and P(both) of each row if it buys at all, shape (n, 3)."""
        design = _standardised(_described(Table.of(rows), self.horizon_days, self.share), np.array(self.means), np.array(self.scales))
        others = softmax.probabilities(design, np.array([self.offline, self.both]))
        return np.column_stack([1.0 - others.sum(axis=1), others])

    def document(self) -> dict[str, Json]:
        """Give the moves as JSON."""
        return as_document(self)

    @classmethod
    def of(cls, document: Any) -> Moves:
        """Make the moves from their JSON."""
        return cls(**fields_of(document))


def channel_state(rows: pd.DataFrame, horizon_days: float) -> pd.Series:
    """Say where each customer bought in the last horizon: online, offline, both or dormant; None where the channels don't tell."""
    return pd.Series(channel_states(Table.of(rows), horizon_days), index=rows.index)


def channel_states(rows: Table, horizon_days: float) -> npt.NDArray[np.object_]:
    """Say the same row by row, shape (n,)."""
    if ONLINE not in rows or OFFLINE not in rows:
        return np.full(len(rows), None, dtype=object)
    online, offline = (rows[name] < horizon_days for name in (ONLINE, OFFLINE))
    bought = rows["days_since_purchase"] < horizon_days if "days_since_purchase" in rows else online | offline
    place = np.select([online & offline, online, offline, ~bought], [2, 0, 1, 3], default=4)  # in STATES; 4 is none
    found: npt.NDArray[np.object_] = np.array([*STATES, None], dtype=object)[place]
    return found


def fit_moves(rows: pd.DataFrame, horizon_days: int) -> Moves | None:
    """Fit on the rows whose next state is known and isn't dormant; None where a column is missing or a side has next to no purchases.

    Half a row of each next state with an average x is added (Jeffreys), so that a move nobody made yet has a small chance.
    """
    if not {*COLUMNS, NEXT_STATE} <= set(rows.columns):
        return None
    buyers = rows[rows[NEXT_STATE].isin(_BUYING)]
    events = np.column_stack([(buyers[NEXT_STATE] == state).to_numpy(np.float64) for state in _BUYING])
    online, offline, both = events.sum(axis=0)
    if min(online, offline) + both < _FEWEST:
        return None
    share = float(np.clip(np.nan_to_num(buyers[COLUMNS[2]].mean(), nan=0.5), 0.01, 0.99))
    x = _described(Table.of(buyers), horizon_days, share)
    means, spread = x.mean(axis=0), x.std(axis=0)
    scales = np.where(spread > 1e-9, spread, 1.0)
    design = _standardised(x, means, scales)
    average = np.eye(1, design.shape[1]).repeat(len(_BUYING), axis=0)
    problem = softmax.Problem(
        design=np.vstack([design, average]),
        events=np.vstack([events, np.eye(len(_BUYING))])[:, 1:],
        weights=np.concatenate([np.ones(len(design)), np.full(len(_BUYING), 0.5)]),
        precision=np.diag([1e-9, *[_PENALTY] * x.shape[1]]),
        centre=np.zeros((2, design.shape[1])),
    )
    found = np.round(softmax.fit(problem), _DECIMALS)
    return Moves(horizon_days, share, tuple(means.tolist()), tuple(scales.tolist()), *(tuple(row.tolist()) for row in found))


def shared_out(leaves: Floats, chances: Floats) -> Floats:
    """Share out 1 - P(dormant) over the three states of those who stay.

    Parameters
    ----------
    leaves
        P(dormant), shape (n,), kept as it is.
    chances
        P(online), P(offline), P(both) of those who buy, shape (n, 3).

    Returns
    -------
    The four probabilities by state, shape (n, 4), each at least 0; added from left to right they are 1.0 to the last bit.
    """
    stays = 1.0 - leaves  # rounded to a multiple of 2^-53; so are its parts, hence sums of them are exact
    both = np.minimum(np.floor(stays * chances[:, 2] * _GRID) / _GRID, stays)
    offline = np.minimum(np.floor(stays * chances[:, 1] * _GRID) / _GRID, stays - both)
    return np.column_stack([stays - both - offline, offline, both, leaves])


def _described(rows: Table, horizon_days: int, share: float) -> Floats:
    online, offline, own, count = (as_numbers(rows[name]) for name in COLUMNS)
    lately_online, lately_offline, count = online < horizon_days, offline < horizon_days, np.nan_to_num(count)
    lean = logit((np.nan_to_num(own) * count + _PRIOR * share) / (count + _PRIOR))
    since_online, since_offline = np.nan_to_num(online, nan=np.inf), np.nan_to_num(offline, nan=np.inf)
    last = (since_offline < since_online).astype(np.float64) - (since_online < since_offline)
    flags = [lately_online & ~lately_offline, lately_offline & ~lately_online, lately_online & lately_offline]
    return np.column_stack([*flags, lean, lean**2, np.log1p(count), last]).astype(np.float64)


def _standardised(x: Floats, means: Floats, scales: Floats) -> Floats:
    return np.column_stack([np.ones(len(x)), (x - means) / scales])
