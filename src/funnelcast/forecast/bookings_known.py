"""What a pipeline forecast is judged by: the amounts of the deals that were won."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.forecast.periods import Period, edges
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import WON
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]


def won(facts: Facts, periods: tuple[Period, ...]) -> Floats:
    """Give the amount won in each period, by the facts as they stand (cut them for what was known then): shape [periods].

    A deal counts at the instant when it was known to be won, with what it closed at, else with the amount that it was opened with.
    """
    deals = facts.table("deals", "The amounts won")
    closed = deals.filter(deals.outcome.lower() == WON)
    amount = closed.closed_amount.coalesce(closed.amount).fill_null(0.0)
    dated = closed.select(at=closed.closed_at_known_at, amount=amount, key=closed.deal_id)
    within = dated.filter(dated["at"] >= periods[0].start, dated["at"] < periods[-1].end).order_by("key")
    rows: pd.DataFrame = within.execute()
    day = (rows["at"] - pd.Timestamp(periods[0].start)).dt.days.to_numpy(np.int64)
    place = np.searchsorted(edges(periods, AsOf(periods[0].start)), day, side="right") - 1
    return np.bincount(place, weights=rows["amount"].to_numpy(np.float64), minlength=len(periods)).astype(np.float64)
