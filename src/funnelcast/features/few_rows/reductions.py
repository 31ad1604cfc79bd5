"""Sums, counts and extremes of the rows of each group."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import ibis.expr.operations as ops
import numpy as np

from funnelcast.features.few_rows.column import Array, Column, Mask, Rows, spread, take, true


class Groups(NamedTuple):
    """Which group each row belongs to.

    Parameters
    ----------
    codes
        Shape (rows,), from 0 on.
    first
        The first row of each group: shape (groups,).
    """

    codes: Array
    first: Array

    def rows(self) -> Rows:
        """Give the first row of each."""
        return Rows(self.first.size, self.first)


_MOST_NUMBERS, _MANY_ROWS = 2**62, 50

Reduction: TypeAlias = Callable[..., Column]


def reduction_of(node: Any) -> Reduction | None:
    """Give what a reduction does to the groups and the columns of its arguments; None where that isn't known here."""
    return _REDUCTIONS.get(type(node))


def group(keys: tuple[Column, ...], size: int) -> Groups:
    """Deal rows into groups by their keys; unknown is a key of its own."""
    if not keys:
        return Groups(np.zeros(size, np.int64), np.zeros(1, np.int64))
    numbers = _numbers(keys, size)
    return _by_value(keys, size) if numbers is None else _by_number(numbers)


def _numbers(keys: tuple[Column, ...], size: int) -> Array | None:
    """Give the keys of each row as one whole number; None where they can't be, or where there are too few rows for that to pay."""
    if size < _MANY_ROWS or any(key.known is not None or key.values.dtype != np.int64 for key in keys):
        return None
    numbers, most = np.zeros(size, np.int64), 1
    for key in keys:
        least, largest = int(key.values.min()), int(key.values.max())
        span = largest - least + 1
        most *= span
        if most >= _MOST_NUMBERS:
            return None
        numbers = numbers * span + (key.values - least)
    return numbers


def _by_number(numbers: Array) -> Groups:
    order = None if (numbers[1:] >= numbers[:-1]).all() else np.argsort(numbers, kind="stable")
    ranked = numbers if order is None else numbers[order]
    begins = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    first, ranks = np.flatnonzero(begins), np.cumsum(begins) - 1
    if order is None:
        return Groups(ranks, first)
    codes = np.empty_like(ranks)
    codes[order] = ranks
    return Groups(codes, order[first])


def _by_value(keys: tuple[Column, ...], size: int) -> Groups:
    place: dict[Any, int] = {}
    rows = [_keys(key, size) for key in keys]
    dealt = rows[0] if len(rows) == 1 else zip(*rows, strict=True)
    codes = np.fromiter((place.setdefault(key, len(place)) for key in dealt), np.int64, size)
    first = np.zeros(len(place), np.int64)
    first[codes[::-1]] = np.arange(size)[::-1]
    return Groups(codes, first)


def _keys(key: Column, size: int) -> list[Any]:
    values: list[Any] = spread(key.values, (size,)).tolist()
    if key.known is None:
        return values
    return [value if known else None for value, known in zip(values, spread(key.known, (size,)).tolist(), strict=True)]


def _chosen(groups: Groups, where: Column | None, known: Mask | None = None) -> Any:
    """Say which rows count: a mask, or all of them."""
    rows = known if where is None else true(where) if known is None else true(where) & known
    return slice(None) if rows is None else spread(rows, groups.codes.shape)


def _count(groups: Groups, where: Column | None = None) -> Column:
    return Column(np.bincount(groups.codes[_chosen(groups, where)], minlength=groups.first.size))


def _sum(groups: Groups, argument: Column, where: Column | None = None) -> Column:
    chosen = _chosen(groups, where, argument.known)
    codes = groups.codes[chosen]
    values = spread(argument.values, groups.codes.shape)[chosen]
    sums = np.zeros(groups.first.size, values.dtype)
    np.add.at(sums, codes, values)
    return Column(sums, _reached(groups, codes))


def _extreme(lower: np.ufunc) -> Reduction:
    def reduction(groups: Groups, argument: Column, where: Column | None = None) -> Column:
        chosen = _chosen(groups, where, argument.known)
        codes = groups.codes[chosen]
        values = spread(argument.values, groups.codes.shape)[chosen]
        found = np.zeros(groups.first.size, values.dtype)
        found[codes] = values  # each group starts from one of its own
        lower.at(found, codes, values)
        return Column(found, _reached(groups, codes))

    return reduction


def _arg_min(groups: Groups, argument: Column, key: Column, where: Column | None = None) -> Column:
    """Give each group's value of the row with the least key."""
    rows = np.arange(groups.codes.size)[_chosen(groups, where, key.known)]
    codes, keys = groups.codes[rows], spread(key.values, groups.codes.shape)[rows]
    order = np.lexsort((keys, codes))
    found = np.full(groups.first.size, -1)
    # written from the last to the first, so that the first of each group stays
    found[codes[order][::-1]] = rows[order][::-1]
    return take(argument, Rows.of(found))


def _reached(groups: Groups, codes: Array) -> Mask | None:
    reached = np.zeros(groups.first.size, np.bool_)
    reached[codes] = True
    return None if reached.all() else reached


_REDUCTIONS: Mapping[type, Reduction] = {
    ops.CountStar: _count,
    ops.Sum: _sum,
    ops.Min: _extreme(np.minimum),
    ops.Max: _extreme(np.maximum),
    ops.ArgMin: _arg_min,
}
