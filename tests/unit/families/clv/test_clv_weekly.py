"""Purchases by week: what came is counted by hand, what is expected sums to the model's own totals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.families.clv import FAMILY
from funnelcast.families.clv.process.predictions import expected_purchases
from funnelcast.families.clv.weekly import purchases_by_week, weekly
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from funnelcast.terms import AsOf
from tests.unit.families.battery import spec_of
from tests.unit.families.clv.bg_nbd_company import customers

CUT, END = AsOf.parse("2025-03-01", "UTC"), AsOf.parse("2025-04-01", "UTC")


def test_weeks_are_counted_from_the_cut_without_first_purchases_and_newcomers() -> None:
    bought = [
        ("a", "2025-02-01 09:00"),  # first
        ("a", "2025-02-01 18:00"),
        ("a", "2025-02-21 10:00"),  # eight days before the cut
        ("a", "2025-02-28 10:00"),
        ("b", "2025-02-22 10:00"),  # first
        ("b", "2025-03-01 00:00"),
        ("b", "2025-03-01 12:00"),  # of the same day
        ("b", "2025-03-08 10:00"),
        ("new", "2025-03-02 10:00"),
        ("new", "2025-03-03 10:00"),
        ("a", "2025-04-01 00:00"),  # beyond the end
    ]
    frame = pd.DataFrame(bought, columns=["contact_id", "occurred_at"]).assign(amount=5.0)
    frame["occurred_at"] = pd.to_datetime(frame["occurred_at"])
    facts = from_frames(Source("acme"), {"transactions": frame})
    assert purchases_by_week(facts, CUT, END).to_dict() == {-2: 1.0, -1: 1.0, 0: 1.0, 1: 1.0}


def test_the_models_weeks_sum_to_what_it_expects() -> None:
    rows = customers(1500, seed=3)
    model: Any = FAMILY.fit(rows, spec_of("clv", label={"horizon_days": 180}))
    found = weekly(model, rows, pd.Series({-1: 3.0, 0: 2.0}), 180.0)
    assert found["week"].tolist() == list(range(-58, 25))
    assert found["actual"].sum() == 5.0
    before, after = (found.loc[part, "model"].sum() for part in (found["week"] < 0, found["week"] >= 0))
    new = np.zeros(len(rows))
    ages = rows["T"].to_numpy() / 7
    assert before == pytest.approx(
        sum(float(expected_purchases(model.process, new[:1], new[:1], new[:1], age)[0]) for age in ages), rel=1e-9
    )
    assert after == pytest.approx(model.expected_purchases(rows[list(model.columns)], 175.0).sum(), rel=1e-9)
    # these customers buy as the model says: the parts that it tells from less and from more knowledge meet what came
    assert before == pytest.approx(rows["frequency"].sum(), rel=0.06)
    assert after == pytest.approx(rows["purchases"].sum() * 175 / 180, rel=0.15)
