"""The rows of a development: who, as of when, with which features, and what happened next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from funnelcast import features
from funnelcast.cohorts import day_of, every_contact
from funnelcast.errors import TooFewRows
from funnelcast.families.scoring.season import Season, learn_season
from funnelcast.labels import KEYS, LABEL, given, matured
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts, Label
from funnelcast.sources.schema import TABLES
from funnelcast.spec import Spec
from funnelcast.splits import Grid, grid
from funnelcast.terms import AsOf

DatedCohort = Callable[[Facts, Sequence[AsOf]], ir.Table]
Labelled = Callable[[Facts, ir.Table, int], ir.Table]
HISTORY_DAYS = 90


@dataclass(frozen=True)
class Dated:
    """How a history answers: who was in question at each date, what labels them, and the table whose first row begins it."""

    cohort: DatedCohort
    label: Labelled
    table: str


@dataclass(frozen=True)
class Rows:
    """Rows to fit on, and the newest ones to judge on; ``newest`` is empty where the facts have no time.

    ``season_before`` is what the history before the newest date says of the year, ``season`` what all that was known says of it.
    """

    earlier: pd.DataFrame
    newest: pd.DataFrame
    grid: Grid | None
    season_before: Season | None = None
    season: Season | None = None


def read_tables(facts: Facts, spec: Spec) -> Facts:
    """Give the facts whose tables the features may read: all, or those that ``[features] tables`` in spec.toml names."""
    named = spec.features.get("tables")
    if named is None:
        return facts
    return facts.with_tables({name: table for name, table in facts.tables.items() if name in named}, facts.as_of)


def flat_rows(facts: Facts, spec: Spec, label: Label, as_of: AsOf) -> Rows:
    """Take one row per contact, its outcome from the column that the company gives."""
    known = cut(facts, as_of)
    cohort = every_contact(known, [as_of])
    return Rows(_collect(read_tables(known, spec), given(known, cohort, label)), pd.DataFrame(), None)


def dated_rows(facts: Facts, spec: Spec, as_of: AsOf, dated: Dated) -> Rows:
    """Lay the grid, and take who was in question at each date with the outcome of the horizon that followed.

    Rows to fit on come from what was known before ``as_of``; facts after it are hold-out alone.

    Raises
    ------
    TooFewRows
        The table's history is too short for a single date with a whole label window after it and some history before it.
    """
    known, plan = cut(facts, as_of), _plan(facts, spec, as_of, dated)
    if not plan.earlier:
        message = f"Give a longer history, or a shorter horizon than {spec.horizon_days} days in models/{spec.name}/spec.toml."
        raise TooFewRows(model=spec.name, found=0, what="as-of dates with a whole label window", needed=1, advice=message)
    season = _season(known, spec)
    if plan.newest == as_of:
        newest = _newest(facts, spec, as_of, dated, plan)
        return Rows(_labelled(known, spec, dated, plan.earlier, as_of), newest, plan, season, season)
    rows = _labelled(known, spec, dated, [*plan.earlier, plan.newest], as_of)
    last = rows["as_of"] == pd.Timestamp(plan.newest.at)
    before = _season(cut(facts, plan.newest), spec)
    return Rows(rows[~last].reset_index(drop=True), rows[last].reset_index(drop=True), plan, before, season)


def newest_rows(facts: Facts, spec: Spec, as_of: AsOf, dated: Dated) -> pd.DataFrame:
    """Give the newest rows of ``dated_rows`` alone: those whose label window was over last."""
    return _newest(facts, spec, as_of, dated, _plan(facts, spec, as_of, dated))


def _plan(facts: Facts, spec: Spec, as_of: AsOf, dated: Dated) -> Grid:
    return grid(
        _first(cut(facts, as_of), dated.table).plus(int(spec.folds.get("history_days", HISTORY_DAYS))),
        as_of,
        facts.observed_until or as_of,
        horizon_days=spec.horizon_days,
        spacing_days=int(spec.folds.get("spacing_days", spec.horizon_days)),
        gap_days=int(spec.folds.get("gap_days", spec.horizon_days)),
        most=int(spec.folds.get("dates", 8)),
    )


def _newest(facts: Facts, spec: Spec, as_of: AsOf, dated: Dated, plan: Grid) -> pd.DataFrame:
    held_out = plan.newest == as_of
    until = facts.observed_until or as_of if held_out else as_of
    return _labelled(facts if held_out else cut(facts, as_of), spec, dated, [plan.newest], until)


def _season(facts: Facts, spec: Spec) -> Season | None:
    """Learn when in the year people buy: of leads too, as their conversions go with the arrival of new ones."""
    if not read_tables(facts, spec).has("transactions"):
        return None
    bought = facts.table("transactions")
    bought = bought.filter(bought.amount >= 0, bought.occurred_at.notnull())
    day = day_of(bought.occurred_at)
    daily = bought.group_by(day=day).aggregate(count=bought.count()).order_by("day").execute()
    return learn_season(daily["day"].to_numpy(np.int64), daily["count"].to_numpy(np.float64), spec.horizon_days)


def latest(rows: Rows, as_of: AsOf) -> pd.DataFrame:
    """Take each contact's latest row whose outcome was known by ``as_of``: attributes are read as they stand today, after all outcomes.

    The newest date is among them, though the gate judges on it: to leave out a column that knows the answer can't flatter any figure.
    Contacts that weren't known at their row's date are left out: their attributes are cut.
    """
    if rows.grid is None:
        return rows.earlier
    known = [rows.earlier, rows.newest] if rows.grid.newest < as_of else [rows.earlier]
    last: pd.DataFrame = pd.concat(known).sort_values(KEYS[::-1]).drop_duplicates("contact_id", keep="last").reset_index(drop=True)
    return last.dropna(subset=["tenure_days"]) if "tenure_days" in last else last


def _labelled(facts: Facts, spec: Spec, dated: Dated, dates: Sequence[AsOf], until: AsOf) -> pd.DataFrame:
    asked = matured(dated.cohort(facts, dates), spec.horizon_days, until)
    return _collect(read_tables(facts, spec), dated.label(facts, asked, spec.horizon_days))


def _collect(facts: Facts, labelled: ir.Table) -> pd.DataFrame:
    """Run the one query; rows in a fixed order, whatever the order in which the engine gives them."""
    outcomes = [name for name in labelled.columns if name not in KEYS]
    table = features.build(facts, labelled.select(*KEYS)).join(labelled, KEYS)
    found: pd.DataFrame = table.select(*KEYS, *features.feature_set(facts), *outcomes).order_by("as_of", "contact_id").execute()
    return found.astype({LABEL: np.float64})


def _first(facts: Facts, name: str) -> AsOf:
    clock: Any = TABLES[name].clock
    table = facts.table(name)
    earliest = table.aggregate(earliest=table[clock].min()).execute()["earliest"].iloc[0]
    if pd.isna(earliest):
        raise TooFewRows(model=name, found=0, what=f"rows with {clock}", needed=1, advice=f"Map {clock} under [tables.{name}].")
    return AsOf(pd.Timestamp(earliest).to_pydatetime(), facts.source.timezone)
