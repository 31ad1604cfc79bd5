"""The paired bootstrap: whether one model is better than another on the very same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
_CHUNK = 4_000_000  # draws held in memory at once
_MOST_DRAWN = 20_000
"""Of more rows or clusters, so many groups of them are drawn: the mean varies as much, and its distribution is normal by then."""


@dataclass(frozen=True)
class PairedDifference:
    """The mean of loss a less loss b, negative where a is better.

    Parameters
    ----------
    low, high
        The 5 % and 95 % quantiles of the bootstrap distribution.
    p
        The one-sided share of replicates in which a is not better than b, counted as (k + 1) / (B + 1) as Davison and Hinkley (1997,
        section 4.4) do.
    """

    mean: float
    low: float
    high: float
    p: float


def paired_bootstrap(
    loss_a: Floats, loss_b: Floats, seed: int, replicates: int = 1000, clusters: npt.NDArray[Any] | None = None
) -> PairedDifference:
    """Resample the rows' differences with replacement (Efron and Tibshirani 1993, chapter 13: the percentile interval).

    Parameters
    ----------
    loss_a, loss_b
        One loss per row, shape (n,), of the same rows in the same order.
    seed
        Of the resampling.
    replicates
        B, the number of resamples.
    clusters
        One id per row, shape (n,): whole clusters are drawn, where rows of one contact or company depend on each other.

    Raises
    ------
    ValueError
        The losses are empty, differ in shape or aren't finite.
    """
    if loss_a.shape != loss_b.shape or loss_a.size == 0 or not (np.isfinite(loss_a).all() and np.isfinite(loss_b).all()):
        message = f"paired losses must be finite, not empty and of one shape; got {loss_a.shape} and {loss_b.shape}"
        raise ValueError(message)
    sums, counts = _grouped(*_by_cluster(loss_a - loss_b, clusters))
    means = _resampled_means(sums, counts, seed, replicates)
    low, high = np.quantile(means, [0.05, 0.95])
    return PairedDifference(
        mean=float(sums.sum() / counts.sum()),
        low=float(low),
        high=float(high),
        p=float((np.count_nonzero(means >= 0) + 1) / (replicates + 1)),
    )


def _by_cluster(differences: Floats, clusters: npt.NDArray[Any] | None) -> tuple[Floats, Floats]:
    if clusters is None:
        return differences, np.ones_like(differences)
    _, codes = np.unique(clusters, return_inverse=True)
    return np.asarray(np.bincount(codes, weights=differences), np.float64), np.bincount(codes).astype(np.float64)


def _grouped(sums: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Deal very many units out to groups in turn."""
    if sums.size <= _MOST_DRAWN:
        return sums, counts
    group = np.arange(sums.size) % _MOST_DRAWN
    grouped = [np.asarray(np.bincount(group, weights=values), np.float64) for values in (sums, counts)]
    return grouped[0], grouped[1]


def _resampled_means(sums: Floats, counts: Floats, seed: int, replicates: int) -> Floats:
    rng = np.random.default_rng(seed)
    rows = max(1, _CHUNK // sums.size)
    means = []
    for start in range(0, replicates, rows):
        drawn = rng.integers(sums.size, size=(min(rows, replicates - start), sums.size))
        means.append(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    return np.concatenate(means)
