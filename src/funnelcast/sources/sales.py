"""When a sales total became known: at the end of its period."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

_WEEK, _MONTH, _QUARTER, _YEAR = 6, 27, 85, 350
"""Fewest days between two neighbouring totals of a weekly, monthly, quarterly and yearly series."""


def with_clock(sales: ir.Table, country: str) -> ir.Table:
    """Say when each total was known: in the last instant of its period, so that a cut at the period's end has it.

    How long a series' periods are is told by the smallest gap between its dates (a series with one date follows the whole table).
    A date names its period's first day; month ends, and Sundays where weeks don't begin with them, name the last.

    Parameters
    ----------
    sales
        Typed, not conformed yet; a ``known_at`` that the company gives stays.
    country
        In the US weeks begin on Sunday.
    """
    series = sales.series.fill_null("") if "series" in sales.columns else ibis.literal("")
    named = sales.mutate(own=series, day=sales.date.truncate("D"))
    dates = named.select("own", "day").distinct()
    everywhere = dates.select("day").distinct()
    before = everywhere.mutate(previous=everywhere.day.lag().over(ibis.window(order_by="day")))
    general = before.aggregate(common=_days(before).min())
    own_before = dates.mutate(previous=dates.day.lag().over(ibis.window(group_by="own", order_by="day")))
    gaps = own_before.group_by("own").aggregate(gap=_days(own_before).min(), month_ends=_is_month_end(own_before.day).all())
    joined = named.left_join(gaps, "own").cross_join(general)
    gap = ibis.coalesce(joined.gap, joined.common, 1)
    ended = _end(joined.day, gap, joined.month_ends, country) - ibis.interval(microseconds=1)
    known = ibis.coalesce(joined.known_at, ended) if "known_at" in sales.columns else ended
    return joined.select(**{**{column: joined[column] for column in sales.columns}, "known_at": known})


def _days(dates: ir.Table) -> Any:
    return (dates.day.epoch_seconds() - dates.previous.epoch_seconds()) // 86400


def _is_month_end(day: Any) -> Any:
    return (day + ibis.interval(days=1)).day() == 1


def _end(day: Any, gap: Any, month_ends: Any, country: str) -> Any:
    month, quarter, year = day.truncate("M"), day.truncate("Q"), day.truncate("Y")
    tomorrow = day + ibis.interval(days=1)
    ends_week = (day.day_of_week.index() == 6) if country != "US" else ibis.literal(value=False)
    return ibis.cases(
        (gap < _WEEK, tomorrow),
        ((gap < _MONTH) & ends_week, tomorrow),
        (gap < _MONTH, day + ibis.interval(days=7)),
        (month_ends, tomorrow),
        (gap < _QUARTER, month + ibis.interval(months=1)),
        (gap < _YEAR, quarter + ibis.interval(months=3)),
        else_=year + ibis.interval(years=1),
    )
