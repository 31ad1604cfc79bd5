"""A column of a few rows: values, and which of them are known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
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
        Of the same shape; None: all are.
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


def literal(value: Any, kind: str) -> Column:
    """Make the column that holds one value in every row, None where it isn't known."""
    one = column([value], kind)
    return Column(one.values.reshape(()), None if one.known is None else one.known.reshape(()))


def _whole(values: Array) -> Array:
    return values.astype(np.int64) if values.dtype.kind == "M" else values


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
            known = both(known, one.known)
        return Column(compute(*(one.values for one in columns)), known)

    return operation


def true(condition: Column) -> Mask:
    """Say where a condition is known to hold, as a filter takes it."""
    values: Mask = condition.values
    return values if condition.known is None else values & condition.known


def take(source: Column, places: Array) -> Column:
    """Give the values at some places; a place below zero has none."""
    if source.values.ndim == 0:
        source = Column(np.broadcast_to(source.values, (1,)), None if source.known is None else np.broadcast_to(source.known, (1,)))
        places = np.minimum(places, 0)
    missing = places < 0
    if not missing.any():
        return Column(source.values[places], None if source.known is None else source.known[places])
    if not source.values.size:
        return Column(np.zeros(places.shape, source.values.dtype), np.zeros(places.shape, np.bool_))
    known = ~missing if source.known is None else ~missing & source.known[places]
    return Column(source.values[places], known)
