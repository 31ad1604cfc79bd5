"""Figures with intervals: sums by cluster of contacts, resampled together so that all figures come from the same draws."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.attribution.paths import significant
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
CLUSTERS = 256
REPLICATES = 400
LEVEL = 0.90
_FEWEST = 1e-9


@dataclass(frozen=True)
class Bootstrap:
    """Clusters drawn with replacement.

    Parameters
    ----------
    weights
        How often each cluster was drawn, shape (replicates, clusters).
    unseen
        Counts that zero events leave possible, shape (replicates,).
    noise
        Standard normal, for what is uncertain beyond the clusters, shape (replicates,).
    """

    weights: Floats
    unseen: Floats
    noise: Floats

    @classmethod
    def of(cls, seed: int) -> Bootstrap:
        """Draw the replicates.

        Where a replicate holds no event at all, its count is drawn from what zero events leave possible: the Poisson rate's Jeffreys
        posterior, Gamma(1/2, 1). So what costs money and brought nobody has a wide interval rather than an infinite price.
        """
        rng = np.random.default_rng(seed)
        weights = rng.multinomial(CLUSTERS, np.full(CLUSTERS, 1 / CLUSTERS), size=REPLICATES).astype(np.float64)
        return cls(weights, rng.gamma(0.5, 1.0, size=REPLICATES), rng.standard_normal(REPLICATES))

    def sums(self, by_cluster: Floats) -> Floats:
        """Sum in every replicate."""
        return np.asarray(self.weights @ by_cluster, dtype=np.float64)

    def counts(self, by_cluster: Floats) -> Floats:
        """Sum events in every replicate, never zero."""
        found = self.sums(by_cluster)
        return np.where(found > _FEWEST, found, self.unseen)

    def cost_per(self, spent: float, events: Floats) -> dict[str, Json]:
        """Give money spent per event, from events by cluster; without an event the value is null and the interval says what is possible."""
        total = float(events.sum())
        return estimate(spent / total if total > _FEWEST else None, spent / self.counts(events))

    def rate(self, won: Floats, of: Floats) -> dict[str, Json]:
        """Give a share or mean, from sums by cluster; replicates without a denominator are left out."""
        total, below = float(of.sum()), self.sums(of)
        seen = below > _FEWEST
        return estimate(float(won.sum()) / total if total > _FEWEST else None, self.sums(won)[seen] / below[seen])

    def share(self, won: Floats, of: Floats) -> dict[str, Json]:
        """Give the share of trials that were won, from counts by cluster; where all or none were, the interval says what is possible."""
        total, below = float(of.sum()), self.sums(of)
        seen = below > _FEWEST
        return estimate(float(won.sum()) / total if total > _FEWEST else None, self.shares(won, of)[seen])

    def shares(self, won: Floats, of: Floats) -> Floats:
        """Give the share in every replicate, never zero or one; 0 without a trial."""
        trials = self.sums(of)
        lost = np.minimum(self.counts(of - won), trials)
        gained = np.minimum(self.counts(won), trials)
        certain = trials - self.sums(won) <= _FEWEST
        return np.divide(np.where(certain, trials - lost, gained), trials, out=np.zeros_like(trials), where=trials > _FEWEST)


def estimate(value: float | None, draws: Floats) -> dict[str, Json]:
    """Give a value with its interval: quantiles of the draws, widened to the value; null where there is none, never infinite."""
    usable = draws[np.isfinite(draws)]
    if value is not None and not np.isfinite(value):
        value = None
    if len(usable) == 0:
        return {"value": value, "low": value, "high": value}
    low, high = (float(bound) for bound in np.quantile(usable, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    if value is not None:
        low, high = min(low, value), max(high, value)
    return {"value": value, "low": low, "high": high}


def cluster_of(key: str) -> Any:
    """Deal the rows of a table into clusters, in the order of their key."""
    return (ibis.row_number().over(ibis.window(order_by=key)) % CLUSTERS).cast("int64")


def by_cluster(frame: pd.DataFrame, column: str, **where: Any) -> Floats:
    """Take a column of sums with one row per cluster (and key), shape (clusters,)."""
    chosen = frame
    for key, wanted in where.items():
        chosen = chosen[chosen[key] == wanted]
    clusters = chosen["cluster"].to_numpy(dtype=np.int64)
    summed = np.bincount(clusters, weights=significant(chosen[column].to_numpy(dtype=np.float64)), minlength=CLUSTERS)
    return np.asarray(summed, dtype=np.float64)
