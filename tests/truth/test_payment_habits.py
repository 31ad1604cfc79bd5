"""What the payment model must find, on invoices drawn from a known law; each test names the way of fitting that would fail it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from funnelcast.families.payment_delay import model as models
from funnelcast.families.payment_delay.model import PaymentHazard
from funnelcast.families.payment_delay.prediction import paid_by_day
from funnelcast.families.payment_delay.rows import COLUMNS

Floats = npt.NDArray[np.float64]
FIRST = int(np.datetime64("2024-01-01", "D").astype(np.int64))
UNKNOWN = ("prior_mean_delay", "recent_mean_delay", "last_delay", "share_late")


def invoices(issued: npt.NDArray[np.int64], took: Floats, until: int = 10**6) -> pd.DataFrame:
    """Invoices on 30 days of customers without a past; what isn't paid before the day ``until`` is open."""
    seen = (until - issued).astype(np.float64)
    zero = np.zeros(issued.size)
    known = {name: np.full(issued.size, np.nan) if name in UNKNOWN else zero for name in COLUMNS}
    return pd.DataFrame(
        known
        | {
            "as_of_day": issued.astype(np.float64),
            "terms_days": np.full(issued.size, 30.0),
            "amount": np.full(issued.size, 100.0),
            "paid_days": np.where(took < seen, took, np.nan),
            "observed_days": np.minimum(seen, 600.0),
        }
    )


def by_day(model: PaymentHazard, rows: pd.DataFrame) -> tuple[Floats, float]:
    """Give the mean chance of payment by each day after issue, and of none at all."""
    paid, never = paid_by_day(model, rows[list(COLUMNS)])
    return np.cumsum(paid, axis=1).mean(axis=0), float(never.mean())


def test_open_invoices_are_censored() -> None:
    # half of all are paid 20 days after issue, half 60 days; watched for 100 days, in which only the fast ones of the later half are paid
    generator = np.random.default_rng(1)
    issued = FIRST + generator.integers(0, 100, 1500)
    took = np.where(generator.random(1500) < 0.5, 20.0, 60.0) + generator.integers(0, 5, 1500).astype(np.float64)
    rows = invoices(issued, took, until=FIRST + 100)
    by_then, _ = by_day(models.fit_hazard(rows, 30), rows.head(50))
    # what was paid alone says 62 % by day 40
    fast = rows["paid_days"].dropna() < 40
    assert fast.mean() > 0.6
    assert by_then[40] == pytest.approx(0.5, abs=0.05)


def test_a_share_of_bad_debt_is_never_paid() -> None:
    generator = np.random.default_rng(2)
    issued = FIRST + generator.integers(0, 200, 2000)
    took = np.where(generator.random(2000) < 0.06, 1e9, 30.0 + generator.integers(-5, 15, 2000))
    model = models.fit_hazard(invoices(issued, took), 30)
    _, never = by_day(model, invoices(issued, took).head(50))
    assert never == pytest.approx(0.06, abs=0.02)
    # one that is open two months after the due date is most likely lost; a new one isn't
    overdue = invoices(issued[:50], took[:50]).assign(age_days=90.0, as_of_day=issued[:50] + 90.0)
    assert by_day(model, overdue)[1] > 0.6


def test_payments_clump_at_the_end_of_the_month() -> None:
    generator = np.random.default_rng(3)
    issued = FIRST + generator.integers(0, 300, 2000)
    months = (issued + 25 + generator.integers(0, 20, 2000)).astype("datetime64[D]").astype("datetime64[M]") + 1
    took = (months.astype("datetime64[D]").astype(np.int64) - 1 - issued).astype(np.float64)
    rows = invoices(issued, took)
    model = models.fit_hazard(rows, 30)
    new = rows.head(200)
    paid, _ = paid_by_day(model, new[list(COLUMNS)])
    day = (new["as_of_day"].to_numpy()[:, None] + np.arange(paid.shape[1])).astype(np.int64)
    following = (day + 3).astype("datetime64[D]").astype("datetime64[M]") > day.astype("datetime64[D]").astype("datetime64[M]")
    # a tenth of all days are the last three of a month
    assert following.mean() == pytest.approx(0.1, abs=0.01)
    assert (paid * following).sum() / paid.sum() > 0.6


def test_a_customer_s_habit_counts_by_its_credibility() -> None:
    # customers' mean delays are N(5, 10^2), a payment lies N(0, 10^2) around its customer's: n payments have the weight n / (n + 1)
    generator = np.random.default_rng(4)
    customers, each = 300, 10
    habit = np.repeat(generator.normal(5.0, 10.0, customers), each)
    delay = np.rint(habit + generator.normal(0.0, 10.0, habit.size)).clip(-29)
    place = np.tile(np.arange(each), customers)
    so_far = np.cumsum(delay.reshape(customers, each), axis=1).ravel() - delay
    mean = np.where(place > 0, so_far / np.maximum(place, 1), np.nan)
    rows = invoices(FIRST + 31 * place + np.repeat(generator.integers(0, 31, customers), each), delay + 30.0).assign(
        prior_count=place.astype(np.float64),
        prior_mean_delay=mean,
        recent_count=place.astype(np.float64),
        recent_mean_delay=mean,
        last_delay=np.where(place > 0, np.roll(delay, 1), np.nan),
        share_late=np.where(place > 0, (mean > 0).astype(np.float64), np.nan),
    )
    location = models.fit_hazard(rows, 30).location
    # someone who always paid 35 days late, after 1, 3 and 9 payments: 5 + 30 n / (n + 1) is 20, 27.5 and 32
    seen = rows.head(3).assign(**dict.fromkeys(UNKNOWN[:3], 35.0), share_late=1.0)
    for column in ("prior_count", "recent_count"):
        seen[column] = [1.0, 3.0, 9.0]
    np.testing.assert_allclose(location.of(seen), [20.0, 27.5, 32.0], atol=4.0)
    unknown = rows.head(1).assign(prior_count=0.0, recent_count=0.0, **dict.fromkeys(UNKNOWN, np.nan))
    assert location.of(unknown)[0] == pytest.approx(5.0, abs=2.0)
