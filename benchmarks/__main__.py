"""Print one table of costs, each beside what one would otherwise pick: `make bench`.

`make bench ARGS=--full` takes the sizes that the bars are stated for (some minutes and 8 GB); with `ARGS="--full --keep"` the table also
stands in RESULTS.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from benchmarks import alert_budget, attribution, clv, clv_scores, clv_summary, feature_set, first_view, projection, scoring, service
from benchmarks.measure import Row, headline, keep, show

RESULTS = Path(__file__).with_name("RESULTS.md")
LIBRARIES = ("duckdb", "pandas", "lightgbm", "lifetimes", "numpy", "bentoml", "mlflow", "uvicorn", attribution.OTHER)
PARTS: Mapping[str, Callable[[int], Iterator[Row]]] = MappingProxyType(
    {
        "clv": clv.rows,
        "clv_summary": clv_summary.rows,
        "clv_scores": clv_scores.rows,
        "feature_set": feature_set.rows,
        "scoring": scoring.rows,
        "attribution": attribution.rows,
        "projection": lambda _: projection.rows(),
        "alert_budget": lambda _: alert_budget.rows(),
        "service": lambda _: service.rows(),
        "first_view": lambda _: first_view.rows(),
    }
)
"""What is measured, by name; each takes the number of contacts, where that says anything."""
_CONTACTS, _FULL_CONTACTS = 200_000, 1_000_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every benchmark in turn; a part that fails is named, and the others stand."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Costs that grow, each beside what one would otherwise pick.")
    parser.add_argument("--full", action="store_true", help=f"{_FULL_CONTACTS:,} contacts instead of {_CONTACTS:,}")
    parser.add_argument("--contacts", type=int, metavar="N", help="another number of contacts")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS), metavar="PART", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--keep", action="store_true", help="write the table into benchmarks/RESULTS.md")
    given = parser.parse_args(arguments)
    failed: list[str] = []
    rows = show(_rows(given.only, given.contacts or (_FULL_CONTACTS if given.full else _CONTACTS), failed), LIBRARIES)
    if given.keep and not failed:
        keep(RESULTS, f"`make bench{' ARGS=--full' if given.full else ''}` on {headline(LIBRARIES)}", rows)
    for part in failed:
        print(f"not measured: {part}", file=sys.stderr)
    return int(bool(failed))


def _rows(parts: Sequence[str], contacts: int, failed: list[str]) -> Iterator[Row]:
    for part in parts:
        try:
            yield from PARTS[part](contacts)
        except Exception as error:  # noqa: BLE001 (an hour of other rows isn't lost for it)
            failed.append(f"{part}: {type(error).__name__}: {error}")


if __name__ == "__main__":
    sys.exit(main())
