"""Markov attribution with nulls, exact: what is lost without a channel is solved for, never simulated.

Journeys are an absorbing chain from the start to the conversion or the null. With Q between touches and r to the conversion, the
probability to convert is h = (I - Q)^-1 r from each state, h0 from the start. The removal effect of channel j is
1 - P(convert and avoid every tuple that holds j) / h0 (Anderl, Becker, von Wangenheim and Schumann 2016, International Journal of Research
in Marketing 33). For order 1 all of them come from one inverse N = (I - Q)^-1: P(convert and avoid j) = h0 - N0j / Njj * hj.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import splu

from funnelcast.families.attribution.chain import START, Chain, chain_of, scatter
from funnelcast.families.attribution.credit import Credit, shared
from funnelcast.families.attribution.paths import Floats, Ints, Paths
from funnelcast.terms import Question

ORDERS = (1, 2, 3, 4)
_BATCH = 64  # replicates solved together


@dataclass(frozen=True)
class Markov:
    """The Markov method of one order."""

    chain: Chain
    name: str = "markov"
    question: Question = Question.PREDICTIVE

    @property
    def order(self) -> int:
        """How many touches the chain remembers."""
        return self.chain.states.order

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels, in the order of every credit."""
        return self.chain.states.channels

    def credit(self) -> Credit:
        """Share conversions, and value, in proportion to their removal effects."""
        totals = self.chain.totals[None, :]
        effects = _one_inverse(self.chain, totals) if self.order == 1 else _effects(self.chain, totals, self._avoidance[0][None])
        credit = self._share(totals, effects)
        return Credit(credit.conversions[0], credit.value[0], effects[0][0])

    def replicates(self, weights: npt.NDArray[np.int64]) -> Credit:
        """Credit of resampled clusters: exact for order 1, to first order in the counts (infinitesimal jackknife) for higher ones."""
        totals = np.asarray(weights @ self.chain.statistics, dtype=np.float64)
        if self.order > 1:
            point, slope = self._avoidance
            avoided = point + np.tensordot(totals - self.chain.totals, slope, axes=(1, 1))
            return self._share(totals, _effects(self.chain, totals, avoided))
        parts = [self._share(part, _one_inverse(self.chain, part)) for part in _batches(totals)]
        width = len(self.channels)
        return Credit(
            np.concatenate([np.zeros((0, width)), *(part.conversions for part in parts)]),
            np.concatenate([np.zeros((0, width)), *(part.value for part in parts)]),
        )

    @cached_property
    def _avoidance(self) -> tuple[Floats, Floats]:
        return _avoidance(self.chain)

    def _share(self, totals: Floats, effects: tuple[Floats, Floats]) -> Credit:
        conversions, value, _ = self.chain.outcomes(totals)
        return Credit(shared(effects[0], conversions), shared(effects[1], value), effects[0])


def markov(paths: Paths, order: int, minimum: float = 1) -> Markov:
    """Make a Markov method of paths; ``minimum`` journeys keep a tuple of two touches or more."""
    return Markov(chain_of(paths, order, minimum))


@dataclass(frozen=True)
class Rates:
    """A chain's probabilities in each sample: between states, to the conversion, and the expected value at it.

    Shapes (samples, transitions between states), (samples, states) and (samples, states).
    """

    source: Ints
    target: Ints
    between: Floats
    converts: Floats
    earns: Floats


def rates_of(chain: Chain, totals: Floats) -> Rates:
    """Turn counts, shape (samples, statistics), into probabilities by maximum likelihood."""
    transitions, size = len(chain.source), len(chain.states.keys)
    counts, values = totals[:, :transitions], totals[:, transitions:]
    visits = chain.visits(totals)
    share = np.divide(counts, visits[:, chain.source], out=np.zeros_like(counts), where=counts > 0)
    inner, ends = chain.target >= 0, chain.symbol == len(chain.states.channels)
    earned = scatter(values, chain.value_source, size)
    return Rates(
        source=chain.source[inner],
        target=chain.target[inner],
        between=share[:, inner],
        converts=scatter(share[:, ends], chain.source[ends], size),
        earns=np.divide(earned, visits, out=np.zeros_like(earned), where=visits > 0),
    )


def _one_inverse(chain: Chain, totals: Floats) -> tuple[Floats, Floats]:
    """Give the removal effects on conversions and on value, each of shape (samples, channels)."""
    rates, size = rates_of(chain, totals), len(chain.states.keys)
    between = np.zeros((len(totals), size, size))
    between[:, rates.source, rates.target] = rates.between
    visits = np.linalg.inv(np.eye(size) - between)
    single = np.zeros((len(totals), len(chain.states.channels)))
    channel, state = chain.states.last[1:], np.arange(1, size)
    effects = []
    for outcome in (rates.converts, rates.earns):
        reached = (visits @ outcome[:, :, None])[:, :, 0]
        through = visits[:, START, state] / visits[:, state, state] * reached[:, state]
        effect = single.copy()
        effect[:, channel] = np.divide(through, reached[:, [START]], out=np.zeros_like(through), where=reached[:, [START]] > 0)
        effects.append(effect)
    return effects[0], effects[1]


def _effects(chain: Chain, totals: Floats, avoided: Floats) -> tuple[Floats, Floats]:
    """Turn P(convert and avoid j) and the value so earned, shape (samples, 2, channels), into removal effects.

    Without a removal both are known: of a chain fitted to journeys, they are the journeys' own rate and mean.
    """
    conversions, value, journeys = chain.outcomes(totals)
    whole = np.stack([conversions, value], axis=1) / np.maximum(journeys, 1e-300)[:, None]
    kept = np.divide(avoided, whole[:, :, None], out=np.ones_like(avoided), where=whole[:, :, None] > 0)
    effects = np.clip(1 - kept, 0.0, 1.0)
    return effects[:, 0], effects[:, 1]


def _avoidance(chain: Chain) -> tuple[Floats, Floats]:
    """Solve once per channel, with every tuple that holds it taken out.

    Returns
    -------
    P(convert and avoid j) and the value so earned, shape (2, channels); and their slopes in the statistics, shape (2, statistics,
    channels): d/dn(u, c) = x_u (y_uc - g_u) / n_u, where x are expected visits, g what is still to come from u and y what comes after c.
    """
    rates, width = rates_of(chain, chain.totals[None, :]), len(chain.states.channels)
    avoided, slope = np.zeros((2, width)), np.zeros((2, len(chain.totals), width))
    for channel in range(width):
        kept = ~chain.states.holds(channel)
        expected, to_come = _solved(rates, kept)
        avoided[:, channel] = to_come[START]
        slope[:, :, channel] = _slope(chain, expected, to_come, kept)
    return avoided, slope


def _solved(rates: Rates, kept: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Give the expected visits and what is to come (conversions, value) of the kept states alone, shapes (states,) and (states, 2)."""
    size = int(kept.sum())
    place = np.cumsum(kept) - 1
    inside = kept[rates.source] & kept[rates.target]
    between = sp.coo_array((rates.between[0, inside], (place[rates.source[inside]], place[rates.target[inside]])), shape=(size, size))
    factors = splu((sp.eye_array(size, format="csc") - between.tocsc()).tocsc())
    start = np.zeros(size)
    start[START] = 1.0
    expected, to_come = np.zeros(len(kept)), np.zeros((len(kept), 2))
    expected[kept] = factors.solve(start, trans="T")  # type: ignore[call-overload]  # the stubs lack `trans`
    to_come[kept] = factors.solve(np.stack([rates.converts[0, kept], rates.earns[0, kept]], axis=1))
    return expected, to_come


def _slope(chain: Chain, expected: Floats, to_come: Floats, kept: npt.NDArray[np.bool_]) -> Floats:
    visits = chain.visits(chain.totals[None, :])[0]
    weight = np.divide(expected, visits, out=np.zeros_like(expected), where=visits > 0)
    after = np.where((chain.target >= 0)[:, None], to_come[chain.target], 0.0)
    after[chain.symbol == len(chain.states.channels), 0] = 1.0
    transitions = weight[chain.source, None] * (after - to_come[chain.source]) * kept[chain.source, None]
    values = np.stack([np.zeros(len(chain.value_source)), weight[chain.value_source]], axis=1)
    return np.concatenate([transitions, values]).T


def _batches(totals: Floats) -> list[Floats]:
    return [totals[start : start + _BATCH] for start in range(0, len(totals), _BATCH)]


@dataclass(frozen=True)
class OrderChoice:
    """Which order predicts held-out journeys best.

    Parameters
    ----------
    order
        The lowest whose log-likelihood is within one standard error of the best.
    log_likelihood
        Per held-out journey, by order.
    """

    order: int
    log_likelihood: Mapping[int, float]


def choose_order(paths: Paths, orders: tuple[int, ...], minimum: float, folds: int = 5) -> OrderChoice:
    """Choose the order by cross-validated log-likelihood of whole journeys, the folds being clusters of contacts.

    Each next step's probability is interpolated with the shorter tuple's, so that no step is impossible. The lowest order within one
    standard error of the best is taken (Breiman, Friedman, Olshen and Stone 1984): a longer memory must earn its noise.
    """
    journeys = np.bincount(paths.cluster, weights=paths.journeys, minlength=paths.clusters)
    likelihoods = {order: _held_out(chain_of(paths, order, minimum), folds) for order in orders}
    total = max(float(journeys.sum()), 1.0)
    means = {order: float(by_cluster.sum() / total) for order, by_cluster in likelihoods.items()}
    best = max(orders, key=lambda order: (means[order], -order))
    for order in sorted(orders):
        behind = likelihoods[best] - likelihoods[order]
        residual = behind - behind.sum() / total * journeys
        error = float(np.sqrt(np.sum(residual**2))) / total
        if means[best] - means[order] <= error:
            return OrderChoice(order, means)
    return OrderChoice(best, means)


def _held_out(chain: Chain, folds: int) -> Floats:
    """Give the log-likelihood of each cluster's journeys under the chain of the other folds, shape (clusters,)."""
    counts = chain.statistics[:, : len(chain.source)].tocsr()
    fold = np.arange(counts.shape[0]) % folds
    everything = np.asarray(counts.sum(axis=0)).ravel()
    result = np.zeros(counts.shape[0])
    for held in range(folds):
        mine = counts[np.flatnonzero(fold == held)]
        log_probability = np.log(smoothed(chain, everything - np.asarray(mine.sum(axis=0)).ravel()))
        result[fold == held] = mine @ log_probability
    return result


PRIOR_JOURNEYS = 5.0
"""How many journeys' worth a shorter tuple weighs in a longer one's probabilities."""


def smoothed(chain: Chain, counts: Floats) -> Floats:
    """Give each transition's probability, interpolated down to the shortest tuple, shape (transitions,)."""
    states, width = chain.states, len(chain.states.channels) + 2
    own = np.zeros((len(states.keys), width))
    own[chain.source, chain.symbol] = counts
    parents, lengths = states.parents, states.lengths
    for length in range(states.order, 1, -1):
        longer = lengths == length
        np.add.at(own, parents[longer], own[longer])
    root = (own[lengths == 1].sum(axis=0) + 1) / (own[lengths == 1].sum() + width)
    probability = np.zeros_like(own)
    for length in range(1, states.order + 1):
        level = lengths == length
        shorter = root if length == 1 else probability[parents[level]]
        probability[level] = (own[level] + PRIOR_JOURNEYS * shorter) / (own[level].sum(axis=1, keepdims=True) + PRIOR_JOURNEYS)
    return np.asarray(probability[chain.source, chain.symbol], dtype=np.float64)


def conversion_probabilities(chain: Chain, prior: float) -> tuple[Floats, float]:
    """Give the probability that a journey now in each state converts, and that of any journey.

    A state's own h is shrunk to its shorter tuple's by so many visits as ``prior`` says, single touches to the rate of all journeys.
    """
    totals = chain.totals[None, :]
    reached = _solved(rates_of(chain, totals), np.ones(len(chain.states.keys), dtype=bool))[1][:, 0]
    visits = chain.visits(totals)[0]
    return _shrunk(chain, visits, visits * reached, float(reached[START]), prior), float(reached[START])


def _shrunk(chain: Chain, visits: Floats, successes: Floats, base_rate: float, prior: float) -> Floats:
    states = chain.states
    parents, lengths = states.parents, states.lengths
    for length in range(states.order, 1, -1):
        longer = lengths == length
        np.add.at(visits, parents[longer], visits[longer])
        np.add.at(successes, parents[longer], successes[longer])
    probability = np.zeros(len(visits))
    for length in range(1, states.order + 1):
        level = lengths == length
        shorter = base_rate if length == 1 else probability[parents[level]]
        probability[level] = (successes[level] + prior * shorter) / (visits[level] + prior)
    return np.clip(probability, 0.0, 1.0)
