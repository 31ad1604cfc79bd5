"""What is believed before any invoice was seen: most pay around the due date, some long after, a few never."""

from __future__ import annotations

import numpy as np
import pandas as pd

WRITE_OFF_DAYS = 365
"""An invoice still unpaid so many days after its due date is taken as lost."""

WEIGHT = 0.3
"""How much one invoice of the prior counts beside a real one; there are ten."""

_DELAYS = (-20.0, -7.0, -2.0, 0.0, 1.0, 4.0, 9.0, 20.0, 50.0, np.nan)


def rows(terms_days: float) -> pd.DataFrame:
    """Give ten made-up invoices as of issue, one of them never paid, of customers without a past."""
    delays = np.array(_DELAYS)
    count = delays.size
    nothing = np.zeros(count)
    unknown = np.full(count, np.nan)
    return pd.DataFrame(
        {
            # Mondays to Fridays of one month's middle weigh no calendar effect up
            "as_of_day": 17_000.0 + 3.0 * np.arange(count),
            "age_days": nothing,
            "terms_days": np.full(count, terms_days),
            "amount": np.ones(count),
            "prior_count": nothing,
            "prior_mean_delay": unknown,
            "recent_count": nothing,
            "recent_mean_delay": unknown,
            "last_delay": unknown,
            "share_late": unknown,
            "overdue_count": nothing,
            "paid_days": np.maximum(delays + terms_days, 0.0),
            "observed_days": np.full(count, terms_days + WRITE_OFF_DAYS),
        }
    )
