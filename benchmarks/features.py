"""Recency, frequency and value of a table of transactions: the engine beside pandas."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.measure import Row, compare
from funnelcast.families.clv.summary import summarise
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from funnelcast.terms import AsOf

TRANSACTIONS, CONTACTS = 2_000_000, 200_000
_AS_OF = AsOf.parse("2026-01-01", "UTC")


def rows() -> list[Row]:
    """Summarise every contact."""
    random = np.random.default_rng(1)
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(random.integers(0, 1_095, TRANSACTIONS), unit="D")
    contact = random.integers(0, CONTACTS, TRANSACTIONS).astype(str)
    frame = pd.DataFrame({"contact_id": contact, "occurred_at": days, "amount": random.gamma(2.0, 20.0, TRANSACTIONS)})
    facts = from_frames(Source("bench"), {"transactions": frame})

    def own() -> pd.DataFrame:
        found: pd.DataFrame = summarise(facts, _AS_OF).execute()
        return found

    def theirs() -> pd.DataFrame:
        daily = frame.assign(day=frame["occurred_at"].dt.normalize()).groupby(["contact_id", "day"], as_index=False)["amount"].sum()
        first = daily.groupby("contact_id")["day"].transform("min")
        summary = daily.groupby("contact_id")["day"].agg(first="min", last="max", days="count")
        found: pd.DataFrame = summary.assign(monetary_value=daily[daily["day"] > first].groupby("contact_id")["amount"].mean())
        return found

    same = np.array_equal(own().set_index("contact_id")["frequency"].sort_index().to_numpy(), theirs()["days"].sort_index().to_numpy() - 1)
    said = f"{TRANSACTIONS:,} transactions, frequencies equal: {same}"
    return [compare("RFM summary", "pandas", own, theirs, said)]
