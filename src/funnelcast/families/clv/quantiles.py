"""Quantiles of one customer's discounted value, by random numbers that all customers share.

They depend on the seed, on x and on how many purchase values are known alone, so that a customer gets the same interval alone and in
company. Then what a customer buys while alive depends on x and T alone, whether they are alive on t_x too, and the money on their values:
each is found once for all customers who share it.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import logit

from funnelcast.families.clv.draws import CUSTOMER, PURCHASE, VALUE, Customers, Worlds, walk
from funnelcast.families.clv.kept import Kept
from funnelcast.families.clv.process.distinct import distinct
from funnelcast.families.clv.process.parameters import Floats, ParetoNbd, Whole

_CELLS_AT_ONCE = 1 << 15
_KEPT = 256
"""Of each kind of random numbers, for how many counts they are kept: some 5 MB for 400 worlds."""
_KEPT_FUTURES = 1_000
"""For how many pairs of x and T, at one horizon and discount, what a live customer buys is kept: up to 13 MB for 400 worlds."""


class Variates:
    """The random numbers of each world that all customers share: drawn when they are first asked for, then kept."""

    def __init__(self, worlds: Worlds) -> None:
        self.worlds = worlds
        lives, self.leaves = worlds.random(CUSTOMER).random((2, worlds.count))
        self.life_odds = -logit(lives)
        self.gammas = lru_cache(_KEPT)(self._gammas)
        self.of_purchase = lru_cache(_KEPT)(self._of_purchase)
        self.of_value = lru_cache(_KEPT)(self._of_value)
        self.futures = Kept[Floats](_KEPT_FUTURES)

    def _gammas(self, x: float) -> Floats:
        """Give the Gamma variates behind the rate of a customer with x repeats, and behind when to leave (two)."""
        random, process = self.worlds.random(CUSTOMER, int(x)), self.worlds.process
        repeats = np.array(float(x))
        shapes = (process.rate_shape(repeats), *process.leaving_shapes(repeats))
        return np.stack([random.standard_gamma(shape, self.worlds.count) for shape in shapes])

    def _of_purchase(self, number: int) -> tuple[Floats, Floats]:
        """Give the waiting time (in units of the mean) and the relative value of the next purchase but ``number``."""
        worlds = self.worlds
        random = worlds.random(PURCHASE, number)
        waits = random.standard_exponential(worlds.count)
        return waits, np.ones(worlds.count) if worlds.spend is None else random.standard_gamma(worlds.spend.p)

    def _of_value(self, seen: float) -> Floats:
        """Give the Gamma variates behind the value of a purchase of a customer of whom so many values are known."""
        drawn = self.worlds.random(VALUE, int(seen)).standard_gamma(self.worlds.value_shape(np.array(seen)))
        return np.asarray(drawn, dtype=np.float64)


def quantiles(variates: Variates, customers: Customers, horizon: float, delta: float, levels: tuple[float, ...]) -> Floats:
    """Give quantiles of each customer's discounted value within the horizon, in money: customers x levels.

    Parameters
    ----------
    horizon, delta
        In the model's unit of time, and per unit of time.
    """
    common, rows = _Common(variates, horizon, delta), max(1, _CELLS_AT_ONCE // variates.worlds.count)
    if 0 < len(customers.x) <= rows:
        return _levels_of(common.money(customers), levels)
    # In this order, customers who share something stand together.
    order = np.lexsort((customers.t_x, customers.T, customers.x))
    found = np.empty((len(order), len(levels)))
    for start in range(0, len(order), rows):
        chosen = order[start : start + rows]
        found[chosen] = _levels_of(common.money(customers.part(chosen)), levels)
    return found


def _levels_of(values: Floats, levels: tuple[float, ...]) -> Floats:
    """Give each row's quantiles as ``np.quantile`` does (linear).

    That takes longer to set out than a few rows to sort; and to sort them wholly takes a sixth of the time of a partition.
    """
    rank, below, above = _ranks(levels, values.shape[1])
    ranked = np.sort(values, axis=1)
    return np.asarray(ranked[:, below] + (rank - below) * (ranked[:, above] - ranked[:, below]), dtype=np.float64)


@lru_cache(_KEPT)
def _ranks(levels: tuple[float, ...], count: int) -> tuple[Floats, Whole, Whole]:
    """Give the place of each level among so many ranked values, and those next to it below and above."""
    rank = np.array(levels) * (count - 1)
    below = np.floor(rank).astype(np.int64)
    return rank, below, np.minimum(below + 1, count - 1)


class _Common:
    """Each world's future of a customer with given x, t_x and T: arrays of customers x worlds."""

    def __init__(self, variates: Variates, horizon: float, delta: float) -> None:
        self.variates, self.worlds, self.horizon, self.delta = variates, variates.worlds, horizon, delta

    def money(self, customers: Customers) -> Floats:
        """Give the discounted value of their purchases within the horizon."""
        first, place = distinct(customers.x, customers.t_x, customers.T)
        total = self._bought(customers.part(first))[place]
        seen, scale = self.worlds.values(customers)
        if self.worlds.spend is not None:
            one, alike = distinct(seen)
            total /= np.stack([self.variates.of_value(count) for count in seen[one].tolist()])[alike]
        total *= scale
        return total

    def _bought(self, customers: Customers) -> Floats:
        """Give the same for distinct (x, t_x, T), in relative values instead of money."""
        first, place = distinct(customers.x, customers.T)
        bought, since = self._while_alive(customers.x[first], customers.T[first])[:, place]
        return np.where(self._alive(customers, since), bought, 0.0)

    def _alive(self, customers: Customers, since: Floats) -> npt.NDArray[np.bool_]:
        """Say in which worlds they are: where a uniform number lies below the probability, asked by the age that this comes to."""
        process, (x, t_x, T) = self.worlds.process, (values[:, None] for values in (customers.x, customers.t_x, customers.T))
        if isinstance(process, ParetoNbd):  # its odds can't be inverted
            return np.asarray(self.variates.life_odds > process.log_odds_of_death(x, t_x, T))
        return np.asarray(process.seen(t_x, T) > since)

    def _while_alive(self, x: Floats, T: Floats) -> Floats:
        """Give what they buy while alive, and since when their last purchase must be for them to be so: 2 x customers x worlds."""
        keys = [(*pair, self.horizon, self.delta) for pair in zip(x.tolist(), T.tolist(), strict=True)]
        return np.stack(self.variates.futures.of(keys, lambda places: self._found(x[places], T[places])), axis=1)

    def _found(self, x: Floats, T: Floats) -> list[Floats]:
        """Find both for some pairs: arrays of their own, since a part of one would keep the whole in memory."""
        process, bought = self.worlds.process, self._drawn(x, T)
        if isinstance(process, ParetoNbd):  # no such age is known, nor asked for
            since = np.full_like(bought, np.nan)
        else:
            since = process.alive_since(self.variates.life_odds, x[:, None], T[:, None])
        return [np.array(both) for both in zip(bought, since, strict=True)]

    def _drawn(self, x: Floats, T: Floats) -> Floats:
        worlds, process = self.worlds, self.worlds.process
        numbers, which = np.unique(x, return_inverse=True)
        shape, first, second = np.stack([self.variates.gammas(number) for number in numbers.tolist()], axis=1)
        rate = shape[which] / process.age(T[:, None])
        last, life = process.leaving(first, second, self.variates.leaves)
        until = np.minimum(process.ahead(self.horizon), life[which] * process.life_unit(T[:, None]))
        total = np.zeros(rate.size)

        def wait(number: int, index: Whole) -> Floats:
            return self.variates.of_purchase(number)[0][index % worlds.count]

        for number, index, time in walk(rate.ravel(), last[which].ravel(), until.ravel(), wait):
            world = index % worlds.count
            total[index] += np.exp(-self.delta * process.when(time, world)) * self.variates.of_purchase(number)[1][world]
        return total.reshape(rate.shape)
