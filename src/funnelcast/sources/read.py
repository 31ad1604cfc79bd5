"""Where a table's rows come from: files of each kind, a table of the company's database, or a query."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import ibis.expr.types as ir

from funnelcast.errors import BadSourceFile, MissingFile, UnreadableFile
from funnelcast.sources.delimited import Delimited
from funnelcast.sources.engine import Engine, Refused
from funnelcast.sources.findings import Report
from funnelcast.sources.source_file import DUCKDB, DUCKDB_FILE, SPARK, Declaration, SourceFile
from funnelcast.sources.workbook import read_sheets

TEXT, PARQUET, SHEET = "delimited text", "parquet", "workbook"
KINDS = {".csv": TEXT, ".tsv": TEXT, ".txt": TEXT, ".parquet": PARQUET, ".pq": PARQUET}
KINDS |= dict.fromkeys((".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"), SHEET)
"""What a file is by the end of its name; delimited text may be gzipped (.csv.gz)."""


class Raw(Protocol):
    """A table's rows as the company has them.

    ``engine`` reads them; ``typed`` says that the texts in it are meant as texts; ``delimiter`` is what delimits text, where it is text.
    """

    engine: Engine
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
    """Rows that the engine holds or reads itself, behind a view."""

    delimiter: str | None = None

    def __init__(self, engine: Engine, view: str, origin: str, *, typed: bool = True) -> None:
        self.engine = engine
        self._view = view
        self._table = engine.connection.table(view)
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
        self.engine.forget(self._view)


def read(engine: Engine, declaration: Declaration, file: SourceFile, report: Report) -> Raw:
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
        return _query(engine, declaration, file)
    if declaration.table is not None:
        return _database_table(engine, declaration, file)
    files = find(declaration, file)
    kinds = {_kind(path, declaration, file) for path in files}
    if len(kinds) > 1:
        raise _bad(file, declaration, f"path matches files of several kinds: {', '.join(sorted(kinds))}")
    kind = kinds.pop()
    if kind == TEXT:
        return Delimited(engine.reader, declaration, files, report)
    if kind == SHEET:
        return _workbook(engine.reader, declaration, files)
    return _parquet(engine, declaration, files)


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


def _workbook(reader: Engine, declaration: Declaration, files: Sequence[Path]) -> Raw:
    view = _view(declaration)
    rows = reader.connection.create_table(f"{view}_rows", read_sheets(files, declaration))
    reader.connection.create_view(view, rows)
    return Loaded(reader, view, _names(files), typed=False)


def _parquet(engine: Engine, declaration: Declaration, files: Sequence[Path]) -> Raw:
    view = _view(declaration)
    try:
        engine.parquet(view, files)
    except Refused as error:
        advice = f"Mend the file or `path` under [tables.{declaration.name}]."
        reason = f"can't be read as parquet: {error}"
        raise UnreadableFile(table=declaration.name, path=_names(files), reason=reason, advice=advice) from error
    return Loaded(engine, view, _names(files))


def _query(engine: Engine, declaration: Declaration, file: SourceFile) -> Raw:
    view = _view(declaration)
    try:
        given = engine.query(view, str(declaration.sql))
    except Refused as error:
        advice = "Mend the query, or put the files that it names beside source.toml; where you have none, leave the section out."
        raise _bad(file, declaration, f"sql fails: {error}. {advice}") from error
    if not given:
        raise _bad(file, declaration, "sql must be one select that gives rows")
    return Loaded(engine, view, "the query")


def _database_table(engine: Engine, declaration: Declaration, file: SourceFile) -> Raw:
    if file.source.backend == DUCKDB:
        wanted = f'backend = "{DUCKDB_FILE}FILE" under [source]: the database that holds it; or "{SPARK}" and its catalog'
        raise _bad(file, declaration, f"table needs {wanted}")
    view = _view(declaration)
    try:
        engine.database_table(view, str(declaration.table))
    except Refused as error:
        raise _bad(file, declaration, f"table {declaration.table!r} can't be read: {error}") from error
    return Loaded(engine, view, str(declaration.table))


def _view(declaration: Declaration) -> str:
    return f"raw_{declaration.name}_view"


def _names(files: Sequence[Path]) -> str:
    return ", ".join(path.name for path in files)


def _bad(file: SourceFile, declaration: Declaration, reason: str) -> BadSourceFile:
    return BadSourceFile(path=file.path, reason=f"[tables.{declaration.name}] {reason}", table=declaration.name)
