"""Retailers for the members of the family: customers whose purchase rates fall over time, and who never leave."""

from __future__ import annotations

import numpy as np
import pandas as pd

from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf

BEGIN = pd.Timestamp("2021-01-01")


def at(day: int) -> AsOf:
    """Give the midnight that begins a day, counted from the first."""
    return AsOf(pd.Timestamp(BEGIN + pd.Timedelta(days=day)).to_pydatetime(), "UTC")


def slowing(yearly: float = 0.5, customers: int = 900, days: int = 730, seed: int = 5) -> Facts:
    """Two years of customers who don't leave, whose rates all fall by the same share of themselves each year.

    Most are older than the history, so that their first purchase in it isn't their first.
    """
    random = np.random.default_rng(seed)
    rows = []
    for number in range(customers):
        begun = random.uniform(-365, 0.6 * days)
        rate = random.gamma(1.0) / 30
        clock = begun
        while clock < days:
            if clock >= 0:
                rows.append((f"c{number}", clock))
            # The next of a rate that falls as yearly^(t / 365): by the inverse of its integral.
            fall = -np.log(yearly) / 365
            worth = random.exponential() / (rate * np.exp(-fall * clock))
            clock += -np.log1p(-fall * worth) / fall if fall * worth < 1 else np.inf
    frame = pd.DataFrame(rows, columns=["contact_id", "day"])
    frame["occurred_at"] = BEGIN + pd.to_timedelta(frame.pop("day"), unit="D").dt.floor("s")
    return from_frames(Source("slow"), {"transactions": frame.assign(amount=10.0)}).with_observation(at(days))
