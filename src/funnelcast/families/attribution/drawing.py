"""What a diagram of journeys is drawn from: the steps between touches, and the paths that brought most."""

from __future__ import annotations

import numpy as np

from funnelcast.families.attribution.chain import Chain
from funnelcast.families.attribution.paths import Paths, joined
from funnelcast.journeys import SEPARATOR
from funnelcast.terms import Json

START, CONVERSION, NULL = "(start)", "(conversion)", "(null)"
MOST_PATHS = 50


def state_name(chain: Chain, state: int) -> str:
    """Write a state as its touches."""
    names = (START, *chain.states.channels)
    return SEPARATOR.join(names[symbol] for symbol in chain.states.symbols(state))


def transitions(chain: Chain) -> list[Json]:
    """Count the steps between single touches: ``{"from", "to", "count"}``, ordered; as many lead to a channel as leave it."""
    names = (START, *chain.states.channels)
    to = (*chain.states.channels, CONVERSION, NULL)
    counts: dict[tuple[str, str], float] = {}
    for source, symbol, count in zip(chain.states.last[chain.source], chain.symbol, chain.totals, strict=False):
        step = (names[source + 1], to[symbol])
        counts[step] = counts.get(step, 0.0) + float(count)
    return [{"from": source, "to": target, "count": count} for (source, target), count in sorted(counts.items())]


def top_paths(paths: Paths, most: int = MOST_PATHS) -> list[Json]:
    """Give the paths that brought most conversions: ``{"path", "conversions", "value", "nulls"}``, by falling conversions, then nulls."""
    if not len(paths.offsets) - 1:
        return []
    # equal paths of several clusters are found by a 64-bit sum of random numbers, one for each channel at each place
    rng = np.random.default_rng(0)
    drawn = rng.integers(2**64, size=(int(paths.lengths.max()), len(paths.channels)), dtype=np.uint64)
    marks = np.add.reduceat(drawn[paths.position, paths.codes], paths.offsets[:-1])
    _, first, at = np.unique(marks, return_index=True, return_inverse=True)
    won, value, lost = (np.bincount(at, weights=outcome) for outcome in (paths.conversions, paths.value, paths.nulls))
    names = {int(own): joined(paths, int(first[own]), int(paths.lengths[first[own]])) for own in np.lexsort((-lost, -won))[: 2 * most]}
    ranked = sorted(names, key=lambda own: (-won[own], -lost[own], names[own]))[:most]
    return [{"path": names[own], "conversions": float(won[own]), "value": float(value[own]), "nulls": float(lost[own])} for own in ranked]
