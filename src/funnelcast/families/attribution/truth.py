"""How far each method lay from the true increments of simulated companies: what ``benchmarks/attribution_truth.py --keep`` measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

FILE = Path(__file__).with_name("truth.json")
WORLDS: Mapping[str, str] = {
    "none": "no channel chases",
    "default": "some chase",
    "strong": "they chase hard",
    "unseen": "half of offline unseen",
}
"""What the simulated worlds differ in: channels that reach people who would buy anyway, and offline touches under no known name."""
_JUDGED_BY = {"first": "expected_incremental_conversions", "each": "incremental_purchases"}
_CONVERSIONS = {"first": "first purchase", "each": "each purchase"}


def table_of(rows: pd.DataFrame, companies: int, contacts: int) -> dict[str, Any]:
    """Average errors over companies.

    Parameters
    ----------
    rows
        ``world, company, conversions, truth, method`` and ``error``, the total variation distance between shares of credit and of truth.

    Returns
    -------
    ``companies``, ``contacts`` and ``rows``: ``conversions, truth, method`` and by world ``errors`` with ``mean`` and ``standard_error``.
    """
    keys = ["conversions", "truth", "method"]
    averaged = rows.groupby([*keys, "world"], sort=False)["error"].agg(["mean", "sem"]).round(4)
    found = [
        {
            **dict(zip(keys, key, strict=True)),
            "errors": {
                str(world): {"mean": float(error["mean"]), "standard_error": float(error["sem"])}
                for world, error in own.droplevel([0, 1, 2]).iterrows()
            },
        }
        for key, own in averaged.groupby(level=keys, sort=False)
    ]
    return {"companies": companies, "contacts": contacts, "rows": found}


def measured() -> dict[str, Any]:
    """Read the table that was kept."""
    found: dict[str, Any] = json.loads(FILE.read_bytes())
    return found


def markdown() -> str:
    """Write the kept table, the nearest method of each column in bold."""
    kept = measured()
    rows = [row for row in kept["rows"] if row["truth"] == _JUDGED_BY[row["conversions"]]]
    lines = [f"| conversions | method | {' | '.join(WORLDS.values())} |", "|---|---|" + "---|" * len(WORLDS)]
    for row in rows:
        alike = [other["errors"] for other in rows if other["conversions"] == row["conversions"]]
        cells = [_cell(row["errors"][world], min(errors[world]["mean"] for errors in alike)) for world in WORLDS]
        lines.append(f"| {_CONVERSIONS[row['conversions']]} | {row['method']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def section() -> str:
    """Tell it as a section of the card."""
    kept = measured()
    return "\n".join(
        [
            "## Against the truth",
            "",
            f"Simulated companies ({kept['companies']} of {kept['contacts']:,} contacts a column) know what each channel brought.",
            "The error is half the sum of absolute differences between a method's shares and those of the true increments;",
            "0 is perfect. Mean ± standard error over companies, by `python -m benchmarks.attribution_truth --keep`.",
            "",
            markdown(),
        ]
    )


def _cell(error: Mapping[str, float], least: float) -> str:
    text = f"{error['mean']:.3f} ± {error['standard_error']:.3f}"
    return f"**{text}**" if error["mean"] == least else text
