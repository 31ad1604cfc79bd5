"""What a customer who is still alive will buy, exact everywhere.

A live customer's purchase rate is Gamma(s, A) with s = r + x and A = alpha + T, the chance of dropping out after each purchase is
Beta(a, B) with B = b + x (Fader, Hardie and Lee 2005, Marketing Science 24(2)). Everything here depends on s, u = t / A, a and B alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from funnelcast.families.clv.process.quadrature import NEGLIGIBLE, in_groups, panels_needed
from funnelcast.families.family import Floats

Booleans = npt.NDArray[np.bool_]

_LARGEST_SERIES_Z = 0.92
_LARGEST_SERIES_EXPONENT = 30.0
_LONGEST_SERIES = 600
_TERMS_AT_ONCE = 64
_ROWS_AT_ONCE = 256
_TRUSTED = 1e-11
_NODES_AT_ONCE = 1 << 20


def expected_while_alive(s: Floats, u: Floats, a: float, B: Floats) -> Floats:
    """Expect the purchases within t = u A of a customer who is alive now.

    E = integral over p of [1 - (1 + p u)^-s] / p Beta(p; a, B) dp. Its closed form, freed of the poles at a = 1 and a + B = 1 by
    dividing them out of the hypergeometric series term by term, is

        E = c (1 - e^(-(a-1) L)) / (a-1) - e^(-(a-1) L) sum_{n>=1} (c-s)_n (a)_{n-1} / ((c+1)_{n-1} n!) z^n

    with c = a + B - 1, L = ln(1 + u), z = u / (1 + u). Where the series converges slowly or cancels, the integral is taken by the
    trapezoidal rule in logit p, which converges exponentially and has positive terms alone.

    Parameters
    ----------
    s, u, B
        Of one shape (or broadcast to it); s > 0, u >= 0, B > 0.
    a
        > 0.

    Returns
    -------
    Expected purchases, >= 0, relative error below 1e-9.
    """
    s, u, B = np.broadcast_arrays(np.asarray(s, dtype=np.float64), u, B)
    shape, s, u, B = s.shape, s.ravel(), u.ravel(), B.ravel()
    value, trusted = _by_series(s, u, B, a)
    if not trusted.all():
        rest = ~trusted
        value[rest] = _by_quadrature(s[rest], u[rest], B[rest], a)
    return value.reshape(shape)


def _by_series(s: Floats, u: Floats, B: Floats, a: float) -> tuple[Floats, Booleans]:
    z = u / (1 + u)
    usable = np.flatnonzero((z <= _LARGEST_SERIES_Z) & (abs(a - 1) * np.log1p(u) <= _LARGEST_SERIES_EXPONENT))
    # In order of z, rows that need as many terms stand together and stop together.
    usable = usable[np.argsort(z[usable], kind="stable")]
    value, trusted = np.zeros_like(s), u == 0
    for start in range(0, len(usable), _ROWS_AT_ONCE):
        index = usable[start : start + _ROWS_AT_ONCE]
        value[index], trusted[index] = _series(s[index], u[index], B[index], a)
    return value, trusted


def _series(s: Floats, u: Floats, B: Floats, a: float) -> tuple[Floats, Booleans]:
    c, L = a + B - 1, np.log1p(u)
    total, size, converged = _sum_series(c - s, a, c, u / (1 + u))
    decay = np.exp(-(a - 1) * L)
    first = -np.expm1(-(a - 1) * L) / (a - 1) if a != 1 else L
    value = c * first - decay * total
    rounding = np.finfo(np.float64).eps * ((a + B + 1) * first + decay * size)
    return value, converged & (rounding <= _TRUSTED * value)


def _sum_series(d: Floats, a: float, c: Floats, z: Floats) -> tuple[Floats, Floats, Booleans]:
    """Sum the terms, block by block as products of their ratios: their sum, the sum of their sizes, and whether no more would show."""
    term = d * z
    total, size, unfinished = term, np.abs(term), np.ones(z.shape, np.bool_)
    with np.errstate(over="ignore", invalid="ignore"):  # a sum that overflows isn't trusted
        for start in range(1, _LONGEST_SERIES, _TERMS_AT_ONCE):
            n = np.arange(start, start + _TERMS_AT_ONCE, dtype=np.float64)
            ratios = (d[:, None] + n) / (c[:, None] + n) * (z[:, None] * ((a + n - 1) / (n + 1)))
            terms = term[:, None] * np.multiply.accumulate(ratios, axis=1)
            total, size, term = total + terms.sum(axis=1), size + np.abs(terms).sum(axis=1), terms[:, -1]
            unfinished = np.abs(term) > 1e-17 * size
            if not unfinished.any():
                break
    return total, size, ~unfinished


def _by_quadrature(s: Floats, u: Floats, B: Floats, a: float) -> Floats:
    left, right, step = _range_of_logits(s, u, B, a)
    nodes = int(np.ceil(((right - left) / step).max())) + 1
    rows = max(1, _NODES_AT_ONCE // nodes)
    found = np.empty_like(s)
    for start in range(0, len(s), rows):
        part = slice(start, start + rows)
        logits = np.linspace(left[part], right[part], nodes, axis=1)
        found[part] = _trapezoid(s[part], u[part], B[part], a, logits)
    return found


def _range_of_logits(s: Floats, u: Floats, B: Floats, a: float) -> tuple[Floats, Floats, Floats]:
    """Give where the integrand stops mattering, or has become geometric in steps of logit p; and the step that resolves its peak."""
    width = 1 / np.sqrt(a * B / (a + B))
    mode = np.log(a / B)
    gain = np.log1p(s * u)
    left = np.maximum(mode - (36 + gain) / a - 9 * width, np.log(1e-17 / (a + B + s * u + u + 1)))
    right = np.minimum(mode + 36 / B + 9 * width, np.log((a + B + s + 1) / 1e-17))
    return left, right, np.minimum(0.27, 0.7 * width)


def _trapezoid(s: Floats, u: Floats, B: Floats, a: float, logit: Floats) -> Floats:
    step = logit[:, 1] - logit[:, 0]
    log_p = -np.logaddexp(0, -logit)
    log_weight = a * log_p - B[:, None] * np.logaddexp(0, logit)
    weight = np.exp(log_weight - log_weight.max(axis=1, keepdims=True))
    # The infinitely many nodes beyond either end fall off geometrically: their sum is known.
    weight[:, 0] /= -np.expm1(-a * step)
    weight[:, -1] /= -np.expm1(-B * step)
    p = np.exp(log_p)
    bought = -np.expm1(-s[:, None] * np.log1p(p * u[:, None])) / p
    return np.asarray((weight * bought).sum(axis=1) / weight.sum(axis=1), dtype=np.float64)


def discounted_while_alive(
    s: Floats, A: Floats, a: float, B: Floats, t: float, *, delta: float, ahead: Callable[[Any], Any] = lambda t: t
) -> Floats:
    """Expect the discounted purchases within t of a customer who is alive now: the integral of exp(-delta tau) dE(tau) over [0, t].

    By parts it is exp(-delta t) E(t) + delta times the integral of exp(-delta tau) E(tau). E mixes exponentials of rates up to (s + 1) / A,
    so that it is smooth at every scale in ln(1 + (s + 1) tau / A): there Gauss-Legendre is exact, in panels where the horizon spans many
    scales, up to where nothing is left of a purchase's value.

    Parameters
    ----------
    s, A, B
        Of one shape; A in units of time.
    t, delta
        The horizon, and the force of interest per unit of time, >= 0.
    ahead
        What the next tau are worth at today's pace, where purchase rates change: E is taken at it.

    Returns
    -------
    Relative error below 1e-9.
    """
    s, A, B = np.broadcast_arrays(np.asarray(s, dtype=np.float64), A, B)
    if delta == 0 or t == 0:
        return expected_while_alive(s, ahead(t) / A, a, B)
    found = np.empty_like(s)
    shortest = A / (s + 1)
    width = np.log1p(min(t, NEGLIGIBLE / delta) / shortest)
    for rows, place, weights in in_groups(panels_needed(0.0, width)):
        log_time = width[rows, None] * place
        tau = shortest[rows, None] * np.expm1(log_time)
        until = np.column_stack([tau, np.full(len(rows), t)])
        expected = expected_while_alive(s[rows, None], ahead(until) / A[rows, None], a, B[rows, None])
        integrand = np.exp(-delta * tau) * expected[:, :-1] * (tau + shortest[rows, None])
        found[rows] = np.exp(-delta * t) * expected[:, -1] + delta * width[rows] * (integrand * weights).sum(axis=1)
    return found


def survival_of_counts(s: Floats, u: Floats, a: float, B: Floats) -> Iterator[Floats]:
    """Give P(N > k | alive) for k = 0, 1, 2 …, without end.

    N is the smaller of a negative binomial count (what the customer would buy for life) and a beta-geometric one (the purchase after
    which they drop out), which are independent given that they are alive: P(N > k) = P(M > k) E[(1 - p)^k].
    """
    loyal = np.ones_like(s)
    for k, more in enumerate(survival_of_negative_binomial(s, u)):
        yield more * loyal
        loyal = loyal * (B + k) / (a + B + k)


def survival_of_negative_binomial(s: Floats, u: Floats) -> Iterator[Floats]:
    """Give P(M > k) for k = 0, 1, 2 … of a count that is Poisson at a rate of Gamma(s, A), over u A."""
    log_mass = -s * np.log1p(u)
    log_z = np.log(np.maximum(u, np.finfo(np.float64).tiny)) - np.log1p(u)
    below = np.exp(log_mass)
    k = 0
    while True:
        yield np.clip(1 - below, 0, 1)
        log_mass = log_mass + np.log((s + k) / (k + 1)) + log_z
        below = below + np.exp(log_mass)
        k += 1


def survival_of_poisson(mean: Floats) -> Iterator[Floats]:
    """Give P(N > k) for k = 0, 1, 2 … of a Poisson count."""
    log_mass = -mean
    log_mean = np.log(np.maximum(mean, np.finfo(np.float64).tiny))
    below = np.exp(log_mass)
    k = 0
    while True:
        yield np.clip(1 - below, 0, 1)
        k += 1
        log_mass = log_mass + log_mean - np.log(k)
        below = below + np.exp(log_mass)
