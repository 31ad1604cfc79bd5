from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.errors import ArtefactDamaged, UsageError
from funnelcast.forecast.periods import Every, calendar, edges
from funnelcast.forecast.sales import SalesInputs, by_series, flows, forecast_sales, sales_inputs
from funnelcast.forecast.sales.allotment import shares
from funnelcast.forecast.sales.draw import SPEND_IGNORED, likeness
from funnelcast.forecast.sales.history import History, starts
from funnelcast.forecast.sales.state import State
from funnelcast.forecast.scenario import Scenario
from funnelcast.terms import AsOf
from tests.unit.forecast.sales.series import MONDAY, history, shop, totals, weekly_shop

AS_OF = AsOf.parse("2025-01-15", "Europe/Paris")  # a Wednesday
SATURDAYS = np.array([0.0, 0, 0, 0, 0, 1, 0])


@pytest.fixture(scope="module")
def shop_inputs() -> SalesInputs:
    return sales_inputs(weekly_shop(110), AS_OF, "week", 20)


@pytest.fixture(scope="module")
def totals_inputs() -> SalesInputs:
    wave = 100 + 20 * np.sin(np.arange(60) / 2)
    series = {"a": ("2020-01-01", wave), "b": ("2019-10-01", 2 * wave), "old": ("2015-01-01", wave)}
    return sales_inputs(totals({name: (first, list(amounts)) for name, (first, amounts) in series.items()}), AS_OF, "month", 6)


def test_channels_are_parts_and_the_forecast_is_near_what_comes(shop_inputs: SalesInputs) -> None:
    answer = forecast_sales(shop_inputs, calendar(AS_OF, "week", 8), 1000, 0)
    assert sorted(answer.parts) == ["store", "web"]
    later = weekly_shop(120).tables["transactions"].to_pandas()
    inside = later[(later.occurred_at >= AS_OF.at) & (later.occurred_at < answer.periods[-1].end)]
    low, high = np.quantile(answer.total().sum(axis=1), [0.01, 0.99])
    assert low < inside.amount.sum() < high
    assert high / low < 1.8


def test_the_first_short_week_has_the_share_of_its_weekdays(shop_inputs: SalesInputs) -> None:
    partial = forecast_sales(shop_inputs, calendar(AS_OF, "week", 1), 500, 0).total()[:, 0]
    whole = forecast_sales(replace_as_of(shop_inputs), calendar(AsOf.parse("2025-01-13", "Europe/Paris"), "week", 1), 500, 0).total()[:, 0]
    assert (partial / whole) == pytest.approx(np.full(500, 6 / 8), abs=0.02)


def replace_as_of(inputs: SalesInputs) -> SalesInputs:
    """The same fit, asked from the Monday before."""
    document = inputs.files()["sales.json"].replace(b"2025-01-15T00:00:00", b"2025-01-13T00:00:00")
    return SalesInputs.rebuild({"sales.json": document})


def test_a_shorter_question_gets_the_same_futures(shop_inputs: SalesInputs) -> None:
    short = forecast_sales(shop_inputs, calendar(AS_OF, "week", 3), 50, 7).total()
    assert (forecast_sales(shop_inputs, calendar(AS_OF, "week", 20), 50, 7).total()[:, :4] == short).all()
    assert (forecast_sales(shop_inputs, calendar(AS_OF, "week", 3), 50, 8).total() != short).any()


def test_the_channels_of_one_draw_share_their_luck(shop_inputs: SalesInputs) -> None:
    answer = forecast_sales(shop_inputs, calendar(AS_OF, "week", 8), 2000, 0)
    web, store = (answer.parts[name].sum(axis=1) for name in ("web", "store"))
    assert np.corrcoef(web, store)[0, 1] > 0.3  # the shop of the test moves both by one shock each week


def test_rebuilt_inputs_give_the_very_same_draws(shop_inputs: SalesInputs) -> None:
    rebuilt = SalesInputs.rebuild(shop_inputs.files())
    periods = calendar(AS_OF, "week", 5)
    assert (forecast_sales(rebuilt, periods, 50, 7).total() == forecast_sales(shop_inputs, periods, 50, 7).total()).all()
    assert rebuilt.files() == shop_inputs.files()
    assert b"c1" not in shop_inputs.files()["sales.json"]
    with pytest.raises(ArtefactDamaged, match=r"sales\.json"):
        SalesInputs.rebuild({})


def test_flows_are_the_same_futures_by_day(shop_inputs: SalesInputs) -> None:
    periods = calendar(AS_OF, "week", 6)
    bounds = edges(periods, AS_OF)
    dated = flows(shop_inputs, int(bounds[-1]), 40, 3)
    assert dated.by_period(bounds) == pytest.approx(forecast_sales(shop_inputs, periods, 40, 3).total())
    assert set(dated.lineage.tolist()) == {-1}


def test_beyond_what_was_fitted_is_refused(shop_inputs: SalesInputs) -> None:
    with pytest.raises(UsageError, match="fitted to reach 2025-06-09"):
        forecast_sales(shop_inputs, calendar(AS_OF, "week", 21), 10, 0)
    with pytest.raises(UsageError, match="Ask for fewer weeks"):
        flows(shop_inputs, shop_inputs.horizon_days + 1, 10, 0)
    assert flows(shop_inputs, shop_inputs.horizon_days, 10, 0).draws == 10


def test_a_scenario_that_sales_do_not_know_is_said(shop_inputs: SalesInputs) -> None:
    periods = calendar(AS_OF, "week", 1)
    assert forecast_sales(shop_inputs, periods, 5, 0).missing == ()
    changed = forecast_sales(shop_inputs, periods, 5, 0, Scenario(spend={"web": 2.0}))
    assert changed.missing == (SPEND_IGNORED,)


def test_each_series_of_totals_starts_after_its_own_last_month(totals_inputs: SalesInputs) -> None:
    rows = {row["series"]: row for row in by_series(totals_inputs, "month", 6, 200, 0)}  # type: ignore[index,call-overload]
    first = {name: row["periods"][0]["start"][:10] for name, row in rows.items()}  # type: ignore[index,call-overload]
    assert first == {"a": "2025-01-01", "b": "2024-10-01", "old": "2020-01-01"}
    assert {name: row["stale"] for name, row in rows.items()} == {"a": False, "b": True, "old": True}  # type: ignore[index,call-overload]


def test_a_series_given_up_long_ago_is_named_and_left_out_of_the_sums(totals_inputs: SalesInputs) -> None:
    answer = forecast_sales(totals_inputs, calendar(AS_OF, "month", 6), 50, 0)
    assert sorted(answer.parts) == ["a", "b"]
    assert answer.missing == ("1 of 3 series end more than a year before 2025-01-15 and are left out of the sums: old",)


def test_months_can_be_asked_by_week(totals_inputs: SalesInputs) -> None:
    weeks = forecast_sales(totals_inputs, calendar(AS_OF, "week", 8), 200, 0).total().sum(axis=1)
    assert np.median(weeks) == pytest.approx(300 * 61 / 30.4, rel=0.2)  # 15 January to 17 March


def test_shares_of_a_shop_that_only_opens_on_saturdays() -> None:
    shop = History("store", "week", MONDAY, np.ones(1), SATURDAYS)
    as_of = AsOf(MONDAY + timedelta(days=13))  # the Sunday of the first week to come
    assert shares(shop, 3, calendar(as_of, "week", 1)).tolist() == [[0.0, 0.0], [0.0, 1.0], [0.0, 0.0]]


def test_shares_of_an_instant_within_a_day() -> None:
    as_of = AsOf(MONDAY + timedelta(days=7 + 6, hours=12))
    assert shares(history([1.0]), 1, calendar(as_of, "week", 1))[0, 0] == pytest.approx(0.5 / 7)


@given(st.integers(0, 6), st.sampled_from(["week", "month"]), st.sampled_from(["week", "month"]), st.integers(0, 40))
@settings(max_examples=40)
def test_nothing_is_lost_between_calendars(weekday: int, own: Every, asked: Every, later: int) -> None:
    profile = np.eye(7)[weekday] * 0.5 + 0.5 / 7
    subject = History("web", own, MONDAY if own == "week" else MONDAY.replace(day=1), np.ones(3), profile)
    origin = AsOf(subject.end + timedelta(days=later))
    covered = shares(subject, 12, calendar(origin, asked, 60)).sum(axis=1)
    begins = np.array([start >= origin.at for start in starts(subject.end, own, 12)])
    assert covered[begins] == pytest.approx(np.ones(begins.sum()))
    assert covered[~begins].max(initial=0.0) <= 1 + 1e-9


def test_the_service_draws_without_the_fitting_libraries() -> None:
    program = "import sys, funnelcast.forecast.sales; print(sorted({'statsforecast', 'holidays'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_company_of_three_weeks_gets_a_wide_answer() -> None:
    as_of = AsOf.parse("2023-01-23", "Europe/Paris")
    answer = forecast_sales(sales_inputs(weekly_shop(3), as_of, "week", 13), calendar(as_of, "week", 13), 2000, 0)
    low, middle, high = np.quantile(answer.total().sum(axis=1), [0.1, 0.5, 0.9])
    assert high / low > 2
    assert middle == pytest.approx(13 * 2000, rel=0.3)


@pytest.mark.parametrize(
    ("when", "amount"),
    [("2025-01-14", 50.0), ("2025-01-08", 50.0), ("2025-01-02", 50.0), ("2025-01-02", 0.0), ("2025-01-02", -9.0)],
)
def test_one_purchase_is_answered_or_said_to_be_too_little(when: str, amount: float) -> None:
    """The first lies in a week that isn't over."""
    inputs = sales_inputs(shop([(f"{when}T12:00", amount, "web")]), AS_OF, "week", 4)
    answer = forecast_sales(inputs, calendar(AS_OF, "week", 4), 200, 0)
    assert np.isfinite(answer.total()).all()
    assert bool(answer.missing) == (when == "2025-01-14")
    low, high = np.quantile(answer.total().sum(axis=1), [0.1, 0.9])
    assert high - low >= abs(amount) * bool(inputs.states)


def test_series_are_as_alike_as_their_past_errors() -> None:
    draw = np.random.default_rng(0)
    common = draw.normal(size=130)
    noise = draw.normal(size=(3, 130))

    def states(share: float, weeks: int = 130) -> list[State]:
        shocks = np.sqrt(share) * common + np.sqrt(1 - share) * noise
        fitted = State(history(np.ones(weeks)), "combination", "log", np.zeros(1), np.ones(1), shocks[0], 0.0)
        return [replace(fitted, shocks=one) for one in (shocks[0], shocks[1, 30:], shocks[2])]

    assert likeness(states(0.6)) == pytest.approx(0.6, abs=0.1)
    assert likeness(states(0.0)) == pytest.approx(0.0, abs=0.1)
    assert likeness(states(0.0)[:1]) == 0.0
    assert likeness(states(0.0, weeks=40)) == 1.0
