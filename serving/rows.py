"""From the raw facts of a request to the rows of a model, by the SQL of the very features that it was trained on."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

import duckdb
import ibis
import numpy as np
import pyarrow as pa

from funnelcast import deadline
from funnelcast.champions import About
from funnelcast.families.registry import family_of
from funnelcast.families.table import Array, Table
from funnelcast.features.few_rows import Column, Program, column, translate, unknown
from funnelcast.sources.conform import conform
from funnelcast.sources.facts import Facts, Source
from funnelcast.sources.schema import TABLES
from funnelcast.spec import Spec
from funnelcast.terms import AsOf
from serving.reading.instants import microseconds

COHORT = "cohort"
FEW_FACTS = 100_000
"""Up to so many facts of a request are computed step by step: at 115,000 that took half as long as the engine (42 and 90 ms). Beyond them
the engine does it, which can be interrupted."""
_PROGRAMS = 64
"""So many sets of wanted columns and of tables without facts are remembered with their steps."""
_COHORT_TYPES = {"contact_id": "string", "as_of": "timestamp"}
_ARROW = {"string": pa.string(), "timestamp": pa.timestamp("us"), "float64": pa.float64(), "number": pa.float64(), "category": pa.string()}
_NOW = datetime(2000, 1, 1)  # noqa: DTZ001 (no date enters the SQL: the cohort brings its own)

Columns = dict[str, list[Any]]
"""Values by column, None where one isn't known; instants in microseconds of wall-clock time."""


class RowBuilder:
    """Computes the rows of one model.

    The feature expressions are translated once, over tables of the shape that the company brought when the model was trained; a table
    that a request doesn't fill is empty.
    """

    def __init__(self, source: Source, about: About, spec: Spec) -> None:
        self._about, self._spec = about, spec
        self.schemas = {name: _schema(name, columns, about.attributes) for name, columns in about.brought.items()}
        unbound = {name: conform(ibis.table(_types(schema), name=name), name) for name, schema in self.schemas.items()}
        brought = {name: frozenset(columns) for name, columns in about.brought.items()}
        facts = Facts(source, ibis.duckdb.connect(), unbound, brought)
        candidates = family_of(about.family).candidates(facts, spec, ibis.table(_COHORT_TYPES, name=COHORT), AsOf(_NOW, source.timezone))
        self._kinds = {name: _types(schema) for name, schema in self.schemas.items()} | {COHORT: _COHORT_TYPES}
        program = translate(candidates)
        self._program = lru_cache(_PROGRAMS)(lambda names, empty: program.only(names).without(empty, self._unknown))
        self._candidates = candidates
        self._local = threading.local()

    def serves(self, about: About, spec: Spec) -> bool:
        """Say whether another version of the model reads the very same rows."""
        read = ("family", "brought", "attributes", "features")
        return spec == self._spec and all(getattr(about, name) == getattr(self._about, name) for name in read)

    def rows(self, contacts: Sequence[str], as_of: Sequence[datetime], tables: Mapping[str, Columns], names: Collection[str]) -> Table:
        """Compute the rows of some contacts.

        Parameters
        ----------
        contacts
            Their ids, each once.
        as_of
            For each of them, in wall-clock time of the source's zone, as their facts are.
        tables
            Their facts by canonical table and column; columns that the company never brought are left aside.
        names
            The columns that are wanted; one that isn't known is left out.

        Returns
        -------
        In the order of ``contacts``; one that the model's cohort rules leave out has nulls throughout. Numbers are float64, text objects.
        """
        size = sum(_size(columns) for columns in tables.values())
        if size <= FEW_FACTS:
            empty = frozenset(name for name in self.schemas if not tables.get(name))
            found = self.by_steps(self._program(frozenset({"contact_id", *names}), empty), contacts, as_of, tables)
        else:
            found = self.by_sql(contacts, as_of, tables)
        place = {name: place for place, name in enumerate(found["contact_id"].tolist())}
        return found.only(names).at(np.fromiter((place.get(name, -1) for name in contacts), np.int64, len(contacts)))

    def by_steps(self, few: Program, contacts: Sequence[str], as_of: Sequence[datetime], tables: Mapping[str, Columns]) -> Table:
        """Compute the rows by the steps that the expressions were translated to: what an engine takes to set itself up is saved."""
        given: dict[str, Columns] = {**tables, COHORT: {"contact_id": list(contacts), "as_of": [microseconds(at) for at in as_of]}}
        # ids only say what belongs together, and so do their numbers, which are quicker to compare
        numbers = {name: number for number, name in enumerate(contacts)}

        def read_column(table: str, name: str) -> Column:
            values = given[table].get(name)
            if values is None:
                return self._unknown(table, name)
            if name == "contact_id":
                return column(list(map(numbers.get, values)), "int64")
            return column(values, "int64" if self._kinds[table][name] == "timestamp" else self._kinds[table][name])

        found = few.run(read_column, lambda table: _size(given[table]))
        ids = np.array(contacts, object)[found["contact_id"].values]
        return Table({"contact_id": ids} | {name: _array(values) for name, values in found.items() if name != "contact_id"}, len(ids))

    def _unknown(self, table: str, name: str) -> Column:
        return unknown("int64" if name == "contact_id" else self._kinds[table][name])

    def by_sql(self, contacts: Sequence[str], as_of: Sequence[datetime], tables: Mapping[str, Columns]) -> Table:
        """Compute the rows in the engine: the judge of the steps, and quicker for many facts."""
        connection = self._connection()
        for name, schema in self.schemas.items():
            connection.register(name, _table(tables.get(name, {}), schema))
        clock = pa.array(as_of, pa.timestamp("us"))
        connection.register(COHORT, pa.table({"contact_id": pa.array(contacts, pa.string()), "as_of": clock}))
        with deadline.interrupting(connection.interrupt):
            return _read(connection.execute(self._sql).to_arrow_table())

    @cached_property
    def _sql(self) -> str:
        return str(ibis.to_sql(self._candidates, dialect="duckdb"))  # half a second that few requests need

    def _connection(self) -> Any:
        # a connection belongs to one thread: registered tables are its own
        if not hasattr(self._local, "connection"):
            self._local.connection = duckdb.connect(config={"threads": 1})
        return self._local.connection


def _schema(name: str, brought: Sequence[str], attributes: Mapping[str, str]) -> pa.Schema:
    table = TABLES[name]
    fields = [pa.field(column, _ARROW[table.type_of(column)]) for column in table.names if column in brought]
    own = [pa.field(column, _ARROW[kind]) for column, kind in attributes.items()] if name == "contacts" else []
    return pa.schema(fields + own)


def _types(schema: pa.Schema) -> dict[str, str]:
    return {field.name: "timestamp" if pa.types.is_timestamp(field.type) else str(ibis.dtype(field.type)) for field in schema}


def _size(columns: Columns) -> int:
    return max((len(values) for values in columns.values()), default=0)


def _array(column: Column) -> Array:
    """Give a column of the steps as models read it."""
    blank: Any = None if column.values.dtype == object else np.nan
    values = column.values if blank is None else column.values.astype(np.float64)
    return values if column.known is None else np.where(column.known, values, blank)


def _read(answer: pa.Table) -> Table:
    """Give the engine's answer as models read it."""
    kinds = {field.name: "string" if pa.types.is_string(field.type) else "number" for field in answer.schema}
    return Table({name: answer[name].cast(_ARROW[kind]).to_numpy() for name, kind in kinds.items() if name != "as_of"}, len(answer))


def _table(columns: Columns, schema: pa.Schema) -> pa.Table:
    size = _size(columns)
    arrays = [pa.array(columns.get(field.name, [None] * size), field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
