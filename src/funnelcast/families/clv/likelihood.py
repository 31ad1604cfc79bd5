"""The log-likelihoods of BG/NBD and Gamma-Gamma with their gradients, on compressed rows: the judge of every fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, gammaln

from funnelcast.families.clv.parameters import Floats

Objective = Callable[[Floats], tuple[float, Floats]]


@dataclass(frozen=True)
class Purchases:
    """Distinct (x, t_x, T) in the model's unit of time, and how many customers share each."""

    x: Floats
    t_x: Floats
    T: Floats
    weight: Floats

    @property
    def customers(self) -> float:
        """How many customers the rows stand for."""
        return float(self.weight.sum())


@dataclass(frozen=True)
class Spend:
    """Distinct (x, mean value of x repeat purchases) with x > 0 and m > 0, and how many customers share each."""

    x: Floats
    m: Floats
    weight: Floats

    @property
    def customers(self) -> float:
        """How many customers the rows stand for."""
        return float(self.weight.sum())


def bg_nbd(logarithms: Floats, data: Purchases) -> tuple[float, Floats]:
    """Give ln L of BG/NBD and its gradient in (ln r, ln alpha, ln a, ln b).

    ln L = A1 + A2 + ln(exp A3 + [x>0] exp A4) with A1 = lnG(r+x) - lnG(r) + r ln alpha, A2 = lnG(a+b) + lnG(b+x) - lnG(b) - lnG(a+b+x),
    A3 = -(r+x) ln(alpha+T), A4 = ln a - ln(b+x-1) - (r+x) ln(alpha+t_x). Fader, Hardie and Lee (2005), section 7.

    Parameters
    ----------
    logarithms
        Four numbers; alpha in the unit of ``data``.

    Returns
    -------
    The sum over customers, and its derivatives.
    """
    r, alpha, a, b = np.exp(logarithms)
    x, repeats, b_x = data.x, data.x > 0, b + (np.maximum(data.x, 1) - 1)
    log_age, log_seen = np.log(alpha + data.T), np.log(alpha + data.t_x)
    alive = -(r + x) * log_age
    dead = np.where(repeats, np.log(a) - np.log(b_x) - (r + x) * log_seen, -np.inf)
    either = np.logaddexp(alive, dead)
    value = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x) + either
    was_dead = np.exp(dead - either)
    was_alive = 1 - was_dead
    of_dropout = digamma(a + b) - digamma(a + b + x)
    gradient = (
        r * (digamma(r + x) - digamma(r) + np.log(alpha) - was_alive * log_age - was_dead * log_seen),
        alpha * (r / alpha - (r + x) * (was_alive / (alpha + data.T) + was_dead / (alpha + data.t_x))),
        a * (of_dropout + was_dead / a),
        b * (of_dropout + digamma(b + x) - digamma(b) - was_dead / b_x),
    )
    return float(data.weight @ value), np.array([float(data.weight @ part) for part in gradient])


def gamma_gamma(logarithms: Floats, data: Spend) -> tuple[float, Floats]:
    """Give ln L of Gamma-Gamma and its gradient in (ln p, ln q, ln v).

    ln L = lnG(px+q) - lnG(px) - lnG(q) + q ln v + (px-1) ln m + px ln x - (px+q) ln(v + x m); equation 1a of Hardie's note 25.

    Parameters
    ----------
    logarithms
        Three numbers; v in money.

    Returns
    -------
    The sum over customers, and its derivatives.
    """
    p, q, v = np.exp(logarithms)
    x, m = data.x, data.m
    total, shape = v + x * m, p * x + q
    value = gammaln(shape) - gammaln(p * x) - gammaln(q) + q * np.log(v) + (p * x - 1) * np.log(m) + p * x * np.log(x)
    value = value - shape * np.log(total)
    gradient = (
        p * x * (digamma(shape) - digamma(p * x) + np.log(m) + np.log(x) - np.log(total)),
        q * (digamma(shape) - digamma(q) + np.log(v) - np.log(total)),
        v * (q / v - shape / total),
    )
    return float(data.weight @ value), np.array([float(data.weight @ part) for part in gradient])


def hessian(objective: Objective, at: Floats, step: float = 1e-4) -> Floats:
    """Give the matrix of second derivatives, by central differences of the exact gradient (error of the order of step^2)."""
    steps = np.eye(len(at)) * step
    matrix = np.array([(objective(at + towards)[1] - objective(at - towards)[1]) / (2 * step) for towards in steps])
    return np.asarray((matrix + matrix.T) / 2, dtype=np.float64)
