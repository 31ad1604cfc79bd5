"""Delimited text as it comes: encoding, delimiter and header are sniffed where they aren't declared, every cell is read as text."""

from __future__ import annotations

import bisect
import codecs
import csv
import gzip
import io
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import duckdb
import ibis
import ibis.expr.types as ir

from funnelcast.errors import EmptyTable, UnreadableFile
from funnelcast.sources.columns import unique
from funnelcast.sources.engine import Engine
from funnelcast.sources.findings import Report, shown
from funnelcast.sources.source_file import Declaration

DELIMITERS = (";", ",", "\t", "|")

_CHUNK = 1 << 20
_HEAD = 1 << 16
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_GUESSES = ("utf-8", "cp1252", "iso8859-1")
_REJECTED = 1000


@dataclass(frozen=True)
class Dialect:
    """How one file is written.

    ``rewritten`` says that the engine can't read it as it is: it isn't UTF-8, mixes line ends, or holds NUL bytes.
    """

    encoding: str
    delimiter: str
    header: tuple[str, ...]
    skip: int
    rewritten: bool


@dataclass(frozen=True)
class _Scan:
    """What a pass over all bytes of a file tells."""

    line: int = 0
    bytes_there: bytes = b""
    mixed: bool = False
    nuls: int = 0

    @property
    def decodes(self) -> bool:
        return not self.line


class Delimited:
    """The files of one table, each with its own dialect and order of columns."""

    typed = False

    def __init__(self, engine: Engine, declaration: Declaration, files: Sequence[Path], report: Report) -> None:
        self.engine = engine
        self._connection = engine.connection
        self._name = declaration.name
        self._files = files
        self._report = report
        self._dialects = [sniff(path, declaration, report) for path in files]
        self._ends: list[int] = []
        self.origin = ", ".join(path.name for path in files)
        self.delimiter: str | None = self._dialects[0].delimiter
        self.columns = tuple(dict.fromkeys(name for dialect in self._dialects for name in dialect.header))
        _tell(declaration, self._dialects, report)

    def load(self, name: str, columns: Sequence[str]) -> ir.Table:
        """Read these columns of every file into a table of the engine, as text."""
        table = self._connection.create_table(name, schema=ibis.schema(dict.fromkeys(columns, "string")), overwrite=True)
        for path, dialect in zip(self._files, self._dialects, strict=True):
            self._append(name, columns, path, dialect)
            self._ends += [int(table.count().to_pyarrow().as_py())] if len(self._files) > 1 else []
        return table

    def place(self, row: int) -> str:
        """Name a row (counted from 0 over all files) as a spreadsheet numbers it, the header being row 1."""
        number = bisect.bisect_right(self._ends, row)  # without ends, the one file there is
        start = self._ends[number - 1] if number else 0
        where = f"{self._files[number].name} " if len(self._files) > 1 else ""
        return f"{where}row {row - start + 2}"

    def drop(self) -> None:
        """Let the engine forget the rows."""
        self._connection.drop_table(f"raw_{self._name}", force=True)

    def _append(self, name: str, columns: Sequence[str], path: Path, dialect: Dialect) -> None:
        rejected = f"{name}_rejected"
        with tempfile.TemporaryDirectory(prefix="funnelcast-") as folder:
            readable = _rewrite(path, dialect.encoding, Path(folder)) if dialect.rewritten else path
            try:
                rows = self._connection.read_csv(
                    str(readable),
                    auto_detect=False,
                    header=True,
                    skip=dialect.skip,
                    delim=dialect.delimiter,
                    quote='"',
                    escape='"',
                    columns=dict.fromkeys(dialect.header, "VARCHAR"),
                    store_rejects=True,
                    rejects_table=rejected,
                    rejects_scan=f"{rejected}_scans",
                    rejects_limit=_REJECTED,
                )
                present = {column: rows[column] if column in dialect.header else ibis.null("string") for column in columns}
                self._connection.insert(name, rows.select(**present))
            except duckdb.Error as error:
                raise _unreadable(self._name, path, f"can't be read as delimited text: {_first_line(error)}") from error
        self._check_rejected(rejected, path)

    def _check_rejected(self, rejected: str, path: Path) -> None:
        faults = self._connection.con.table(rejected).select("line", "error_message", "csv_line").order("line").fetchall()
        for suffix in ("", "_scans"):
            self._connection.drop_table(rejected + suffix)
        if faults:
            number, message, text = faults[0]
            lines = len({line for line, *_ in faults})
            count = f"{lines} rows or more" if len(faults) >= _REJECTED else f"{lines} row{'s' * (lines > 1)}"
            fault = f"{count} that can't be split into cells ({message}); first: row {number}, {shown(text)}"
            self._report.block(_unreadable(self._name, path, f"holds {fault}"))


def _unreadable(table: str, path: Path, reason: str) -> UnreadableFile:
    advice = f"Mend the file, or set `delimiter` and `encoding` under [tables.{table}]."
    return UnreadableFile(table=table, path=path.name, reason=reason, advice=advice)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]


def opened(path: Path) -> IO[bytes]:
    """Open a file for reading, through gzip where its name says so."""
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def sniff(path: Path, declaration: Declaration, report: Report) -> Dialect:
    """Find how a file is written.

    Raises
    ------
    EmptyTable
        There is nothing in the file.
    UnreadableFile
        It isn't written in the declared encoding, or isn't the gzip file that its name says.
    """
    try:
        with opened(path) as file:
            head = file.read(_HEAD)
        if not head.strip(b"\0\r\n\t ;,\xef\xbb\xbf"):
            raise EmptyTable(table=declaration.name, path=path.name, reason=", not even a header")
        encoding, scan = _encoding(path, head, declaration)
    except (OSError, EOFError) as error:
        raise _unreadable(declaration.name, path, f"can't be read: {error}") from error
    if scan.nuls:
        report.warn(declaration.name, "", f"{path.name} holds NUL bytes; they are left out", scan.nuls)
    text = codecs.getincrementaldecoder(encoding)("replace").decode(head).lstrip("\ufeff").replace("\0", "")
    skip = 1 if re.match(r"sep=.\r?\n", text) else 0
    body = text.split("\n", 1)[1] if skip else text
    whole = body if len(head) < _HEAD else body[: body.rfind("\n") + 1]
    delimiter = declaration.delimiter or (text[4] if skip else _delimiter(whole, path))
    header = next(csv.reader(io.StringIO(whole, newline=None), delimiter=delimiter), [])
    names = unique(header)
    for given, name in zip(header, names, strict=True):
        if given.strip() and name != given.strip().lstrip("\ufeff"):
            report.warn(declaration.name, name, f"{path.name} has two columns {given.strip()!r}; the second is called {name!r}")
    plain = encoding == "utf-8" and not (scan.mixed or scan.nuls or re.search(r"[*?\[\]]", str(path)))
    return Dialect(encoding, delimiter, names, skip, rewritten=not plain)


def _encoding(path: Path, head: bytes, declaration: Declaration) -> tuple[str, _Scan]:
    marked = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)
    unmarked = "utf-16-le" if head[1::2].count(0) > len(head) // 4 else "utf-16-be" if head[::2].count(0) > len(head) // 4 else None
    guesses = (declaration.encoding,) if declaration.encoding else (marked,) if marked else (unmarked,) if unmarked else _GUESSES
    scans = ((guess, _scan(path, guess)) for guess in guesses if guess)
    found = None
    for guess, scan in scans:
        found = guess, scan
        if scan.decodes:
            return found
    if found is None:
        raise AssertionError(guesses)
    guess, scan = found
    reason = f"isn't written in {guess}: line {scan.line} holds the bytes {scan.bytes_there!r}"
    raise UnreadableFile(
        table=declaration.name, path=path.name, reason=reason, advice=f"Set or leave out `encoding` under [tables.{declaration.name}]."
    )


def _scan(path: Path, encoding: str) -> _Scan:
    decoder = codecs.getincrementaldecoder(encoding)()
    lines = returns = nuls = 0
    wide = encoding.startswith("utf-16")
    for chunk in _chunks(path):
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            seen = error.object[: error.start]
            return _Scan(lines + seen.count(b"\n") + 1, error.object[max(0, error.start - 10) : error.start + 10])
        lines += chunk.count(b"\n")
        returns += chunk.count(b"\r\n")
        nuls += 0 if wide else chunk.count(b"\0")
    return _Scan(mixed=0 < returns < lines, nuls=nuls)


def _chunks(path: Path) -> Iterator[bytes]:
    """Give a file's bytes, and an empty chunk at the end."""
    with opened(path) as file:
        while chunk := file.read(_CHUNK):
            yield chunk
    yield b""


def _rewrite(path: Path, encoding: str, folder: Path) -> Path:
    """Write a file again as UTF-8 with plain line ends and without NUL bytes."""
    target = folder / "facts.csv"
    with opened(path) as file, target.open("w", encoding="utf-8", newline="") as out:
        reader = io.TextIOWrapper(file, encoding="utf-8-sig" if encoding == "utf-8" else encoding, newline=None)
        shutil.copyfileobj(_WithoutNuls(reader), out, _CHUNK)
    return target


class _WithoutNuls:
    """A reader of text that leaves NUL characters out."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def read(self, size: int = -1, /) -> str:
        text = self._file.read(size)
        while text and not text.strip("\0"):
            text = self._file.read(size)
        return text.replace("\0", "")


def _delimiter(text: str, path: Path) -> str:
    """Give the delimiter that splits most lines into as many cells as the header has, and into the most."""

    def score(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(io.StringIO(text, newline=None), delimiter=delimiter) if row]
        alike = sum(width == widths[0] for width in widths) / len(widths) if widths and widths[0] > 1 else 0.0
        return round(alike, 1), widths[0] if widths else 0

    best = max(DELIMITERS, key=score)
    if score(best)[0] > 0:
        return best
    return "\t" if ".tsv" in path.suffixes else ","


def _tell(declaration: Declaration, dialects: Sequence[Dialect], report: Report) -> None:
    if declaration.delimiter is None:
        report.note(declaration.name, "", f"delimiter {' and '.join(sorted({repr(dialect.delimiter) for dialect in dialects}))} (sniffed)")
    if declaration.encoding is None:
        report.note(declaration.name, "", f"encoding {' and '.join(sorted({dialect.encoding for dialect in dialects}))} (sniffed)")
