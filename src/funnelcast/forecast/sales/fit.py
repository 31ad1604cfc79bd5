"""Fit one series: the mean of damped exponential smoothing and Theta, or something simple where there is too little for them."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from funnelcast.forecast.periods import Every
from funnelcast.forecast.sales.effects import effects
from funnelcast.forecast.sales.history import History
from funnelcast.forecast.sales.promotions import Promotion
from funnelcast.forecast.sales.state import Scale, State, forth, scale_of

Floats = npt.NDArray[np.float64]

LEVEL = 0.03
"""Prior variance of the level's error relative to a shock's: with it sums over 3 to 18 months of M3's series keep near their coverage."""
_FEWEST = 10
_SEASON: dict[Every, int] = {"week": 1, "month": 12}
_ZEROS = 0.3
_RECENT: dict[Every, int] = {"week": 52, "month": 24}
_PRIOR_DEVIATION = 0.5
_PRIOR_WEIGHT = 2.0
_PASSED_ON = 0.3
_CLEARLY = 3.0
"""How much greater a logarithm of likelihood must be: twenty to one."""


@dataclass(frozen=True, eq=False)
class _Smoother:
    """One model's forecasts (horizon,), errors one period ahead (n,) and response to a shock (horizon,)."""

    forecast: Floats
    errors: Floats
    response: Floats


def fit(history: History, horizon: int, country: str, promotions: Sequence[Promotion] = ()) -> State:
    """Fit a series of any length.

    The combination is the plain mean of two models in the series' scale. On the 474 monthly micro series of M3 it has a lower sMAPE
    (20.6) than either (21.1 and 20.9), than both on the untransformed scale, and than AutoETS's own choice among all its models (22.0).
    Where logarithms leave errors so skewed that roots make the series much likelier, it is fitted in roots.

    Parameters
    ----------
    horizon
        How many periods ahead.
    country
        Whose holidays mark weekly revenue.
    promotions
        Past and planned.
    """
    values = history.values
    if (values[-_RECENT[history.every] :] == 0).mean() > _ZEROS:
        return _intermittent(history, horizon)
    state = _fit(history, horizon, country, promotions, scale_of(values))
    return _fit(history, horizon, country, promotions, "root") if _skewed(state) else state


def _fit(history: History, horizon: int, country: str, promotions: Sequence[Promotion], scale: Scale) -> State:
    values = history.values
    transformed = forth(values, scale)
    if values.size < _FEWEST or np.ptp(transformed) == 0:
        return _few(history, horizon, scale, transformed)
    effect = effects(history, horizon, country, promotions, transformed, _unit(scale, transformed))
    adjusted = transformed - effect.past
    length = _SEASON[history.every]
    models = _smooth(adjusted, length if values.size >= 2 * length + 4 else 1, horizon)
    centre = np.mean([model.forecast for model in models], axis=0) + effect.future
    errors = np.mean([model.errors for model in models], axis=0)[1:]
    if not (np.isfinite(centre).all() and np.isfinite(errors).all()):
        return _few(history, horizon, scale, transformed)
    response = np.mean([model.response for model in models], axis=0)
    # the states took part of the freedom: residuals are a little smaller than errors to come
    shocks = (errors - errors.mean()) * np.sqrt(errors.size / (errors.size - 4))
    return State(history, "combination", scale, centre, response, shocks, LEVEL + 1 / values.size, doubt=effect.doubt)


def _skewed(state: State) -> bool:
    """Say whether the errors of logarithms are much less likely than those of roots around the same medians.

    The likelihood of revenue y with normal errors in a scale z is that of the errors times |dz/dy|: 1/y for logarithms, 1/(2 sqrt y) for
    roots (Box and Cox 1964, eq. 8). A skew matters because a shock is drawn with its mirror image.
    """
    if state.scale != "log" or state.method != "combination" or not state.shocks.any():
        return False
    values, errors = state.history.values[-state.shocks.size :], state.shocks
    roots = np.exp(np.minimum(np.log(values) - errors, 700.0) / 2)  # of the medians; beyond, their squares have no number
    of_roots = np.sqrt(values) - roots
    gain = values.size * np.log(errors.std() / (2 * of_roots.std())) + np.log(values).sum() / 2
    return bool(gain > _CLEARLY)


def _smooth(values: Floats, length: int, horizon: int) -> Sequence[_Smoother]:
    from statsforecast.models import AutoETS, Theta  # noqa: PLC0415 (takes seconds, and the service forecasts without it)

    with warnings.catch_warnings():
        # the search steps through parameters where logarithms overflow; what it ends with is checked to be finite
        warnings.simplefilter("ignore")
        smoothing = AutoETS(season_length=length, model="AAZ", damped=True).fit(values)
        theta = Theta(season_length=length, decomposition_type="additive").fit(values)
        forecasts = [np.asarray(model.predict(horizon)["mean"], dtype=np.float64) for model in (smoothing, theta)]
        fitted = [np.asarray(model.predict_in_sample()["fitted"], dtype=np.float64) for model in (smoothing, theta)]
    alpha, beta, gamma, phi = (0.0 if np.isnan(one) else float(one) for one in smoothing.model_["par"][:4])
    responses = [
        impulse(alpha, beta, gamma, phi, season_length=length, horizon=horizon),
        impulse(float(theta.model_["par"]["alpha"]), 0.0, 0.0, 0.0, season_length=1, horizon=horizon),
    ]
    return [_Smoother(one, values - past, passed) for one, past, passed in zip(forecasts, fitted, responses, strict=True)]


def impulse(alpha: float, beta: float, gamma: float, phi: float, *, season_length: int, horizon: int) -> Floats:
    """Give what a shock of one adds j periods later under additive damped exponential smoothing.

    c_0 = 1, c_j = alpha + beta (phi + ... + phi^j) + gamma [season_length divides j] (Hyndman, Koehler, Ord and Snyder 2008, table 6.2).
    Theta is simple exponential smoothing with drift (Hyndman and Billah 2003), so c_j = alpha.

    Returns
    -------
    Shape (horizon,).
    """
    later = np.arange(1, horizon)
    damped = np.cumsum(phi**later)
    return np.concatenate([[1.0], alpha + beta * damped + gamma * ((later % season_length == 0) & (season_length > 1))])[:horizon]


def _few(history: History, horizon: int, scale: Scale, transformed: Floats) -> State:
    """Stay at the mean of a handful of periods, with a deviation shrunk to one half of the level."""
    count = transformed.size
    prior = _PRIOR_WEIGHT * (_PRIOR_DEVIATION * _unit(scale, transformed)) ** 2
    deviation = np.sqrt((prior + ((transformed - transformed.mean()) ** 2).sum()) / (_PRIOR_WEIGHT + count - 1))
    shocks = deviation * ndtri((np.arange(31) + 0.5) / 31)
    response = np.concatenate([[1.0], np.full(horizon - 1, _PASSED_ON)])
    centre = np.full(horizon, transformed.mean())
    return State(history, "few", scale, centre, response, np.asarray(shocks, dtype=np.float64), LEVEL + 1 / count)


def _intermittent(history: History, horizon: int) -> State:
    """Repeat periods of the last year (two, by month) in any order, zeros included: what was given up long ago doesn't come back."""
    values = history.values[-_RECENT[history.every] :]
    response = np.concatenate([[1.0], np.zeros(horizon - 1)])
    return State(history, "intermittent", "plain", np.full(horizon, values.mean()), response, values - values.mean(), 0.0)


def _unit(scale: Scale, transformed: Floats) -> float:
    """Say what an effect of 100 % amounts to in the scale, to first order."""
    if scale == "log":
        return 1.0
    size = float(np.abs(transformed).mean())
    return (size / 2 if scale == "root" else size) or 1.0
