"""A small simulated company, and rows with outcomes from it: to fit on, and of the newest date."""

from __future__ import annotations

from functools import cache

import pandas as pd

from funnelcast.families.scoring.family import ScoringFamily
from funnelcast.families.scoring.rows import Dated, Rows, dated_rows
from funnelcast.simulate import company
from funnelcast.sources.facts import Facts
from tests.unit.families.battery import spec_of

SPECS = {
    "churn": spec_of(
        "churn", label={"horizon_days": 90}, folds={"dates": 5, "count": 2}, features={"monotone": {"days_since_purchase": 1}}
    ),
    "lead_scoring": spec_of("lead_scoring", label={"horizon_days": 60}, folds={"dates": 6, "count": 2}),
}


@cache
def facts() -> Facts:
    return company(2000, seed=11).facts()


@cache
def rows_of(family: ScoringFamily) -> Rows:
    known, spec = facts(), SPECS[family.name]
    assert known.observed_until is not None
    dated = Dated(lambda cut, dates: family.cohort(cut, spec, list(dates)), family.label(known, spec), family.clock_table(known, spec))
    return dated_rows(known, spec, known.observed_until, dated)


def earlier(family: ScoringFamily) -> pd.DataFrame:
    return _disguised(rows_of(family).earlier, 1000)


def newest(family: ScoringFamily) -> pd.DataFrame:
    return _disguised(rows_of(family).newest, 50_000)


def _disguised(rows: pd.DataFrame, start: int) -> pd.DataFrame:
    """Ids that can't be mistaken for a number, and an index that isn't 0..n-1."""
    return rows.assign(contact_id="secret-" + rows["contact_id"]).set_axis(range(start, start + 3 * len(rows), 3))
