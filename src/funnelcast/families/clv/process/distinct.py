"""Equal rows are taken once: what is predicted depends on nothing else."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from funnelcast.families.clv.process.parameters import Floats, Whole

Places = Whole | slice
"""Which rows, for indexing."""

_EACH = slice(None), slice(None)
_HANDFUL = 16
_FEW = 500


def distinct(*columns: Floats) -> tuple[Places, Places]:
    """Give where each distinct row of these columns stands first, and for each row the place of its like among those.

    Both are for indexing alone: where every row is distinct they are slices, which copy nothing. Of a handful each row counts as
    distinct: hardly any are equal, and to look for them takes part of the prediction's time.
    """
    size = columns[0].size
    if size <= _HANDFUL:
        return _EACH
    first, place = _looked_up(columns) if size <= _FEW else _hashed(columns)
    return _EACH if first.size == size else (first, place)


def _looked_up(columns: Sequence[Floats]) -> tuple[Whole, Whole]:
    known: dict[tuple[float, ...], int] = {}
    first, place = list[int](), list[int]()
    for number, row in enumerate(zip(*[column.tolist() for column in columns], strict=True)):
        found = known.setdefault(row, len(first))
        if found == len(first):
            first.append(number)
        place.append(found)
    return np.array(first, np.int64), np.array(place, np.int64)


def _hashed(columns: Sequence[Floats]) -> tuple[Whole, Whole]:
    """Give the places of many rows column by column, which pays beyond some hundred rows."""
    place, _ = pd.factorize(columns[0], use_na_sentinel=False)
    for column in columns[1:]:
        codes, levels = pd.factorize(column, use_na_sentinel=False)
        place, _ = pd.factorize(place * len(levels) + codes)  # below rows squared
    # Places are numbered as they appear, so each is new where it exceeds all before it.
    return np.flatnonzero(np.diff(np.maximum.accumulate(place), prepend=-1)), np.asarray(place, dtype=np.int64)
