"""What holds a company's tables and answers questions about them; all that a backend does in its own way, the rest is Ibis."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import duckdb
import ibis
import ibis.expr.types as ir

from funnelcast.sources.conform import plain_times
from funnelcast.sources.source_file import DUCKDB_FILE, SPARK, SourceFile

_COMPANY = "company"


class Refused(Exception):
    """What an engine says of a file, a table, a query or a condition that it can't read: on one line, without its picture of the place."""

    def __init__(self, error: Exception) -> None:
        super().__init__(" ".join(str(error).split("\n\nLINE")[0].split()))


class Engine(Protocol):
    """One backend at work.

    Parameters
    ----------
    connection
        Its Ibis backend.
    reader
        The engine that reads delimited text and workbooks: they go through DuckDB whatever holds the tables.
    sniffs
        Whether it can learn from texts how dates and numbers are written.
    """

    connection: Any
    sniffs: bool

    @property
    def reader(self) -> Engine:
        """The engine that reads delimited text and workbooks."""
        ...

    def parquet(self, name: str, files: Sequence[Path]) -> None:
        """Make a view of files."""
        ...

    def query(self, name: str, sql: str) -> bool:
        """Make a view of a query's rows; False where it gives none."""
        ...

    def database_table(self, name: str, theirs: str) -> None:
        """Make a view of a table of the company's database."""
        ...

    def passing(self, name: str, view: str, condition: str) -> None:
        """Make a view of another view's rows that pass a condition in SQL."""
        ...

    def forget(self, view: str) -> None:
        """Drop a view, and what only it was made for."""
        ...

    def hold(self, name: str, table: ir.Table) -> ir.Table:
        """Compute a table once, and keep it."""
        ...

    def take(self, name: str, table: ir.Table) -> ir.Table:
        """Give a table of the reader as one of this engine's own."""
        ...

    def drop(self, name: str) -> None:
        """Drop a table that was held."""
        ...


def start(file: SourceFile, threads: int | None, memory: str | None) -> Engine:
    """Start the backend that source.toml names.

    Raises
    ------
    BadSourceFile
        It can't be started here; says what is missing.
    """
    if file.source.backend == SPARK:
        from funnelcast.sources.spark import SparkEngine  # noqa: PLC0415 (pyspark is an extra)

        return SparkEngine(file, threads, memory)
    return DuckDb(file, threads, memory)


class DuckDb:
    """DuckDB in this process: session time is the company's, relative files are beside source.toml, and it spills to a temporary folder."""

    sniffs = True

    def __init__(self, file: SourceFile, threads: int | None, memory: str | None) -> None:
        spill = Path(tempfile.gettempdir()) / f"funnelcast-{uuid.uuid4().hex}"
        limits = {name: limit for name, limit in (("threads", threads), ("memory_limit", memory)) if limit}
        self.connection = ibis.duckdb.connect(temp_directory=str(spill), **limits)
        settings = {"TimeZone": file.source.timezone, "file_search_path": str(file.folder)}
        for name, value in settings.items():
            self.connection.con.execute(f"set {name} = $1", [value])
        if file.source.backend.startswith(DUCKDB_FILE):
            database = file.folder / file.source.backend.removeprefix(DUCKDB_FILE)
            self.connection.attach(database, name=_COMPANY, read_only=True)
            self.connection.con.execute("set search_path = 'memory.main,company.main'")

    @property
    def reader(self) -> DuckDb:
        """Itself."""
        return self

    def parquet(self, name: str, files: Sequence[Path]) -> None:
        """Make a view of files, whose columns may be in any order."""
        try:
            rows = self.connection.read_parquet([str(path) for path in files], union_by_name=True, table_name=name)
            rows.limit(1).to_pyarrow()
        except duckdb.Error as error:
            raise Refused(error) from error

    def query(self, name: str, sql: str) -> bool:
        """Compute a query once, as it may be dear."""
        try:
            rows = self.connection.con.sql(sql)
            if rows is not None:
                rows.create(f"{name}_rows")
                self.connection.con.table(f"{name}_rows").create_view(name)
        except duckdb.Error as error:
            raise Refused(error) from error
        return rows is not None

    def database_table(self, name: str, theirs: str) -> None:
        """Make a view of a table of the attached database."""
        try:
            self.connection.con.table(theirs).create_view(name)
        except duckdb.Error as error:
            raise Refused(error) from error

    def passing(self, name: str, view: str, condition: str) -> None:
        """Make a view of another view's rows that pass a condition."""
        try:
            self.connection.con.view(view).filter(condition).create_view(name, replace=True)
        except duckdb.Error as error:
            raise Refused(error) from error

    def forget(self, view: str) -> None:
        """Drop a view, and the rows of the query that it shows."""
        self.connection.drop_view(view)
        self.connection.drop_table(f"{view}_rows", force=True)

    def hold(self, name: str, table: ir.Table) -> ir.Table:
        """Compute a table once, and keep it."""
        return plain_times(self.connection.create_table(name, table))

    def take(self, name: str, table: ir.Table) -> ir.Table:  # noqa: ARG002 it is there already
        """Give the table."""
        return table

    def drop(self, name: str) -> None:
        """Drop a table."""
        self.connection.drop_table(name)
