"""A typical new deal of each channel for each coming week, so that the model can say how such deals will fare."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from funnelcast.families.deal_outcome.table import COLUMNS, UNKNOWN, describe, entries, open_at
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

_RECENT_WEEKS = 52


def typical(facts: Facts, as_of: AsOf, weeks: int) -> pd.DataFrame:
    """Give one row per channel and coming week: ``channel``, ``week`` (0 …) and the columns of a deal at the instant of its opening.

    The commonest first stage and the geometric mean amount of the channel's deals of the last year; of all deals where it had none.
    """
    opened = describe(facts, entries(facts)).order_by("as_of", "deal_id").execute()
    recent = opened[opened["as_of"] >= as_of.at - timedelta(weeks=_RECENT_WEEKS)]
    chosen = recent if len(recent) else opened
    channels = sorted(opened["channel"].unique()) or [UNKNOWN]
    backlog = describe(facts, open_at(facts, [as_of.at])).aggregate(lambda table: table.backlog.max()).execute().iloc[0, 0]
    start = (as_of.at - datetime(1970, 1, 1)) / timedelta(days=1)  # noqa: DTZ001 (wall-clock time, as the tables hold it)
    rows = [
        {**_typical(chosen, channel), "week": week, "day": start + 7.0 * week + 3.5, "backlog": backlog}
        for channel in channels
        for week in range(weeks)
    ]
    frame = pd.DataFrame(rows)
    return frame.astype({name: "float64" for name, kind in COLUMNS.items() if kind == "number"})[["week", *COLUMNS]]


def _typical(opened: pd.DataFrame, channel: str) -> dict[str, object]:
    own = opened[opened["channel"] == channel]
    seen = own if len(own) else opened
    amounts = seen.loc[seen["amount"] > 0, "amount"]
    stages = seen["stage"].mode()
    return {
        "stage": str(stages.iloc[0]) if len(stages) else UNKNOWN,
        "channel": channel,
        "age_days": 0.0,
        "stage_age_days": 0.0,
        "pushes": 0.0,
        "expected_close_days": float(seen["expected_close_days"].median()) if seen["expected_close_days"].notna().any() else np.nan,
        "amount": float(np.exp(np.log(amounts).mean())) if len(amounts) else np.nan,
        "owner_win_rate": float(seen["owner_win_rate"].mean()) if seen["owner_win_rate"].notna().any() else np.nan,
    }
