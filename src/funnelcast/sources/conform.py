"""Make typed tables canonical: every column of the schema is there, and every clock is filled by its default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from funnelcast.sources.facts import Facts, Source
from funnelcast.sources.schema import TABLES, Table, known_at
from funnelcast.terms import AsOf


def conform(table: ir.Table, name: str) -> ir.Table:
    """Give a table all canonical columns of its schema, in order, then its attributes.

    ``known_at`` defaults to the table's clock and each outcome's clock to the outcome itself. A column that isn't there becomes a typed
    null. Columns beyond the schema are kept only where it keeps attributes.
    """
    schema = TABLES[name]
    present = set(table.columns)
    columns: dict[str, Any] = {}
    for column in schema.names:
        kind = schema.type_of(column)
        columns[column] = table[column].cast(kind) if column in present else ibis.null(kind)
    for column, default in _clock_defaults(schema).items():
        columns[column] = ibis.coalesce(columns[column], columns[default])
    attributes = [column for column in table.columns if column not in columns] if schema.attributes else []
    return table.select(**columns, **{column: table[column] for column in attributes})


def _clock_defaults(schema: Table) -> dict[str, str]:
    defaults = {known_at(outcome): outcome for outcome in schema.outcomes}
    return {**defaults, "known_at": schema.clock} if schema.clock else defaults


def plain_times(table: ir.Table) -> ir.Table:
    """Drop the precision that an engine reports of its time stamps: canonical ones carry none, so that tables of any origin combine."""
    precise = {name: "timestamp" for name, kind in table.schema().items() if kind.is_timestamp() and kind.scale is not None}
    return table.cast(precise) if precise else table


def from_arrow(source: Source, tables: Mapping[str, pa.Table], backend: ibis.BaseBackend | None = None) -> Facts:
    """Make facts of typed Arrow tables in memory: what the service does with a request, and tests with a few rows.

    Parameters
    ----------
    tables
        By canonical name; columns by canonical name, time stamps as wall-clock time without an offset.
    backend
        The DuckDB that holds them; a new one in memory by default.
    """
    connection = backend or ibis.duckdb.connect()
    held = {name: connection.create_table(name, _typed(table, name), overwrite=True) for name, table in tables.items()}
    conformed = {name: conform(table, name) for name, table in held.items()}
    brought = {name: frozenset(table.column_names) & frozenset(TABLES[name].names) for name, table in tables.items()}
    facts = Facts(source, connection, conformed, brought)
    return facts.with_observation(last_observed(facts))


def _typed(table: pa.Table, name: str) -> pa.Table:
    """Give columns that are null throughout the type that they would have: an engine knows no column without one."""
    arrow = {"string": pa.string(), "timestamp": pa.timestamp("us"), "float64": pa.float64()}
    schema = TABLES[name]
    kinds = {field.name: schema.type_of(field.name) if field.name in schema.names else "string" for field in table.schema}
    fields = [field.with_type(arrow[kinds[field.name]]) if pa.types.is_null(field.type) else field for field in table.schema]
    return table.cast(pa.schema(fields))


def from_frames(source: Source, frames: Mapping[str, pd.DataFrame]) -> Facts:
    """Make facts of data frames in memory."""
    return from_arrow(source, {name: pa.Table.from_pandas(frame, preserve_index=False) for name, frame in frames.items()})


def last_observed(facts: Facts) -> AsOf | None:
    """Give the midnight after the latest known day over all tables and outcomes; None where the facts have no time.

    Planned cash items lie in the future and don't count.
    """
    latest: list[datetime | None] = []
    for name, table in facts.tables.items():
        schema = TABLES[name]
        if schema.clock is not None:
            clocks = ["known_at", *(known_at(outcome) for outcome in schema.outcomes)]
            latest += table.aggregate(**{clock: table[clock].max() for clock in clocks}).to_pyarrow().to_pylist()[0].values()
    known = [instant for instant in latest if instant is not None]
    if not known:
        return None
    return AsOf.midnight_after(max(known).date(), facts.source.timezone)
