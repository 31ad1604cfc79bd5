"""Spreadsheets: the first sheet, or the named one, its columns typed by what their cells hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import python_calamine

from funnelcast.errors import EmptyTable, UnreadableFile
from funnelcast.sources.columns import unique
from funnelcast.sources.source_file import Declaration


def read_sheets(files: Sequence[Path], declaration: Declaration) -> pa.Table:
    """Read one sheet of each workbook, one below the other: its first row names the columns.

    A column of numbers, of dates or of yes and no is typed so; one that mixes them is text, to be read like a text file's.

    Raises
    ------
    UnreadableFile
        A file isn't a workbook, or has no sheet of the declared name.
    EmptyTable
        A sheet has no header.
    """
    columns: dict[str, list[Any]] = {}
    length = 0
    for path in files:
        header, rows = _sheet(path, declaration)
        for name in header:
            columns.setdefault(name, [None] * length)
        length += len(rows)
        for name, cells in columns.items():
            number = header.index(name) if name in header else None
            cells.extend(None if number is None else row[number] for row in rows)
    return pa.table({name: _typed(cells) for name, cells in columns.items()})


def _sheet(path: Path, declaration: Declaration) -> tuple[tuple[str, ...], list[list[Any]]]:
    rows = _rows(path, declaration)
    if not rows or not any(cell != "" for cell in rows[0]):
        raise EmptyTable(table=declaration.name, path=path.name, reason=", not even a header")
    return unique(_text(cell) for cell in rows[0]), rows[1:]


def _rows(path: Path, declaration: Declaration) -> list[list[Any]]:
    advice = f"Mend `path` or `sheet` under [tables.{declaration.name}]."
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(str(path))
        if declaration.sheet is not None and declaration.sheet not in workbook.sheet_names:
            sheets = ", ".join(map(repr, workbook.sheet_names))
            reason = f"has no sheet {declaration.sheet!r}; it has {sheets}"
            raise UnreadableFile(table=declaration.name, path=path.name, reason=reason, advice=advice)
        sheet = workbook.get_sheet_by_name(declaration.sheet) if declaration.sheet else workbook.get_sheet_by_index(0)
        return [list(row) for row in sheet.to_python()]
    except (python_calamine.CalamineError, OSError) as error:
        raise UnreadableFile(
            table=declaration.name, path=path.name, reason=f"can't be read as a workbook: {error}", advice=advice
        ) from error


def _typed(cells: Sequence[Any]) -> pa.Array:
    values = [None if isinstance(cell, str) and not cell.strip() else cell for cell in cells]
    kinds = {type(value) for value in values if value is not None}
    if kinds and kinds <= {int, float}:
        return pa.array(values, pa.float64())
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds and kinds <= {date, datetime}:
        return pa.array([_instant(value) for value in values], pa.timestamp("us"))
    return pa.array(_texts(values), pa.string())


def _texts(values: Sequence[Any]) -> list[str | None]:
    """Write mixed cells as text, numbers with the decimal sign of the numbers that are text already."""
    comma = any(isinstance(value, str) and re.search(r"\d,\d", value) and "." not in value for value in values)
    written = [None if value is None else _text(value) for value in values]
    return [
        text.replace(".", ",") if text and comma and isinstance(value, float) else text for text, value in zip(written, values, strict=True)
    ]


def _instant(value: date | None) -> datetime | None:
    return value if value is None or isinstance(value, datetime) else datetime.combine(value, time())


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value.isoformat() if isinstance(value, date | time) else str(value.total_seconds() if isinstance(value, timedelta) else value)
