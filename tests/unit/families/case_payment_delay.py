"""The battery's case of payment_delay: customers who each pay at their own pace, open invoices among them."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from funnelcast.families.payment_delay import FAMILY
from tests.unit.families.battery import Case, spec_of


@cache
def _invoices() -> pd.DataFrame:
    generator = np.random.default_rng(11)
    customers, each = 60, 12
    pace = np.repeat(generator.normal(4.0, 12.0, customers), each)
    delay = np.rint(pace + generator.normal(0.0, 6.0, customers * each)).clip(-30)
    past = pd.DataFrame({"customer": np.repeat(np.arange(customers), each), "delay": delay})
    earlier = past.groupby("customer")["delay"]
    count = earlier.cumcount().to_numpy(np.float64)
    total = earlier.cumsum().to_numpy() - delay
    last = earlier.shift(1).to_numpy()
    mean = np.where(count > 0, total / np.maximum(count, 1.0), np.nan)
    observed = generator.integers(20, 300, delay.size).astype(np.float64)
    paid = delay + 30.0
    rows = pd.DataFrame(
        {
            "invoice_id": [f"secret-{number}" for number in range(delay.size)],
            "contact_id": [f"secret-customer-{customer}" for customer in past["customer"]],
            "as_of_day": 16_000.0 + np.tile(np.arange(each) * 30.0, customers) + past["customer"] % 7,
            "age_days": 0.0,
            "terms_days": 30.0,
            "amount": generator.lognormal(5.0, 1.0, delay.size),
            "prior_count": count,
            "prior_mean_delay": mean,
            "recent_count": np.minimum(count, 6.0),
            "recent_mean_delay": mean,
            "last_delay": last,
            "share_late": np.where(count > 0, (mean > 0).astype(np.float64), np.nan),
            "overdue_count": 0.0,
            "paid_days": np.where(paid < observed, paid, np.nan),
            "observed_days": observed,
        }
    )
    return rows.set_axis(np.arange(delay.size) * 3 + 100)


def case() -> Case:
    rows = _invoices()
    newest = np.arange(len(rows)) % 12 >= 9
    share = dict.fromkeys(("p_paid", "p_never", "pay_000", "pay_030", "pay_357"), (0.0, 1.0))
    days = dict.fromkeys(("expected_days", "days_p10", "days_p90"), (0.0, 395.0))
    return Case(
        name="payment_delay",
        family=FAMILY,
        spec=spec_of("payment_delay", label={"horizon_days": 30}),
        rows=lambda: rows[~newest],
        held_out=lambda: rows[newest],
        ranges={**days, **share},
        margin=0.15,
        ids=("invoice_id", "contact_id"),
        ordered=("days_p10", "expected_days", "days_p90"),
    )
