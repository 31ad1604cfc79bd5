"""How sure the order of the channels is: ranks in the replicates of a bootstrap, and what they say in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from funnelcast.families.attribution.paths import Floats, Ints
from funnelcast.terms import Json

SURE = 0.95
"""From this probability on one channel is said to earn more than another."""


@dataclass(frozen=True)
class Ranks:
    """Of each channel, shapes (channels,): its rank by credit (1 earns most), from where to where it lies, and the probability to be first.

    ``first`` is NaN without replicates.
    """

    rank: Ints
    low: Ints
    high: Ints
    first: Floats


def ranks(point: Floats, draws: Floats, level: float) -> Ranks:
    """Rank channels by credit of shape (channels,), and in every replicate, of shape (replicates, channels).

    Channels with equal credit share the better rank, and the probability to be first. The bounds are percentiles of the replicates,
    widened to the rank itself where it lies outside.
    """
    own = _placed(point[None, :])[0]
    if len(draws) == 0:
        return Ranks(own, own, own, np.full(len(point), np.nan))
    placed = _placed(draws)
    low, high = np.quantile(placed, [(1 - level) / 2, (1 + level) / 2], axis=0, method="inverted_cdf")
    leads = placed == 1
    first = (leads / leads.sum(axis=1, keepdims=True)).mean(axis=0)
    return Ranks(own, np.minimum(low.astype(np.int64), own), np.maximum(high.astype(np.int64), own), first)


def _placed(credit: Floats) -> Ints:
    """Give 1 + how many channels have more credit, shape (samples, channels)."""
    return np.asarray(1 + (credit[:, None, :] > credit[:, :, None]).sum(axis=2), dtype=np.int64)


def sentences(comparisons: Sequence[Mapping[str, Any]]) -> dict[str, Json]:
    """Say of neighbours in rank whether one earns more: by language."""
    return {"en": [_english(**pair) for pair in comparisons], "fr": [_french(**pair) for pair in comparisons]}


def _english(channel: str, than: str, probability: float) -> str:
    percent = _percent(probability, "over ") + " %"
    if probability >= SURE:
        return f"{channel} is credited with more than {than} (probability {percent})."
    return f"{channel} and {than} can't be told apart (probability that {channel} comes first: {percent})."


def _french(channel: str, than: str, probability: float) -> str:
    percent = _percent(probability, "plus de ") + "\u202f%"
    if probability >= SURE:
        return f"{channel} se voit attribuer plus que {than} (probabilité\u202f: {percent})."
    return f"{channel} et {than} ne se distinguent pas (probabilité que {channel} passe devant\u202f: {percent})."


def _percent(probability: float, over: str) -> str:
    """Write a probability from finitely many replicates, never as certain."""
    return f"{over}99" if probability > 0.99 else f"{100 * probability:.0f}"
