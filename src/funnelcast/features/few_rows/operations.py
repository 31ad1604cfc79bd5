"""What each operation of an Ibis expression does to columns, as DuckDB does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, TypeAlias

import ibis.expr.operations as ops
import numpy as np

from funnelcast.features.few_rows.column import Array, Column, Mask, both, strict, true

Operation: TypeAlias = Callable[..., Column]

_MICROSECONDS = 1_000_000
_PER_DAY = 86_400 * _MICROSECONDS


def operation_of(node: Any) -> Operation | None:
    """Give what a node does to the columns of its arguments, in their order; None where that isn't known here."""
    if isinstance(node, ops.Cast):
        return _cast(node)
    if isinstance(node, ops.Round):
        return strict(_round) if getattr(node.digits, "value", None) == 0 else None
    if isinstance(node, ops.DateDelta):
        return strict(lambda _, left, right: left - right) if getattr(node.part, "value", None) == "day" else None
    return _OPERATIONS.get(type(node))


def _cast(node: Any) -> Operation | None:
    source, target = node.arg.dtype, node.to
    if target.is_floating() and (source.is_numeric() or source.is_boolean()):
        return strict(lambda values: values.astype(np.float64, copy=False))
    if target.is_integer() and (source.is_integer() or source.is_boolean()):
        return strict(lambda values: values.astype(np.int64, copy=False))
    return None


def _round(values: Array, _: Array) -> Array:
    """Round halves away from zero."""
    whole = np.trunc(values)
    return np.asarray((whole + np.copysign(np.abs(values - whole) >= 0.5, values)).astype(np.int64))


def _divide(left: Array, right: Array) -> Array:
    return np.asarray(np.true_divide(left, right))


def _and(left: Column, right: Column) -> Column:
    """Combine as SQL does: false beats unknown."""
    if left.known is None and right.known is None:
        return Column(left.values & right.values)
    holds, fails = true(left) & true(right), true(_not(left)) | true(_not(right))
    return Column(holds, holds | fails)


def _or(left: Column, right: Column) -> Column:
    """Combine as SQL does: true beats unknown."""
    if left.known is None and right.known is None:
        return Column(left.values | right.values)
    holds, fails = true(left) | true(right), true(_not(left)) & true(_not(right))
    return Column(holds, holds | fails)


def _not(condition: Column) -> Column:
    return Column(~condition.values, condition.known)


def _known(column: Column) -> Mask:
    return np.ones(column.values.shape, np.bool_) if column.known is None else column.known


def _coalesce(*columns: Column) -> Column:
    found = columns[0]
    for other in columns[1:]:
        if found.known is None:
            break
        values = np.where(found.known, found.values, other.values)
        found = Column(values, None if other.known is None else found.known | other.known)
    return found


def _null_if(left: Column, right: Column) -> Column:
    equal = left.values == right.values
    if right.known is not None:
        equal = equal & right.known
    return Column(left.values, both(left.known, np.asarray(~equal)))


def _if_else(condition: Column, left: Column, right: Column) -> Column:
    chosen = true(condition)
    values = np.where(chosen, left.values, right.values)
    if left.known is None and right.known is None:
        return Column(values)
    return Column(values, np.where(chosen, _known(left), _known(right)))


def cases(conditions: int) -> Operation:
    """Give the operation of so many conditions, as many results, and what is left otherwise."""

    def operation(*columns: Column) -> Column:
        chosen = columns[-1]
        for place in reversed(range(conditions)):
            chosen = _if_else(columns[place], columns[conditions + place], chosen)
        return chosen

    return operation


def _greatest(*columns: Column) -> Column:
    """Take the largest of those that are known."""

    def larger(left: Column, right: Column) -> Column:
        if left.known is None and right.known is None:
            return Column(np.maximum(left.values, right.values))
        of_left = _known(left) & ~(_known(right) & (right.values > left.values))
        return Column(np.where(of_left, left.values, right.values), _known(left) | _known(right))

    return reduce(larger, columns)


def _among(column: Column, *options: Column) -> Column:
    return Column(np.asarray(reduce(np.logical_or, (column.values == option.values for option in options))), column.known)


def _lower(values: Array) -> Array:
    return np.array([value.lower() for value in values.ravel()], dtype=object).reshape(values.shape)


def _day_of_year(values: Array) -> Array:
    days = (values // _PER_DAY).astype("datetime64[D]")
    return np.asarray((days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1)


_OPERATIONS: Mapping[type, Operation] = {
    ops.Add: strict(np.add),
    ops.Subtract: strict(np.subtract),
    ops.Multiply: strict(np.multiply),
    ops.Divide: strict(_divide),
    ops.Power: strict(np.power),
    ops.Equals: strict(np.equal),
    ops.Less: strict(np.less),
    ops.LessEqual: strict(np.less_equal),
    ops.Greater: strict(np.greater),
    ops.GreaterEqual: strict(np.greater_equal),
    ops.And: _and,
    ops.Or: _or,
    ops.Not: _not,
    ops.IsNull: lambda column: Column(~_known(column)),
    ops.NotNull: lambda column: Column(_known(column)),
    ops.Coalesce: _coalesce,
    ops.NullIf: _null_if,
    ops.IfElse: _if_else,
    ops.Greatest: _greatest,
    ops.InValues: _among,
    ops.Lowercase: strict(_lower),
    ops.Ceil: strict(lambda values: np.ceil(values).astype(np.int64)),
    ops.Floor: strict(lambda values: np.floor(values).astype(np.int64)),
    ops.ExtractEpochSeconds: strict(lambda values: values / _MICROSECONDS),
    ops.ExtractDayOfYear: strict(_day_of_year),
    ops.Date: strict(lambda values: values // _PER_DAY),
}
