"""A table that a command leaves in a file: it appears only when it is complete."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from funnelcast.errors import UsageError

_SUFFIXES = (".parquet", ".csv")


def require_table_file(out: Path) -> None:
    """Refuse a name that doesn't say which kind of table to write, before anything is computed.

    Raises
    ------
    UsageError
        It ends in neither .parquet nor .csv.
    """
    if out.suffix not in _SUFFIXES:
        raise UsageError(reason=f"--out {out.name}: end the file's name in .parquet or .csv.")


@contextmanager
def replaced(out: Path) -> Iterator[Path]:
    """Give a path beside ``out`` to write to; it replaces ``out`` at once when the block is done, and is gone when the block fails."""
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f".{out.name}.part")
    try:
        yield beside
        os.replace(beside, out)  # noqa: PTH105 (atomic)
    finally:
        beside.unlink(missing_ok=True)
