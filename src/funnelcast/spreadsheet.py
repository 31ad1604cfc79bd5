"""CSV as a spreadsheet of either language opens it, without a cell that it would run."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import TypeAlias

Cell: TypeAlias = "str | float | int | bool | None"

_RUN = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a formula begins with in Excel and its like, the last four in East Asian width; spaces before it don't keep it from being run."""
_CONTROL = ("\t", "\r", "\n")
_FORMS = {"en": (",", ".", "utf-8"), "fr": (";", ",", "utf-8-sig")}


def csv_of(header: Sequence[str], rows: Sequence[Sequence[Cell]], lang: str) -> bytes:
    """Write a table: ``,`` and ``.`` in English, ``;`` and ``,`` in French, there with the mark by which Excel tells UTF-8.

    A text that a spreadsheet would take for a formula gets an apostrophe before it, and every cell is quoted, so that none is cut at the
    sign that separates cells elsewhere (OWASP, "CSV Injection"). Numbers stay numbers.
    """
    delimiter, decimal, encoding = _FORMS[lang]
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(header)
    writer.writerows([_written(cell, decimal) for cell in row] for row in rows)
    return text.getvalue().encode(encoding)


def _written(cell: Cell, decimal: str) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float | int) and not isinstance(cell, bool):
        return repr(cell).replace(".", decimal)
    said = str(cell)
    return f"'{said}" if said.startswith(_CONTROL) or said.lstrip().startswith(_RUN) else said
