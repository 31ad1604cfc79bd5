"""Where a table's rows come from: files of each kind, a table of the company's database, or a query."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import duckdb
import ibis.expr.types as ir

from funnelcast.errors import BadSourceFile, MissingFile, UnreadableFile
from funnelcast.sources.delimited import Delimited
from funnelcast.sources.findings import Report, told
from funnelcast.sources.source_file import DUCKDB_FILE, Declaration, SourceFile
from funnelcast.sources.workbook import read_sheets

TEXT, PARQUET, SHEET = "delimited text", "parquet", "workbook"
KINDS = {".csv": TEXT, ".tsv": TEXT, ".txt": TEXT, ".parquet": PARQUET, ".pq": PARQUET}
KINDS |= dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), SHEET)
"""What a file is by the end of its name; delimited text may be gzipped (.csv.gz)."""


class Raw(Protocol):
    """A table's rows as the company has them.

    ``typed`` says that the texts in it are meant as texts; ``delimiter`` is what delimits text, where it is text.
    """

    origin: str
    columns: tuple[str, ...]
    typed: bool
    delimiter: str | None

    def load(self, name: str, columns: Sequence[str]) -> ir.Table:
        """Bring these columns into the engine, under the company's own names."""
        ...

    def place(self, row: int) -> str:
        """Name a row, counted from 0, so that the company finds it."""
        ...

    def drop(self) -> None:
        """Let the engine forget the rows."""
        ...


class Loaded:
    """Rows that the engine holds, or reads itself through a view."""

    delimiter: str | None = None

    def __init__(self, connection: Any, name: str, origin: str, *, typed: bool = True) -> None:
        self._connection = connection
        self._name = name
        self._table = connection.table(name)
        self.origin = origin
        self.columns = tuple(self._table.columns)
        self.typed = typed

    def load(self, name: str, columns: Sequence[str]) -> ir.Table:  # noqa: ARG002 the rows are there already
        """Give these columns."""
        return self._table.select(*columns)

    def place(self, row: int) -> str:
        """Name a row, from 1 on; in a sheet the header is row 1."""
        return f"row {row + (1 if self.typed else 2)}"

    def drop(self) -> None:
        """Let the engine forget the rows."""
        if self._name.endswith("_view"):
            self._connection.drop_view(self._name)
        else:
            self._connection.drop_table(self._name)


def read(connection: Any, declaration: Declaration, file: SourceFile, report: Report) -> Raw:
    """Find a table's rows.

    Raises
    ------
    MissingFile
        No file matches.
    UnreadableFile, EmptyTable
        A file isn't what its name says.
    BadSourceFile
        The query or the table can't be read, or the kind of file isn't known.
    """
    if declaration.sql is not None:
        return _query(connection, declaration, file)
    if declaration.table is not None:
        return _database_table(connection, declaration, file)
    files = find(declaration, file)
    kinds = {_kind(path, declaration, file) for path in files}
    if len(kinds) > 1:
        raise _bad(file, declaration, f"path matches files of several kinds: {', '.join(sorted(kinds))}")
    kind = kinds.pop()
    if kind == TEXT:
        return Delimited(connection, declaration, files, report)
    if kind == SHEET:
        connection.create_table(f"raw_{declaration.name}", read_sheets(files, declaration))
        return Loaded(connection, f"raw_{declaration.name}", _names(files), typed=False)
    return _parquet(connection, declaration, files)


def find(declaration: Declaration, file: SourceFile) -> list[Path]:
    """Give the files that a path or glob names, sorted."""
    path = Path(declaration.path or "").expanduser()
    whole = path if path.is_absolute() else file.folder / path
    if whole.is_dir():
        raise _bad(file, declaration, f"path {declaration.path!r} is a folder; name its files, such as {path / '*.csv'}")
    if whole.exists():
        return [whole]
    anchor = Path(whole.anchor)
    found = sorted(match for match in anchor.glob(str(whole.relative_to(anchor))) if match.is_file())
    if not found:
        folder = file.folder if not path.is_absolute() else path.parent
        raise MissingFile(table=declaration.name, path=declaration.path, folder=folder, source=file.path)
    return found


def _kind(path: Path, declaration: Declaration, file: SourceFile) -> str:
    suffix = Path(path.stem).suffix if path.suffix.lower() == ".gz" else path.suffix
    kind = KINDS.get(suffix.lower())
    if kind is None or (path.suffix.lower() == ".gz" and kind != TEXT):
        raise _bad(file, declaration, f"{path.name} is of no kind that can be read; known: {', '.join(KINDS)}, and .csv.gz")
    return kind


def _parquet(connection: Any, declaration: Declaration, files: Sequence[Path]) -> Raw:
    try:
        rows = connection.read_parquet([str(path) for path in files], union_by_name=True, table_name=f"raw_{declaration.name}_view")
        rows.limit(1).to_pyarrow()
    except duckdb.Error as error:
        reason = f"can't be read as parquet: {told(error)}"
        advice = f"Mend the file or `path` under [tables.{declaration.name}]."
        raise UnreadableFile(table=declaration.name, path=_names(files), reason=reason, advice=advice) from error
    return Loaded(connection, f"raw_{declaration.name}_view", _names(files))


def _query(connection: Any, declaration: Declaration, file: SourceFile) -> Raw:
    name = f"raw_{declaration.name}"
    try:
        rows = connection.con.sql(declaration.sql)
        if rows is None:
            raise _bad(file, declaration, "sql must be one select that gives rows")
        rows.create(name)
    except duckdb.Error as error:
        raise _bad(file, declaration, f"sql fails: {told(error)}") from error
    return Loaded(connection, name, "the query")


def _database_table(connection: Any, declaration: Declaration, file: SourceFile) -> Raw:
    if not file.source.backend.startswith(DUCKDB_FILE):
        raise _bad(file, declaration, f'table needs backend = "{DUCKDB_FILE}FILE" under [source]: the database that holds it')
    try:
        connection.con.table(declaration.table).create_view(f"raw_{declaration.name}_view")
    except duckdb.Error as error:
        raise _bad(file, declaration, f"table {declaration.table!r} can't be read: {told(error)}") from error
    return Loaded(connection, f"raw_{declaration.name}_view", str(declaration.table))


def _names(files: Sequence[Path]) -> str:
    return ", ".join(path.name for path in files)


def _bad(file: SourceFile, declaration: Declaration, reason: str) -> BadSourceFile:
    return BadSourceFile(path=file.path, reason=f"[tables.{declaration.name}] {reason}", table=declaration.name)
