"""Ibis on Spark, mended where its SQL says something else than DuckDB's, or nothing at all; pyspark must be installed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import ibis
import ibis.expr.operations as ops
import pandas as pd
import pyarrow as pa
import sqlglot.expressions as sge
from ibis.backends.duckdb.converter import DuckDBPandasData
from ibis.backends.pyspark import Backend
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.common.exceptions import IbisError
from ibis.formats.pyarrow import PyArrowData
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql.pandas.types import from_arrow_schema

from funnelcast.errors import SourceError

_SHOWN = 300
_ADVICE = 'Where the facts fit on one machine, take backend = "duckdb" under [source].'
Batches: TypeAlias = Iterator[pa.RecordBatch]
_LOST = frozenset("\a\f\v")
"""What the SQL of literals escapes in a way that Spark doesn't read."""
_PER_SECOND = 1_000_000
_PARTS = {"microsecond": 1, "second": _PER_SECOND, "minute": 60 * _PER_SECOND, "hour": 3_600 * _PER_SECOND, "day": 86_400 * _PER_SECOND}


class SparkSql(PySparkCompiler):  # type: ignore[misc]  # Ibis ships no types
    """Compiles to what DuckDB would answer.

    Time stamps carry no zone: the session's zone is UTC and its time stamps are TIMESTAMP_NTZ, so that no clock change shifts one.
    """

    __slots__ = ()

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: Any) -> Any:
        """Write a float as one, for Spark takes 14.0 as a decimal; and a text byte by byte where it would lose control characters."""
        if dtype.is_floating() and math.isfinite(value):
            return self.cast(sge.Literal.string(repr(float(value))), dtype)
        if dtype.is_string() and _LOST.intersection(value):
            return self.f.decode(self.f.unhex(value.encode().hex()), "UTF-8")
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:
        """Count none, rather than nothing, where no row fulfils the condition or all leave it open."""
        return super().visit_CountStar(op, arg=arg, where=where) if where is None else self.f.count_if(where)

    def visit_WindowFunction(self, op: Any, **given: Any) -> Any:
        """Give numbers of rows the width that Ibis takes them to have."""
        found = super().visit_WindowFunction(op, **given)
        return self.cast(found, op.dtype) if isinstance(op.func, ops.RankBase) else found

    def visit_ExtractEpochSeconds(self, op: Any, *, arg: Any) -> Any:
        """Give whole seconds, as a number that doesn't overflow."""
        return self.f.unix_seconds(sge.cast(arg, sge.DataType.Type.TIMESTAMPLTZ))

    def visit_TimestampDelta(self, op: Any, *, part: Any, left: Any, right: Any) -> Any:
        """Count the boundaries of a unit between two instants."""
        size = _PARTS[op.part.value]
        first, last = (self.f.unix_micros(sge.cast(instant, sge.DataType.Type.TIMESTAMPLTZ)) for instant in (right, left))
        return last - first if size == 1 else self.f.div(last, size) - self.f.div(first, size)

    def visit_DateDelta(self, op: Any, *, part: Any, left: Any, right: Any) -> Any:
        """Count the days between two dates."""
        return self.cast(self.f.datediff(left, right), op.dtype)

    def visit_TimestampTruncate(self, op: Any, *, arg: Any, unit: Any) -> Any:
        """Cut to a unit without gaining a zone."""
        return sge.cast(super().visit_TimestampTruncate(op, arg=arg, unit=unit), sge.DataType.Type.TIMESTAMPNTZ)


class Spark(Backend):  # type: ignore[misc]  # Ibis ships no types
    """The Ibis backend whose SQL that is; answers come as Arrow."""

    compiler = SparkSql()

    def do_connect(self, session: Any = None, mode: Any = "batch", **settings: Any) -> None:
        """Connect to a session, with the options that this kind of backend reads."""
        ibis.options.pyspark = ibis.options.pyspark or self.Options()
        super().do_connect(session, mode, **settings)

    def mapped(self, table: Any, function: Callable[[Batches], Batches], schema: pa.Schema) -> Any:
        """Give the table that a function makes of another one's Arrow batches, in the workers that hold them."""
        self._run_pre_execute_hooks(table)
        view = ibis.util.gen_name("mapped")
        self.raw_sql(self.compile(table)).mapInArrow(function, from_arrow_schema(schema)).createTempView(view)
        return self.table(view)

    def create_table(self, name: str, /, obj: Any = None, **given: Any) -> Any:
        """Compute a table and keep it."""
        with _told():
            return super().create_table(name, obj, **given)

    def _create_cached_table(self, name: str, expr: Any) -> Any:
        self._run_pre_execute_hooks(expr)  # tables in memory become views, which Ibis forgets here
        return super()._create_cached_table(name, expr)

    def compile(self, expr: Any, /, **given: Any) -> Any:
        """Write SQL, or say in a sentence what Spark can't be asked."""
        try:
            return super().compile(expr, **given)
        except (IbisError, NotImplementedError) as error:
            raise SourceError(reason=f"Spark can't be asked this: {error}. {_ADVICE}") from error

    def raw_sql(self, query: Any, **given: Any) -> Any:
        """Plan a query."""
        with _told():
            return super().raw_sql(query, **given)

    def to_parquet(self, expr: Any, /, path: Any, **given: Any) -> None:
        """Let the workers write a folder."""
        with _told():
            super().to_parquet(expr, path, **given)

    def execute(self, expr: Any, /, *, params: Any = None, limit: Any = None, **_: Any) -> Any:
        """Collect an answer as pandas."""
        found = self.to_pyarrow(expr.as_table(), params=params, limit=limit)
        columns = {name: values.to_pylist() if _is_listed(values) else values.to_pandas() for name, values in _columns(found)}
        return expr.__pandas_result__(DuckDBPandasData.convert_table(pd.DataFrame(columns), expr.as_table().schema()))

    def to_pyarrow(self, expr: Any, /, *, params: Any = None, limit: Any = None, **_: Any) -> Any:
        """Collect an answer."""
        table = expr.as_table()
        self._run_pre_execute_hooks(table)
        rows = self.raw_sql(self.compile(table, params=params, limit=limit))
        with _told():
            found = rows.toArrow()
        return expr.__pyarrow_result__(PyArrowData.convert_table(found, table.schema()))


@contextmanager
def _told() -> Iterator[None]:
    """Give what Spark fails by as one sentence."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        first, last = lines[0][:_SHOWN], lines[-1][:_SHOWN]
        raise SourceError(reason=f"Spark failed: {first if first == last else f'{first} … {last}'} {_ADVICE}") from error


def _columns(table: pa.Table) -> Iterator[tuple[str, pa.ChunkedArray]]:
    return zip(table.column_names, table.columns, strict=True)


def _is_listed(values: pa.ChunkedArray) -> bool:
    """Say whether Ibis on DuckDB makes such a column by way of a list, so that its pandas type is the same."""
    return bool(values.null_count) or pa.types.is_nested(values.type)
