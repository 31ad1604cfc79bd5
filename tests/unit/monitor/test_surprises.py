from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from funnelcast.forecast.sales.fit import fit
from funnelcast.forecast.sales.history import History
from funnelcast.monitor.surprises import BLOCK_DAYS, surprises
from funnelcast.monitor.watched import Watched
from tests.unit.monitor.watching import history, measured, noisy


def test_the_errors_are_those_of_a_model_that_was_fitted_before_the_block_and_told_week_by_week() -> None:
    values = noisy(104, seed=3)
    found = measured(values)
    state = fit(history(values[:91]), 13, "FR")  # the last block of 13 weeks begins after 91
    slow = np.zeros(13)
    for week in range(13):
        told = state.centre[week] + sum(state.response[week - before] * slow[before] for before in range(week))
        slow[week] = np.log(values[91 + week]) - told
    reach = np.quantile(np.abs(state.shocks), 0.9) * np.sqrt(1 + (state.doubt**2).sum(axis=1) / state.shocks.var())
    assert found.errors[-13:] == pytest.approx(slow / reach)
    assert found.expected[-13:] == pytest.approx(values[91:] / np.exp(slow))
    assert found.high[-13:] == pytest.approx(values[91:] / np.exp(slow - reach))


@pytest.mark.parametrize("kind", ["steady", "counts", "refunds", "months"])
def test_a_period_has_the_same_score_whenever_it_is_looked_at(kind: str) -> None:
    random = np.random.default_rng(4)
    values = {
        "steady": noisy(130, seed=4),
        "counts": random.poisson(1.0, 130) * random.lognormal(5.0, 0.5, 130),
        "refunds": random.normal(10.0, 30.0, 130),
        "months": noisy(130, seed=5),
    }[kind]
    every = History("", "month" if kind == "months" else "week", history(values).start, values, np.full(7, 1 / 7))
    late = surprises(Watched("sales", every), "FR", 4)
    for weeks in (129, 127, 124):
        early = surprises(Watched("sales", every.first(weeks)), "FR", 4)
        assert late is not None
        assert early is not None
        scores = dict(zip(early.ends, early.scores(), strict=True))
        shared = [end for end in late.ends if end in scores and end // BLOCK_DAYS > late.blocks[0]]
        assert shared
        assert [scores[end] for end in shared] == pytest.approx([late.scores()[list(late.ends).index(end)] for end in shared], rel=1e-6)


def test_a_short_series_is_not_watched() -> None:
    assert surprises(Watched("sales", history(noisy(20, seed=6))), "FR", 11) is None


def test_the_year_before_it_is_known_widens_what_is_expected() -> None:
    found = measured(noisy(104, seed=7))
    young, grown = (np.log(found.high / found.expected)[found.blocks == block].mean() for block in (found.blocks[0], found.blocks[-1]))
    assert young > 2 * grown


NEAR_NOTHING = [1e-300, 5e-324, *[2.0] * 39, 1e6, 2.0, 5e-324, *[2.0] * 17]
"""Logarithms that swing so far that a forecast median has no number."""


@settings(max_examples=30)
@given(st.lists(st.floats(0.0, 1e6), min_size=40, max_size=70))
@example(NEAR_NOTHING)
def test_any_series_gives_finite_scores_and_ordered_bands(values: list[float]) -> None:
    found = measured(values)
    assert np.isfinite(found.scores()).all()
    assert np.isfinite([found.expected, found.low, found.high]).all()
    assert (found.low <= found.expected).all()
    assert (found.expected <= found.high).all()


def test_a_series_that_never_moved_raises_nothing() -> None:
    for level in (0.0, 5.0):
        assert np.abs(measured(np.full(80, level)).scores()).max() == pytest.approx(0.0, abs=1e-9)


def test_four_weeks_count_by_their_sum_over_two() -> None:
    found = measured(noisy(104, seed=8))
    place = 60
    summed = found.errors[place - 3 : place + 1].sum() / 2
    assert found.scores()[place] == pytest.approx(max((found.errors[place], summed), key=abs))


def test_the_first_periods_of_a_young_series_are_told_without_those_before() -> None:
    values = noisy(28, seed=9)
    values[-2:] *= [2.0, 1.5]
    found = measured(values)
    assert found.errors.size == 2
    gap = found.gap(1)
    assert found.window(1) == 2
    assert (gap.actual, gap.expected) == pytest.approx((values[-2:].sum(), found.expected.sum()))
    assert (gap.until - gap.since).days == 14
    assert gap.low < gap.expected < gap.high
