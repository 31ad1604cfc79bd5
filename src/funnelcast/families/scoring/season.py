"""The year's rhythm: how much busier than usual the horizon is that begins on a given day of the year."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from funnelcast.families.scoring.documents import as_document, fields_of
from funnelcast.terms import DAYS_PER_YEAR, Json

Floats = npt.NDArray[np.float64]

DAY_OF_YEAR = "day_of_year"
"""The feature that it reads; no other part of a model may, as a few as-of dates can't teach it."""
NAME = "season"
"""Of its part among the reasons."""
WORDS = {
    "en": "busier or quieter weeks ahead, against the year's mean",
    "fr": "semaines à venir plus ou moins actives que la moyenne de l'année",
}
_HARMONICS = 4
_SPREAD = 0.3  # of the prior of the first harmonic's coefficients; the k-th has 1/k of it
_FEWEST_WEEKS = 104
"""In one year a season can't be told from a trend."""
_DECIMALS = 8


@dataclass(frozen=True)
class Season:
    """ln intensity(day) = sum over k of cosine_k cos(2 pi k day / 365.25) + sine_k sin(2 pi k day / 365.25), about the year's mean.

    Parameters
    ----------
    horizon_days
        Of the windows that are compared.
    cosine, sine
        Shape (harmonics,).
    """

    horizon_days: float
    cosine: tuple[float, ...]
    sine: tuple[float, ...]

    def factor(self, day_of_year: Floats) -> Floats:
        """Give the mean intensity over the horizon that begins on each day of the year (1 to 366), 1 being the year's mean; shape (n,)."""
        ahead = np.arange(round(self.horizon_days)) + 0.5
        days, place = np.unique(day_of_year, return_inverse=True)
        means = np.array([self._intensity(day + ahead).mean() for day in days]) / self._mean_of_year
        return np.asarray(np.where(np.isfinite(means), means, 1.0)[place], np.float64)

    @cached_property
    def _mean_of_year(self) -> float:
        return float(self._intensity(np.arange(1.0, 366.0)).mean())

    def _intensity(self, day: Floats) -> Floats:
        # a row's sum, which doesn't depend on how many rows there are as a product of matrices does
        return np.asarray(np.exp((_waves(day) * np.array([*self.cosine, *self.sine])).sum(axis=-1)), np.float64)

    def document(self) -> dict[str, Json]:
        """Give it as JSON."""
        return as_document(self)

    @classmethod
    def of(cls, document: Any) -> Season | None:
        """Make it from its JSON; None stays None."""
        return None if document is None else cls(**fields_of(document))


def learn_season(day: npt.NDArray[np.int64], count: Floats, horizon_days: float) -> Season | None:
    """Fit daily counts by ln E[count of a week] = quadratic trend + season, quasi-Poisson with a normal prior on the season.

    Parameters
    ----------
    day
        Days since 1970-01-01 with at least one event, ascending, shape (n,).
    count
        Events of each, shape (n,).
    horizon_days
        Of the windows that are compared later.

    Returns
    -------
    None where fewer than two years were seen.
    """
    if day.size == 0 or (weeks := (day[-1] + 1 - day[0]) // 7) < _FEWEST_WEEKS:
        return None
    week = (day - day[0]) // 7
    counts = np.bincount(week, weights=count, minlength=weeks)[:weeks].astype(np.float64)
    middle = day[0] + 7.0 * np.arange(weeks) + 3.5
    since_new_year = middle - (middle.astype("datetime64[D]").astype("datetime64[Y]").astype("datetime64[D]").astype(np.float64)) + 1
    trend = np.linspace(-1, 1, weeks)
    design = np.column_stack([np.ones(weeks), trend, trend**2, _waves(since_new_year)])
    spread = np.tile(_SPREAD / np.arange(1, _HARMONICS + 1), 2)
    precision = np.concatenate([[0.0, 1e-3, 1e-3], 1 / spread**2])
    dispersion = 1.0
    for _ in range(3):
        beta = _fit_poisson(design, counts, dispersion * precision)
        expected = np.exp(design @ beta)
        dispersion = max(1.0, float(((counts - expected) ** 2 / expected).sum() / max(weeks - design.shape[1], 1)))
    cosine, sine = np.split(np.round(beta[3:], _DECIMALS), 2)
    return Season(float(horizon_days), tuple(cosine.tolist()), tuple(sine.tolist()))


def _waves(day: Floats) -> Floats:
    turns = 2 * np.pi * day[:, None] * np.arange(1, _HARMONICS + 1) / DAYS_PER_YEAR
    return np.column_stack([np.cos(turns), np.sin(turns)])


def _fit_poisson(design: Floats, counts: Floats, precision: Floats) -> Floats:
    """Maximise sum(y eta - exp(eta)) - beta' diag(precision) beta / 2 by Newton's method with step halving."""

    def objective(beta: Floats) -> float:
        eta = np.minimum(design @ beta, 50)
        return float((np.exp(eta) - counts * eta).sum() + 0.5 * (precision * beta**2).sum())

    beta = np.zeros(design.shape[1])
    beta[0] = np.log(counts.mean() + 1e-9)
    value = objective(beta)
    for _ in range(50):
        expected = np.exp(np.minimum(design @ beta, 50))
        gradient = design.T @ (expected - counts) + precision * beta
        step = np.linalg.solve((design * expected[:, None]).T @ design + np.diag(precision + 1e-9), gradient)
        fraction = 1.0
        while (reached := objective(beta - fraction * step)) > value and fraction > 1e-8:
            fraction /= 2
        beta = beta - fraction * step
        if value - reached <= 1e-10 * (abs(value) + 1):
            break
        value = reached
    return beta
