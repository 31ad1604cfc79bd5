"""CDNOW as published: the real logs that the lifetimes wheel ships, from raw transactions to the papers' figures."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from funnelcast.families.clv import FAMILY
from funnelcast.families.clv.choice.members import History, fit_member, fit_pareto_nbd
from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.process.fitting import fit_bg_nbd, fit_gamma_gamma
from funnelcast.families.clv.process.likelihood import Spend
from funnelcast.families.clv.process.parameters import BgNbd
from funnelcast.families.clv.process.predictions import expected_purchases, p_alive, p_purchase
from funnelcast.families.clv.summary import compress_purchases, compress_spend, summarise
from funnelcast.families.family import Development, Options
from funnelcast.settings import CHECKOUT
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.spec import read
from funnelcast.terms import AsOf

CALIBRATED = AsOf.parse("1997-10-01", "UTC")
PAPER = BgNbd(0.243, 4.414, 0.793, 2.426)


def shipped(name: str) -> Path:
    found = find_spec("lifetimes")  # found, not imported: its package imports pandas settings along
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0]) / "datasets" / name


def facts(log: pd.DataFrame) -> Facts:
    days = pd.to_datetime(log["date"].astype(str), format="%Y%m%d")
    frame = pd.DataFrame({"contact_id": log["customer"].astype(str), "occurred_at": days, "amount": log["value"]})
    return from_frames(Source("cdnow"), {"transactions": frame})


@pytest.fixture(scope="module")
def sample() -> Facts:
    names = ["master", "customer", "date", "cds", "value"]
    return facts(pd.read_csv(shipped("CDNOW_sample.txt"), sep=r"\s+", names=names, dtype={"customer": str}))


@pytest.fixture(scope="module")
def developed(sample: Facts) -> Development:
    return FAMILY.develop(sample, read(CHECKOUT / "models", "clv"), CALIBRATED, Options())


def test_parameters_and_likelihood_as_in_fader_hardie_lee_2005_table_2(developed: Development) -> None:
    found = developed.details["parameters"]
    assert isinstance(found, dict)
    # To four digits from the data's own description; the paper prints .243, 4.414, .793, 2.426 and -9582.4, in weeks.
    for name, value in {"r": 0.2426, "alpha": 4.4136, "a": 0.7929, "b": 2.4259}.items():
        assert found[name] == pytest.approx(value, rel=1e-4), name
    diagnostics = developed.details["diagnostics"]
    assert isinstance(diagnostics, dict)
    assert diagnostics["log_likelihood"] == pytest.approx(-9582.4, abs=0.05)
    assert developed.details["time_unit"] == "week"


def test_the_39_weeks_after_as_measured_on_the_public_sample(developed: Development) -> None:
    metrics, newest = developed.metrics, developed.newest
    assert metrics["holdout_days"] == 273
    assert metrics["actual_purchases"] == 1882
    assert metrics["expected_purchases"] == pytest.approx(1653, abs=1)
    assert metrics["mae"] == pytest.approx(0.785, abs=5e-4)
    baselines = developed.details["baselines"]
    assert isinstance(baselines, dict)
    past = baselines["past_rate"]
    assert isinstance(past, dict)
    assert past["mae"] == pytest.approx(1.024, abs=5e-4)
    predicted = developed.model.predict(newest[list(developed.model.columns)], horizon_days=273)["expected_purchases"]  # type: ignore[call-arg]
    assert np.corrcoef(predicted, newest["purchases"])[0, 1] == pytest.approx(0.626, abs=5e-4)
    assert np.sqrt(((predicted - newest["purchases"]) ** 2).mean()) == pytest.approx(1.608, abs=5e-4)


def test_the_summary_is_the_published_table(sample: Facts) -> None:
    published = pd.read_csv(shipped("cdnow_customers_summary_with_transactions.csv"))
    found = summarise(sample, CALIBRATED).order_by("contact_id").execute()
    assert found["frequency"].tolist() == published["x"].tolist()
    # The table is in weeks to two decimals.
    np.testing.assert_allclose(found["recency"] / 7, published["t_x"], atol=0.0051)
    np.testing.assert_allclose(found["T"] / 7, published["T"], atol=0.0051)
    np.testing.assert_allclose(found["monetary_value"], published["zbar"], atol=0.0051)


def test_the_whole_cohort_gives_the_measured_parameters() -> None:
    log = pd.read_csv(
        shipped("CDNOW_master.txt"), sep=r"\s+", skiprows=1, names=["customer", "date", "cds", "value"], dtype={"customer": str}
    )
    summary = summarise(facts(log), CALIBRATED)
    model, fitted = fit_bg_nbd(compress_purchases(summary, 7.0))
    for name, value in {"r": 0.2516, "alpha": 4.7889, "a": 0.7234, "b": 2.1611}.items():
        assert model.document()[name] == pytest.approx(value, rel=2e-4), name
    assert fitted.log_likelihood == pytest.approx(-95368.4, abs=0.05)


def test_pareto_nbd_as_in_fader_hardie_lee_2005_table_2(sample: Facts) -> None:
    fitted = fit_pareto_nbd(compress_purchases(summarise(sample, CALIBRATED), 7.0))
    for found, published in zip(np.exp(fitted.logarithms), (0.553, 10.578, 0.606, 11.669), strict=True):
        assert found == pytest.approx(published, rel=2e-3)
    assert fitted.log_likelihood == pytest.approx(-9595.0, abs=0.06)


def test_mbg_nbd_as_lifetimes_fits_it(sample: Facts) -> None:
    # The figures of its own tests, from the summary in weeks to two decimals.
    process, _ = fit_member("mbg_nbd", History(sample, CALIBRATED, 7.0, 273.0))
    for name, value in {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}.items():
        assert process.document()[name] == pytest.approx(value, rel=2e-3), name


def test_merging_by_week_instead_of_day_gives_other_parameters(sample: Facts) -> None:
    # METHODS: r .283, alpha 6.59. Every purchase is moved to the Monday of its week; ages stay those of the days.
    table = sample.table("transactions")
    weekly = sample.with_tables({"transactions": table.mutate(occurred_at=table.occurred_at.truncate("W"))}, None)
    model, _ = fit_bg_nbd(compress_purchases(summarise(weekly, CALIBRATED), 7.0))
    assert model.r == pytest.approx(0.283, abs=0.01)
    assert model.alpha == pytest.approx(6.59, abs=0.4)


def test_the_spreadsheet_customer_expects_1_226_purchases_in_39_weeks() -> None:
    x, t_x, T = np.array([2.0]), np.array([30.43]), np.array([38.86])
    assert expected_purchases(PAPER, x, t_x, T, 39.0)[0] == pytest.approx(1.226, abs=5e-4)


def test_a_one_time_buyer_stays_away_for_30_weeks_at_40_with_882() -> None:
    # METHODS: a public library says .940, because it doesn't set P(alive) to 1 at x = 0.
    x, T = np.zeros(1), np.array([40.0])
    assert p_alive(PAPER, x, x, T)[0] == 1.0
    assert 1 - p_purchase(PAPER, x, x, T, 30.0)[0] == pytest.approx(0.882, abs=5e-4)


def test_gamma_gamma_on_the_946_returning_customers(sample: Facts) -> None:
    table = pd.read_csv(shipped("cdnow_customers_summary_with_transactions.csv"))
    returned = table[table["x"] > 0]
    assert len(returned) == 946
    data = Spend(returned["x"].to_numpy(dtype=float), returned["zbar"].to_numpy(dtype=float), np.ones(946))
    model, _ = fit_gamma_gamma(data)
    assert [round(float(value), 2) for value in (model.p, model.q, model.v)] == [6.25, 3.74, 15.45]
    own, _ = fit_gamma_gamma(compress_spend(summarise(sample, CALIBRATED)))
    assert (own.p, own.q, own.v) == pytest.approx((6.25, 3.74, 15.45), rel=2e-3)
    assert np.corrcoef(data.x, data.m)[0, 1] == pytest.approx(0.114, abs=5e-4)


def test_expected_spend_as_in_the_lifetimes_docs() -> None:
    # The first rows that its documentation prints: customers 1, 2 and those without a repeat purchase.
    data = pd.read_csv(shipped("cdnow_customers_summary_with_transactions.csv"))
    returned = data[data["x"] > 0]
    model, _ = fit_gamma_gamma(Spend(returned["x"].to_numpy(dtype=float), returned["zbar"].to_numpy(dtype=float), np.ones(len(returned))))
    spend = SpendModel(0.0, model).expected(np.array([2.0, 1.0, 0.0]), np.array([22.35, 11.77, 0.0]))
    assert spend.tolist() == pytest.approx([24.6586, 18.9115, 35.1710], abs=5e-4)


def test_one_customer_in_a_request_gets_the_answer_of_the_batch(sample: Facts, developed: Development) -> None:
    spec = read(CHECKOUT / "models", "clv")
    batch = FAMILY.candidates(sample, spec, None, CALIBRATED).order_by("contact_id").execute()
    asked = ibis.memtable(pd.DataFrame({"contact_id": ["0001", "0042"], "as_of": [CALIBRATED.at] * 2}))
    few = FAMILY.candidates(sample, spec, asked, CALIBRATED).order_by("contact_id").execute()
    columns = list(developed.model.columns)
    together = developed.model.predict(batch[columns]).set_index(batch["contact_id"]).loc[["0001", "0042"]]
    pd.testing.assert_frame_equal(developed.model.predict(few[columns]).set_index(few["contact_id"]), together, rtol=1e-12)


def test_the_first_purchase_brings_expected_spend_nearer_to_the_39_weeks_after(developed: Development) -> None:
    rows = developed.newest[(developed.newest["purchases"] > 0) & (developed.newest["spent"] > 0)]
    model: Any = developed.judged
    assert model.spend.uses_first
    actual = rows["spent"] / rows["purchases"]
    inputs = rows[[name for name in model.columns if name in rows]]
    known, unknown = (model.predict(given)["expected_spend"] for given in (inputs, inputs.drop(columns="first_value")))
    # As measured on the public sample: 684 customers bought again.
    assert len(rows) == 684
    assert np.abs(unknown - actual).mean() == pytest.approx(17.65, abs=0.01)
    assert np.abs(known - actual).mean() == pytest.approx(16.42, abs=0.01)
    assert known.corr(actual) > unknown.corr(actual) + 0.04
