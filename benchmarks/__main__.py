"""Print the table: `make bench`; `make bench ARGS=--full` takes the sizes that the bars are stated for, some minutes and 8 GB."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Iterator
from importlib.metadata import version

from rich.console import Console
from rich.table import Table

from benchmarks import attribution, clv, clv_scores, clv_summary, feature_set, projection, scoring
from benchmarks.measure import Row

_CONTACTS, _FULL_CONTACTS = 200_000, 1_000_000


def main() -> None:
    """Run every benchmark in turn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Costs that grow, each beside what one would otherwise pick.")
    parser.add_argument("--full", action="store_true", help=f"{_FULL_CONTACTS:,} contacts instead of {_CONTACTS:,}")
    contacts = _FULL_CONTACTS if parser.parse_args().full else _CONTACTS
    console = Console(width=160)
    table = Table("what", "beside", "ours", "theirs", "theirs / ours", "agreement")
    for row in _rows(contacts):
        table.add_row(row.name, row.other, f"{row.own:.3f} {row.unit}", f"{row.theirs:.3f} {row.unit}", f"{row.ratio:.2f}", row.agreement)
    console.print(table)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "pandas", "lightgbm", "lifetimes", "numpy"))
    console.print(f"Python {platform.python_version()}, {libraries}", highlight=False)


def _rows(contacts: int) -> Iterator[Row]:
    yield from clv.rows(contacts)
    yield from clv_summary.rows(contacts)
    yield from clv_scores.rows(contacts)
    yield from feature_set.rows(contacts)
    yield from scoring.rows(contacts)
    yield from attribution.rows(contacts)
    yield from projection.rows()


if __name__ == "__main__":
    main()
