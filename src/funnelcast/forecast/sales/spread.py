"""How wide the draws must be: learned at rolling origins, pooled over all series of the company."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from funnelcast.forecast.periods import Every
from funnelcast.forecast.sales.effects import SHORTEST
from funnelcast.forecast.sales.fit import LEVEL, fit
from funnelcast.forecast.sales.history import History
from funnelcast.forecast.sales.promotions import Promotion, known_before
from funnelcast.forecast.sales.state import Luck, State, forth

Floats = npt.NDArray[np.float64]

HORIZON: dict[Every, int] = {"week": 13, "month": 12}
ORIGINS = 8
MOST_PATHS = 240
_SHORTEST = 30
_PRIOR_ORIGINS = 6.0
_LIMITS = (0.5, 2.5)
_CENTRAL = 0.8
_NORMAL_REACH = float(ndtri((1 + _CENTRAL) / 2))
_DRAWS = 500


@dataclass(frozen=True)
class Spread:
    """What the errors at earlier origins say of the draws.

    Parameters
    ----------
    widening
        Factor on the transient errors.
    level
        Variance of the persistent error relative to that of the shocks.
    paths
        How many error paths it rests on.
    """

    widening: float = 1.0
    level: float = LEVEL
    paths: int = 0


@dataclass(frozen=True, eq=False)
class _Path:
    """One past forecast, in units of its shocks' deviation.

    Parameters
    ----------
    back
        How many horizons before the end it starts.
    errors, transient
        What came minus the centre, and the variance of the transient error, shape (h,).
    doubt
        What each independent error of the effects adds, shape (h, k).
    tails
        How far the central 80 % of draws reach, relative to a normal distribution's: below 1 where few large shocks make the deviation.
    """

    back: int
    errors: Floats
    transient: Floats
    drift: Floats
    doubt: Floats
    tails: Floats

    def variances(self, widening: float, level: float) -> Floats:
        """Give the variance of each period's error, shape (h,)."""
        return np.asarray(widening**2 * self.transient + level * self.drift**2 + (self.doubt**2).sum(axis=1))

    def variance_of_mean(self, widening: float) -> float:
        """Give that of the path's mean, without the level's: transient[h] = sum of c_j^2 up to h tells each shock's whole effect."""
        response = np.sqrt(np.diff(self.transient, prepend=0.0))
        whole = float((np.cumsum(response) ** 2).sum()) / self.transient.size**2
        return widening**2 * whole + float((self.doubt.mean(axis=0) ** 2).sum())


def learn(histories: Sequence[History], country: str, promotions: Sequence[Promotion] = ()) -> Spread:
    """Forecast from earlier origins, and match the central 80 % of what came.

    The persistent error is sized by the mean error of whole paths, the transient one by the errors of single periods. Both are shrunk
    to their prior by the number of origins, not of paths, because series of one company share what happens to it: the prior counts as
    6 origins.
    """
    paths = _paths(histories, country, promotions)
    if not paths:
        return Spread()
    origins = len({path.back for path in paths})
    trust = origins / (origins + _PRIOR_ORIGINS)
    widening, level = 1.0, LEVEL
    for _ in range(3):
        periods = np.concatenate([path.errors / path.tails / np.sqrt(path.variances(widening, level)) for path in paths])
        widening = float(np.clip(widening * _ratio(periods), *_LIMITS))
        level = _level(paths, widening)
    return Spread(float(widening**trust), float(LEVEL * (level / LEVEL) ** trust), len(paths))


def widen(state: State, spread: Spread) -> State:
    """Give the state with the spread that was learned; a state without models keeps its own."""
    if state.method != "combination":
        return state
    return replace(state, widening=spread.widening, level=spread.level + 1 / state.history.values.size)


def _level(paths: Sequence[_Path], widening: float) -> float:
    """Find the variance of the level at which the mean errors of paths are as large as expected, by bisection."""
    grown = np.array([path.drift.mean() for path in paths])
    means = np.array([path.errors.mean() for path in paths]) / grown
    transient = np.array([path.variance_of_mean(widening) for path in paths]) / grown**2
    low, high = 0.01, 2.0
    for _ in range(30):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if _ratio(means / np.sqrt(transient + middle)) > 1 else (low, middle)
    return float(np.sqrt(low * high))


def _ratio(standardised: Floats) -> float:
    return float(np.quantile(np.abs(standardised), _CENTRAL) / _NORMAL_REACH)


def _paths(histories: Sequence[History], country: str, promotions: Sequence[Promotion]) -> list[_Path]:
    """Refit at up to eight origins a horizon apart; of many series, for a part, evenly over series and origins."""
    wanted = [(history, back) for back in range(1, ORIGINS + 1) for history in histories if _long_enough(history, back)]
    step = max(1, -(-len(wanted) // MOST_PATHS))
    found = [_path(history, back, country, promotions) for history, back in wanted[::step]]
    return [path for path in found if path is not None]


def _long_enough(history: History, back: int) -> bool:
    """Say whether a forecast from so far back is of the kind that is made now: one without a season tells nothing of one with it."""
    horizon = HORIZON[history.every]
    seasonal = history.every == "week" and history.values.size - horizon >= SHORTEST
    return history.values.size - back * horizon >= (SHORTEST if seasonal else _SHORTEST)


def _path(history: History, back: int, country: str, promotions: Sequence[Promotion]) -> _Path | None:
    horizon = HORIZON[history.every]
    known = history.values.size - back * horizon
    past = history.first(known)
    state = fit(past, horizon, country, known_before(promotions, past.end))
    actual = history.values[known : known + horizon]
    shock = float(state.shocks.std())
    if state.method != "combination" or shock == 0 or (state.scale == "log" and actual.min() <= 0):
        return None
    errors = forth(np.maximum(actual, 0.0) if state.scale == "root" else actual, state.scale) - state.centre
    random = np.random.default_rng(0)
    picks = random.integers(0, 2 * state.shocks.size, size=(_DRAWS, horizon + 1))
    drawn = state.errors(Luck(picks, random.standard_normal((_DRAWS, state.doubt.shape[1])))) / shock
    path = _Path(back, errors / shock, np.cumsum(state.response**2), state.drift, state.doubt / shock, np.ones(horizon))
    reach = np.quantile(np.abs(drawn), _CENTRAL, axis=0) / _NORMAL_REACH
    return replace(path, tails=reach / np.sqrt(path.variances(1.0, state.level)))
