from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from funnelcast.sources.facts import Facts, Finding
from tests.unit.sources.company import Company


@pytest.fixture
def company(tmp_path: Path) -> Company:
    return Company(tmp_path)


@pytest.fixture
def rows() -> Callable[..., list[dict[str, object]]]:
    """Give a table's rows, sorted, with these columns."""

    def read(facts: Facts, name: str, *columns: str) -> list[dict[str, object]]:
        table = facts.tables[name]
        frame = table.select(*(columns or table.columns)).execute()
        frame = frame.astype(object).where(frame.notna(), None)
        records = [{key: cell(value) for key, value in row.items()} for row in frame.to_dict("records")]
        return sorted(records, key=str)

    return read


def cell(value: object) -> object:
    return value.isoformat(sep=" ") if isinstance(value, pd.Timestamp) else value


@pytest.fixture
def said() -> Callable[..., list[str]]:
    """Give the findings of a level about a column, as text."""

    def read(findings: tuple[Finding, ...], level: str, table: str, column: str = "") -> list[str]:
        return [f"{f.rule} [{f.count}] {f.first}" for f in findings if (f.level, f.table, f.column) == (level, table, column)]

    return read
