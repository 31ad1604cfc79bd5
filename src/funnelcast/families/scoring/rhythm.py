"""The customer's own rhythm: how likely a silence of one horizon is for someone who buys and gets in touch at this pace.

Ten numbers say what thousands of rows can't teach trees: that purchases come at a rate of the customer's own, that each may be the last,
and that who has left gets in touch less. Trees and the linear member start from its log-odds and add what it doesn't know.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit

from funnelcast.families.scoring.columns import as_numbers
from funnelcast.families.scoring.documents import as_document, fields_of
from funnelcast.families.table import Table
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]

PURCHASES = ("purchases", "days_since_first_purchase", "days_since_purchase")
TOUCHES = ("touches_since_purchase", "touches_between_purchases")

_MOST_ROWS = 20_000
_SPREAD = 1.5  # of the prior, in logarithms: a factor of four either way
_DECIMALS = 6
_EDGE = 1e-6
_SURE = 20.0  # log-odds of being a customer still, for who bought once: dropout comes after a repeat purchase


@dataclass(frozen=True)
class Process:
    """BG/NBD with engagement, days as its unit.

    Parameters
    ----------
    r, alpha, a, b
        Of BG/NBD.
    s, beta, delta
        Of the touches.
    w, v
        How much a touch says of the rate of purchases, as pseudo-purchases and pseudo-days; 0 where the company brings no touches.
    shift
        Added to the log-odds.
    """

    r: float
    alpha: float
    a: float
    b: float
    s: float
    beta: float
    delta: float
    w: float
    v: float
    shift: float


@dataclass(frozen=True)
class Rhythm:
    """P(no purchase in [T, T + h)) = 1 - A (1 - ((alpha + (1 + v) T) / (alpha + (1 + v) T + h))^(r + x + w n)).

    A = P(still a customer | x, t_x, T, touches), with odds
    [(b + x - 1) / a] ((alpha + t_x) / (alpha + T))^(r + x) L: BG/NBD (Fader, Hardie and Lee 2005), times the likelihood ratio L of the
    touches since the last purchase. Touches come at a gamma rate (shape s, rate beta) that falls to the share delta in who has left:
    L = delta^(-n_1) ((beta + t_x + delta d) / (beta + t_x + d))^(s + n_0 + n_1), d = T - t_x, n = n_0 + n_1.

    Fitted on the outcome itself rather than by the purchases' likelihood: what counts is who stays silent for h.

    Parameters
    ----------
    horizon_days
        h.
    process
        The ten numbers.
    centre
        The mean log-odds of the rows it was fitted on: what is said of those of whom no purchase is known.
    touched
        Whether touches are read.
    reference
        The median of each column among the rows it was fitted on: the customer against whom parts are told.
    """

    horizon_days: float
    process: Process
    centre: float
    touched: bool
    reference: tuple[float, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The features that it reads."""
        return PURCHASES + TOUCHES if self.touched else PURCHASES

    def log_odds(self, rows: pd.DataFrame | Table, busier: Floats | float = 1.0) -> Floats:
        """Give the log-odds of silence, shape (n,); the mean for those of whom no purchase is known.

        Parameters
        ----------
        busier
            How much busier than the year's mean each row's horizon is, shape (n,): it stands for a longer one.
        """
        known = _History.of(Table.of(rows), touched=self.touched)
        return np.where(known.bought, _silence(self.process, known, busier * self.horizon_days), self.centre)

    def base(self) -> float:
        """Give the log-odds of the customer against whom parts are told, in weeks as busy as the year's mean."""
        return float(self.log_odds(self._mixed(Table({}, 1), ()))[0])

    def parts(self, rows: pd.DataFrame, busier: Floats) -> tuple[pd.DataFrame, Floats]:
        """Give what each column, and last the season, adds to the base: Shapley values, so that they add up to the log-odds exactly.

        Shapley (1953); a coalition's worth is the log-odds with its columns from the row and all others from the reference: 64 at most.
        """
        players, table = range(len(self.columns) + 1), Table.of(rows)
        worth = {
            chosen: self.log_odds(self._mixed(table, chosen), busier if players[-1] in chosen else 1.0)
            for size in range(len(players) + 1)
            for chosen in combinations(players, size)
        }
        shares = [
            sum(
                (worth[tuple(sorted((*others, player)))] - worth[others]) / (len(players) * comb(len(players) - 1, len(others)))
                for others in worth
                if player not in others
            )
            for player in players
        ]
        return pd.DataFrame(dict(zip(self.columns, shares, strict=False)), index=rows.index), np.asarray(shares[-1], np.float64)

    def _mixed(self, rows: Table, chosen: tuple[int, ...]) -> Table:
        columns = {
            name: rows[name] if place in chosen else np.full(len(rows), self.reference[place]) for place, name in enumerate(self.columns)
        }
        return Table(columns, len(rows))

    def document(self) -> dict[str, Json]:
        """Give it as JSON."""
        return {**as_document(self), "process": as_document(self.process)}

    @classmethod
    def of(cls, document: Any) -> Rhythm | None:
        """Make it from its JSON; None stays None."""
        return None if document is None else cls(**{**fields_of(document), "process": Process(**document["process"])})


@dataclass(frozen=True)
class _History:
    """x, t_x and T of each customer in days, and touches from the first purchase to the last (n_0) and since (n_1); shape (n,) each."""

    bought: npt.NDArray[np.bool_]
    x: Floats
    recency: Floats
    age: Floats
    before: Floats
    since: Floats

    @classmethod
    def of(cls, rows: Table, *, touched: bool) -> _History:
        days, first, last = (as_numbers(rows[name]) for name in PURCHASES)
        bought = np.isfinite(days) & np.isfinite(first) & np.isfinite(last) & (days >= 1)
        days, first, last = (np.where(bought, values, 1.0) for values in (days, first, last))
        since, before = (as_numbers(rows[name]) for name in TOUCHES) if touched else (np.zeros(len(rows)), np.zeros(len(rows)))
        return cls(bought, days - 1, np.maximum(first - last, 0.0), first, np.nan_to_num(before), np.nan_to_num(since))

    def among(self, chosen: npt.NDArray[Any]) -> _History:
        return _History(**{name: values[chosen] for name, values in vars(self).items()})


def can_be_learned(rows: pd.DataFrame) -> bool:
    """Say whether the rows hold what a rhythm is read from, for at least one customer."""
    return all(name in rows for name in PURCHASES) and bool(_History.of(Table.of(rows), touched=False).bought.any())


def learn_rhythm(rows: pd.DataFrame, outcome: Floats, horizon_days: float, busier: Floats) -> Rhythm:
    """Fit by maximum likelihood of the outcome under a weak log-normal prior around what the rows' own pace suggests.

    Parameters
    ----------
    rows
        With the columns of ``PURCHASES`` and, where the company brings touches, of ``TOUCHES``.
    outcome
        1 for silence, shape (n,).
    busier
        How much busier than the year's mean each row's horizon is, shape (n,).
    """
    from scipy.optimize import minimize  # noqa: PLC0415 (the service fits nothing, and starts sooner)

    touched = all(name in rows for name in TOUCHES)
    everyone = _History.of(Table.of(rows), touched=touched)
    chosen = np.flatnonzero(everyone.bought)
    chosen = chosen[:: max(1, -(-chosen.size // _MOST_ROWS))]
    known, silent, horizons = everyone.among(chosen), outcome[chosen], horizon_days * busier[chosen]
    prior = _prior(known)
    free = np.array([True] * 4 + [touched] * 5 + [True])

    def loss(moved: Floats) -> float:
        log_odds = _silence(_process(prior, free, moved), known, horizons)
        return float((np.logaddexp(0, log_odds) - silent * log_odds).sum() + 0.5 * (moved**2).sum() / _SPREAD**2) / silent.size

    moved = minimize(loss, np.zeros(int(free.sum())), method="L-BFGS-B").x
    best = {name: round(float(value), _DECIMALS) for name, value in vars(_process(prior, free, moved)).items()}
    columns = Table.of(rows).only(PURCHASES + TOUCHES if touched else PURCHASES).at(chosen).columns
    reference = tuple(float(np.median(as_numbers(values))) for values in columns.values())
    found = Rhythm(float(horizon_days), Process(**best), centre=0.0, touched=touched, reference=reference)
    centre = float(found.log_odds(rows.iloc[chosen], busier[chosen]).mean())
    return replace(found, centre=round(centre, _DECIMALS))


def _prior(known: _History) -> Floats:
    """Give the logarithms around which the parameters are sought: the mean pace of purchases and touches sets the scale of days."""
    days = known.age.sum() + known.age.size
    pace = days / (known.x + 1).sum()
    touched = days / ((known.before + known.since).sum() + 1)
    return np.log([1.0, pace, 1.0, 6.0, 1.5, 1.5 * touched, 0.25, 0.15, 0.15 * pace / touched, 1.0])


def _process(prior: Floats, free: npt.NDArray[np.bool_], moved: Floats) -> Process:
    """Give the numbers that lie so far from the prior; where touches aren't free they say nothing."""
    placed = prior.copy()
    placed[free] += moved
    r, alpha, a, b, s, beta, delta, w, v = (float(value) for value in np.exp(np.clip(placed[:-1], -12, 12)))
    process = Process(r, alpha, a, b, s, beta, min(delta, 1.0), w, v, float(placed[-1]))
    return process if free.all() else replace(process, delta=1.0, w=0.0, v=0.0)


def _silence(given: Process, known: _History, horizon_days: Floats | float) -> Floats:
    touches = known.before + known.since
    away = known.age - known.recency
    gone = (given.r + known.x) * np.log((given.alpha + known.age) / (given.alpha + known.recency))
    gone -= np.log((given.b + np.maximum(known.x, 1) - 1) / given.a) - known.since * np.log(given.delta)
    quieter = np.log((given.beta + known.recency + away) / (given.beta + known.recency + given.delta * away))
    gone += (given.s + touches) * quieter
    alive = expit(np.where(known.x > 0, -gone, _SURE))
    pace = given.alpha + (1 + given.v) * known.age
    quiet = np.exp((given.r + known.x + given.w * touches) * np.log(pace / (pace + horizon_days)))
    silence = np.clip(1 - alive * (1 - quiet), _EDGE, 1 - _EDGE)
    return np.asarray(logit(silence) + given.shift, np.float64)
