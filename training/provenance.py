"""Which facts and which code a run was made with."""

from __future__ import annotations

import subprocess
from functools import reduce
from typing import Any

import pandas as pd

from funnelcast.artefacts import digest
from funnelcast.settings import CHECKOUT
from funnelcast.sources.facts import Facts

_SHIFTS = 2**31 - 1


def data_hash(facts: Facts) -> str:
    """Give one hash over every table's rows, whatever their order, computed in the engine."""
    parts: dict[str, bytes] = {}
    for name, table in sorted(facts.tables.items()):
        # each column's hash weighs differently, so that values which swap columns change the row's hash
        weighted = [_hash(table[column]) * (position + 1) for position, column in enumerate(sorted(table.columns))]
        row: Any = reduce(lambda left, right: left + right, weighted) % _SHIFTS
        counted = table.aggregate(rows=table.count(), total=row.sum(), squares=((row * row) % _SHIFTS).sum()).execute()
        parts[name] = repr([0 if pd.isna(value) else int(value) for value in counted.iloc[0]]).encode()  # an empty table has no sums
    return digest(parts)


def code_commit() -> str:
    """Name the commit of the checkout, ``+`` where files differ from it; empty outside git."""
    commit = _git("rev-parse", "HEAD")
    return f"{commit}+" if commit and _git("status", "--porcelain", "--untracked-files=no") else commit


def _hash(column: Any) -> Any:
    return (
        column.fill_null("").hash().abs() % _SHIFTS
        if column.type().is_string()
        else column.cast("string").fill_null("").hash().abs() % _SHIFTS
    )


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 (a fixed command on our own checkout)
            ["git", "-C", str(CHECKOUT), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
