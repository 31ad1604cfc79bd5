"""Simulated futures beside customers who are followed one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from funnelcast.evaluate.quantiles import pit
from funnelcast.families.clv.draws import Customers, Worlds, grouped_purchases
from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.process.parameters import BgNbd, Floats, GammaGamma
from funnelcast.families.clv.process.predictions import expected_purchases
from tests.unit.families.clv.bg_nbd_company import ALPHA, A, B, P, Q, R, V, customers


def followed(group: Callable[[pd.DataFrame], Floats]) -> Iterator[tuple[Floats, Floats]]:
    """Give what came and what was drawn by group, for purchases and for money, where the parameters are known.

    The plain loop in bg_nbd_company is the judge: it draws whole lives forwards and knows nothing of what a history says about them.
    It works in days, so that the purchases of a day merge; at one purchase in fifty days that is little.
    """
    rows = customers(4000, seed=5)
    places = group(rows).astype(np.int64)
    told = Customers(*(rows[name].to_numpy() for name in ("frequency", "recency", "T", "monetary_value", "first_value")))
    true = Worlds.draw(BgNbd(R, ALPHA, A, B), np.zeros((4, 4)), SpendModel(0.0, GammaGamma(P, Q, V), np.zeros((3, 3))), 300, 1)
    drawn = grouped_purchases(true, told, places, 180.0)
    for column, sums in (("purchases", drawn.counts), ("spent", drawn.amounts)):
        yield np.bincount(places, weights=rows[column]).astype(np.float64), sums


def test_customers_of_any_frequency_buy_as_those_followed_one_by_one() -> None:
    for actual, sums in followed(lambda rows: rows["frequency"].clip(upper=3).to_numpy(dtype=np.float64)):
        assert (np.abs(actual - sums.mean(axis=0)) < 3.5 * sums.std(axis=0)).all()


def test_sums_over_twenty_vary_as_those_of_customers_followed_one_by_one() -> None:
    for actual, sums in followed(lambda rows: np.arange(len(rows), dtype=np.float64) // 20):
        assert kstest(pit(actual, sums, seed=7), "uniform").pvalue > 0.01


@pytest.mark.parametrize(("a", "b"), [(1e-300, 2.8), (1e-6, 2e4), (0.3, 2e9), (0.05, 0.05), (2e8, 1e9), (0.9, 1e-9)])
def test_extreme_chances_of_leaving_are_simulated_as_they_are_expected(a: float, b: float) -> None:
    process = BgNbd(2.0, 6.0, a, b)
    few = Customers(*(np.repeat(values, 500) for values in ([0.0, 3.0], [0.0, 18.0], [20.0, 20.0], [0.0, 10.0], [0.0, 0.0])))
    drawn = grouped_purchases(Worlds.draw(process, np.zeros((4, 4)), SpendModel(1.0), 40, 1), few, np.arange(1000) // 500, 20.0)
    expected = 500 * expected_purchases(process, np.array([0.0, 3.0]), np.array([0.0, 18.0]), np.array([20.0, 20.0]), 20.0)
    deviation = drawn.counts.std(axis=0) / np.sqrt(40)
    assert (np.abs(drawn.counts.mean(axis=0) - expected) < 4 * deviation + 1e-9).all()
