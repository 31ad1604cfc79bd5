from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelcast.errors import BadValues
from funnelcast.forecast.periods import Every, calendar
from funnelcast.forecast.sales import forecast_sales, sales_inputs
from funnelcast.forecast.sales.effects import PROMOTED, SHORTEST, effects
from funnelcast.forecast.sales.fit import fit
from funnelcast.forecast.sales.history import History, starts
from funnelcast.forecast.sales.promotions import Promotion, known_before, promotions, shares
from funnelcast.sources.as_of import cut
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf
from tests.unit.forecast.sales.series import MONDAY, SOURCE, history, weekly_shop

WEEK = timedelta(days=7)


def weeks_promoted(*weeks: int, channel: str | None = None) -> list[Promotion]:
    days = [(MONDAY + week * WEEK).date() for week in weeks]
    return [Promotion(day, day + timedelta(days=6), channel) for day in days]


def flat_with_promotions(count: int, promoted: tuple[int, ...], lift: float, seed: int = 0) -> npt.NDArray[np.float64]:
    draw = np.random.default_rng(seed)
    return np.asarray(np.exp(7 + draw.normal(0, 0.05, count) + lift * np.isin(np.arange(count), promoted)))


@pytest.mark.parametrize("count", [40, 130])
def test_a_planned_promotion_repeats_the_lift_of_past_ones(count: int) -> None:
    past = (5, 14, 23, 31, 37)
    found = weeks_promoted(*past, count + 2)
    state = fit(history(flat_with_promotions(count, past, 0.5)), 6, "XX", found)
    without = fit(history(flat_with_promotions(count, past, 0.5)), 6, "XX", found[:-1])
    assert (state.centre - without.centre)[2] == pytest.approx(0.5, abs=0.15)
    assert (state.centre - without.centre)[[0, 1, 3, 4, 5]] == pytest.approx(np.zeros(5))


def test_past_promotions_do_not_raise_what_comes_without_one() -> None:
    past = tuple(range(30, 40))
    values = history(flat_with_promotions(40, past, 0.7))
    assert abs(fit(values, 4, "XX", weeks_promoted(*past)).centre.mean() - 7) < abs(fit(values, 4, "XX").centre.mean() - 7)


def test_a_month_is_promoted_by_the_share_of_its_days() -> None:
    draw = np.random.default_rng(1)
    months = starts(datetime(2015, 1, 1), "month", 50)  # noqa: DTZ001 (wall-clock)
    promoted = [7, 19, 30, 41, 49]
    values = np.exp(9 + draw.normal(0, 0.05, 48) + 0.4 * np.isin(np.arange(48), promoted) / 2)
    found = [Promotion(months[place].date(), (months[place] + timedelta(days=14)).date()) for place in promoted]
    lifted = fit(history(values, "month"), 3, "FR", found).centre - fit(history(values, "month"), 3, "FR", found[:-1]).centre
    assert lifted == pytest.approx([0.0, 0.2, 0.0], abs=0.07)


def test_what_a_first_promotion_does_is_in_doubt() -> None:
    estimate = effects(history([100.0] * 60), 4, "XX", weeks_promoted(61), np.log(np.full(60, 100.0)), 1.0)
    assert estimate.future == pytest.approx(np.zeros(4), abs=0.02)
    assert np.abs(estimate.doubt[1, -1]) == pytest.approx(PROMOTED, rel=0.01)
    assert estimate.doubt[[0, 2, 3], -1].tolist() == [0.0, 0.0, 0.0]


def test_a_year_not_yet_seen_is_in_doubt_and_one_seen_is_less_so() -> None:
    def doubt(count: int) -> float:
        values = np.log(flat_with_promotions(count, (), 0.0))
        return float((effects(history(np.exp(values)), 26, "FR", (), values, 1.0).doubt ** 2).sum(axis=1).mean())

    short, long = doubt(SHORTEST - 20), doubt(SHORTEST + 60)
    assert 0.1 < short**0.5 < 0.5
    assert long < 0.2 * short
    assert not effects(history([5.0] * 30), 8, "FR", (), np.log(np.full(30, 5.0)), 1.0).future.any()


@given(st.integers(0, 400), st.integers(0, 60), st.sampled_from(["week", "month"]))
def test_shares_by_a_loop_over_days(first: int, length: int, every: Every) -> None:
    profile = np.arange(7) / 21
    subject = History("web", every, MONDAY.replace(day=1) if every == "month" else MONDAY, np.ones(1), profile)
    bounds = starts(subject.start, every, 10)
    begins = MONDAY.date() + timedelta(days=first)
    found = [Promotion(begins, begins + timedelta(days=length)), Promotion(begins, begins, "store")]
    expected = []
    for start, end in itertools.pairwise(bounds):
        days = [start.date() + timedelta(days=day) for day in range((end - start).days)]
        promoted = [day for day in days if begins <= day <= begins + timedelta(days=length)]
        expected.append(sum(profile[day.weekday()] for day in promoted) / sum(profile[day.weekday()] for day in days))
    assert shares(found, subject, bounds) == pytest.approx(expected)


def with_promotions(facts: Facts, rows: list[dict[str, object]]) -> Facts:
    frame = pd.DataFrame(rows)
    return replace(facts, tables={**facts.tables, **from_frames(SOURCE, {"promotions": frame}).tables})


def test_a_calendar_of_promotions_reaches_the_forecast_as_it_was_known() -> None:
    as_of = AsOf.parse("2024-06-03", "Europe/Paris")
    planned = {"starts_on": pd.Timestamp("2024-06-10"), "ends_on": pd.Timestamp("2024-06-16"), "channel": "web"}
    told_later = {**planned, "channel": "store", "known_at": pd.Timestamp("2024-06-05")}
    facts = with_promotions(weekly_shop(74), [planned, told_later])
    assert [one.channel for one in promotions(cut(facts, as_of))] == ["web"]
    periods = calendar(as_of, "week", 3)
    parts = [forecast_sales(sales_inputs(one, as_of, "week", 3), periods, 4000, 0).parts for one in (weekly_shop(74), facts)]
    spread = {name: [float(part[name][:, 1].std()) for part in parts] for name in ("web", "store")}
    assert spread["web"][1] > 1.5 * spread["web"][0]
    assert spread["store"][1] == pytest.approx(spread["store"][0])


def test_promotions_without_a_channel_are_for_all_and_one_that_ends_too_early_is_refused() -> None:
    rows: dict[str, object] = {"starts_on": pd.Timestamp("2024-06-10"), "ends_on": pd.Timestamp("2024-06-09")}
    with pytest.raises(BadValues, match="2024-06-10 to 2024-06-09"):
        promotions(with_promotions(weekly_shop(1), [rows]))
    (one,) = promotions(with_promotions(weekly_shop(1), [{**rows, "ends_on": pd.Timestamp("2024-06-10")}]))
    assert one == Promotion(date(2024, 6, 10), date(2024, 6, 10))
    assert promotions(weekly_shop(1)) == ()


def test_only_what_was_known_then_counts_at_an_earlier_origin() -> None:
    day = date(2024, 1, 1)
    always, later = Promotion(day, day), Promotion(day, day, None, MONDAY + 2 * WEEK)
    assert known_before([always, later], MONDAY + WEEK) == (always,)
    assert known_before([always, later], MONDAY + 3 * WEEK) == (always, later)
