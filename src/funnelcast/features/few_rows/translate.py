"""Translate an Ibis expression to steps on columns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial, reduce
from operator import itemgetter
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
import numpy as np

from funnelcast.features.few_rows.column import Column, Mask, Rows, is_strict, literal, take, true, unknown
from funnelcast.features.few_rows.joins import Places, join
from funnelcast.features.few_rows.nothing import never, no_group, no_value, none_taken, nowhere, unjoined
from funnelcast.features.few_rows.operations import cases, operation_of
from funnelcast.features.few_rows.program import Function, Program, Step
from funnelcast.features.few_rows.reductions import Groups, group, reduction_of


class Untranslatable(Exception):
    """The expression holds what is left to an engine."""


def translate(expression: ir.Table) -> Program:
    """Translate an expression over unbound tables.

    Raises
    ------
    Untranslatable
        Names the operation that isn't known here.
    """
    relation = expression.op()
    translator = _Translator()
    outputs = {name: translator.column(relation, name) for name in relation.schema.names}
    size = translator.size(relation)
    kinds = {name: str(kind) for name, kind in relation.schema.items()}
    return Program(translator.inputs, tuple(translator.start), tuple(translator.steps), outputs, kinds, size)


@dataclass
class _Translator:
    """Gives each distinct part of the expression one step."""

    inputs: dict[tuple[str, str | None], int] = field(default_factory=dict)
    start: list[Any] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    _places: dict[Any, int] = field(default_factory=dict)

    def column(self, relation: Any, name: str) -> int:
        """Give the place of a relation's column."""
        return self._once(("column", relation, name), lambda: self._column(relation, name))

    def size(self, relation: Any) -> int:
        """Give the place of a relation's number of rows."""
        return self._once(("size", relation), lambda: self._size(relation))

    def _column(self, relation: Any, name: str) -> int:  # noqa: PLR0911 (one line per kind of relation)
        match relation:
            case ops.UnboundTable():
                return self._input(relation.name, name)
            case ops.AliasedRelation() | ops.DropColumns():
                return self.column(relation.parent, name)
            case ops.Project():
                return self._value(relation.values[name], None)
            case ops.Filter():
                return self._taken(relation.schema[name], self.column(relation.parent, name), self._kept(relation), take, _same)
            case ops.Distinct():
                return self._taken(relation.schema[name], self.column(relation.parent, name), self._groups(relation), _first, Groups.rows)
            case ops.JoinChain():
                return self._value(relation.values[name], relation)
            case ops.Aggregate() if name in relation.groups:
                return self._taken(
                    relation.schema[name], self._value(relation.groups[name], None), self._groups(relation), _first, Groups.rows
                )
            case ops.Aggregate():
                return self._value(relation.metrics[name], relation)
        raise Untranslatable(type(relation).__name__)

    def _size(self, relation: Any) -> int:
        match relation:
            case ops.UnboundTable():
                return self._input(relation.name, None)
            case ops.Filter():
                return self._step(_count_of, self._kept(relation))
            case ops.Aggregate() | ops.Distinct():
                return self._step(lambda groups: groups.first.size, self._groups(relation))
            case ops.JoinChain():
                return self._step(lambda places: places[0].size, self._joined(relation))
            case ops.AliasedRelation() | ops.DropColumns() | ops.Project():
                return self.size(relation.parent)
        raise Untranslatable(type(relation).__name__)

    def _value(self, node: Any, within: Any) -> int:
        """Give the place of a value; ``within`` is the aggregation whose groups or the join whose tables it speaks of."""
        return self._once(("value", node, within), lambda: self._new_value(node, within))

    def _new_value(self, node: Any, within: Any) -> int:
        match node:
            case ops.Literal():
                return self._constant(literal(node.value, str(node.dtype)))
            case ops.Field() if isinstance(node.rel, ops.JoinReference):
                table = [reference.identifier for reference in _tables(within)].index(node.rel.identifier)
                return self._taken(
                    node.dtype, self.column(node.rel.parent, node.name), self._joined(within), partial(_of_table, table), itemgetter(table)
                )
            case ops.Field():
                return self.column(node.rel, node.name)
            case ops.Reduction():
                function, groups, arguments = reduction_of(node), [self._groups(within)], [self._value(one, None) for one in _values(node)]
            case ops.WindowFunction():
                function, groups, arguments = _row_number(node), [], [self._value(key.arg, within) for key in node.order_by]
            case ops.SearchedCase():
                function, groups, arguments = cases(len(node.cases)), [], [self._value(one, within) for one in _values(node)]
            case _:
                function, groups, arguments = operation_of(node), [], [self._value(one, within) for one in _values(node)]
        if function is None:
            raise Untranslatable(type(node).__name__)
        nothing = partial(no_value, unknown(str(node.dtype)), bool(groups), is_strict(function))
        return self._step(function, *groups, *arguments, nothing=nothing)

    def _kept(self, relation: Any) -> int:
        conditions = [self._value(condition, None) for condition in relation.predicates]
        return self._once(("kept", relation), lambda: self._step(_where, self.size(relation.parent), *conditions, nothing=nowhere))

    def _groups(self, relation: Any) -> int:
        if isinstance(relation, ops.Distinct):
            keys = [self.column(relation.parent, name) for name in relation.schema.names]
        else:
            keys = [self._value(key, None) for key in relation.groups.values()]
        return self._once(("groups", relation), lambda: self._step(_grouped, self.size(relation.parent), *keys, nothing=no_group))

    def _joined(self, chain: Any, links: int | None = None) -> int:
        links = len(chain.rest) if links is None else links
        return self._once(("joined", chain, links), lambda: self._join(chain, links))

    def _join(self, chain: Any, links: int) -> int:
        if links == 0:
            return self._step(lambda size: (Rows(size),), self.size(chain.first.parent))
        link, earlier = chain.rest[links - 1], [one.identifier for one in _tables(chain)[:links]]
        pairs = [_equal(predicate, link.table) for predicate in link.predicates]
        if link.how not in {"inner", "left"} or not pairs:
            raise Untranslatable(link.how)
        tables = [earlier.index(left.rel.identifier) for left, _ in pairs]
        columns = [self.column(side.rel.parent, side.name) for place in (0, 1) for side in (pair[place] for pair in pairs)]
        step, nothing = join(link.how, tables), partial(unjoined, link.how)
        return self._step(step, self._joined(chain, links - 1), self.size(link.table.parent), *columns, nothing=nothing)

    def _input(self, table: str, name: str | None) -> int:
        self.start.append(None)
        self.inputs[table, name] = len(self.start) - 1
        return self.inputs[table, name]

    def _constant(self, value: Column) -> int:
        self.start.append(value)
        return len(self.start) - 1

    def _taken(self, kind: Any, column: int, held: int, function: Function, rows_of: Callable[[Any], Rows]) -> int:
        """Take the rows of a column that something holds."""
        return self._step(function, column, held, nothing=partial(none_taken, unknown(str(kind)), rows_of))

    def _step(self, function: Function, *inputs: int, nothing: Function = never) -> int:
        self.start.append(None)
        self.steps.append(Step(function, inputs, len(self.start) - 1, nothing))
        return len(self.start) - 1

    def _once(self, key: Any, make: Callable[[], int]) -> int:
        if key not in self._places:
            self._places[key] = make()
        return self._places[key]


def _tables(chain: Any) -> list[Any]:
    return [chain.first, *(link.table for link in chain.rest)]


def _values(node: Any) -> Iterator[Any]:
    """Give a node's arguments that are values, those in tuples too, in their order."""
    for argument in node.args:
        for one in argument if isinstance(argument, tuple) else (argument,):
            if isinstance(one, ops.Value):
                yield one


def _equal(predicate: Any, table: Any) -> tuple[Any, Any]:
    """Give a join's pair of equal columns, that of the new table last."""
    sides = (predicate.left, predicate.right) if isinstance(predicate, ops.Equals) else ()
    if len(sides) != 2 or not all(isinstance(side, ops.Field) and isinstance(side.rel, ops.JoinReference) for side in sides):
        raise Untranslatable(type(predicate).__name__)
    left, right = sides
    return (right, left) if left.rel.identifier == table.identifier else (left, right)


def _where(size: int, *conditions: Column) -> Rows:
    kept: Mask = reduce(np.logical_and, map(true, conditions))
    if kept.all():
        return Rows(size)
    places = np.flatnonzero(kept) if kept.ndim else np.zeros(0, np.int64)
    return Rows(places.size, places)


def _count_of(rows: Rows) -> int:
    return rows.size


def _grouped(size: int, *keys: Column) -> Groups:
    return group(keys, size)


def _same(rows: Rows) -> Rows:
    return rows


def _first(column: Column, groups: Groups) -> Column:
    return take(column, groups.rows())


def _of_table(table: int, column: Column, places: Places) -> Column:
    return take(column, places[table])


def _row_number(node: Any) -> Function | None:
    """Give the step that numbers rows from 0 in the order of keys, which are all known."""
    ascending = all(key.ascending for key in node.order_by)
    if not isinstance(node.func, ops.RowNumber) or node.group_by or not ascending or not node.order_by:
        return None

    def number(*keys: Column) -> Column:
        rows = list(zip(*(values.tolist() for values in np.broadcast_arrays(*(key.values for key in keys))), strict=True))
        order = sorted(range(len(rows)), key=rows.__getitem__)
        ranks = np.empty(len(rows), np.int64)
        ranks[order] = np.arange(len(rows))
        return Column(ranks)

    return number
