"""What the company plans to pay: costs in step with its size, lumpy as real ones, and just enough in the bank."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pyarrow as pa

from funnelcast.simulate.market import Market
from funnelcast.simulate.seasons import END, Floats
from funnelcast.simulate.world import CHANNELS

PLANNED_MONTHS = 12
"""How far the plan reaches beyond the facts."""
_MONTHLY = (("salaries", 28, 0.40), ("social_charges", 15, 0.15), ("vat", 24, 0.10), ("suppliers", 10, 0.11), ("suppliers", 25, 0.11))
_QUARTERLY = (("rent", 5, 0.06), ("tax", 15, 0.03))
_YEARLY = (("insurance", 1, 20, 0.15), ("thirteenth_month", 12, 20, 0.30))
_COMFORT = 0.2
"""By how many standard deviations the path clears zero at its lowest, were receipts to go on as lately; open deals bring a little more."""


_Cost = tuple[date, str, float]


@dataclass(frozen=True)
class CashPlan:
    """Planned items by date, and the balance that makes them matter."""

    dates: tuple[date, ...]
    amounts: Floats
    categories: tuple[str, ...]
    opening_balance: float
    floor: float

    def table(self) -> pa.Table:
        """Give the canonical cash_items."""
        stamps = pa.array(np.array(self.dates, dtype="datetime64[us]"), type=pa.timestamp("us"))
        return pa.table({"date": stamps, "amount": pa.array(self.amounts), "category": pa.array(self.categories)})


def plan(market: Market, receipts: Floats) -> CashPlan:
    """Plan the costs of every month in proportion to what comes in, and of the year to come to what came in lately.

    Parameters
    ----------
    receipts
        Money received by day, gross.
    """
    seasons = market.seasons
    by_month = np.bincount(seasons.month, receipts, minlength=seasons.months).astype(np.float64)
    lately = float(by_month[-min(6, len(by_month)) :].mean())
    size = np.concatenate([_trailing(by_month), np.full(PLANNED_MONTHS, lately)])
    rows = [row for month, base in enumerate(size) for row in _costs(_month(seasons.start, month), base)]
    spent = np.bincount(seasons.month, market.spend.sum(axis=0), minlength=seasons.months)
    budget = np.concatenate([spent, np.resize(spent[-12:], PLANNED_MONTHS)])
    rows += [(_month(seasons.start, month + 1).replace(day=5), "marketing", amount) for month, amount in enumerate(budget[:-1])]
    rows = sorted((row for row in rows if row[2] > 0), key=lambda row: (row[0], row[1]))
    amounts = -np.round([amount for _, _, amount in rows], 2)
    opening = _opening(rows, receipts)
    return CashPlan(
        dates=tuple(when for when, _, _ in rows),
        amounts=amounts,
        categories=tuple(category for _, category, _ in rows),
        opening_balance=opening,
        floor=_thousands(0.12 * lately),
    )


def _costs(first: date, base: float) -> list[_Cost]:
    """Give what falls due in the month that begins with ``first``, in proportion to ``base``."""
    rows = [(first.replace(day=day), category, share * base) for category, day, share in _MONTHLY]
    if first.month % 3 == 1:
        rows += [(first.replace(day=day), category, 3 * share * base) for category, day, share in _QUARTERLY]
    return rows + [(first.replace(day=day), category, share * base) for category, at, day, share in _YEARLY if at == first.month]


def _opening(rows: list[_Cost], receipts: Floats) -> float:
    """Let the path of flat receipts less planned costs over half a year bottom out near zero."""
    half_year = 182
    out = np.zeros(half_year)
    for when, _, amount in rows:
        day = (when - END).days
        if 0 <= day < half_year:
            out[day] += amount
    lately = receipts[-half_year:]
    path = np.cumsum(np.full(half_year, lately.mean()) - out)
    weekly = lately[: len(lately) // 7 * 7].reshape(-1, 7).sum(axis=1)
    noise = float(weekly.std()) * np.sqrt(13.0)
    return _thousands(_COMFORT * noise - float(path.min()))


def _trailing(by_month: Floats) -> Floats:
    """Give the mean of up to four months before each, so that a plan never knows the month that it is for; the first is its own."""
    return np.array([by_month[max(0, month - 4) : max(month, 1)].mean() for month in range(len(by_month))])


def _month(start: date, months: int) -> date:
    later = start.year * 12 + start.month - 1 + months
    return date(later // 12, later % 12 + 1, 1)


def _thousands(amount: float) -> float:
    return float(max(round(amount / 1000.0), 1) * 1000)


def spend_table(market: Market) -> pa.Table:
    """Give the canonical spend: one row for each channel and day that costs something."""
    channel, day = np.nonzero(market.spend)
    order = np.lexsort((channel, day))
    channel, day = channel[order], day[order]
    dates = market.seasons.origin + day.astype("timedelta64[D]")
    return pa.table(
        {
            "date": pa.array(dates, type=pa.timestamp("us")),
            "channel": pa.array(CHANNELS).take(pa.array(channel)),
            "amount": pa.array(market.spend[channel, day]),
        }
    )
