"""The first purchase tells as much as a repeat, where first purchases are like repeats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.errors import BadValues
from funnelcast.families.clv import FAMILY
from funnelcast.families.clv.first_values import FirstValues, first_values, first_values_of
from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.process.parameters import GammaGamma
from funnelcast.families.clv.summary import summarise
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from funnelcast.terms import AsOf
from tests.unit.families.battery import spec_of
from tests.unit.families.clv.bg_nbd_company import customers

SPEC = spec_of("clv", label={"horizon_days": 180})
SPEND = SpendModel(35.2, GammaGamma(6.25, 3.74, 15.45), None, uses_first=True)


def test_it_counts_as_one_more_repeat() -> None:
    x, m, z = np.array([2.0, 0.0, 3.0, 0.0]), np.array([22.0, 0.0, 0.0, 0.0]), np.array([52.0, 52.0, 52.0, 0.0])
    as_repeats = replace(SPEND, uses_first=False).expected(np.array([3.0, 1.0, 1.0, 0.0]), np.array([32.0, 52.0, 52.0, 0.0]))
    np.testing.assert_allclose(SPEND.expected(x, m, z), as_repeats, rtol=1e-14)


def test_where_it_is_unknown_or_unused_nothing_changes() -> None:
    x, m, z = np.array([2.0, 0.0]), np.array([22.0, 0.0]), np.array([52.0, 52.0])
    without = replace(SPEND, uses_first=False)
    np.testing.assert_array_equal(SPEND.expected(x, m), without.expected(x, m))
    np.testing.assert_array_equal(without.expected(x, m, z), without.expected(x, m))
    means = SpendModel(35.2, uses_first=True)
    np.testing.assert_array_equal(means.expected(x, m, z), [22.0, 35.2])


def test_the_rule_compares_those_who_came_back() -> None:
    days = {"a": (("01-01", 10.0), ("01-11", 30.0)), "b": (("01-01", 40.0), ("01-05", 30.0), ("01-06", 10.0)), "once": (("01-02", 900.0),)}
    rows = [(name, pd.Timestamp(f"2025-{day}"), amount) for name, bought in days.items() for day, amount in bought]
    facts = from_frames(Source("acme"), {"transactions": pd.DataFrame(rows, columns=["contact_id", "occurred_at", "amount"])})
    summary = summarise(facts, AsOf.parse("2025-02-01", "UTC"))
    found = first_values(summary)
    assert found == FirstValues(customers=2.0, first=25.0, repeats=25.0)
    assert found == first_values_of(summary.execute())
    assert found.alike
    assert found.document()["used"] is True


@pytest.mark.parametrize(("first", "used"), [(100.0, True), (119.0, True), (121.0, False), (81.0, True), (79.0, False)])
def test_an_introductory_offer_is_said_and_not_used(first: float, used: bool) -> None:
    found = FirstValues(50.0, first, 100.0)
    assert found.alike is used
    assert f"{first:.2f} at first against 100.00 later" in str(found.document()["rule"])
    assert not FirstValues().alike


def test_it_brings_the_expected_value_nearer_to_what_is_spent() -> None:
    model: Any = FAMILY.fit(customers(1500, seed=3), SPEC)
    rows = customers(3000, seed=9)
    bought = rows[rows["purchases"] > 0]
    actual = bought["spent"] / bought["purchases"]
    known = model.predict(bought[list(model.columns)])["expected_spend"]
    unknown = model.predict(bought[list(model.columns)].drop(columns="first_value"))["expected_spend"]
    assert np.abs(known - actual).mean() < np.abs(unknown - actual).mean() - 0.3
    assert abs(known.mean() / actual.mean() - 1) < 0.05


def test_a_first_purchase_of_another_kind_is_left_out_of_the_model() -> None:
    rows = customers(1500, seed=3)
    model = FAMILY.fit(rows.assign(first_value=rows["first_value"] / 3), SPEC)
    assert "first_value" not in model.columns
    assert "first_value" in FAMILY.fit(rows, SPEC).columns
    assert "first_value" not in FAMILY.fit(rows.drop(columns="first_value"), SPEC).columns


def test_a_value_that_cannot_be_is_refused() -> None:
    model = FAMILY.fit(customers(1500, seed=3), SPEC)
    rows = customers(600, seed=4)[list(model.columns)]
    with pytest.raises(BadValues, match="first_value"):
        model.predict(rows.assign(first_value=-1.0))
