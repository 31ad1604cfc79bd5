"""Gauss-Legendre in as many panels as a row needs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from funnelcast.families.family import Floats

Whole = npt.NDArray[np.int64]

NEGLIGIBLE = 42.0  # e^-42 of the largest value
_FALL_OF_PANEL = 12.0
_WIDTH_OF_PANEL = 2.5
_CELLS_AT_ONCE = 1 << 20
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)


def panels_needed(fall: Floats | float, width: Floats) -> Whole:
    """Count the panels for integrands that bend at a scale of one: by how far their logarithm falls, and by the width of the range."""
    return np.maximum(np.ceil(np.maximum(fall / _FALL_OF_PANEL, width / _WIDTH_OF_PANEL)), 1).astype(np.int64)


def in_groups(panels: Whole) -> Iterator[tuple[Whole, Floats, Floats]]:
    """Give rows that need as many panels, not too many at once, with their nodes and weights on [0, 1]."""
    for count in np.unique(panels):
        rows = np.flatnonzero(panels == count)
        place, weights = _rule(int(count))
        for part in np.array_split(rows, int(np.ceil(len(rows) * len(place) / _CELLS_AT_ONCE))):
            yield part, place, weights


def _rule(count: int) -> tuple[Floats, Floats]:
    place = (np.arange(count)[:, None] + (_NODES + 1) / 2) / count
    return place.ravel(), np.tile(_WEIGHTS / 2 / count, count)
