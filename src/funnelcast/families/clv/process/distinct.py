"""Equal rows are taken once: what is predicted depends on nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.families.clv.process.parameters import Floats

_HANDFUL = 16
_FEW = 500


def distinct(*columns: Floats) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Give where each distinct row of these columns stands first, and for each row the place of its like among those.

    Of a handful each row counts as distinct.
    """
    size = columns[0].size
    if size <= _HANDFUL:
        return _each(size)
    if size <= _FEW:
        return _looked_up(columns)
    place = _hashed(columns)
    # Places are numbered as they appear, so each is new where it exceeds all before it.
    return np.flatnonzero(np.diff(np.maximum.accumulate(place), prepend=-1)), place


@cache
def _each(size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Take every row for another: among a handful hardly any are equal, and to look for them takes part of the prediction's time."""
    places = np.arange(size)
    places.flags.writeable = False
    return places, places


def _looked_up(columns: Sequence[Floats]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    known: dict[tuple[float, ...], int] = {}
    first, place = list[int](), list[int]()
    for number, row in enumerate(zip(*[column.tolist() for column in columns], strict=True)):
        found = known.setdefault(row, len(first))
        if found == len(first):
            first.append(number)
        place.append(found)
    return np.array(first, np.int64), np.array(place, np.int64)


def _hashed(columns: Sequence[Floats]) -> npt.NDArray[np.int64]:
    """Give the places of many rows column by column, which pays beyond some hundred rows."""
    place, _ = pd.factorize(columns[0], use_na_sentinel=False)
    for column in columns[1:]:
        codes, levels = pd.factorize(column, use_na_sentinel=False)
        place, _ = pd.factorize(place * len(levels) + codes)  # below rows squared
    return np.asarray(place, dtype=np.int64)
