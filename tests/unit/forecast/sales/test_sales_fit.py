from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import gamma

from funnelcast.forecast.periods import Every
from funnelcast.forecast.sales import season
from funnelcast.forecast.sales.fit import fit, impulse
from funnelcast.forecast.sales.history import starts
from tests.unit.forecast.sales.series import MONDAY, history, luck

LUCK = luck(np.random.default_rng(2).integers(0, 400, size=(4000, 60)))


@pytest.mark.parametrize(
    ("values", "method"),
    [
        ([7.0], "few"),
        ([7.0, 9.0, 8.0], "few"),
        ([0.0], "intermittent"),
        ([0.0] * 40, "intermittent"),
        ([5.0] * 40, "few"),
        ([-3.0, 4.0, 2.0], "few"),
        ([0.0, 0.0, 0.0, 900.0] * 8, "intermittent"),
        ([1e-9, 1e9] * 20, "combination"),
        (list(np.linspace(-50, 50, 40)), "combination"),
        ([0.0, *np.linspace(1, 50, 40)], "combination"),
    ],
)
@pytest.mark.parametrize("every", ["week", "month"])
def test_no_series_is_too_odd_to_answer(values: list[float], method: str, every: Every) -> None:
    state = fit(history(values, every), 20, "FR")
    paths = state.paths(LUCK)
    assert (state.method, state.horizon) == (method, 20)
    assert np.isfinite(paths).all()


def test_the_scale_is_that_in_which_errors_are_even() -> None:
    """Sums of a few purchases vary as gammas do, in which logarithms have a long left tail; growth rates are even in logarithms."""
    draw = np.random.default_rng(4)
    few_purchases = draw.gamma(3.0, 100.0, 130)
    assert fit(history(few_purchases), 4, "FR").scale == "root"
    assert fit(history(np.exp(5 + draw.normal(0, 0.6, 130))), 4, "FR").scale == "log"
    low, high = np.sqrt(np.quantile(fit(history(few_purchases), 1, "FR").paths(LUCK), [0.1, 0.9]))
    assert high - low == pytest.approx(np.ptp(np.sqrt(gamma.ppf([0.1, 0.9], 3.0, scale=100.0))), rel=0.1)


def test_one_point_is_the_middle_of_a_wide_answer() -> None:
    low, middle, high = np.quantile(fit(history([700.0]), 1, "FR").paths(LUCK), [0.1, 0.5, 0.9])
    assert middle == pytest.approx(700.0, rel=0.05)
    assert low < 400
    assert high > 1200


def test_a_channel_given_up_two_years_ago_stays_given_up() -> None:
    assert fit(history([*np.linspace(50, 90, 60), *np.zeros(104)]), 5, "FR").paths(LUCK).max() == 0.0


def test_nothing_sold_so_far_stays_nothing() -> None:
    assert fit(history([0.0] * 30), 5, "FR").paths(LUCK).max() == 0.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=45))
@settings(max_examples=25)
def test_draws_are_finite_whatever_was_sold(values: list[float]) -> None:
    assert np.isfinite(fit(history(values, "month"), 6, "FR").paths(LUCK)).all()


@given(st.floats(0, 1), st.floats(0, 0.5), st.floats(0, 0.5), st.floats(0.8, 0.98))
def test_the_response_is_that_of_the_recursion(alpha: float, beta: float, gamma: float, phi: float) -> None:
    """The states of additive damped smoothing (Hyndman et al. 2008, table 2.2), run with and without one shock."""

    def path(shock: float) -> list[float]:
        level, trend, seasons, out = 3.0, 0.5, [0.1, -0.3, 0.2, 0.0], []
        for period in range(12):
            error = shock if period == 0 else 0.0
            out.append(level + phi * trend + seasons[period % 4] + error)
            level, trend = level + phi * trend + alpha * error, phi * trend + beta * error
            seasons[period % 4] += gamma * error
        return out

    expected = np.array(path(1.0)) - np.array(path(0.0))
    assert impulse(alpha, beta, gamma, phi, season_length=4, horizon=12) == pytest.approx(expected, abs=1e-9)


def test_a_yearly_season_is_found_in_three_years_of_weeks() -> None:
    draw = np.random.default_rng(3)
    weeks = np.arange(208)
    wave = 0.3 * np.sin(2 * np.pi * weeks / 52.18)
    values = np.exp(7 + 0.002 * weeks + wave + draw.normal(0, 0.05, 208))
    state = fit(history(values[:156]), 52, "FR")
    naive = np.abs(np.log(values[156:]) - np.log(values[155])).mean()
    assert np.abs(state.centre - np.log(values[156:])).mean() < 0.4 * naive


def test_the_design_of_the_week_of_christmas_2023() -> None:
    (week,) = (start for start in starts(MONDAY, "week", 52) if start.isoformat() == "2023-12-25T00:00:00")
    design, deviations = season.yearly([week], "FR")
    assert (design.shape, deviations.shape) == ((1, 15), (15,))
    assert design[0, -3:] == pytest.approx([1.0, 0.0, 1.0])


def test_a_country_without_a_calendar_has_no_holidays() -> None:
    design, _ = season.yearly(starts(MONDAY, "week", 52), "XX")
    assert design[:, -3].sum() == 0.0
    french, _ = season.yearly(starts(MONDAY, "week", 52), "FR")
    assert french[:, -3].sum() == 10.0  # eleven in 2023, 1 January before the first week, and 1 January 2024 after the last


def test_easter_ascension_and_whitsun_move_through_the_french_year() -> None:
    """Easter Monday: 10 April 2023 and 1 April 2024; Ascension: 18 May 2023 and 9 May 2024; Whit Monday: 29 May 2023 and 20 May 2024."""
    weeks = starts(MONDAY, "week", 104)
    counts = dict(zip((week.date().isoformat() for week in weeks), season.yearly(weeks, "FR")[0][:, -3], strict=True))
    with_one = ["2023-04-10", "2023-05-15", "2023-05-29", "2024-04-01", "2024-05-20"]
    assert [counts[week] for week in with_one] == [1.0] * 5
    assert counts["2024-05-06"] == 2.0  # 8 May and Ascension
    assert [counts[week] for week in ("2023-04-03", "2024-04-08", "2024-05-13", "2024-05-27")] == [0.0] * 4
