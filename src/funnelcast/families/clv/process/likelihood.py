"""The log-likelihoods of the purchase processes and of Gamma-Gamma with their gradients, on compressed rows: the judge of every fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import digamma, expit, gammaln

from funnelcast.families.clv.process import lifetime
from funnelcast.families.clv.process.parameters import Floats, Whole

Objective = Callable[[Floats], tuple[float, Floats]]
_BLOCK = 1 << 14


@dataclass(frozen=True)
class Distinct:
    """The distinct values of a column, which of them each row has, and the weight of each."""

    values: Floats
    place: Whole
    weight: Floats

    @classmethod
    def of(cls, column: Floats, weight: Floats) -> Distinct:
        """Find them."""
        values, place = np.unique(column, return_inverse=True)
        return cls(
            np.asarray(values),
            np.asarray(place, dtype=np.int64),
            np.asarray(np.bincount(place, weights=weight, minlength=len(values)), dtype=np.float64),
        )


@dataclass(frozen=True)
class Histories:
    """Some rows of purchases: what is known of a distinct value of x, t_x or T is spread over the rows that have it."""

    weight: Floats
    counts: Distinct
    recencies: Distinct
    ages: Distinct
    rows: Whole | slice

    @cached_property
    def places(self) -> tuple[Whole, Whole, Whole]:
        """Give each row's place among the distinct x, t_x and T."""
        return self.counts.place[self.rows], self.recencies.place[self.rows], self.ages.place[self.rows]


@dataclass(frozen=True)
class Purchases:
    """Distinct (x, t_x, T) in the model's unit of time, and how many customers share each (below 0 where they are taken off again)."""

    x: Floats
    t_x: Floats
    T: Floats
    weight: Floats

    @property
    def customers(self) -> float:
        """How many customers the rows stand for."""
        return float(self.weight.sum())

    def part(self, rows: Whole | slice) -> Purchases:
        """Give some of the rows."""
        return Purchases(self.x[rows], self.t_x[rows], self.T[rows], self.weight[rows])

    @cached_property
    def everyone(self) -> Histories:
        """Give all rows by their distinct values."""
        return Histories(self.weight, self.counts, self.recencies, self.ages, slice(None))

    @cached_property
    def repeaters(self) -> Histories:
        """Give the rows with a repeat purchase by their distinct values."""
        rows = np.flatnonzero(self.x > 0)
        return Histories(self.weight[rows], self.counts, self.recencies, self.ages, rows)

    @cached_property
    def counts(self) -> Distinct:
        """Give the distinct x: special functions are evaluated on them alone."""
        return Distinct.of(self.x, self.weight)

    @cached_property
    def recencies(self) -> Distinct:
        """Give the distinct t_x."""
        return Distinct.of(self.t_x, self.weight)

    @cached_property
    def ages(self) -> Distinct:
        """Give the distinct T."""
        return Distinct.of(self.T, self.weight)

    @cached_property
    def repeats_by_age(self) -> Floats:
        """Give the repeat purchases of all customers of each distinct T."""
        total = np.bincount(self.ages.place, weights=self.weight * self.x, minlength=len(self.ages.values))
        return np.asarray(total, dtype=np.float64)


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
    return _with_dropouts(logarithms, data, data.repeaters, 0)


def mbg_nbd(logarithms: Floats, data: Purchases) -> tuple[float, Floats]:
    """Give ln L of MBG/NBD, where the first purchase is a chance to leave as well, and its gradient in (ln r, ln alpha, ln a, ln b).

    As for BG/NBD, with n = x + 1 in place of x wherever it counts chances to leave. Batislam, Denizel and Filiztekin (2007).
    """
    return _with_dropouts(logarithms, data, data.everyone, 1)


def _with_dropouts(logarithms: Floats, data: Purchases, may_be_dead: Histories, first_counts: int) -> tuple[float, Floats]:
    """Sum what depends on x alone over the distinct x, A3 over the distinct T, and only ln(1 + exp(A4 - A3)) over rows."""
    r, alpha, a, b = np.exp(logarithms)
    value, gradient = _alive(r, alpha, data)
    n, weight = data.counts.values + first_counts, data.counts.weight
    value += _total(weight, gammaln(a + b) + gammaln(b + n) - gammaln(b) - gammaln(a + b + n))
    of_both, of_b = digamma(a + b) - digamma(a + b + n), digamma(b + n) - digamma(b)
    either, dead, of_r, of_alpha, before = _deaths(r, alpha, a, b, may_be_dead, first_counts)
    gradient += r * of_r, alpha * of_alpha
    of_dropout = _total(weight, of_both)
    return value + either, np.array([*gradient, a * of_dropout + dead, b * (of_dropout + _total(weight, of_b) - before)], dtype=np.float64)


def _deaths(r: float, alpha: float, a: float, b: float, rows: Histories, first_counts: int) -> tuple[float, ...]:
    """Sum over rows with a chance to leave, with z = A4 - A3 and P(dead) = 1 / (1 + exp(-z)).

    Returns
    -------
    The sums of ln(1 + exp z), of P(dead), and of P(dead) times dz/dr, dz/dalpha and 1 / (b + n - 1) = -dz/db.
    """
    before = np.maximum(rows.counts.values + first_counts - 1, 0) + b
    shapes, at_rest, per_before = r + rows.counts.values, np.log(a) - np.log(before), 1 / before
    ages, recencies = alpha + rows.ages.values, alpha + rows.recencies.values
    log_ages, log_recencies, per_age, per_recency = np.log(ages), np.log(recencies), 1 / ages, 1 / recencies
    sums = np.zeros(5)
    # In blocks that stay in the processor's cache.
    for start in range(0, len(rows.weight), _BLOCK):
        weight, (x, seen, age) = rows.weight[start : start + _BLOCK], (place[start : start + _BLOCK] for place in rows.places)
        shape, since = shapes[x], log_ages[age] - log_recencies[seen]
        log_odds = at_rest[x] + shape * since
        small = np.exp(-np.abs(log_odds))
        dead = weight * np.where(log_odds > 0, 1.0, small) / (1 + small)
        either = np.maximum(log_odds, 0) + np.log1p(small)
        of_alpha = shape * (per_age[age] - per_recency[seen])
        sums += [_total(weight, either), dead.sum(), _total(dead, since), _total(dead, of_alpha), _total(dead, per_before[x])]
    return tuple(sums.tolist())


def _alive(r: float, alpha: float, data: Purchases) -> tuple[float, Floats]:
    """Give the sum of A1 + A3, what customers who are all alive would contribute, and its derivatives in (ln r, ln alpha)."""
    x, weight, ages = data.counts.values, data.counts.weight, alpha + data.ages.values
    shapes = r * data.ages.weight + data.repeats_by_age
    log_ages, customers = np.log(ages), data.customers
    value = _total(weight, gammaln(r + x) - gammaln(r)) + customers * r * np.log(alpha) - _total(shapes, log_ages)
    of_r = _total(weight, digamma(r + x) - digamma(r)) + customers * np.log(alpha) - _total(data.ages.weight, log_ages)
    of_alpha = customers * r / alpha - _total(shapes, 1 / ages)
    return value, np.array([r * of_r, alpha * of_alpha])


def pareto_nbd(logarithms: Floats, data: Purchases) -> tuple[float, Floats]:
    """Give ln L of Pareto/NBD and its gradient in (ln r, ln alpha, ln s, ln beta).

    L = G(r+x)/G(r) alpha^r beta^s [(alpha+T)^-(r+x) (beta+T)^-s + s times the integral over tau in [t_x, T] of (alpha+tau)^-(r+x)
    (beta+tau)^-(s+1)]: the customer is alive, or left at tau. The integral and its derivatives are taken by the same quadrature.
    Schmittlein, Morrison and Colombo (1987); the individual likelihood is equation 9 of Fader and Hardie's note (2005).
    """
    r, alpha, s, beta = np.exp(logarithms)
    value, gradient = _alive(r, alpha, data)
    ages, weight = data.ages.values, data.ages.weight
    stayed = np.log1p(ages / beta)
    value -= s * _total(weight, stayed)
    of_s, of_beta = -_total(weight, stayed), s * _total(weight, ages / (beta * (beta + ages)))
    deaths = lifetime.deaths(lifetime.Seen(r + data.x, alpha, s, beta, data.t_x, data.T))
    value += _total(data.weight, np.logaddexp(0, deaths.log_odds))
    dead = data.weight * expit(deaths.log_odds)
    moved = [_total(dead, part) for part in (deaths.of_shape, deaths.of_alpha, deaths.of_s, deaths.of_beta)]
    gradient += r * moved[0], alpha * moved[1]
    return value, np.array([*gradient, s * (of_s + moved[2]), beta * (of_beta + moved[3])])


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
    return _total(data.weight, value), np.array([_total(data.weight, part) for part in gradient])


def _total(weight: Floats, values: Floats) -> float:
    """Sum with weights, without BLAS: its threads wait for each other, and their number would change the last digits."""
    return float((weight * values).sum())


def hessian(objective: Objective, at: Floats, step: float = 1e-4) -> Floats:
    """Give the matrix of second derivatives, by central differences of the exact gradient (error of the order of step^2)."""
    steps = np.eye(len(at)) * step
    matrix = np.array([(objective(at + towards)[1] - objective(at - towards)[1]) / (2 * step) for towards in steps])
    return np.asarray((matrix + matrix.T) / 2, dtype=np.float64)
