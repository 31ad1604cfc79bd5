"""Print the table: `make bench`; `make bench ARGS=--full` takes the sizes that the bars are stated for, some minutes and 8 GB."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from benchmarks import alert_budget, attribution, clv, clv_scores, clv_summary, feature_set, first_view, projection, scoring, service
from benchmarks.measure import Row, show

_CONTACTS, _FULL_CONTACTS = 200_000, 1_000_000


def main() -> None:
    """Run every benchmark in turn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Costs that grow, each beside what one would otherwise pick.")
    parser.add_argument("--full", action="store_true", help=f"{_FULL_CONTACTS:,} contacts instead of {_CONTACTS:,}")
    contacts = _FULL_CONTACTS if parser.parse_args().full else _CONTACTS
    libraries = ("duckdb", "pandas", "lightgbm", "lifetimes", "numpy", "bentoml", "mlflow", "uvicorn")
    show(_rows(contacts), libraries)


def _rows(contacts: int) -> Iterator[Row]:
    yield from clv.rows(contacts)
    yield from clv_summary.rows(contacts)
    yield from clv_scores.rows(contacts)
    yield from feature_set.rows(contacts)
    yield from scoring.rows(contacts)
    yield from attribution.rows(contacts)
    yield from projection.rows()
    yield from alert_budget.rows()
    yield from service.rows()
    yield from first_view.rows()


if __name__ == "__main__":
    main()
