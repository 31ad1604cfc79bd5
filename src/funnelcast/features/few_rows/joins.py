"""Joins by equal keys, as the places of the rows that meet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np

from funnelcast.features.few_rows.column import Array, Column, Rows, both, spread, take

Places: TypeAlias = tuple[Rows, ...]
"""For each table of a join, in its order, the row that stands in each row of the result."""

_NO_LEFT, _NO_RIGHT = np.iinfo(np.int64).min, np.iinfo(np.int64).min + 1


def join(how: str, tables: Sequence[int]) -> Callable[..., Places]:
    """Give the step that joins one more table.

    Parameters
    ----------
    how
        ``inner`` or ``left``.
    tables
        For each key, which of the tables so far has the left column.

    Returns
    -------
    From the places so far, the number of rows of the new table, the left columns and the right ones, to the places with the new table.
    """

    def step(places: Places, size: int, *columns: Column) -> Places:
        if not places[0].size or not size:
            return join_nothing(how, places)
        lefts = [take(column, places[table]) for table, column in zip(tables, columns, strict=False)]
        left, right = _codes((lefts, columns[len(tables) :]), (places[0].size, size))
        order = None if (right[1:] >= right[:-1]).all() else np.argsort(right, kind="stable")
        ranked = right if order is None else right[order]
        begin = np.searchsorted(ranked, left, "left")
        count = np.searchsorted(ranked, left, "right") - begin
        if (count == 1).all():
            matched = begin if order is None else order[begin]
            return (*places, Rows(size) if np.array_equal(matched, np.arange(size)) else Rows(matched.size, matched))
        copies = np.maximum(count, 1) if how == "left" else count
        row = np.repeat(np.arange(left.size), copies)
        within = np.arange(row.size) - np.repeat(np.cumsum(copies) - copies, copies)
        found = np.where(count[row] > 0, begin[row] + within, -1)
        matched = found if order is None else np.where(found >= 0, order[found], -1)
        return (*(rows.at(row) for rows in places), Rows.of(matched))

    return step


def join_nothing(how: str, places: Places) -> Places:
    """Join where there are no rows on one side: so with most of the tables that a request could bring."""
    if how == "left":
        return (*places, Rows.of(np.full(places[0].size, -1)))
    nowhere = np.zeros(0, np.int64)
    return tuple(Rows(0, nowhere) for _ in range(len(places) + 1))


def _codes(keys: tuple[Sequence[Column], Sequence[Column]], sizes: tuple[int, int]) -> tuple[Array, Array]:
    """Give both sides' keys as numbers that are equal where all keys are; what isn't known equals nothing."""
    lefts, rights = ([Column(spread(one.values, (size,)), one.known) for one in side] for side, size in zip(keys, sizes, strict=True))
    sides = (lefts, rights)
    if len(lefts) > 1 or lefts[0].values.dtype == object:
        place: dict[object, int] = {}
        left, right = (_numbered(columns, place) for columns in sides)
    else:
        left, right = (columns[0].values for columns in sides)
    for columns, nothing in zip(sides, (_NO_LEFT, _NO_RIGHT), strict=True):
        known = reduce(both, (column.known for column in columns), None)
        if known is not None and columns is lefts:
            left = np.where(known, left, nothing)
        elif known is not None:
            right = np.where(known, right, nothing)
    return left, right


def _numbered(columns: Sequence[Column], place: dict[object, int]) -> Array:
    """Give each row the number of its values, the same wherever ``place`` is shared."""
    values = [column.values.tolist() for column in columns]
    rows: Iterable[Any] = values[0] if len(values) == 1 else zip(*values, strict=True)
    return np.fromiter((place.setdefault(row, len(place)) for row in rows), np.int64, columns[0].values.size)
