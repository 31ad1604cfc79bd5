"""Maximum likelihood: lifetimes finds the parameters, our own likelihood judges, polishes and gives the covariance.

The only place that imports lifetimes. On import it changes warning filters and a pandas option, and it prints what fails to converge:
none of that is left behind.
"""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from funnelcast.errors import ModelError, TooFewRows
from funnelcast.families.clv.likelihood import Objective, Purchases, Spend, bg_nbd, gamma_gamma, hessian
from funnelcast.families.clv.parameters import BgNbd, Floats, GammaGamma
from funnelcast.terms import Json

_FEWEST_REPEATERS = 10
_STARTS = (None, (0.5, -1.0, 0.0, 1.0), (-1.5, -2.0, -0.5, 2.5))
_SPEND_STARTS = (None, (1.8, 1.3, 2.7))
_WIDEST_LOG_DEVIATION = 2.0


@dataclass(frozen=True)
class Fitted:
    """Where the likelihood is highest, how sharp it is there, and what is odd about it."""

    logarithms: Floats
    covariance: Floats
    log_likelihood: float
    diagnostics: dict[str, Json] = field(default_factory=dict)


def fit_bg_nbd(data: Purchases) -> tuple[BgNbd, Fitted]:
    """Fit r, alpha, a and b without a penalty, from several starts.

    Raises
    ------
    TooFewRows
        Fewer than ten customers have come back.
    """
    _enough(float(data.weight[data.x > 0].sum()), "customers with a repeat purchase", "The CLV model")
    scale = float(data.T.max())
    found = [_lifetimes_bg_nbd(data, start) for start in _STARTS]
    objective = partial(bg_nbd, data=data)
    default = np.log([0.5, 0.3 * scale, 1.0, 2.0])
    fitted = _best(objective, found, default)
    return BgNbd(*(float(value) for value in np.exp(fitted.logarithms))), _with_warnings(fitted, data)


def fit_gamma_gamma(data: Spend) -> tuple[GammaGamma, Fitted]:
    """Fit p, q and v on customers with a repeat purchase of positive value.

    Raises
    ------
    TooFewRows
        Fewer than ten of them.
    """
    _enough(data.customers, "customers with a repeat purchase of positive value", "The spend model")
    found = [_lifetimes_gamma_gamma(data, start) for start in _SPEND_STARTS]
    mean = float(data.weight @ data.m / data.customers)
    fitted = _best(partial(gamma_gamma, data=data), found, np.log([5.0, 3.0, mean]))
    return GammaGamma(*(float(value) for value in np.exp(fitted.logarithms))), fitted


def _enough(found: float, what: str, model: str) -> None:
    if found < _FEWEST_REPEATERS:
        raise TooFewRows(
            model=model, found=int(found), what=what, needed=_FEWEST_REPEATERS, advice="Bring a longer history of transactions."
        )


def _lifetimes_bg_nbd(data: Purchases, start: tuple[float, ...] | None) -> Floats | None:
    def fit() -> Floats:
        from lifetimes import BetaGeoFitter  # noqa: PLC0415 (the service must never import it)

        fitter = BetaGeoFitter(penalizer_coef=0.0)
        fitter.fit(data.x, data.t_x, data.T, weights=data.weight, initial_params=None if start is None else np.array(start))
        return np.log(np.asarray(fitter.params_, dtype=np.float64))

    return _converged(fit)


def _lifetimes_gamma_gamma(data: Spend, start: tuple[float, ...] | None) -> Floats | None:
    def fit() -> Floats:
        from lifetimes import GammaGammaFitter  # noqa: PLC0415 (the service must never import it)

        fitter = GammaGammaFitter(penalizer_coef=0.0)
        fitter.fit(data.x, data.m, weights=data.weight, initial_params=None if start is None else np.array(start))
        return np.log(np.asarray(fitter.params_, dtype=np.float64))

    return _converged(fit)


def _converged(fit: Callable[[], Floats]) -> Floats | None:
    """Run one fit of lifetimes; None where it gives up."""
    with _no_trace():
        from lifetimes.utils import ConvergenceError  # noqa: PLC0415 (the service must never import it)

        try:
            logarithms = fit()
        except (ConvergenceError, np.linalg.LinAlgError, FloatingPointError):
            return None
    return logarithms if np.isfinite(logarithms).all() else None


@contextlib.contextmanager
def _no_trace() -> Iterator[None]:
    """Undo what lifetimes does to the process: warning filters, a pandas option, prints, numpy's error state."""
    option = pd.get_option("mode.chained_assignment")
    with warnings.catch_warnings(), np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            pd.set_option("mode.chained_assignment", option)


def _best(objective: Objective, found: list[Floats | None], default: Floats) -> Fitted:
    """Take the best of the starts, polish it on the exact gradient, and measure the curvature there."""
    starts = [start for start in found if start is not None] or [default]
    ends = [_polish(objective, start) for start in starts]
    values = [objective(end)[0] for end in ends]
    best = int(np.argmax(values))
    if not np.isfinite(values[best]):
        raise ModelError(reason="No maximum of the likelihood was found: check the transactions for dates and amounts that can't be.")
    matrix = hessian(objective, ends[best])
    covariance, flat = _covariance(matrix)
    spread = max(values) - min(values)
    diagnostics: dict[str, Json] = {
        "starts": len(found),
        "starts_converged": sum(start is not None for start in found),
        "spread_of_log_likelihood": float(spread),
        "log_likelihood": float(values[best]),
        "flat_directions": flat,
    }
    return Fitted(ends[best], covariance, values[best], diagnostics)


def _polish(objective: Objective, start: Floats) -> Floats:
    def descent(logarithms: Floats) -> tuple[float, Floats]:
        value, gradient = objective(logarithms)
        return -value, -gradient

    with np.errstate(all="ignore"):
        result: Any = minimize(descent, start, jac=True, method="L-BFGS-B", bounds=[(-20.0, 20.0)] * len(start), options={"maxiter": 200})
        point = np.asarray(result.x, dtype=np.float64)
        for _ in range(3):
            point = _newton(objective, point)
    return point if objective(point)[0] >= objective(start)[0] else start


def _newton(objective: Objective, at: Floats) -> Floats:
    value, gradient = objective(at)
    matrix = hessian(objective, at)
    if np.linalg.eigvalsh(matrix).max() >= 0:
        return at
    step = at - np.linalg.solve(matrix, gradient)
    return step if objective(step)[0] > value else at


def _covariance(matrix: Floats) -> tuple[Floats, int]:
    """Invert the observed information; directions in which the likelihood is flat are given a wide, finite deviation."""
    values, vectors = np.linalg.eigh(-matrix)
    flattest = 1 / _WIDEST_LOG_DEVIATION**2
    flat = int((values < flattest).sum())
    return np.asarray((vectors / np.maximum(values, flattest)) @ vectors.T, dtype=np.float64), flat


def _with_warnings(fitted: Fitted, data: Purchases) -> Fitted:
    r, alpha, a, b = np.exp(fitted.logarithms)
    age = float(data.T.max())
    found = {
        "dropout is not identified: b is large beside the purchases seen, so nobody seems ever to leave": b > 100 or a > 100,
        "dropout is extreme: the mean chance of leaving after a purchase is below 1 in 1,000": a / (a + b) < 1e-3,
        "rates are not identified: alpha is far beyond the longest history, so every customer seems alike": alpha > 20 * age or r > 50,
        "a + b < 1: the chance of leaving is near 0 or near 1 for almost everyone": a + b < 1,
        "the likelihood is flat in a direction: intervals are wide there": fitted.diagnostics["flat_directions"] != 0,
    }
    said: list[Json] = [message for message, holds in found.items() if holds]
    return Fitted(fitted.logarithms, fitted.covariance, fitted.log_likelihood, {**fitted.diagnostics, "warnings": said})
