"""What every attribution method gives: credit by channel, intervals by a cluster bootstrap, and the document of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, stdtrit

from funnelcast.families.attribution.paths import CLUSTERS, Floats, Paths
from funnelcast.families.attribution.ranks import Ranks, ranks, sentences
from funnelcast.terms import Json, Question

LEVEL = 0.90


@dataclass(frozen=True)
class Credit:
    """The credit of each channel, for one sample or for many replicates of it: shapes (..., channels).

    Count and value are two outcomes and are never mixed. ``removal_effect`` is the share of conversions that is lost without the channel,
    before normalisation; None where the method has none.
    """

    conversions: Floats
    value: Floats
    removal_effect: Floats | None = None


class Method(Protocol):
    """A way to credit channels, made of paths. All that it keeps of them is sums by cluster."""

    @property
    def name(self) -> str:
        """As the contract calls it."""
        ...

    @property
    def order(self) -> int | None:
        """Of a Markov chain; None for others."""
        ...

    @property
    def question(self) -> Question:
        """What kind of question the credit answers."""
        ...

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels, in the order of every credit."""
        ...

    def credit(self) -> Credit:
        """Credit the channels, shapes (channels,)."""
        ...

    def replicates(self, weights: npt.NDArray[np.int64]) -> Credit:
        """Credit them with each cluster taken so often, ``weights`` of shape (replicates, clusters); shapes (replicates, channels)."""
        ...


@dataclass(frozen=True)
class Attribution:
    """One method's answer: credit, and the same in every bootstrap replicate.

    Parameters
    ----------
    point
        Shapes (channels,).
    draws
        Shapes (replicates, channels).
    clusters
        That a replicate draws from.
    """

    method: str
    order: int | None
    question: Question
    channels: tuple[str, ...]
    point: Credit
    draws: Credit
    conversions: float
    value: float
    clusters: int = CLUSTERS
    has_value: bool = True
    details: Mapping[str, Json] = field(default_factory=dict)

    @property
    def interval(self) -> tuple[Floats, Floats]:
        """Low and high of each channel's conversions: the interval of its share of the credit, times the conversions of these facts.

        How many conversions there were is known; what other contacts could have changed is how they split. So one channel that takes all
        has no spread, and the bounds estimate the method's share on ever more contacts like these, not the conversions of another year.
        They are percentiles of the share in the replicates, widened to the point where it lies outside, and expanded for few conversions
        or clusters: with n the fewer of both, Phi(-sqrt(n/(n - 1)) t) for t the quantile of Student's t with n - 1 degrees of freedom
        (Hesterberg 2015, The American Statistician 69, pages 371-386). The r-th of B replicates stands for r/(B + 1).
        """
        if len(self.draws.conversions) == 0:
            return self.point.conversions, self.point.conversions
        totals = self.draws.conversions.sum(axis=1, keepdims=True)
        share = self.draws.conversions[totals[:, 0] > 0] / totals[totals > 0][:, None]
        few = max(min(self.conversions, self.clusters), 2.0)
        tail = float(ndtr(np.sqrt(few / (few - 1)) * stdtrit(few - 1, (1 - LEVEL) / 2)))
        low, high = np.quantile(share, [tail, 1 - tail], axis=0, method="weibull") * self.conversions
        return np.minimum(low, self.point.conversions), np.maximum(high, self.point.conversions)

    @cached_property
    def ranks(self) -> Ranks:
        """How sure the order of the channels is."""
        return ranks(self.point.conversions, self.draws.conversions, LEVEL)

    def probability_above(self) -> Floats:
        """Give P(row's channel earns more conversions than the column's), ties counted half, shape (channels, channels)."""
        draws = self.draws.conversions
        own, other = draws[:, :, None], draws[:, None, :]
        return np.asarray((own > other).mean(axis=0) + (own == other).mean(axis=0) / 2, dtype=np.float64)

    def document(self) -> dict[str, Json]:
        """Give the answer as the contract's ``attribute`` document, channels by falling credit."""
        ranked = [int(index) for index in np.lexsort((np.arange(len(self.channels)), -self.point.conversions))]
        low, high = self.interval
        rows: list[Json] = [self._row(index, low, high) for index in ranked]
        comparisons: Any = self._comparisons(ranked)
        return {
            "method": self.method,
            "order": self.order,
            "conversions": self.conversions,
            "value": self.value if self.has_value else None,
            "question": self.question.value,
            "level": LEVEL,
            "replicates": len(self.draws.conversions),
            "credits": rows,
            "comparisons": comparisons,
            "sentences": sentences(comparisons),
            **self.details,
        }

    def _row(self, index: int, low: Floats, high: Floats) -> dict[str, Json]:
        removal, placed = self.point.removal_effect, self.ranks
        return {
            "channel": self.channels[index],
            "conversions": float(self.point.conversions[index]),
            "value": float(self.point.value[index]) if self.has_value else None,
            "share": float(self.point.conversions[index] / self.conversions) if self.conversions else 0.0,
            "low": float(low[index]),
            "high": float(high[index]),
            "removal_effect": None if removal is None else float(removal[index]),
            "rank": int(placed.rank[index]),
            "rank_low": int(placed.low[index]),
            "rank_high": int(placed.high[index]),
            "probability_first": None if np.isnan(placed.first[index]) else float(placed.first[index]),
        }

    def _comparisons(self, ranked: list[int]) -> list[dict[str, Any]]:
        """Compare each channel with the next in rank."""
        if len(self.draws.conversions) == 0:
            return []
        above = self.probability_above()
        return [
            {"channel": self.channels[own], "than": self.channels[other], "probability": float(above[own, other])}
            for own, other in pairwise(ranked)
        ]


def replicate_weights(clusters: int, replicates: int, seed: int) -> npt.NDArray[np.int64]:
    """Draw how often each cluster is taken in each replicate of a cluster bootstrap, shape (replicates, clusters)."""
    return np.random.default_rng(seed).multinomial(clusters, np.full(clusters, 1 / clusters), size=replicates)


def attribute(method: Method, paths: Paths, replicates: int, seed: int, **extra: Any) -> Attribution:
    """Credit the channels, with a bootstrap over clusters of contacts.

    Parameters
    ----------
    method
        Made of these very paths.
    replicates
        B; 0 gives no intervals (low and high are the credit itself).
    seed
        Of the bootstrap; the same for every method, so that their replicates are the same samples.
    extra
        ``has_value`` and ``details`` of the attribution.
    """
    return Attribution(
        method.name,
        method.order,
        method.question,
        method.channels,
        method.credit(),
        method.replicates(replicate_weights(paths.clusters, replicates, seed)),
        float(paths.conversions.sum()),
        float(paths.value.sum()),
        paths.clusters,
        **extra,
    )


def shared(weights: Floats, total: Floats) -> Floats:
    """Share totals, shape (samples,), in proportion to weights, shape (samples, channels); equally where all weights are zero."""
    sums = weights.sum(axis=1, keepdims=True)
    equal = np.full_like(weights, 1 / max(weights.shape[1], 1))
    return np.asarray(np.divide(weights, sums, out=equal, where=sums > 0) * total[:, None], dtype=np.float64)
