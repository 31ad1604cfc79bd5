"""Shapley attribution over the channels that a journey met, exact for any number of channels.

The value of a coalition S is what the company's journeys would bring if only the channels of S existed: v(S) = sum over all journeys of
p(the journey's channels within S), with p(set) = 1 - exp(-lambda_0 - mu - sum of lambda_j over the set) for a set that isn't empty, every
parameter >= 0: a channel never hurts, and p(none) = 1 - exp(-lambda_0) is the organic rate. mu is what those who are met at all have in
common whichever channel met them, such as their intent; without it a channel that is mostly met alone would be credited with it. For one
journey that game is a sum of two. In that of mu any channel does, so the journey's channels share it alike; the other is a product, whose
Shapley value is the integral of Owen's multilinear extension (1972, Management Science 18): with q_j = 1 - exp(-lambda_j) and m channels,

    phi_j = (1 - p(none)) ((1 - exp(-mu)) / m + exp(-mu) q_j  integral over t in [0, 1] of  prod over the other channels i of (1 - t q_i)),

a polynomial, so that Gauss-Legendre nodes integrate it exactly. The coalitions need not be listed. Where conversion doesn't depend on
channels every lambda_j is 0, and the value is the equal split.

Journeys of customers and of those who haven't bought yet are fitted apart, each with an organic rate of its own: customers buy more and are
met by other channels, and those would be credited with it (adjustment by subclassification; Cochran 1968, Biometrics 24).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from funnelcast.families.attribution.credit import Credit, shared
from funnelcast.families.attribution.paths import Floats, Paths
from funnelcast.families.one_thread import one_thread
from funnelcast.journeys import Organic
from funnelcast.terms import Json, Question

LEADS, CUSTOMERS = "leads", "customers"

_LARGEST = 30.0  # a channel after which all but one journey in 1e13 convert
_LEAST_COMMON = 1e-9  # of mu: where touches add nothing at all, the split is the equal one
_STEPS = 100
_ENOUGH = 1e-10
_PRIOR_CONVERSIONS = 1.0  # what the mean value of a set's conversions borrows from the mean of all
_BITS = 62


@dataclass(frozen=True)
class Part:
    """The journeys of leads, or those of customers.

    Parameters
    ----------
    of
        ``leads`` or ``customers``.
    members
        Which channels each distinct set holds, shape (sets, channels).
    journeys, conversions, value
        Sums by cluster, each of shape (clusters, sets).
    organic_rate
        p(none); 0 where nothing is known of contacts without a touch.
    """

    of: str
    members: Floats
    journeys: Floats
    conversions: Floats
    value: Floats
    organic_rate: float = 0.0

    @property
    def base_hazard(self) -> float:
        """lambda_0."""
        return float(-np.log1p(-self.organic_rate))

    @cached_property
    def rates(self) -> Floats:
        """Mu, then the lambda of each channel, shape (channels + 1,)."""
        return fit_rates(self.members, self.journeys.sum(axis=0), self.conversions.sum(axis=0), self.base_hazard)

    def values(self) -> Floats:
        """Sum the journeys' Shapley values, by count and by value, shape (2, channels)."""
        return self._values(self.rates, *(part.sum(axis=0) for part in (self.journeys, self.conversions, self.value)))

    def replicates(self, weights: npt.NDArray[np.int64]) -> Floats:
        """Sum them for resampled clusters, the rates fitted anew to each, shape (replicates, 2, channels)."""
        sums = [weights @ part for part in (self.journeys, self.conversions, self.value)]
        found = np.zeros((len(weights), 2, self.members.shape[1]))
        for sample, (journeys, conversions, value) in enumerate(zip(*sums, strict=True)):
            rates = fit_rates(self.members, journeys, conversions, self.base_hazard, self.rates)
            found[sample] = self._values(rates, journeys, conversions, value)
        return found

    def _values(self, rates: Floats, journeys: Floats, conversions: Floats, value: Floats) -> Floats:
        each = shapley_values(self.members, rates, self.organic_rate)
        mean = value.sum() / max(float(conversions.sum()), 1e-300)
        worth = (value + _PRIOR_CONVERSIONS * mean) / (conversions + _PRIOR_CONVERSIONS)
        return np.stack([journeys @ each, np.maximum(journeys * worth, 0.0) @ each])

    def document(self, channels: tuple[str, ...]) -> dict[str, Json]:
        """Give what one journey's credit needs: ``of, conversions, organic_rate, common`` and ``rates`` by channel."""
        common, *rates = self.rates.tolist()
        return {
            "of": self.of,
            "conversions": float(self.conversions.sum()),
            "organic_rate": self.organic_rate,
            "common": common,
            "rates": dict(zip(channels, rates, strict=True)),
        }


@dataclass(frozen=True)
class Shapley:
    """The Shapley method: the values of leads' and customers' journeys added up."""

    channels: tuple[str, ...]
    parts: tuple[Part, ...]
    name: str = "shapley"
    order: int | None = None
    question: Question = Question.PREDICTIVE

    def credit(self) -> Credit:
        """Share conversions, and value, in proportion to the Shapley values."""
        weights = sum((part.values() for part in self.parts), np.zeros((2, len(self.channels))))
        totals = [sum(float(outcome.sum()) for outcome in outcomes) for outcomes in self._outcomes()]
        conversions, value = shared(weights, np.array(totals))
        return Credit(conversions, value)

    def replicates(self, weights: npt.NDArray[np.int64]) -> Credit:
        """Credit of resampled clusters."""
        found = sum((part.replicates(weights) for part in self.parts), np.zeros((len(weights), 2, len(self.channels))))
        totals = [sum((weights @ outcome for outcome in outcomes), np.zeros(len(weights))) for outcomes in self._outcomes()]
        return Credit(shared(found[:, 0], totals[0]), shared(found[:, 1], totals[1]))

    def _outcomes(self) -> tuple[list[Floats], list[Floats]]:
        """Give conversions and value by cluster, of each part."""
        return [part.conversions.sum(axis=1) for part in self.parts], [part.value.sum(axis=1) for part in self.parts]

    def distance_from_equal_split(self) -> float:
        """Give the share of conversions that is credited otherwise than by an equal split over each path's distinct channels."""
        split = sum((_equal(part.members).T @ part.conversions.sum(axis=0) for part in self.parts), np.zeros(len(self.channels)))
        return float(np.abs(self.credit().conversions - split).sum() / 2 / max(float(split.sum()), 1e-300))


def shapley(paths: Paths, organic: Organic | None = None) -> Shapley:
    """Make the Shapley method of paths; organic rates are bounded by the rates of journeys with touches."""
    rates = (organic.leads, organic.customers) if organic else (0.0, 0.0)
    sides = zip((LEADS, CUSTOMERS), (~paths.customer, paths.customer), rates, strict=True)
    return Shapley(paths.channels, tuple(_part(of, paths.where(mine), rate) for of, mine, rate in sides if mine.any()))


def _part(of: str, paths: Paths, organic_rate: float) -> Part:
    sets, at = _sets(paths)
    journeys, conversions, value = (paths.by_cluster(at, part, len(sets)) for part in (paths.journeys, paths.conversions, paths.value))
    pooled = float(conversions.sum() / max(float(journeys.sum()), 1e-300))
    return Part(of, sets, journeys, conversions, value, min(organic_rate, pooled, 0.99))


def _equal(members: Floats) -> Floats:
    """Split each set equally over its channels."""
    return np.asarray(members / np.maximum(members.sum(axis=1, keepdims=True), 1.0), dtype=np.float64)


def shapley_values(members: Floats, rates: Floats, organic_rate: float = 0.0) -> Floats:
    """Give the Shapley values of the game S -> p(set within S) - p(none) for each set, shape (sets, channels).

    Parameters
    ----------
    members
        Which channels each set holds, 0 or 1, shape (sets, channels).
    rates
        mu, then lambda of each channel, not negative, shape (channels + 1,).
    """
    common = float(-np.expm1(-rates[0]))
    found: Floats = (1 - organic_rate) * (common * _equal(members) + (1 - common) * product_shapley(members, rates[1:]))
    return found


def product_shapley(members: Floats, rates: Floats) -> Floats:
    """Give the Shapley values of the game S -> 1 - exp(-sum of lambda_j over the set within S) for each set, shape (sets, channels)."""
    largest = int(members.sum(axis=1).max()) if len(members) else 1
    nodes, weights = np.polynomial.legendre.leggauss(max(1, -(-largest // 2)))
    nodes, weights = (nodes + 1) / 2, weights / 2
    lost = -np.expm1(-rates)
    log_factor = np.log1p(-nodes[:, None] * lost)
    products = np.exp(members @ log_factor.T)
    others = products @ (weights[:, None] * np.exp(-log_factor))
    return np.asarray(members * lost * others, dtype=np.float64)


def fit_rates(members: Floats, journeys: Floats, conversions: Floats, base_hazard: float, start: Floats | None = None) -> Floats:
    """Fit mu and lambda >= 0 by penalised maximum likelihood: 1 - p(set) = exp(-lambda_0 - mu - sum of lambda_j over the set).

    The likelihood is concave. Each channel is given one more journey, with it alone, that converts at the pooled rate; this
    keeps a channel of four journeys near the rest. Solved by Newton's method projected onto the bounds (Bertsekas 1982).

    Parameters
    ----------
    members, journeys, conversions
        Of each distinct set, shapes (sets, channels), (sets,) and (sets,).
    start
        Where to start from, shape (channels + 1,).

    Returns
    -------
    mu, then lambda of each channel, shape (channels + 1,).
    """
    width = members.shape[1]
    total = max(float(journeys.sum()), 1.0)
    pooled = min(max(float(conversions.sum()) / total, 1 / (total + 1)), 1 - 1 / (total + 1))
    alone = np.concatenate([members, np.eye(width)])
    outcomes = _Outcomes(
        game=np.concatenate([np.ones((len(alone), 1)), alone], axis=1),
        won=np.concatenate([conversions, np.full(width, pooled)]),
        lost=np.concatenate([np.maximum(journeys - conversions, 0.0), np.full(width, 1 - pooled)]),
        base_hazard=base_hazard,
    )
    with one_thread():
        return outcomes.fit(np.full(width + 1, -np.log1p(-pooled) / 2) if start is None else np.clip(start, 1e-6, _LARGEST))


@dataclass(frozen=True)
class _Outcomes:
    """How many journeys of each set converted, and how many did not."""

    game: Floats
    won: Floats
    lost: Floats
    base_hazard: float

    def hazard(self, rates: Floats) -> Floats:
        return np.maximum(self.base_hazard + self.game @ rates, 1e-12)

    def loss(self, rates: Floats) -> float:
        hazard = self.hazard(rates)
        return float(self.lost @ hazard - self.won @ np.log(-np.expm1(-hazard)))

    def fit(self, rates: Floats) -> Floats:
        loss = self.loss(rates)
        for _ in range(_STEPS):
            moved, fallen = self.newton_step(rates, loss)
            if loss - fallen <= _ENOUGH * (1 + abs(loss)):
                return moved
            rates, loss = moved, fallen
        return rates

    def newton_step(self, rates: Floats, loss: float) -> tuple[Floats, float]:
        odds = 1 / np.expm1(self.hazard(rates))
        gradient = self.game.T @ (self.lost - self.won * odds)
        curvature = (self.game * (self.won * odds * (1 + odds))[:, None]).T @ self.game
        least = np.concatenate([[_LEAST_COMMON], np.zeros(len(rates) - 1)])
        free = ~(((rates <= least) & (gradient > 0)) | ((rates >= _LARGEST) & (gradient < 0)))
        step = np.zeros_like(rates)
        ridge = 1e-10 * np.trace(curvature) * np.eye(int(free.sum()))
        step[free] = np.linalg.solve(curvature[np.ix_(free, free)] + ridge, -gradient[free])
        length = 1.0
        while length > 1e-8:
            moved = np.clip(rates + length * step, least, _LARGEST)
            fallen = self.loss(moved)
            if fallen <= loss:
                return moved, fallen
            length /= 2
        return rates, loss


def journey_shapley(channels: list[str], parts: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Give each distinct channel's share in one journey: the mean over parts, as ``Part.document`` gives them, by their conversions.

    A channel that isn't known has no share beside ones that are.
    """
    found = dict.fromkeys(channels, 0.0)
    for part in parts:
        known = sorted(channel for channel in found if channel in part["rates"])
        rates = np.array([part["common"], *(part["rates"][channel] for channel in known)])
        values = shapley_values(np.ones((1, len(known))), rates)[0]
        for channel, value in zip(known, values / max(float(values.sum()), 1e-300), strict=True):
            found[channel] += part["conversions"] * float(value)
    return found


def _sets(paths: Paths) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Give the distinct sets of channels, shape (sets, channels), and the set of each path."""
    member = np.zeros((len(paths.conversions), len(paths.channels)))
    member[paths.row, paths.codes] = 1.0
    if len(paths.channels) > _BITS:
        distinct, at = np.unique(member, axis=0, return_inverse=True)
        return distinct, at.ravel()
    bits = member.astype(np.int64) @ (1 << np.arange(len(paths.channels), dtype=np.int64))
    _, first, at = np.unique(bits, return_index=True, return_inverse=True)
    return member[first], at
