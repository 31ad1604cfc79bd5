"""Customers whose lifetimes are exponential at rates of Gamma(s, beta), whatever they buy: what Pareto/NBD is made of.

Every integral here has a positive, smooth integrand. It is taken by Gauss-Legendre in a variable in which all its scales are alike, in as
many panels as the row needs: never by differences of hypergeometric functions, which cancel.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np

from funnelcast.families.clv.process.future import survival_of_negative_binomial
from funnelcast.families.clv.process.quadrature import NEGLIGIBLE, Whole, in_groups, panels_needed
from funnelcast.families.family import Floats

_FARTHEST = 600.0
_DEVIATIONS_OF_PANEL = 4.0


@dataclass(frozen=True)
class Seen:
    """What is known of customers: the shape r + x of their purchase rate, the parameters, and 0 <= t_x <= T; broadcast together."""

    shape: Any
    alpha: Any
    s: Any
    beta: Any
    t_x: Any
    T: Any

    def flat(self) -> tuple[Self, tuple[int, ...]]:
        """Give the same as vectors, and the shape that they had."""
        given = (np.asarray(getattr(self, field.name), dtype=np.float64) for field in fields(self))
        together = np.broadcast_arrays(*given)
        return type(self)(*(values.ravel() for values in together)), together[0].shape

    def part(self, rows: Whole) -> Self:
        """Give some rows of vectors, as columns."""
        return type(self)(*(getattr(self, field.name)[rows, None] for field in fields(self)))


def probability_of_first(shape: Floats, rate_age: Floats, s: float, age: Floats, t: float) -> Floats:
    """Give the probability that a live customer buys within t before they leave: the integral of a first purchase at tau and a later end.

    P = integral over tau in [0, t] of shape / A (1 + tau/A)^-(shape+1) (1 + tau/age)^-s: the integral of ``over_deaths`` with buying
    and leaving exchanged.
    """
    return _relative(Seen(s, age, shape, rate_age, 0.0, t))


def log_odds_of_death(seen: Seen) -> Floats:
    """Give the logarithm of the odds of having left by T.

    The odds are s (alpha+T)^(r+x) (beta+T)^s times the integral over tau in [t_x, T] of (alpha+tau)^-(r+x) (beta+tau)^-(s+1): the
    likelihood of having left at tau, over that of being alive.
    """
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(_relative(seen)) + log_growth(seen), dtype=np.float64)


@dataclass(frozen=True)
class Deaths:
    """The log-odds of having left, and their derivatives in the shape r + x, in alpha, s and beta."""

    log_odds: Floats
    of_shape: Floats
    of_alpha: Floats
    of_s: Floats
    of_beta: Floats


def deaths(seen: Seen) -> Deaths:
    """Give the log-odds of having left with their derivatives: moments of when customers left, by the same quadrature."""
    flat, _ = seen.flat()
    total, *moments = (np.zeros(flat.T.shape) for _ in range(5))
    first, second = flat.alpha + flat.t_x, flat.beta + flat.t_x
    for rows, since, weights in over_deaths(flat):
        total[rows] = weights.sum(axis=1)
        log_first, log_second = np.log1p(since / first[rows, None]), np.log1p(since / second[rows, None])
        for moment, of_time in zip(moments, (log_first, np.exp(-log_first), log_second, np.exp(-log_second)), strict=True):
            moment[rows] = (weights * of_time).sum(axis=1) / total[rows]
    left = total > 0
    growing, lasting = np.log1p((flat.T - flat.t_x) / first), np.log1p((flat.T - flat.t_x) / second)
    with np.errstate(divide="ignore"):
        log_odds = np.log(total) + flat.shape * growing + flat.s * lasting
    return Deaths(
        log_odds,
        np.where(left, growing - moments[0], 0.0),
        np.where(left, flat.shape * (1 / (flat.alpha + flat.T) - moments[1] / first), 0.0),
        np.where(left, 1 / flat.s + lasting - moments[2], 0.0),
        np.where(left, flat.s / (flat.beta + flat.T) - (flat.s + 1) * moments[3] / second, 0.0),
    )


def _relative(seen: Seen) -> Floats:
    flat, shape = seen.flat()
    total = np.zeros(flat.T.shape)
    for rows, _, weights in over_deaths(flat):
        total[rows] = weights.sum(axis=1)
    return total.reshape(shape)


def log_growth(seen: Seen) -> Floats:
    """Give ln of ((alpha+T) / (alpha+t_x))^(r+x) ((beta+T) / (beta+t_x))^s, which ``over_deaths`` leaves out."""
    since = seen.T - seen.t_x
    growth = seen.shape * np.log1p(since / (seen.alpha + seen.t_x)) + seen.s * np.log1p(since / (seen.beta + seen.t_x))
    return np.asarray(growth, dtype=np.float64)


def over_deaths(seen: Seen) -> Iterator[tuple[Whole, Floats, Floats]]:
    """Give the times at which customers may have left, tau - t_x, with weights that sum to their likelihood relative to that at t_x.

    The variable is u = ln((m + tau) / (m + t_x)) with m the smaller of alpha and beta: in it, ln(alpha+tau) and ln(beta+tau) bend at a
    scale of one, and the integrand is log-concave, so that it can be cut where it has become negligible.

    Yields
    ------
    Rows that need as many panels, and their nodes and weights (rows x nodes).
    """
    smaller = np.minimum(seen.alpha, seen.beta)
    reach, fall = _reach(seen, smaller)
    width = np.log1p(reach / (smaller + seen.t_x))
    alive_longer = np.flatnonzero(reach > 0)
    need = panels_needed(fall[alive_longer], width[alive_longer])
    for chosen, place, weights in in_groups(need):
        rows = alive_longer[chosen]
        part, m = seen.part(rows), smaller[rows, None]
        u = width[rows, None] * place
        since = (m + part.t_x) * np.expm1(u)
        first, second = np.log1p(since / (part.alpha + part.t_x)), np.log1p(since / (part.beta + part.t_x))
        density = np.exp(u - part.shape * first - (part.s + 1) * second)
        yield rows, since, density * (part.s * (m + part.t_x) / (part.beta + part.t_x) * width[rows, None] * weights)


def _reach(seen: Seen, smaller: Floats) -> tuple[Floats, Floats]:
    """Give how far beyond t_x the integrand matters, and how far its logarithm falls until there."""
    since = seen.T - seen.t_x
    of_alpha = seen.alpha <= seen.beta  # then du takes one power off (alpha + tau), else off (beta + tau)
    first, second = np.where(of_alpha, seen.shape - 1, seen.shape), np.where(of_alpha, seen.s + 1, seen.s)
    rise = np.maximum(-first, 0) * np.log1p(since / (smaller + seen.t_x))
    with np.errstate(divide="ignore"):
        by_rate = np.where(first > 0, NEGLIGIBLE / np.maximum(first, 0), np.inf)
    reach = np.minimum(since, (seen.alpha + seen.t_x) * np.expm1(np.minimum(by_rate, _FARTHEST)))
    reach = np.minimum(reach, (seen.beta + seen.t_x) * np.expm1(np.minimum((NEGLIGIBLE + rise) / second, _FARTHEST)))
    fall = abs(first) * np.log1p(reach / (seen.alpha + seen.t_x)) + second * np.log1p(reach / (seen.beta + seen.t_x))
    return np.asarray(reach, dtype=np.float64), np.asarray(fall, dtype=np.float64)


def expected_time(s: float, age: Floats, t: float) -> Floats:
    """Expect how much of the next t a live customer stays: age [1 - (1 + t / age)^-(s-1)] / (s - 1), with age = beta + T."""
    log = np.log1p(t / age)
    return np.asarray(age * (log if s == 1 else -np.expm1(-(s - 1) * log) / (s - 1)), dtype=np.float64)


def discounted_time(s: float, age: Floats, t: float, *, delta: float) -> Floats:
    """Expect the same time, each instant discounted: the integral of exp(-delta tau) (1 + tau / age)^-s over [0, t]."""
    if delta == 0 or t == 0:
        return expected_time(s, age, t)
    end = np.minimum(np.log1p(min(t, NEGLIGIBLE / delta) / age), NEGLIGIBLE / (s - 1) if s > 1 else np.inf).ravel()
    flat = np.broadcast_to(age, np.shape(age)).ravel()
    found = np.empty_like(flat)
    for rows, place, weights in in_groups(panels_needed(delta * flat * np.expm1(end) + abs(s - 1) * end, end)):
        u = end[rows, None] * place
        found[rows] = flat[rows] * end[rows] * (np.exp(-delta * flat[rows, None] * np.expm1(u) - (s - 1) * u) * weights).sum(axis=1)
    return found.reshape(np.shape(age))


def survival_of_counts(shape: Floats, rate_age: Floats, s: float, age: Floats, t: float | Floats) -> Iterator[Floats]:
    """Give P(N > k | alive) for k = 0, 1, 2 …, without end.

    What a live customer buys until omega is negative binomial; omega is their remaining lifetime, or t where that is shorter. The integral
    over lifetimes is taken in y with omega = m sinh(y/2)^2, m the smaller of both ages, in which every count is reached within as wide a
    range of y (the transformation that stabilises a negative binomial's variance).

    Parameters
    ----------
    shape, rate_age
        The purchase rate is Gamma(shape, rate_age).
    s, age
        The rate of leaving is Gamma(s, age).
    """
    shape, rate_age, age, t = np.broadcast_arrays(shape, rate_age, age, t)
    smaller = np.minimum(rate_age, age)
    reach = np.minimum(t, age * np.expm1(min(NEGLIGIBLE / s, _FARTHEST)))
    width = 2 * np.arcsinh(np.sqrt(reach / smaller))
    sharp = np.ceil(width * np.sqrt(shape) / _DEVIATIONS_OF_PANEL).astype(np.int64)
    need = np.maximum(panels_needed(s * np.log1p(reach / age), width), sharp)
    # Powers of two keep the groups few.
    need = 2 ** np.ceil(np.log2(need)).astype(np.int64)
    groups = []
    for rows, place, weights in in_groups(need):
        y, m = width[rows, None] * place, smaller[rows, None]
        until = m * np.sinh(y / 2) ** 2
        lives = s / age[rows, None] * np.exp(-(s + 1) * np.log1p(until / age[rows, None]))
        density = lives * m * np.sinh(y) / 2 * width[rows, None] * weights
        # Whoever stays beyond t is one more node.
        stays = np.exp(-s * np.log1p(t[rows] / age[rows]))[:, None]
        until, density = np.hstack([until, t[rows, None]]), np.hstack([density, stays])
        groups.append((rows, density, survival_of_negative_binomial(shape[rows, None], until / rate_age[rows, None])))
    while True:
        found = np.zeros(shape.shape)
        for rows, density, beyond in groups:
            found[rows] = (density * next(beyond)).sum(axis=1)
        yield np.clip(found, 0, 1)
