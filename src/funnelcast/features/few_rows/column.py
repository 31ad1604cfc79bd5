"""A column of a few rows: values, and which of them are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

_ARRAYS: dict[str, Any] = {"string": object, "timestamp": "datetime64[us]", "date": "datetime64[D]", "boolean": np.bool_}


class Column(NamedTuple):
    """Values of one column, or one value for all rows.

    Parameters
    ----------
    values
        Shape (rows,) or (). Whole numbers are int64, others float64, time stamps int64 microseconds and dates int64 days from 1970-01-01,
        text objects. What stands where a value isn't known has no meaning.
    known
        Of the same shape, or one for all rows; None: all are.
    """

    values: Array
    known: Mask | None = None


def array_type(kind: str) -> Any:
    """Give numpy's type for a type of Ibis by its name."""
    name = kind.split("(", maxsplit=1)[0]
    if name in _ARRAYS:
        return _ARRAYS[name]
    return np.float64 if name.startswith(("float", "decimal")) else np.int64


def column(values: Sequence[Any], kind: str) -> Column:
    """Make a column of Python values, None where one isn't known.

    Parameters
    ----------
    kind
        The type of Ibis.
    """
    wanted = array_type(kind)
    blank: Any = "" if wanted is object else datetime.min if wanted == "datetime64[us]" else date.min if wanted == "datetime64[D]" else 0  # noqa: DTZ901
    known = np.array([value is not None for value in values], dtype=np.bool_)
    filled = values if known.all() else [blank if value is None else value for value in values]
    return Column(_whole(np.array(filled, dtype=wanted)), None if known.all() else known)


class Rows(NamedTuple):
    """Places of rows in a table; -1, where ``missing`` says so, for none. ``missing`` is None where there is no such place."""

    places: Array
    missing: Mask | None = None

    @classmethod
    def of(cls, places: Array) -> Rows:
        """Look for places that are none."""
        missing = places < 0
        return cls(places, missing if missing.any() else None)


@cache
def unknown(kind: str) -> Column:
    """Make the column of which no value is known."""
    return literal(None, kind)


def literal(value: Any, kind: str) -> Column:
    """Make the column that holds one value in every row, None where it isn't known."""
    one = column([value], kind)
    return Column(one.values.reshape(()), None if one.known is None else one.known.reshape(()))


def _whole(values: Array) -> Array:
    return values.astype(np.int64) if values.dtype.kind == "M" else values


def spread(values: Array, shape: tuple[int, ...]) -> Array:
    """Give one value for all rows to each of them; what has one for each stays as it is."""
    return values if values.shape == shape else np.broadcast_to(values, shape)


def both(left: Mask | None, right: Mask | None) -> Mask | None:
    """Say where both are known."""
    if left is None or right is None:
        return right if left is None else left
    return left & right


def strict(compute: Callable[..., Array]) -> Callable[..., Column]:
    """Make an operation on columns that knows its result where it knows every argument."""

    def operation(*columns: Column) -> Column:
        known: Mask | None = None
        for one in columns:
            if one.known is not None:
                known = one.known if known is None else known & one.known
        return Column(compute(*[one.values for one in columns]), known)

    return operation


def true(condition: Column) -> Mask:
    """Say where a condition is known to hold, as a filter takes it."""
    values: Mask = condition.values
    return values if condition.known is None else values & condition.known


def take(source: Column, rows: Rows) -> Column:
    """Give the values at some rows; where there is none, the value isn't known. One value for all stays one where no row is missing."""
    values, known = source
    places, missing = rows
    if missing is None:
        return Column(_at(values, places), None if known is None else _at(known, places))
    if values.ndim and not values.size:
        return Column(np.zeros(places.shape, values.dtype), np.zeros(places.shape, np.bool_))
    return Column(spread(_at(values, places), places.shape), ~missing if known is None else ~missing & _at(known, places))


def _at(values: Array, places: Array) -> Array:
    return values if values.ndim == 0 else values[places]
