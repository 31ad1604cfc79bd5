"""Tables and their cells as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_NUMBER_COLUMNS = 12


def show_rows(console: Console, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Print rows as a table of their first's plain columns; one that holds a document of its own is left to ``--json``."""
    names = [name for name in rows[0] if not isinstance(rows[0][name], list | Mapping)][:_NUMBER_COLUMNS]
    table = Table(*names, title=escape(title), title_justify="left")
    for row in rows:
        table.add_row(*(written(row.get(name)) for name in names))
    console.print(table)


def show_pairs(console: Console, title: str, pairs: Mapping[str, Any]) -> None:
    """Print names and values as a table."""
    table = Table(title, "")
    for name, value in pairs.items():
        table.add_row(name, written(value))
    console.print(table)


def written(value: Any) -> str:
    """Write a value for people; square brackets are its own, not the terminal's."""
    return escape(plain(value))


def plain(value: Any) -> str:
    """Write a value: a dash for none, four digits, an interval behind its value."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    if isinstance(value, Mapping) and {"value", "low", "high"} <= set(value):
        return f"{plain(value['value'])} ({plain(value['low'])} to {plain(value['high'])})"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(one)}" for name, one in value.items())
    if isinstance(value, list):
        return ", ".join(plain(one) for one in value)
    return str(value)
