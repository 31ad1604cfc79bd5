"""Spark as the engine: a company's tables beyond one machine. Imported only where source.toml asks for it."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import sys
import tempfile
import uuid
import weakref
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pyarrow as pa

from funnelcast.errors import BadSourceFile
from funnelcast.sources.engine import DuckDb, Engine, Refused
from funnelcast.sources.source_file import SPARK, SourceFile

_SESSION = {
    # wall-clock time stays wall-clock time, whatever the cluster's zone
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_NTZ",
    # what has no value is null, as in DuckDB, rather than an error
    "spark.sql.ansi.enabled": "false",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "25000",
}
_CONFIGURED_BY = ("SPARK_CONF_DIR", "SPARK_HOME", "PYSPARK_SUBMIT_ARGS", "PYSPARK_GATEWAY_PORT")
"""Variables of whoever has a Spark of their own: it then runs as they configured it."""
_HANDED_ROWS = 1_000_000
_UNITS = {"K": 1 / 1024, "M": 1.0, "G": 1024.0, "T": 1024.0**2}


class SparkEngine:
    """A session of Spark with a scratch database of its own, dropped at exit."""

    sniffs = False

    def __init__(self, file: SourceFile, threads: int | None, memory: str | None) -> None:
        self._file, self._limits = file, (threads, memory)
        session = _session(file, threads, memory)
        for name, value in _SESSION.items():
            session.conf.set(name, value)
        from funnelcast.sources.spark_sql import Spark  # noqa: PLC0415 (needs pyspark, of which _session made sure)

        self.connection = Spark().connect(session)
        self._database = f"funnelcast_{uuid.uuid4().hex}"
        self.connection.create_database(self._database)
        weakref.finalize(self.connection, session.sql, f"drop database if exists {self._database} cascade")

    @cached_property
    def reader(self) -> Engine:
        """A DuckDB, started when a file calls for it."""
        return DuckDb(self._file, *self._limits)

    def parquet(self, name: str, files: Sequence[Path]) -> None:
        """Make a view of files, whose columns may be in any order."""
        read = self._session.read.option("mergeSchema", "true" if len(files) > 1 else "false")
        self._view(name, lambda: read.parquet(*(path.as_uri() for path in files)))

    def query(self, name: str, sql: str) -> bool:
        """Make a view of a query's rows."""
        self._view(name, lambda: self._session.sql(sql))
        return bool(self.connection.table(name).columns)

    def database_table(self, name: str, theirs: str) -> None:
        """Make a view of a table of Spark's catalog."""
        self._view(name, lambda: self._session.table(theirs))

    def passing(self, name: str, view: str, condition: str) -> None:
        """Make a view of another view's rows that pass a condition."""
        self._view(name, lambda: self._session.table(view).filter(condition))

    def forget(self, view: str) -> None:
        """Drop a view."""
        self._session.catalog.dropTempView(view)

    def hold(self, name: str, table: ir.Table) -> ir.Table:
        """Compute a table once, and keep it in the scratch database."""
        held = self.connection.create_table(name, table, database=self._database)
        self.connection.drop_table(_handed(name), database=self._database, force=True)
        return held

    def take(self, name: str, table: ir.Table) -> ir.Table:
        """Hand the reader's rows over, a batch at a time; a table that Spark reads itself stays as it is."""
        if table.get_backend() is self.connection:
            return table
        schema = table.schema().to_pyarrow()
        for batch in table.to_pyarrow_batches(chunk_size=_HANDED_ROWS):
            rows = self._session.createDataFrame(pa.Table.from_batches([batch]).cast(schema))
            rows.write.mode("append").saveAsTable(f"{self._database}.{_handed(name)}")
        return self.connection.table(_handed(name), database=self._database)

    def drop(self, name: str) -> None:
        """Drop a table."""
        self.connection.drop_table(name, database=self._database)

    @property
    def _session(self) -> Any:
        return self.connection._session  # noqa: SLF001 (Ibis gives no other way to it)

    def _view(self, name: str, rows: Any) -> None:
        from pyspark.errors import PySparkException  # noqa: PLC0415

        try:
            _on_the_wall(rows(), self._file.source.timezone).createOrReplaceTempView(name)
        except PySparkException as error:
            raise Refused(error) from error


def _on_the_wall(rows: Any, timezone: str) -> Any:
    """Turn instants into the company's wall-clock time."""
    from pyspark.sql import functions, types  # noqa: PLC0415

    def column(field: Any) -> Any:
        given = functions.col("`" + field.name.replace("`", "``") + "`")
        if not isinstance(field.dataType, types.TimestampType):
            return given
        utc, zone = functions.lit("UTC"), functions.lit(timezone)
        return functions.convert_timezone(utc, zone, given.cast("timestamp_ntz")).alias(field.name)

    return rows.select(*(column(field) for field in rows.schema))


def _handed(name: str) -> str:
    return f"handed_{name}"


def _session(file: SourceFile, threads: int | None, memory: str | None) -> Any:
    """Give a session of the Spark that runs or is configured, else of one on this machine."""
    try:
        from pyspark.errors import PySparkException  # noqa: PLC0415
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ImportError as error:
        reason = f'backend = "{SPARK}" needs Java 17 or 21 and the extra `spark`: run `pip install -e ".[spark]"` in the checkout'
        raise BadSourceFile(path=file.path, reason=reason) from error
    builder = SparkSession.builder.appName(f"funnelcast {file.source.name}")
    if SparkSession.getActiveSession() is None and not any(os.environ.get(name) for name in _CONFIGURED_BY):
        builder = builder.config(map=_local(threads or os.cpu_count() or 1, memory))
    try:
        return builder.getOrCreate().newSession()
    except (PySparkException, OSError) as error:
        reason = f'backend = "{SPARK}" can\'t be started: {Refused(error)} It needs Java 17 or 21, found by JAVA_HOME or on the PATH'
        raise BadSourceFile(path=file.path, reason=reason) from error


def _local(threads: int, memory: str | None) -> dict[str, str]:
    """Configure a Spark on this machine that nobody else reaches, in a folder that is gone at exit."""
    folder = tempfile.mkdtemp(prefix="funnelcast-spark-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # the workers': they rebuild models
    return {
        "spark.master": f"local[{threads}]",
        "spark.sql.warehouse.dir": folder,
        "spark.local.dir": folder,
        "spark.sql.shuffle.partitions": str(2 * threads),
        "spark.driver.maxResultSize": "0",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": "FATAL",
        "spark.driver.memory": _megabytes(memory) if memory else _half_the_machine(),
    }


def _half_the_machine() -> str:
    """Leave the other half to the workers that run Python, and to the files that the system keeps at hand."""
    return f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') // 2**21}m"


def _megabytes(memory: str) -> str:
    """Write a size such as 2GB as Java does."""
    number, unit = re.findall(r"[\d.]+|[KMGT]", memory)
    return f"{int(float(number) * _UNITS[unit])}m"
