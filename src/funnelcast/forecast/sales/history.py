"""What was sold so far: one series of revenue per channel, or per series of the sales table, by week or month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

import ibis
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.errors import MissingTable
from funnelcast.forecast.periods import Every, boundary, following
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

Floats = npt.NDArray[np.float64]
Basis: TypeAlias = Literal["transactions", "sales"]
"""The table that a sales forecast rests on."""

LONGEST: dict[Every, int] = {"week": 260, "month": 144}
"""How much of the past is read: older periods say nothing of the next."""
WHOLE_COMPANY = "all"
UNKNOWN = "unknown"
_COMPLETE = 0.75
_WEEKDAYS = 7


@dataclass(frozen=True, eq=False)
class History:
    """Revenue of consecutive calendar periods.

    Parameters
    ----------
    name
        The channel or series.
    every
        The length of its periods.
    start
        Of the first period.
    values
        Revenue by period, shape (n,), n >= 1.
    profile
        The share of a week's revenue by weekday, Monday first, shape (7,), summing to one.
    """

    name: str
    every: Every
    start: datetime
    values: Floats
    profile: Floats

    @property
    def end(self) -> datetime:
        """The end of the last period: where the forecast starts."""
        return starts(self.start, self.every, self.values.size + 1)[-1]

    def first(self, count: int) -> History:
        """Give what was known after the first ``count`` periods."""
        return History(self.name, self.every, self.start, self.values[:count], self.profile)


def starts(start: datetime, every: Every, count: int) -> list[datetime]:
    """Give the starts of so many consecutive calendar periods."""
    bounds = [start]
    while len(bounds) < count:
        bounds.append(following(bounds[-1], every))
    return bounds


def basis_of(facts: Facts) -> Basis:
    """Say which table a sales forecast rests on: transactions where the company brings them, else the totals of the sales table.

    Raises
    ------
    MissingTable
        The company brings neither.
    """
    if facts.has("transactions"):
        return "transactions"
    if facts.has("sales"):
        return "sales"
    raise MissingTable(
        table="transactions",
        purpose="A sales forecast",
        source=facts.source.path or facts.source.name,
        columns="contact_id, occurred_at, amount; or [tables.sales] with date, amount, series",
    )


def histories(facts: Facts, as_of: AsOf, every: Every, basis: Basis) -> tuple[History, ...]:
    """Read every series as it was known at as_of, in order of their names.

    Transactions are added up in the engine by channel and local day; all their series end with the last complete period before
    as_of. Series of the sales table end where their own figures do, and figures by week or month keep that length.
    """
    daily = daily_revenue(cut(facts, as_of), basis)
    daily = daily[daily.day < pd.Timestamp(as_of.at)]
    if basis == "transactions":
        return tuple(_of_days(daily, every, boundary(as_of.at, every)))
    kind = spacing(daily)
    if kind == "day":
        return tuple(_of_days(daily, every, None))
    return tuple(_of_totals(daily, kind))


def weekly(name: str, daily: pd.DataFrame, as_of: AsOf) -> History | None:
    """Add up ``amount`` by ``day`` to the complete weeks before as_of; None where there is none."""
    sums = daily.groupby("day", as_index=False).amount.sum().assign(name=name)
    return next(_of_days(sums, "week", boundary(as_of.at, "week")), None)


def daily_revenue(facts: Facts, basis: Basis) -> pd.DataFrame:
    """Add up revenue in the engine by channel or series (``name``) and local day (``day``), in this order."""
    table = facts.table(basis, "A sales forecast")
    column, clock, default = ("channel", "occurred_at", UNKNOWN) if basis == "transactions" else ("series", "date", WHOLE_COMPANY)
    if not facts.brings(basis, column):
        default = WHOLE_COMPANY
    named = table.mutate(name=ibis.coalesce(table[column], ibis.literal(default)), day=table[clock].truncate("D"))
    known = named.filter(named.day.notnull() & named.amount.notnull())
    sums: pd.DataFrame = known.group_by("name", "day").aggregate(amount=known.amount.sum()).order_by("name", "day").to_pandas()
    return sums.astype({"name": str, "amount": np.float64, "day": "datetime64[ns]"})


def spacing(daily: pd.DataFrame) -> Literal["day", "week", "month"]:
    """Say how long the period of each row is, by the usual gap between the rows of one series."""
    gaps = daily.groupby("name").day.diff().dropna().dt.days
    usual = float(gaps.median()) if gaps.size else 30.0
    if usual <= _WEEKDAYS / 2:
        return "day"
    return "week" if usual <= 1.5 * _WEEKDAYS else "month"


def _of_days(daily: pd.DataFrame, every: Every, end: datetime | None) -> Iterator[History]:
    overall = _profile(daily, np.full(_WEEKDAYS, 1 / _WEEKDAYS))
    for name, rows in daily.groupby("name", sort=True):
        last = end or boundary((rows.day.iloc[-1] + timedelta(days=1)).to_pydatetime(), every)
        start = _complete_start(rows, every)
        values = _by_period(rows, every, start, last)
        if values.size:
            yield _recent(History(str(name), every, start, values, _profile(rows, overall)))


def _of_totals(daily: pd.DataFrame, every: Every) -> Iterator[History]:
    """Read totals of whole weeks or months; one that is left out between two others is a missing figure, not zero."""
    even = np.full(_WEEKDAYS, 1 / _WEEKDAYS)
    for name, rows in daily.groupby("name", sort=True):
        start = boundary(rows.day.iloc[0].to_pydatetime(), every)
        last = following(rows.day.iloc[-1].to_pydatetime(), every)
        values = _by_period(rows, every, start, last)
        reported = {boundary(day.to_pydatetime(), every) for day in rows.day}
        given = np.array([period in reported for period in starts(start, every, values.size)])
        places = np.arange(values.size)
        filled = np.interp(places, places[given], values[given])
        yield _recent(History(str(name), every, start, filled, even))


def _complete_start(rows: pd.DataFrame, every: Every) -> datetime:
    """Skip the first period where the facts begin far inside it, unless nothing was sold later."""
    first = rows.day.iloc[0].to_pydatetime()
    start, later = boundary(first, every), following(first, every)
    complete = (later - first) / (later - start) >= _COMPLETE
    return start if complete or rows.day.iloc[-1] < later else later


def _by_period(rows: pd.DataFrame, every: Every, start: datetime, end: datetime) -> Floats:
    if end <= start:
        return np.zeros(0)
    bounds = [start]
    while bounds[-1] < end:
        bounds.append(following(bounds[-1], every))
    places = np.searchsorted(np.array(bounds, dtype="datetime64[ns]"), rows.day.to_numpy(), side="right") - 1
    inside = (places >= 0) & (places < len(bounds) - 1)
    return np.bincount(places[inside], weights=rows.amount.to_numpy()[inside], minlength=len(bounds) - 1).astype(np.float64)


def _profile(rows: pd.DataFrame, prior: Floats) -> Floats:
    """Shrink the shares of the last year to a prior that counts as four weeks."""
    recent = rows[rows.day > rows.day.iloc[-1] - timedelta(days=364)] if len(rows) else rows
    sums = np.bincount(recent.day.dt.weekday.to_numpy(), weights=recent.amount.clip(lower=0).to_numpy(), minlength=_WEEKDAYS)
    weeks = max(recent.day.nunique() / _WEEKDAYS, 1.0)
    shares = sums + prior * 4 * sums.sum() / weeks
    return np.asarray(shares / shares.sum() if shares.sum() > 0 else prior, dtype=np.float64)


def _recent(history: History) -> History:
    skipped = max(history.values.size - LONGEST[history.every], 0)
    start = starts(history.start, history.every, skipped + 1)[-1]
    return History(history.name, history.every, start, history.values[skipped:], history.profile)
