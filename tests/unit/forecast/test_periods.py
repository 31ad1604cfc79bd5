from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelcast.errors import UsageError
from funnelcast.forecast.periods import Every, Period, boundary, calendar, edges, following
from funnelcast.terms import AsOf


def at(text: str) -> datetime:
    """Wall-clock time, as tables hold it."""
    return datetime.fromisoformat(text)


INSTANTS = st.datetimes(min_value=at("1970-01-01"), max_value=at("2100-01-01"))
EVERY = st.sampled_from(["week", "month"])


def test_weeks_after_a_wednesday_start_with_a_partial_one() -> None:
    assert calendar(AsOf(at("2025-12-31")), "week", 2) == (
        Period(at("2025-12-31"), at("2026-01-05"), partial=True),
        Period(at("2026-01-05"), at("2026-01-12")),
        Period(at("2026-01-12"), at("2026-01-19")),
    )


def test_weeks_after_a_monday_are_all_full() -> None:
    assert calendar(AsOf(at("2026-01-05")), "week", 1) == (Period(at("2026-01-05"), at("2026-01-12")),)


def test_a_monday_at_noon_is_no_boundary() -> None:
    first, full = calendar(AsOf(at("2026-01-05T12")), "week", 1)
    assert first == Period(at("2026-01-05T12"), at("2026-01-12"), partial=True)
    assert full == Period(at("2026-01-12"), at("2026-01-19"))


def test_months_over_a_leap_february() -> None:
    starts = [period.start for period in calendar(AsOf(at("2024-01-31")), "month", 3)]
    assert starts == [at("2024-01-31"), at("2024-02-01"), at("2024-03-01"), at("2024-04-01")]


def test_edges_are_whole_days_after_as_of() -> None:
    as_of = AsOf(at("2025-12-31"))
    assert edges(calendar(as_of, "week", 2), as_of).tolist() == [0, 5, 12, 19]
    assert edges(calendar(as_of, "month", 2), as_of).tolist() == [0, 1, 32, 60]


def test_edges_of_an_as_of_at_noon_round_up() -> None:
    as_of = AsOf(at("2026-01-05T12"))
    assert edges(calendar(as_of, "week", 1), as_of).tolist() == [0, 7, 14]


def test_edges_refuse_a_gap() -> None:
    gap = (Period(at("2026-01-05"), at("2026-01-12")), Period(at("2026-01-19"), at("2026-01-26")))
    with pytest.raises(UsageError, match="without a gap"):
        edges(gap, AsOf(at("2026-01-05")))


def test_no_periods_have_no_edges() -> None:
    assert edges((), AsOf(at("2026-01-05"))).tolist() == []


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_below_one_is_refused(count: int) -> None:
    with pytest.raises(UsageError, match=f"at least 1 full week; {count}"):
        calendar(AsOf(at("2026-01-05")), "week", count)


def test_another_length_is_refused() -> None:
    with pytest.raises(UsageError, match="'day' is neither"):
        calendar(AsOf(at("2026-01-05")), "day", 1)  # type: ignore[arg-type]


@given(INSTANTS, EVERY, st.integers(1, 60))
def test_periods_cover_every_day_exactly_once(start: datetime, every: Every, count: int) -> None:
    as_of = AsOf(start)
    periods = calendar(as_of, every, count)
    bounds = edges(periods, as_of)
    owners = np.searchsorted(bounds, np.arange(bounds[0], bounds[-1]), side="right") - 1
    for day in range(0, len(owners), max(1, len(owners) // 50)):
        instant = start + timedelta(days=day)
        holds = [index for index, period in enumerate(periods) if period.start <= instant < period.end]
        assert holds == [owners[day]]


@given(INSTANTS, EVERY, st.integers(1, 60))
def test_periods_lie_on_boundaries_and_only_the_first_is_partial(start: datetime, every: Every, count: int) -> None:
    periods = calendar(AsOf(start), every, count)
    full = [period for period in periods if not period.partial]
    assert len(full) == count
    assert periods[0].start == start
    assert all(not period.partial for period in periods[1:])
    for period in full:
        assert period.start == boundary(period.start, every)
        assert period.end == following(period.start, every)
        assert period.start.weekday() == 0 if every == "week" else period.start.day == 1
    assert all(period.end - period.start == timedelta(days=7) for period in full if every == "week")
