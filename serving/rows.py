"""From the raw facts of a request to the rows of a model, by the SQL of the very features that it was trained on."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import duckdb
import ibis
import pandas as pd
import pyarrow as pa

from funnelcast.champions import About
from funnelcast.families.registry import family_of
from funnelcast.sources.conform import conform
from funnelcast.sources.facts import Facts, Source
from funnelcast.sources.schema import TABLES
from funnelcast.spec import Spec
from funnelcast.terms import AsOf

COHORT = "cohort"
_ARROW = {"string": pa.string(), "timestamp": pa.timestamp("us"), "float64": pa.float64(), "number": pa.float64(), "category": pa.string()}
_NOW = datetime(2000, 1, 1)  # noqa: DTZ001 (no date enters the SQL: the cohort brings its own)

Columns = dict[str, list[Any]]


class RowBuilder:
    """Computes the rows of one model.

    The feature expressions are compiled once, over tables of the shape that the company brought when the model was trained; a table
    that a request doesn't fill is empty.
    """

    def __init__(self, source: Source, about: About, spec: Spec) -> None:
        self._about, self._spec = about, spec
        self.schemas = {name: _schema(name, columns, about.attributes) for name, columns in about.brought.items()}
        unbound = {name: conform(ibis.table(_types(schema), name=name), name) for name, schema in self.schemas.items()}
        brought = {name: frozenset(columns) for name, columns in about.brought.items()}
        facts = Facts(source, ibis.duckdb.connect(), unbound, brought)
        cohort = ibis.table({"contact_id": "string", "as_of": "timestamp"}, name=COHORT)
        candidates = family_of(about.family).candidates(facts, spec, cohort, AsOf(_NOW, source.timezone))
        self._sql = str(ibis.to_sql(candidates, dialect="duckdb"))
        self._local = threading.local()

    def serves(self, about: About, spec: Spec) -> bool:
        """Say whether another version of the model reads the very same rows."""
        read = ("family", "brought", "attributes", "features")
        return spec == self._spec and all(getattr(about, name) == getattr(self._about, name) for name in read)

    def rows(self, contacts: Sequence[str], as_of: AsOf, tables: Mapping[str, Columns]) -> pd.DataFrame:
        """Compute the rows of some contacts.

        Parameters
        ----------
        contacts
            Their ids, each once.
        tables
            Their facts by canonical table and column, wall-clock time of the source's zone; columns that the company never brought are
            left aside.

        Returns
        -------
        In the order of ``contacts``, indexed by contact_id; one that the model's cohort rules leave out has nulls throughout.
        """
        connection = self._connection()
        for name, schema in self.schemas.items():
            connection.register(name, _table(tables.get(name, {}), schema))
        clock = pa.array([as_of.at] * len(contacts), pa.timestamp("us"))
        connection.register(COHORT, pa.table({"contact_id": pa.array(contacts, pa.string()), "as_of": clock}))
        found: pd.DataFrame = connection.execute(self._sql).to_arrow_table().to_pandas()
        return found.set_index("contact_id").reindex(list(contacts))

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


def _table(columns: Columns, schema: pa.Schema) -> pa.Table:
    size = max((len(values) for values in columns.values()), default=0)
    arrays = [pa.array(columns.get(field.name, [None] * size), field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
