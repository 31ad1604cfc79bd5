"""Where a log-likelihood is highest, and how sharply: several starts on a thinned set of rows, then Newton's steps on all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from funnelcast.errors import ModelError
from funnelcast.families.clv.process.likelihood import Objective, hessian
from funnelcast.families.clv.process.parameters import Floats
from funnelcast.families.one_thread import one_thread
from funnelcast.terms import Json

_WIDEST_LOG_DEVIATION = 2.0
_FARTHEST = 20.0
_RISING = 0.01
_MOST_STEPS = 16
_LONGEST_STEP = 1.0
_NOTHING_TO_GAIN = 1e-11
_KEPT = 0.05


@dataclass(frozen=True)
class Fitted:
    """Where the likelihood is highest, how sharp it is there, and what is odd about it."""

    logarithms: Floats
    covariance: Floats
    log_likelihood: float
    diagnostics: dict[str, Json] = field(default_factory=dict)


@dataclass(frozen=True)
class Climbs:
    """Where climbs from several starts ended, and how high."""

    ends: list[Floats]
    heights: list[float]
    converged: int

    @property
    def best(self) -> Floats:
        """The highest end."""
        return self.ends[int(np.argmax(self.heights))]

    def document(self) -> dict[str, Json]:
        """Report how the starts compare."""
        return {
            "starts": len(self.ends),
            "starts_converged": self.converged,
            "spread_of_log_likelihood": float(max(self.heights) - min(self.heights)),
        }


def climb(objective: Objective, starts: Sequence[Floats]) -> Climbs:
    """Climb from each start by L-BFGS on the exact gradient."""
    with np.errstate(all="ignore"), one_thread():
        found = [_ascend(objective, np.asarray(start, dtype=np.float64)) for start in starts]
        heights = [_height(objective, end) for end, _ in found]
    return Climbs([end for end, _ in found], heights, sum(converged for _, converged in found))


def highest(objective: Objective, near: Floats) -> Fitted:
    """Go from a point near the maximum to it, and measure the curvature there.

    Raises
    ------
    ModelError
        There is none that is finite.
    """
    with np.errstate(all="ignore"), one_thread():
        point, matrix, converged = _newton(objective, near)
        if not converged:
            # Far from a quadratic: climb, and step again.
            point, matrix, _ = _newton(objective, _ascend(objective, point)[0])
        height = _height(objective, point)
        if not np.isfinite(height):
            raise ModelError(reason="No maximum of the likelihood was found: check the transactions for dates and amounts that can't be.")
        covariance, flat, rising = _covariance(matrix)
    return Fitted(point, covariance, height, {"log_likelihood": height, "flat_directions": flat, "rising_directions": rising})


def _height(objective: Objective, at: Floats) -> float:
    value = float(objective(at)[0])
    return value if np.isfinite(value) else -np.inf


def _ascend(objective: Objective, start: Floats) -> tuple[Floats, bool]:
    from scipy.optimize import minimize  # noqa: PLC0415 (the service fits nothing, and starts sooner)

    def descent(logarithms: Floats) -> tuple[float, Floats]:
        value, gradient = objective(logarithms)
        return -value, -gradient

    limits = [(-_FARTHEST, _FARTHEST)] * len(start)
    result: Any = minimize(descent, start, jac=True, method="L-BFGS-B", bounds=limits, options={"maxiter": 300, "ftol": 1e-13})
    end = np.asarray(result.x, dtype=np.float64)
    return (end, bool(result.success)) if _height(objective, end) >= _height(objective, start) else (start, False)


def _newton(objective: Objective, point: Floats) -> tuple[Floats, Floats, bool]:
    """Take Newton's steps while they gain; give the matrix of second derivatives there, and whether there is nothing more to gain.

    The matrix costs eight likelihoods: it is kept from step to step as long as each leaves next to nothing of the one before to gain.
    """
    value, gradient = objective(point)
    matrix, of_point, before = hessian(objective, point), True, np.inf
    for _ in range(_MOST_STEPS):
        if not np.isfinite(matrix).all() or np.linalg.eigvalsh(matrix).max() >= 0:
            return point, matrix, False
        step = -np.linalg.solve(matrix, gradient)
        gain = float(gradient @ step) / 2  # of a quadratic, beside the rounding of the sum itself
        if gain <= _NOTHING_TO_GAIN + np.finfo(np.float64).eps * abs(value):
            return point, matrix if of_point else hessian(objective, point), True
        found = objective(point + step) if abs(step).max() <= _LONGEST_STEP else (-np.inf, gradient)
        if found[0] > value and (of_point or gain <= _KEPT * before):
            point, (value, gradient), of_point, before = point + step, found, False, gain
        elif of_point:
            return point, matrix, False
        else:
            matrix, of_point = hessian(objective, point), True
    return point, hessian(objective, point), False


def _covariance(matrix: Floats) -> tuple[Floats, int, int]:
    """Invert the observed information; flat directions are given a wide, finite deviation. Count those, and how many of them rise."""
    values, vectors = np.linalg.eigh(-matrix)
    flattest = 1 / _WIDEST_LOG_DEVIATION**2
    flat = int((values < flattest).sum())
    rising = int((values < -_RISING).sum())
    return np.asarray((vectors / np.maximum(values, flattest)) @ vectors.T, dtype=np.float64), flat, rising
