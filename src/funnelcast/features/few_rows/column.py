"""A column of a few rows: values, and which of them are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

_MANY = 50
"""From so many values on Arrow is quicker at telling floats from None."""
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
    nothing: Any = "" if wanted is object else datetime.min if wanted == "datetime64[us]" else date.min if wanted == "datetime64[D]" else 0  # noqa: DTZ901
    if wanted is np.float64 and len(values) >= _MANY:
        return _floats(values)
    if wanted is np.int64:
        try:
            return Column(np.array(values, np.int64))
        except TypeError:
            pass  # one of them is None
    if None not in set(values):
        return Column(_whole(np.array(values, dtype=wanted)))
    known = np.array([value is not None for value in values], dtype=np.bool_)
    return Column(_whole(np.array([nothing if value is None else value for value in values], dtype=wanted)), known)


def _floats(values: Sequence[float | None]) -> Column:
    held = pa.array(values, pa.float64())
    found = np.frombuffer(held.buffers()[1], np.float64, len(values))
    return Column(found, np.asarray(held.is_valid()) if held.null_count else None)


class Rows(NamedTuple):
    """Some rows of a table.

    Parameters
    ----------
    size
        How many.
    places
        Where each stands in the table: shape (size,); None for all of its rows in their order.
    missing
        Which of them are none, whatever their place: of the same shape; None where there is no such row.
    """

    size: int
    places: Array | None = None
    missing: Mask | None = None

    @classmethod
    def of(cls, places: Array) -> Rows:
        """Take places, below zero for a row that is none."""
        missing = places < 0
        return cls(places.size, places, missing if missing.any() else None)

    def at(self, places: Array) -> Rows:
        """Give some of them."""
        inner = places if self.places is None else self.places[places]
        return Rows(places.size, inner, None if self.missing is None else self.missing[places])


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
    return partial(_strict, compute)


def _strict(compute: Callable[..., Array], first: Column, *others: Column) -> Column:
    values, known = first
    if not others:
        return Column(compute(values), known)
    for other in others:
        if other.known is not None:
            known = other.known if known is None else known & other.known
    return Column(compute(values, *[other.values for other in others]), known)


def is_strict(operation: Callable[..., Any]) -> bool:
    """Say whether an operation was made so."""
    return isinstance(operation, partial) and operation.func is _strict


def blank(column: Column) -> bool:
    """Say whether no row has a value that is known."""
    return not column.values.size or (column.known is not None and not column.known.any())


def true(condition: Column) -> Mask:
    """Say where a condition is known to hold, as a filter takes it."""
    values: Mask = condition.values
    return values if condition.known is None else values & condition.known


def take(source: Column, rows: Rows) -> Column:
    """Give the values at some rows; where there is none, the value isn't known. One value for all stays one where no row is missing."""
    size, places, missing = rows
    if places is None:
        return source
    values, known = source
    if missing is None:
        return Column(_at(values, places), None if known is None else _at(known, places))
    if values.ndim and not values.size:
        return Column(np.zeros(size, values.dtype), np.zeros(size, np.bool_))
    return Column(spread(_at(values, places), (size,)), ~missing if known is None else ~missing & _at(known, places))


def _at(values: Array, places: Array) -> Array:
    return values if values.ndim == 0 else values[places]
