"""Simulated futures: uncertain parameters (Laplace, in their logarithms) and the purchase process itself.

Sums over customers use independent futures within shared worlds (one draw of the parameters each).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.process.parameters import Floats, GammaGamma, Process, Whole
from funnelcast.families.clv.process.predictions import p_alive

_CELLS_AT_ONCE = 1 << 20
PARAMETERS, CUSTOMER, PURCHASE, VALUE = range(4)
"""What random numbers are for."""


@dataclass(frozen=True)
class Customers:
    """Rows of (x, t_x, T) in the model's unit of time, the mean value m of their repeat purchases and the value z of the first."""

    x: Floats
    t_x: Floats
    T: Floats
    m: Floats
    z: Floats

    def part(self, rows: slice | Whole) -> Customers:
        """Give some of the rows."""
        return Customers(self.x[rows], self.t_x[rows], self.T[rows], self.m[rows], self.z[rows])


@dataclass(frozen=True)
class Worlds:
    """As many draws of all parameters as there are worlds."""

    process: Process
    spend: GammaGamma | None
    mean: SpendModel
    count: int
    seed: int

    @classmethod
    def draw(cls, process: Process, covariance: Floats, spend: SpendModel, count: int, seed: int) -> Worlds:
        """Draw parameters from the normal approximation to their logarithms (Laplace)."""
        random = np.random.default_rng([seed, PARAMETERS])
        purchases = type(process).of_logarithms(_normal(random, process.logarithms(), covariance, count))
        if spend.parameters is None or spend.covariance is None:
            return cls(purchases, None, spend, count, seed)
        values = GammaGamma.of_logarithms(_normal(random, spend.parameters.logarithms(), spend.covariance, count))
        return cls(purchases, values, spend, count, seed)

    def random(self, *stage: int) -> np.random.Generator:
        """Give the random numbers of one stage."""
        return np.random.default_rng([self.seed, *stage])

    def values(self, customers: Customers) -> tuple[Floats, Floats]:
        """Give how many purchase values are known of a customer, and the factor (customers x worlds) by which relative values are money."""
        known, total = self.mean.seen(customers.x, customers.m, customers.z)
        if self.spend is None:
            return known, np.broadcast_to(self.mean.expected(customers.x, customers.m)[:, None], (len(customers.x), self.count))
        return known, np.asarray(self.spend.v + total[:, None], dtype=np.float64)

    def value_shape(self, seen: Floats) -> Floats:
        """Give the shape q + p n of what varies between customers in the value of a purchase, where n values are known of them."""
        return np.asarray(1.0 if self.spend is None else self.spend.q + self.spend.p * seen, dtype=np.float64)


def _normal(random: np.random.Generator, mean: Floats, covariance: Floats, count: int) -> Floats:
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(mean + random.standard_normal((count, len(mean))) * np.sqrt(np.maximum(values, 0)) @ vectors.T, dtype=np.float64)


def walk(rate: Floats, last: Whole, until: Floats, wait: Callable[[int, Whole], Floats]) -> Iterator[tuple[int, Whole, Floats]]:
    """Go from purchase to purchase: the purchase's number, the cells that make it in time, and when."""
    index = np.flatnonzero(last > 0)
    clock = np.zeros(len(index))
    number = 0
    while len(index):
        clock = clock + wait(number, index) / rate[index]
        inside = clock <= until[index]
        index, clock = index[inside], clock[inside]
        yield number, index, clock
        number += 1
        stays = last[index] > number
        index, clock = index[stays], clock[stays]


@dataclass(frozen=True)
class Sums:
    """Repeat purchases of many customers by world and column (days after as_of, or groups): how many, and their value in money."""

    counts: Floats
    amounts: Floats


Column = Callable[[Whole, Floats], Whole]
"""Into which column a purchase falls, by the place of its customer and its time after as_of in the model's unit."""


def daily_purchases(worlds: Worlds, customers: Customers, horizon_days: int, days_per_unit: float) -> Sums:
    """Simulate every customer independently within each world, and sum over customers by day: arrays of worlds x days, not discounted.

    Sums over days and their quantiles come from these; a planner's forecast dates them from as_of.
    """

    def day(_: Whole, time: Floats) -> Whole:
        return np.minimum((time * days_per_unit).astype(np.int64), horizon_days - 1)

    return _sums(worlds, customers, horizon_days / days_per_unit, 0.0, horizon_days, day)


def grouped_purchases(worlds: Worlds, customers: Customers, group: Whole, horizon: float, delta: float = 0.0) -> Sums:
    """Simulate every customer independently within each world, and sum over the horizon by group: arrays of worlds x groups.

    Parameters
    ----------
    group
        Of each customer: 0, 1, 2 … Groups of one call share their worlds, so that parts add up to the total in every draw.
    horizon, delta
        In the model's unit of time, and the force of interest per unit by which amounts are discounted.
    """
    return _sums(worlds, customers, horizon, delta, int(group.max(initial=0)) + 1, lambda customer, _: group[customer])


def _sums(worlds: Worlds, customers: Customers, horizon: float, delta: float, columns: int, column: Column) -> Sums:
    counts = np.zeros(worlds.count * columns)
    amounts = np.zeros_like(counts)
    rows = max(1, _CELLS_AT_ONCE // worlds.count)
    for number, start in enumerate(range(0, len(customers.x), rows)):
        part = customers.part(slice(start, start + rows))
        for index, time, amount in _independent(worlds, part, horizon, number):
            customer, world = np.divmod(index, worlds.count)
            cell = world * columns + column(start + customer, time)
            _add(counts, cell, np.ones(len(cell)))
            _add(amounts, cell, amount * np.exp(-delta * time))
    shape = (worlds.count, columns)
    return Sums(counts.reshape(shape), amounts.reshape(shape))


def _add(totals: Floats, cell: Whole, values: Floats) -> None:
    """Add values to their cells; where few are hit, one by one, since counting them costs a pass over all cells."""
    if len(cell) < len(totals):
        np.add.at(totals, cell, values)
    else:
        totals += np.bincount(cell, weights=values, minlength=len(totals))


def _independent(worlds: Worlds, customers: Customers, horizon: float, part: int) -> Iterator[tuple[Whole, Floats, Floats]]:
    random = worlds.random(PURCHASE, CUSTOMER, part)
    process, x = worlds.process, customers.x[:, None]
    shape = (len(customers.x), worlds.count)
    alive = random.random(shape) < p_alive(process, x, customers.t_x[:, None], customers.T[:, None])
    rate = random.standard_gamma(process.rate_shape(x), shape) / process.age(customers.T[:, None])
    first, second = (random.standard_gamma(of, shape) for of in process.leaving_shapes(x))
    last, life = process.leaving(first, second, random.random(shape))
    until = np.minimum(process.ahead(horizon), life * process.life_unit(customers.T[:, None]))
    known, scale = worlds.values(customers)
    scale = scale.ravel()
    if worlds.spend is not None:
        scale = scale / random.standard_gamma(worlds.value_shape(known[:, None])).ravel()

    def wait(_: int, index: Whole) -> Floats:
        return random.standard_exponential(len(index))

    for _, index, time in walk(rate.ravel(), np.where(alive, last, 0).ravel(), until.ravel(), wait):
        value = 1.0 if worlds.spend is None else random.standard_gamma(worlds.spend.p[index % worlds.count])
        yield index, process.when(time, index % worlds.count), scale[index] * value
