"""Print the table: `make bench`."""

from __future__ import annotations

import platform
from importlib.metadata import version

from rich.console import Console
from rich.table import Table

from benchmarks import clv, features

BENCHMARKS = (clv, features)


def main() -> None:
    """Run every benchmark in turn."""
    console = Console(width=140)
    table = Table("what", "beside", "seconds", "theirs", "ratio", "agreement")
    for benchmark in BENCHMARKS:
        for row in benchmark.rows():
            table.add_row(row.name, row.other, f"{row.own_seconds:.3f}", f"{row.other_seconds:.3f}", f"{row.ratio:.1f}", row.agreement)
    console.print(table)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "pandas", "lifetimes", "numpy"))
    console.print(f"Python {platform.python_version()}, {libraries}", highlight=False)


if __name__ == "__main__":
    main()
