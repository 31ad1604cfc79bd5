from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from funnelcast.forecast.payments import LATER, NEVER, Lateness, Pace, PayDistribution


def distribution(rows: list[dict[int, float]], never: list[float]) -> PayDistribution:
    daily = np.zeros((len(rows), 364))
    for place, row in enumerate(rows):
        for day, probability in row.items():
            daily[place, day] = probability
    return PayDistribution(daily, np.array(never))


def test_spans_are_spread_evenly_over_their_days() -> None:
    frame = pd.DataFrame({"p_never": [0.1], "pay_000": [0.2], "pay_001": [0.0], "pay_357": [0.7]})
    read = PayDistribution.of(frame)
    assert read.daily.shape == (1, 364)
    np.testing.assert_allclose(read.daily[0, [0, 1, 356, 357, 363]], [0.2, 0.0, 0.0, 0.1, 0.1])
    np.testing.assert_allclose(read.never, [0.1])


def test_slots_are_as_many_as_the_probability_says() -> None:
    table = distribution([{3: 0.25, 10: 0.25}, {0: 1.0}, {}], [0.25, 0.0, 1.0]).table(np.random.default_rng(1))
    found = [dict(zip(*(part.tolist() for part in np.unique(row, return_counts=True)), strict=True)) for row in table]
    assert found == [{3: 1024, 10: 1024, LATER: 1024, NEVER: 1024}, {0: 4096}, {NEVER: 4096}]


def test_a_probability_below_a_slot_is_kept_on_average() -> None:
    many = distribution([{5: 0.0001}] * 4000, [0.9999] * 4000).table(np.random.default_rng(2))
    # 4000 invoices of 0.4096 slots each: 1638, with a standard deviation of 31
    assert abs(int((many == 5).sum()) - 1638) < 125


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=40), st.floats(0.0, 1.0), st.integers(0, 100))
def test_the_slots_never_stray_from_the_probabilities_by_more_than_one(weights: list[float], never: float, seed: int) -> None:
    chance = np.array(weights) / max(sum(weights), 1.0) * (1.0 - never)
    table = distribution([dict(enumerate(chance))], [never]).table(np.random.default_rng(seed))[0]
    reached = np.array([(table <= day).sum() for day in range(chance.size)]) / 4096
    np.testing.assert_allclose(reached, np.cumsum(chance), atol=1.001 / 4096)
    assert abs((table == NEVER).sum() / 4096 - never) <= 1.001 / 4096


def test_lateness_is_pooled_around_each_invoice_s_own_due_date() -> None:
    pooled = distribution([{30: 1.0}, {65: 0.5}], [0.0, 0.5]).late(np.array([30, 60]))
    assert pooled.never == 0.25
    late = pooled.at(np.random.default_rng(3).random(40_000))
    days, counts = np.unique(late, return_counts=True)
    assert days.tolist() == [0, 5, NEVER]
    np.testing.assert_allclose(counts / 40_000, [0.5, 0.25, 0.25], atol=0.01)


def test_the_usual_lateness_is_a_whole_distribution() -> None:
    usual = Lateness.usual()
    np.testing.assert_allclose(usual.daily.sum() + usual.never, 1.0)


def test_a_slow_month_stretches_the_days_to_payment_and_nothing_else() -> None:
    pace = Pace(np.array([[1.0] * 20, [2.0] + [1.0] * 19]))
    draw, start = np.array([0, 1, 1, 1]), np.array([0, 0, 10, 40])
    assert pace.day(draw, start, np.array([8, 8, 8, 8])).tolist() == [8, 17, 27, 48]
    assert pace.day(draw[:1], start[:1], np.array([NEVER])).tolist() == [NEVER]


def test_a_scenario_s_delay_is_added_but_nobody_pays_before_the_start() -> None:
    start = np.array([0, 5])
    assert Pace(np.ones((1, 20)), 7.0).day(np.zeros(2, int), start, np.array([3, 3])).tolist() == [10, 15]
    assert Pace(np.ones((1, 20)), -10.0).day(np.zeros(2, int), start, np.array([3, 30])).tolist() == [0, 25]


def test_paces_are_one_on_average_and_as_wide_as_asked() -> None:
    factor = Pace.draw(np.random.default_rng(4), 20_000, 91, 0.1).factor
    np.testing.assert_allclose(factor.mean(), 1.0, atol=0.003)
    np.testing.assert_allclose(np.log(factor).std(), 0.1, rtol=0.02)
    np.testing.assert_allclose(np.corrcoef(np.log(factor[:, 0]), np.log(factor[:, 1]))[0, 1], 0.5, atol=0.03)
