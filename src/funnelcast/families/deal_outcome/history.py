"""Rows of history for a fit: loaded from the engine, begun where the record of closings begins, and split in time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from funnelcast.families.deal_outcome.table import risk_rows, thinned
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

_UNRECORDED_CLOSINGS = 7.0
_OLDEST_WEEK = 104


def load(facts: Facts, as_of: AsOf, leads: tuple[int, ...], most: int) -> pd.DataFrame:
    """Give the person-period table of what was known before as_of, at most about so many rows, from the first recorded closing on."""
    rows = thinned(risk_rows(facts, as_of, leads).cache(), most).execute()
    rows["start"] = rows["as_of"] + pd.to_timedelta(7.0 * rows["lead_weeks"], unit="D")
    return begun(rows)


def begun(rows: pd.DataFrame) -> pd.DataFrame:
    """Leave out the weeks before the first closing where closings can't have been recorded yet.

    An export often holds every open deal but only the closings since some date. By the hazards per week of age seen afterwards, 7 or more
    closings would have been expected before (chance of none: below 0.1 %). A deal enters at its age then (left truncation).
    """
    now = rows[rows["lead_weeks"] == 0]
    closed = now.loc[(now["outcome"] != "open") & ~now["entry"].astype(bool), "start"]
    if closed.empty:
        return rows
    first = closed.min()
    earlier, later = now[now["start"] < first], now[now["start"] >= first]
    week = np.minimum(later["age_days"].to_numpy(np.float64) // 7, _OLDEST_WEEK).astype(np.int64)
    spent = np.bincount(week, weights=later["weight"], minlength=_OLDEST_WEEK + 1)
    events = np.bincount(week, weights=later["outcome"] != "open", minlength=_OLDEST_WEEK + 1)
    hazard = events / np.maximum(spent, 1.0)
    then = np.minimum(earlier["age_days"].to_numpy(np.float64) // 7, _OLDEST_WEEK).astype(np.int64)
    unseen = float(hazard[then] @ earlier["weight"].to_numpy(np.float64))
    # the week of the first closing may lie half before the record
    whole = first + pd.Timedelta(weeks=1)
    return rows[rows["start"] >= whole].reset_index(drop=True) if unseen >= _UNRECORDED_CLOSINGS else rows


def newest_split(rows: pd.DataFrame, as_of: AsOf, weeks: int) -> pd.Timestamp:
    """Give where the newest fold begins: so many whole weeks before as_of, but no more than a third of the history."""
    if rows.empty:
        return pd.Timestamp(as_of.at)
    history = (pd.Timestamp(as_of.at) - rows["start"].min()) / pd.Timedelta(weeks=1)
    return pd.Timestamp(as_of.at) - pd.Timedelta(weeks=min(weeks, int(history // 3)))


def before(rows: pd.DataFrame, split: pd.Timestamp) -> pd.DataFrame:
    """Keep the rows whose week was over by then: what a fit could know."""
    return rows[rows["start"] + pd.Timedelta(weeks=1) <= split]


def since(rows: pd.DataFrame, split: pd.Timestamp) -> pd.DataFrame:
    """Keep the rows whose week begins then or later."""
    return rows[rows["start"] >= split]
