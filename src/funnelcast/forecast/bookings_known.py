"""What a pipeline forecast is judged by: the amounts of the deals that were won."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.dated import by_period
from funnelcast.forecast.periods import Period
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import WON

Floats = npt.NDArray[np.float64]


def won(facts: Facts, periods: tuple[Period, ...]) -> Floats:
    """Give the amount won in each period, by the facts as they stand (cut them for what was known then): shape [periods].

    A deal counts at the instant when it was known to be won, with what it closed at, else with the amount that it was opened with.
    """
    deals = facts.table("deals", "The amounts won")
    closed = deals.filter(deals.outcome.lower() == WON)
    amount = closed.closed_amount.coalesce(closed.amount).fill_null(0.0)
    return by_period(closed.select(at=closed.closed_at_known_at, amount=amount, key=closed.deal_id), periods)
