"""Simulated futures against the formulas that they must reproduce, with parameters that are certain."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from funnelcast.families.clv.draws import Customers, Worlds, daily_purchases, grouped_purchases
from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.process.parameters import BgNbd, GammaGamma, MbgNbd, ParetoNbd, Process, TrendBgNbd
from funnelcast.families.clv.process.predictions import expected_purchases, p_purchase
from funnelcast.families.clv.quantiles import Variates, quantiles

PROCESS = BgNbd(0.8, 6.0, 0.9, 2.8)
SPEND = SpendModel(40.0, GammaGamma(6.0, 4.0, 20.0), np.zeros((3, 3)))
X, T_X, AGE, M = (
    np.array(values) for values in ([0.0, 1.0, 4.0, 30.0], [0.0, 10.0, 28.0, 29.0], [10.0, 30.0, 30.0, 30.0], [0.0, 20.0, 60.0, 45.0])
)
Z = np.array([90.0, 0.0, 5.0, 45.0])


PROCESSES = pytest.mark.parametrize(
    "process", [PROCESS, MbgNbd(0.8, 6.0, 0.9, 2.8), ParetoNbd(0.8, 6.0, 0.7, 30.0), TrendBgNbd(0.8, 6.0, 0.9, 2.8, 0.97)]
)


def worlds(count: int, seed: int = 1, spread: float = 0.0, process: Process = PROCESS) -> Worlds:
    return Worlds.draw(process, np.eye(len(process.logarithms())) * spread, SPEND, count, seed)


def repeated(number: int) -> Customers:
    return Customers(*(np.repeat(values, number) for values in (X, T_X, AGE, M, Z)))


@PROCESSES
def test_simulated_sums_have_the_expected_mean_by_day(process: Process) -> None:
    drawn = daily_purchases(worlds(40, process=process), repeated(500), horizon_days=140, days_per_unit=7.0)
    for days in (7, 70, 140):
        expected = 500 * expected_purchases(process, X, T_X, AGE, days / 7).sum()
        found = drawn.counts[:, :days].sum(axis=1)
        assert found.mean() == pytest.approx(expected, abs=4 * found.std() / np.sqrt(40))
    money = 500 * float(expected_purchases(process, X, T_X, AGE, 20.0) @ SPEND.expected(X, M))
    sums = drawn.amounts.sum(axis=1)
    assert sums.mean() == pytest.approx(money, abs=4 * sums.std() / np.sqrt(40))


def test_groups_of_one_call_add_up_to_the_days_of_another() -> None:
    many, uncertain = repeated(30), worlds(50, spread=0.04)
    group = np.arange(len(many.x)) % 7
    by_day, by_group = daily_purchases(uncertain, many, 140, 7.0), grouped_purchases(uncertain, many, group, 20.0)
    assert by_group.counts.shape == (50, 7)
    np.testing.assert_array_equal(by_group.counts.sum(axis=1), by_day.counts.sum(axis=1))
    np.testing.assert_allclose(by_group.amounts.sum(axis=1), by_day.amounts.sum(axis=1), rtol=1e-12)
    # Who else is told apart changes no group's sums.
    part = grouped_purchases(uncertain, many, (group == 3).astype(np.int64), 20.0)
    np.testing.assert_array_equal(part.counts[:, 1], by_group.counts[:, 3])
    discounted = grouped_purchases(uncertain, many, group, 20.0, delta=0.1)
    np.testing.assert_array_equal(discounted.counts, by_group.counts)
    ratio = discounted.amounts.sum() / by_group.amounts.sum()
    assert np.exp(-0.1 * 20.0) < ratio < 1


def test_uncertain_parameters_widen_sums() -> None:
    certain = daily_purchases(worlds(200), repeated(100), 140, 7.0).counts.sum(axis=1)
    uncertain = daily_purchases(worlds(200, spread=0.04), repeated(100), 140, 7.0).counts.sum(axis=1)
    assert uncertain.std() > 1.5 * certain.std()


@PROCESSES
def test_quantiles_are_zero_where_nothing_is_bought_so_often(process: Process) -> None:
    found = quantiles(Variates(worlds(4000, process=process)), Customers(X, T_X, AGE, M, Z), 20.0, 0.0, (0.1, 0.5, 0.9))
    nothing = 1 - p_purchase(process, X, T_X, AGE, 20.0)
    for level, column in ((0.1, 0), (0.5, 1), (0.9, 2)):
        clear = np.abs(nothing - level) > 0.03
        assert ((found[:, column] == 0) == (nothing > level))[clear].all()
    assert (np.diff(found, axis=1) >= 0).all()


def test_quantiles_agree_with_independent_futures() -> None:
    common = quantiles(Variates(worlds(6000)), Customers(X, T_X, AGE, M, Z), 20.0, 0.0, (0.5, 0.9))
    for row in range(2, 4):
        alone = Customers(X[[row]], T_X[[row]], AGE[[row]], M[[row]], Z[[row]])
        sums = daily_purchases(worlds(6000, seed=9), alone, 140, 7.0).amounts.sum(axis=1)
        np.testing.assert_allclose(np.quantile(sums, [0.5, 0.9]), common[row], rtol=0.12, atol=8)


def test_a_first_purchase_moves_the_simulated_value_as_it_moves_the_expected_one() -> None:
    spend = replace(SPEND, uses_first=True)
    known = Worlds.draw(PROCESS, np.zeros((4, 4)), spend, 100, 1)
    drawn = grouped_purchases(known, repeated(400), np.repeat(np.arange(4), 400), 20.0)
    worth = drawn.amounts.sum(axis=0) / drawn.counts.sum(axis=0)
    np.testing.assert_allclose(worth, spend.expected(X, M, Z), rtol=0.03)
    assert np.abs(spend.expected(X, M, Z) / spend.expected(X, M) - 1)[[0, 2]].min() > 0.1
    customers = Customers(X, T_X, AGE, M, Z)
    moved = quantiles(Variates(known), customers, 20.0, 0.0, (0.9,)) / quantiles(Variates(worlds(100)), customers, 20.0, 0.0, (0.9,))
    assert moved[0] > 1
    assert moved[2] < 1


def test_the_same_seed_draws_the_same_future_and_another_seed_another() -> None:
    first, again = (daily_purchases(worlds(20), repeated(50), 70, 7.0) for _ in range(2))
    np.testing.assert_array_equal(first.amounts, again.amounts)
    assert not np.array_equal(first.counts, daily_purchases(worlds(20, seed=2), repeated(50), 70, 7.0).counts)


def test_amounts_lie_on_the_days_of_purchases() -> None:
    drawn = daily_purchases(worlds(30), repeated(20), 70, 7.0)
    assert drawn.counts.shape == (30, 70)
    np.testing.assert_array_equal(drawn.amounts > 0, drawn.counts > 0)
