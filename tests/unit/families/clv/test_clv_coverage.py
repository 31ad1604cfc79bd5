from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchmarks import clv_coverage
from funnelcast.families.clv import FAMILY
from funnelcast.families.clv.card import intervals
from funnelcast.families.clv.coverage import account, met
from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.model import ClvModel
from funnelcast.families.clv.process.parameters import BgNbd, Floats, GammaGamma
from funnelcast.families.clv.terms import Terms
from funnelcast.settings import CHECKOUT
from funnelcast.spec import read
from tests.unit.families.clv.bg_nbd_company import ALPHA, A, B, P, Q, R, V, customers

INPUTS = ["frequency", "recency", "T", "monetary_value"]


def model(r: float = R) -> ClvModel:
    spend = SpendModel(P * V / (Q - 1), GammaGamma(P, Q, V), np.zeros((3, 3)))
    return ClvModel(BgNbd(r, ALPHA, A, B), np.zeros((4, 4)), spend, Terms(time_unit="day", draws=200))


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return customers(2500, seed=8)


def test_groups_and_tenths_are_all_customers_once(rows: pd.DataFrame) -> None:
    found = met(model(), rows, 180.0, draws=50, seed=1)
    for name in ("purchases", "spent"):
        kinds = found[name]
        assert {kind: len(sums.actual) for kind, sums in kinds.items()} == {"total": 1, "groups_of_200": 12, "deciles": 10}
        for sums in kinds.values():
            assert sums.actual.sum() == pytest.approx(rows[name].sum(), rel=1e-12)
            np.testing.assert_allclose(sums.drawn.sum(axis=1), kinds["total"].drawn[:, 0], rtol=1e-9)
    best_first = found["purchases"]["deciles"].drawn.mean(axis=0)
    assert (np.diff(best_first) < 0).all()


def test_fewer_than_200_customers_are_one_group(rows: pd.DataFrame) -> None:
    few = met(model(), rows.head(7), 180.0, draws=20, seed=1)["purchases"]
    assert {kind: len(sums.actual) for kind, sums in few.items()} == {"total": 1, "groups_of_200": 1, "deciles": 10}
    assert few["groups_of_200"].actual == rows["purchases"].head(7).sum()


def test_the_account_tells_right_predictions_from_wrong_ones(rows: pd.DataFrame) -> None:
    right, wrong = (account(one, rows) for one in (model(), model(r=2 * R)))

    def held(told: Mapping[str, Any], kind: str) -> float:
        return float(told["coverage"]["purchases"][kind]["coverage_80"])

    # 12 groups at 80 %: seven or more hold with 98 % where predictions are right.
    assert held(right, "groups_of_200") >= 7 / 12
    assert held(wrong, "groups_of_200") < 7 / 12
    assert (held(right, "total"), held(wrong, "total")) == (1.0, 0.0)
    for told, evenly in ((right, True), (wrong, False)):
        pit = told["pit"]
        assert (pit["ks"] < pit["ks_by_chance"]) is evenly
        assert sum(pit["bins"]) == pytest.approx(1)
    assert account(model(), rows) == right


def test_the_card_says_how_many_sums_were_held(rows: pd.DataFrame) -> None:
    written = intervals(**account(model(), rows))
    assert "| purchases, groups of 200 at random | 12 | " in written
    assert f"In total: purchases {rows['purchases'].sum():,.0f}, in eight futures of ten " in written


def z_scores(seed: int) -> Floats:
    """Fit 800 customers on their first year, and say how many deviations the second's purchases and money are from what is simulated."""
    of = clv_coverage.Company(0.5, 60.0, 0.3, 1.7, P, Q, V, customers=800, history_days=365, horizon_days=364)
    rows = clv_coverage.customers(of, seed)
    fitted = FAMILY.fit(rows[INPUTS], read(CHECKOUT / "models", "clv"))
    drawn = fitted.simulate_groups(rows[INPUTS], np.zeros(len(rows), dtype=np.int64), of.horizon_days, 200, seed)
    sums = np.hstack([drawn.counts, drawn.amounts])
    return np.asarray((rows[["purchases", "spent"]].sum().to_numpy() - sums.mean(axis=0)) / sums.std(axis=0), dtype=np.float64)


def test_totals_of_fitted_companies_lie_as_far_from_their_futures_as_these_vary() -> None:
    # Squares of 24 standard normals sum to 8.1 to 51.2 with 99.8 %; from parameters taken as certain they sum to about 70.
    squares = (np.array([z_scores(seed) for seed in range(24)]) ** 2).sum(axis=0)
    assert ((squares > 8.1) & (squares < 51.2)).all()


def test_the_simulated_companies_of_the_benchmark_buy_as_their_parameters_say() -> None:
    of = clv_coverage.Company(1.5, 60.0, 0.9, 2.1, 6.0, 4.0, 20.0, 20_000, 400, 91)
    rows = clv_coverage.customers(of, seed=1)
    age, process = rows["T"].to_numpy(), BgNbd(of.r, of.alpha, of.a, of.b)
    for low in (40, 200, 380):
        chosen = (age >= low) & (age < low + 20)
        never = rows["frequency"][chosen] == 0
        # Nobody leaves before a repeat purchase, so P(x = 0) is (alpha / (alpha + T))^r; a first day's second purchase isn't counted.
        expected = (process.alpha / (process.alpha + age[chosen])) ** process.r
        assert abs(never.mean() - expected.mean()) < 4 * np.sqrt(expected.mean() / chosen.sum())
    repeats = rows[rows["frequency"] >= 1]
    assert repeats["monetary_value"].mean() == pytest.approx(of.p * of.v / (of.q - 1), rel=0.05)
    assert (repeats["recency"] >= repeats["frequency"]).all()
    assert (rows["recency"] <= rows["T"]).all()
