"""How whole months lie beside their hazards: their season, and the shocks that all deals share, sized from past errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from funnelcast.families import latent_rate

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_KERNELS = latent_rate.Choices(
    level=2.5, trend=0.0, drifts=(0.05, 0.2), drift_years=(0.5, 2.0), seasons=(0.05, 0.2, 0.5), noises=(0.05, 0.15, 0.3)
)
MONTHS = 12
_DIGITS = 12


@dataclass(frozen=True)
class Shocks:
    """Standard deviations of what all deals of a draw have in common.

    Parameters
    ----------
    closing_month, winning_month
        Of the log of how many deals close, and of the log odds that a closing deal is won: anew in each calendar month.
    closing_level, winning_level
        The same, lasting for all months: how well the past could tell the level.
    """

    closing_month: float
    winning_month: float
    closing_level: float
    winning_level: float

    def document(self) -> dict[str, float]:
        """Give the shocks as JSON."""
        return asdict(self)

    @classmethod
    def read(cls, document: Mapping[str, float]) -> Shocks:
        """Read the shocks from their JSON."""
        return cls(**{name: float(value) for name, value in document.items()})


@dataclass(frozen=True)
class Pace:
    """What the coming year's months do to all hazards.

    Parameters
    ----------
    closing, winning
        Log factor of how many deals close, and shift of the log odds that a closing deal is won, by calendar month, January first.
    shocks
        What isn't known of them.
    """

    closing: tuple[float, ...]
    winning: tuple[float, ...]
    shocks: Shocks

    @classmethod
    def even(cls) -> Pace:
        """Give the pace that changes nothing, without a shock."""
        return cls((0.0,) * MONTHS, (0.0,) * MONTHS, Shocks(0.0, 0.0, 0.0, 0.0))

    def applied(self, hazards: Floats, day: Floats) -> Floats:
        """Give hazards (shape [rows, 2]) of weeks that begin on ``day`` at this pace.

        The time to closing runs exp(closing) times as fast: 1 - h' = (1 - h)^exp(closing); the odds of winning change by exp(winning).
        """
        month = months_of(day) % MONTHS
        total = np.clip(hazards.sum(axis=1), 0.0, 1.0 - 1e-12)
        odds = hazards[:, 0] * np.exp(np.asarray(self.winning)[month])
        share = odds / np.maximum(odds + hazards[:, 1], 1e-300)
        closing = -np.expm1(np.log1p(-total) * np.exp(np.asarray(self.closing)[month]))
        return np.column_stack([closing * share, closing * (1.0 - share)])

    def document(self) -> dict[str, Any]:
        """Give the pace as JSON."""
        return {"closing": list(self.closing), "winning": list(self.winning), "shocks": self.shocks.document()}

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Pace:
        """Read the pace from its JSON."""
        closing, winning = (tuple(float(value) for value in document[name]) for name in ("closing", "winning"))
        return cls(closing, winning, Shocks.read(document["shocks"]))


def months_of(day: Floats) -> Integers:
    """Give the month that holds the middle of the week that begins on ``day`` (in days since 1970-01-01), counted from January 1970."""
    return np.asarray((day + 3.5).astype("datetime64[D]").astype("datetime64[M]").astype(np.int64))


def pace_of(day: Floats, happened: Floats, hazards: Floats) -> Pace:
    """Learn the pace from how the months' counts differ from the sums of their hazards.

    Closings are Poisson around their hazards times exp(f), wins binomial among them with log odds shifted by g; f and g are Gaussian
    processes of months, with a level, a drift, a season and the shock of each month (see ``latent_rate``). Only the season moves what is
    expected: the hazards themselves, fitted with newer weeks counting more, know the level.

    Parameters
    ----------
    day
        On which the week of each row of the person-period table begins: shape [rows].
    happened, hazards
        Won and lost, as they came and as the model gave them: shape [rows, 2].
    """
    months, place = np.unique(months_of(day), return_inverse=True)

    def by_month(values: Floats) -> Floats:
        return np.bincount(place, weights=values, minlength=len(months)).astype(np.float64, copy=False)

    won, lost, to_win, to_lose = (by_month(values) for values in (*happened.T, *hazards.T))
    times = months / MONTHS
    latest = months[-1] if len(months) else 0
    ahead = np.arange(latest, latest + MONTHS) if len(months) else np.arange(MONTHS)
    offset = np.log(np.maximum(to_win, 1e-12) / np.maximum(to_lose, 1e-12))
    closing = latent_rate.infer(latent_rate.Poisson(won + lost, to_win + to_lose), times, ahead / MONTHS, _KERNELS)
    winning = latent_rate.infer(latent_rate.Binomial(won, won + lost, offset), times, ahead / MONTHS, _KERNELS)
    order = np.argsort(ahead % MONTHS)
    (closing_level, closing_month), (winning_level, winning_month) = _split(closing), _split(winning)
    shocks = Shocks(closing_month, winning_month, closing_level, winning_level)
    return Pace(tuple(closing.season[order].round(_DIGITS)), tuple(winning.season[order].round(_DIGITS)), shocks)


def _split(belief: latent_rate.Belief) -> tuple[float, float]:
    """Give the standard deviations of what all months ahead share, and of what each has for itself."""
    single = float(np.diag(belief.covariance).mean())
    count = len(belief.mean)
    shared = max((float(belief.covariance.sum()) - count * single) / (count * (count - 1)), 0.0)
    return float(np.sqrt(shared)), float(np.sqrt(max(single - shared, 0.0) + belief.noise**2))
