from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelcast.artefacts import to_json
from funnelcast.errors import TooFewRows
from funnelcast.evaluate.backtest import choose_origins, document, earlier_origins, run
from funnelcast.evaluate.baselines import QUARTER, YEAR, Floats, Periods, baselines, lagged, last_period, with_errors
from funnelcast.terms import AsOf

START = AsOf.parse("2023-01-02", "Europe/Paris")


def rising(as_of: AsOf, periods: Periods) -> Floats:
    """A company whose revenue is the number of weeks since it began."""
    return np.array([(period.start - START.at) / timedelta(weeks=1) for period in periods])


def perfect(as_of: AsOf, periods: Periods) -> Floats:
    draws: Floats = rising(as_of, periods)[None, :] + np.array([[-1.0], [0.0], [1.0]])
    return draws


def test_origins_are_mondays_that_leave_their_weeks_observed() -> None:
    last = AsOf.parse("2024-01-03", "Europe/Paris")  # a Wednesday: the week of 1 January is not complete
    dates = [origin.at.date().isoformat() for origin in choose_origins(START, last, 4, 3)]
    assert dates == ["2023-10-09", "2023-11-06", "2023-12-04"]


@given(st.integers(0, 2000), st.integers(1, 26), st.integers(1, 20))
def test_origins_do_not_overlap(days: int, weeks: int, count: int) -> None:
    last = START.plus(days)
    try:
        origins = choose_origins(START, last, weeks, count)
    except TooFewRows:
        assert days < 7 * weeks + 7
        return
    assert len(origins) <= count
    assert origins[0] >= START
    assert origins[-1].plus(7 * weeks) <= last
    assert all(later == earlier.plus(7 * weeks) for earlier, later in itertools.pairwise(origins))


def test_no_room_for_an_origin_is_told() -> None:
    with pytest.raises(TooFewRows, match="backtest: 0 origins with 26 weeks after them"):
        choose_origins(START, START.plus(30), 26, 3)


def test_last_period_repeats_the_week_before() -> None:
    origin = START.plus(70)
    (outcome,) = run([origin], 3, perfect, rising, baselines={"last_period": last_period(rising)})
    assert outcome.actual.tolist() == [10.0, 11.0, 12.0]
    assert outcome.baselines["last_period"].tolist() == [[9.0, 9.0, 9.0]]


def test_lagged_looks_back_as_often_as_needed() -> None:
    origin = START.plus(7 * 60)
    periods = run([origin], 15, perfect, rising, baselines={})[0].periods
    assert lagged(rising, YEAR, START)(origin, periods).tolist() == [float(week - 52) for week in range(60, 75)]
    assert lagged(rising, QUARTER, START)(origin, periods).tolist() == [*(float(week - 13) for week in range(60, 73)), 47.0, 48.0]


def test_a_baseline_without_a_past_at_an_earlier_origin_learns_nothing_there() -> None:
    origin, before = START.plus(7 * 60), [START.plus(7 * 40), START.plus(7 * 56)]
    (outcome,) = run([origin], 4, perfect, rising, baselines={"seasonal_naive": lagged(rising, YEAR, START)}, earlier=before)
    assert outcome.baselines["seasonal_naive"][:, 0].tolist() == [60.0] * 4


def test_baselines_need_history() -> None:
    assert list(baselines(rising, START, START.plus(90))) == ["last_period"]
    assert list(baselines(rising, START, START.plus(91))) == ["last_period", "quarter_naive"]
    assert list(baselines(rising, START, START.plus(728))) == ["last_period", "seasonal_naive", "quarter_naive"]


def test_errors_of_earlier_origins_make_the_baseline_a_distribution() -> None:
    """The last week is 1, 2, … too low in each week of four: known after one origin, so the second is right on average."""
    first, second = START.plus(70), START.plus(98)
    _, later = run([first, second], 4, perfect, rising, baselines={"last_period": last_period(rising)})
    assert later.baselines["last_period"][:, 0].tolist() == [14.0, 15.0, 16.0, 17.0]
    assert later.baseline_totals["last_period"].tolist() == [[4 * 13.0 + 10.0]]
    (warm,) = run([second], 4, perfect, rising, baselines={"last_period": last_period(rising)}, earlier=[first])
    assert (warm.baselines["last_period"] == later.baselines["last_period"]).all()


def test_a_baseline_without_errors_is_its_point() -> None:
    assert with_errors(np.array([3.0, 4.0]), []).tolist() == [[3.0, 4.0]]


def test_a_document_worked_by_hand() -> None:
    origins = choose_origins(START.plus(70), START.plus(70 + 28), 2, 9)
    answer: dict[str, Any] = document(run(origins, 2, perfect, rising, baselines={"last_period": last_period(rising)}), 2)
    assert to_json(answer)
    assert (answer["origins"], answer["weeks"]) == (["2023-03-13", "2023-03-27"], 2)
    assert [answer["coverage_50"], answer["coverage_80"], answer["bias_pct"]] == [1.0, 1.0, pytest.approx(0.0)]
    # draws -1, 0, 1 around the truth: E|X| - E|X - X'| / 2 = 2/3 - 8/9 / 2
    assert answer["crps"] == pytest.approx(2 / 9)
    # the quantile at tau is 2 tau - 1, so the mean over the levels is that of (1 - 2 tau) (tau or tau - 1)
    levels = np.arange(0.05, 0.96, 0.05)
    assert answer["pinball"] == pytest.approx(np.mean(np.abs(2 * levels - 1) * np.minimum(levels, 1 - levels)))
    # at the first origin a point 1 and 2 too low, at the second spread over 1 and 2 too low and so centred between
    second = [np.mean([_tilted(came - 9 - 2 - q, level) for level, q in zip(levels, 1 + levels, strict=True)]) for came in (12.0, 13.0)]
    assert answer["baselines"]["last_period"]["pinball"] == pytest.approx(np.mean([0.5, 1.0, *second]))
    # the same spread as a sum: draws -2, 0, 2 around it
    assert answer["total"]["coverage_80"] == 1.0
    assert answer["total"]["crps"] == pytest.approx(2 * 2 / 9)
    assert len(answer["periods"]) == 4


def _tilted(missed: float, level: float) -> float:
    return max(level * missed, (level - 1) * missed)


def test_nothing_came_has_no_bias() -> None:
    def nothing(as_of: AsOf, periods: Periods) -> Floats:
        return np.zeros(len(periods))

    assert document(run([START], 2, perfect, nothing, baselines={}), 2)["bias_pct"] is None


def test_earlier_origins_end_before_the_first_judged_and_have_a_week_of_facts() -> None:
    first = START.plus(7 * 20)
    found = earlier_origins(START, first, 4, 3)
    assert [origin.plus(28) for origin in found] == [*found[1:], first]
    assert len(found) == 3
    assert min(earlier_origins(START, first, 4, 99)) >= START.plus(7)
    assert earlier_origins(START, START.plus(21), 4, 3) == ()


def test_a_baseline_is_judged_by_the_same_figures() -> None:
    """Two weeks too low at each origin, and known to be: the second origin's baseline is centred on what came."""
    first, second = START.plus(70), START.plus(98)

    def two_low(as_of: AsOf, periods: Periods) -> Floats:
        return rising(as_of, periods) - 2.0

    answer: dict[str, Any] = document(run([second], 4, perfect, rising, baselines={"low": two_low}, earlier=[first]), 4)
    assert answer["baselines"]["low"]["pinball"] == pytest.approx(0.0)
    assert answer["baselines"]["low"]["total"]["bias_pct"] == pytest.approx(0.0)
    (bare,) = run([second], 4, perfect, rising, baselines={"low": two_low})
    alone: dict[str, Any] = document([bare], 4)
    assert alone["baselines"]["low"]["coverage_90"] == 0.0
    assert alone["baselines"]["low"]["crps"] == pytest.approx(2.0)
    assert alone["baselines"]["low"]["total"]["crps"] == pytest.approx(8.0)
    assert alone["baselines"]["low"]["bias_pct"] == pytest.approx(100 * -2.0 / np.mean([14, 15, 16, 17]))


def test_one_origin_says_how_little_it_can_say() -> None:
    answer: dict[str, Any] = document(run([START.plus(70)], 4, perfect, rising, baselines={"last_period": last_period(rising)}), 4)
    chance, bare = answer["notes"]
    # of four right 80 % intervals 2, 3 or 4 hold with a chance of .97, 3 or 4 of .82
    assert "1 origin of 4 periods" in chance
    assert "hold 50 to 100 %" in chance
    assert "last_period: a point is compared there" in bare


def test_draws_that_are_right_are_covered_and_even() -> None:
    """Normal weeks around a known mean: shares within two standard errors of what is claimed, PIT uniform (200 origins of 4)."""
    generator = np.random.default_rng(5)
    came = {START.plus(28 * place): generator.normal(100.0, 10.0, 4) for place in range(200)}

    def drawn(origin: AsOf, periods: Periods) -> Floats:
        return np.random.default_rng(7).normal(100.0, 10.0, (2000, len(periods)))

    answer: dict[str, Any] = document(run(list(came), 4, drawn, lambda origin, _: came[origin], baselines={}), 4)
    for scope, count in ((answer, 800), (answer["total"], 200)):
        for level in (50, 80, 90):
            assert abs(scope[f"coverage_{level}"] - level / 100) < 2.5 * np.sqrt(level / 100 * (1 - level / 100) / count)
        assert np.abs(np.histogram(scope["pit"], 5, (0, 1))[0] / count - 0.2).max() < 3 * np.sqrt(0.16 / count)
    # E pinball of N(0, 10): CRPS = 10 (1 / sqrt(pi)) for the ideal forecast, half of it per level
    assert answer["crps"] == pytest.approx(10 / np.sqrt(np.pi), rel=0.06)
