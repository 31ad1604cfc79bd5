from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from funnelcast.errors import ArtefactDamaged, UsageError
from funnelcast.families.clv import FAMILY
from funnelcast.families.clv.baseline import MEAN_RATE, PAST_RATE, RateBaseline
from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.model import ClvModel
from funnelcast.families.clv.process.parameters import BgNbd, GammaGamma, MbgNbd, ParetoNbd, TrendBgNbd
from funnelcast.families.clv.rows import INPUTS
from funnelcast.families.clv.terms import Terms
from tests.unit.families.clv.bg_nbd_company import ALPHA, A, B, R, customers

CDNOW = ClvModel(
    BgNbd(0.2426, 4.4136, 0.7929, 2.4259),
    np.diag([0.05, 0.08, 0.2, 0.3]) ** 2,
    SpendModel(35.2, GammaGamma(6.25, 3.74, 15.45), np.diag([0.1, 0.1, 0.1]) ** 2),
    Terms(),
)
ROWS = pd.DataFrame(
    {"frequency": [0.0, 2.0, 26.0, 3.0], "recency": [0.0, 213.0, 240.0, 10.0], "T": [272.0] * 4, "monetary_value": [0.0, 22.35, 40.0, 0.0]},
    index=["w", "x", "y", "z"],
)


def test_value_is_discounted_purchases_times_spend_times_margin() -> None:
    free = CDNOW.predict(ROWS, discount_rate=0.0)
    np.testing.assert_allclose(free["clv"], free["expected_purchases"] * free["expected_spend"], rtol=1e-12)
    half = replace(CDNOW, terms=Terms(margin=0.5)).predict(ROWS, discount_rate=0.0)
    for column in ("clv", "clv_p10", "clv_p90"):
        np.testing.assert_allclose(half[column], free[column] / 2, rtol=1e-12)
    # All purchases lie within the year, so a tenth a year takes off less than a tenth, and more than nothing.
    ratio = CDNOW.predict(ROWS)["clv"] / free["clv"]
    assert ((ratio > 1 / 1.1) & (ratio < 1)).all()


def test_a_longer_horizon_and_a_lower_rate_are_worth_more() -> None:
    year, two = CDNOW.predict(ROWS, horizon_days=365), CDNOW.predict(ROWS, horizon_days=730)
    assert (two["clv"] > year["clv"]).all()
    assert (two["p_purchase"] > year["p_purchase"]).all()
    assert (two["p_alive"] == year["p_alive"]).all()
    assert (CDNOW.predict(ROWS, discount_rate=0.5)["clv"] < year["clv"]).all()


def test_days_or_weeks_only_rescale() -> None:
    in_days = ClvModel(BgNbd(0.2426, 4.4136 * 7, 0.7929, 2.4259), CDNOW.covariance, CDNOW.spend, Terms(time_unit="day"))
    pd.testing.assert_frame_equal(in_days.predict(ROWS), CDNOW.predict(ROWS), rtol=1e-9)


def test_spend_shrinks_to_the_mean_customer() -> None:
    spend = CDNOW.predict(ROWS)["expected_spend"]
    mean = 6.25 * 15.45 / 2.74
    assert spend["w"] == pytest.approx(mean)
    assert spend["z"] == pytest.approx(mean)
    assert 22.35 < spend["x"] < mean
    assert spend["y"] == pytest.approx(40, abs=0.5)


@pytest.mark.parametrize(
    ("asked", "said"), [({"horizon_days": 0}, "horizon_days is 0"), ({"discount_rate": -0.1}, "discount_rate is -0.1")]
)
def test_a_horizon_or_rate_that_cannot_be_is_refused(asked: dict[str, float], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        CDNOW.predict(ROWS, **asked)


def test_one_draw_more_or_a_row_more_changes_no_other_row() -> None:
    together = CDNOW.predict(pd.concat([ROWS, ROWS.assign(T=500.0)]))
    for name in ROWS.index:
        pd.testing.assert_frame_equal(CDNOW.predict(ROWS.loc[[name]]), together.iloc[:4].loc[[name]], rtol=1e-12)


def test_the_baselines_go_on_as_before() -> None:
    terms = Terms(horizon_days=136.0)
    past = RateBaseline(PAST_RATE, 0.004, SpendModel(30.0), terms).predict(ROWS, discount_rate=0.0)
    assert past["expected_purchases"].tolist() == pytest.approx([0.0, 1.0, 13.0, 1.5])
    assert past["clv"].tolist() == pytest.approx([0.0, 22.35, 520.0, 45.0])
    # Poisson quantiles: P(N <= 0 | 1) = .37 and P(N <= 2 | 1) = .92; P(N <= 18 | 13) = .93, P(N <= 17 | 13) = .89.
    assert past["clv_p10"].tolist()[:2] == [0.0, 0.0]
    assert past["clv_p90"].tolist() == pytest.approx([0.0, 2 * 22.35, 18 * 40.0, 3 * 30.0])
    mean = RateBaseline(MEAN_RATE, 0.004, SpendModel(30.0), terms).predict(ROWS)
    assert mean["expected_purchases"].tolist() == pytest.approx([0.544] * 4)


@pytest.mark.parametrize("model", [CDNOW, RateBaseline(PAST_RATE, 0.004, SpendModel(30.0), Terms())], ids=["model", "baseline"])
def test_simulated_sums_lie_around_the_prediction(model: ClvModel | RateBaseline) -> None:
    many = pd.concat([ROWS] * 50)
    drawn = model.simulate(many, horizon_days=140, draws=300, seed=5)
    predicted = model.predict(many, horizon_days=140, discount_rate=0.0)
    for sums, expected in (
        (drawn.counts.sum(axis=1), predicted["expected_purchases"].sum()),
        (drawn.amounts.sum(axis=1), predicted["clv"].sum()),
    ):
        # The parameters' uncertainty shifts the mean of the draws a little, beside the noise.
        assert sums.mean() == pytest.approx(expected, rel=0.02, abs=4 * sums.std() / np.sqrt(300))
    assert model.simulate(many, 140, 300, 5).amounts.tobytes() == drawn.amounts.tobytes()
    nobody = model.simulate(many.iloc[:0], 140, 10, 5)
    assert nobody.counts.shape == (10, 140)
    assert nobody.amounts.sum() == 0.0


def test_the_pit_of_customers_is_uniform_at_the_true_parameters_and_not_beside_them() -> None:
    rows = customers(4000, seed=3)
    true = ClvModel(BgNbd(R, ALPHA, A, B), np.zeros((4, 4)), SpendModel(35.0), Terms(time_unit="day"))
    loyal = replace(true, process=BgNbd(R, ALPHA, A, 2 * B))
    values, others = (model.count_pit(rows[list(INPUTS)], rows["purchases"].to_numpy(), 180, seed=7) for model in (true, loyal))
    assert kstest(values, "uniform").pvalue > 0.01
    assert kstest(others, "uniform").pvalue < 1e-6


OTHERS = [
    replace(CDNOW, member="bg_nbd_recent"),
    replace(CDNOW, process=MbgNbd(0.525, 6.183, 0.891, 1.614), member="mbg_nbd"),
    replace(CDNOW, process=ParetoNbd(0.553, 10.578, 0.606, 11.669), member="pareto_nbd"),
    replace(CDNOW, process=TrendBgNbd(0.243, 4.414, 0.793, 2.426, 0.99), covariance=np.eye(5) * 1e-6, member="bg_nbd_trend"),
]


@pytest.mark.parametrize("model", OTHERS, ids=lambda model: model.member)
def test_every_member_is_rebuilt_served_and_simulated(model: ClvModel) -> None:
    again = FAMILY.rebuild(model.files())
    assert isinstance(again, ClvModel)
    assert (again.member, again.process) == (model.member, model.process)
    predicted = again.predict(ROWS)
    pd.testing.assert_frame_equal(predicted, model.predict(ROWS))
    assert np.isfinite(predicted.to_numpy()).all()
    sums = again.simulate(pd.concat([ROWS] * 50), horizon_days=140, draws=200, seed=5).counts.sum(axis=1)
    expected = 50 * again.expected_purchases(ROWS, 140).sum()
    assert sums.mean() == pytest.approx(expected, rel=0.02, abs=4 * sums.std() / np.sqrt(200))
    losses = again.count_losses(ROWS, np.array([0.0, 3.0, 20.0, 1.0]), 140)
    assert (np.isfinite(losses) & (losses >= 0)).all()


def test_a_document_that_is_not_ours_is_refused() -> None:
    with pytest.raises(ArtefactDamaged, match=r"unknown kind 'other'"):
        FAMILY.rebuild({"model.json": CDNOW.files()["model.json"].replace(b'"kind": "bg_nbd"', b'"kind": "other"')})
    with pytest.raises(ArtefactDamaged, match=r"can't be read"):
        FAMILY.rebuild({"model.json": b'{"kind": "bg_nbd"}'})


def test_predicting_from_an_artefact_never_imports_what_only_fitting_needs(tmp_path: object) -> None:
    program = """
import json, sys
import pandas as pd
from funnelcast.families.registry import family_of
files = {"model.json": sys.stdin.buffer.read()}
model = family_of("clv").rebuild(files)
print(model.predict(pd.DataFrame({"frequency": [2.0], "recency": [30.0], "T": [60.0], "monetary_value": [9.0]})).to_json())
print(json.dumps([name for name in ("lifetimes", "autograd", "mlflow", "matplotlib") if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", program], input=CDNOW.files()["model.json"], capture_output=True, check=True)
    predicted, imported = done.stdout.decode().splitlines()
    assert imported == "[]"
    assert '"clv"' in predicted
