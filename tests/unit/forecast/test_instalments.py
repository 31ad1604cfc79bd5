"""Invoices that are paid in parts: what was paid is never expected again, and the usual share comes early."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast import spec
from funnelcast.families.payment_delay import FAMILY
from funnelcast.forecast.cash import draw_cash
from funnelcast.forecast.cash_facts import cash_inputs
from funnelcast.forecast.cash_inputs import CashInputs
from funnelcast.forecast.instalments import Instalments
from funnelcast.forecast.payments import PayDistribution
from funnelcast.forecast.periods import calendar
from funnelcast.forecast.receipts import received, when_due
from funnelcast.forecast.scenario import Scenario
from funnelcast.settings import CHECKOUT
from funnelcast.sources.as_of import cut
from funnelcast.sources.check import check
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf
from tests.unit.forecast.cash_case import company, invoices

NOW = AsOf.parse("2026-01-05", "UTC")  # a Monday
DATES = ("issued_at", "due_at", "paid_at", "part_paid_at")


def facts(*rows: tuple[Any, ...]) -> Facts:
    """Invoices: issued, due, paid, amount, part paid on, part paid."""
    frame = pd.DataFrame(rows, columns=["issued_at", "due_at", "paid_at", "amount", "part_paid_at", "part_paid_amount"])
    dated = frame.assign(**{name: pd.to_datetime(frame[name]) for name in DATES})
    return from_frames(Source("t"), {"invoices": dated.assign(invoice_id=[f"i{row}" for row in range(len(frame))], contact_id="c")})


SOME = facts(
    ("2025-10-01", "2025-10-31", "2025-11-10", 1000.0, "2025-10-11", 400.0),  # a part after 10 of 40 days
    ("2025-10-01", "2025-10-31", "2025-10-31", 600.0, None, None),
    ("2025-12-01", "2025-12-31", None, 500.0, "2025-12-20", 200.0),
    ("2025-12-15", "2026-01-14", None, 70.0, None, None),
    ("2025-12-10", "2026-01-09", None, 90.0, "2026-01-07", 30.0),  # not known yet
)


def inputs(whole: Facts) -> CashInputs:
    plan = spec.read(CHECKOUT / "models", "payment_delay")
    model = FAMILY.fit(FAMILY.rows_at(cut(whole, NOW), plan, NOW), plan)
    rows = FAMILY.candidates(whole, plan, None, NOW).execute().reset_index(drop=True)
    predicted = model.predict(rows[list(model.columns)])
    return cash_inputs(whole, NOW, pd.concat([rows, predicted], axis=1), None)


def test_what_was_paid_so_far_is_not_owed() -> None:
    found = inputs(SOME).receivables.set_index("invoice_id")
    assert found["amount"].to_dict() == {"i2": 300.0, "i3": 70.0, "i4": 90.0}
    assert found["part_paid"].to_dict() == {"i2": 200.0, "i3": 0.0, "i4": 0.0}


def test_the_habit_by_hand() -> None:
    # 400 of the 1600 that were wholly paid came in a part, after a quarter of the days
    assert inputs(SOME).instalments == Instalments(share=0.25, pace=0.25)


def test_without_parts_nothing_changes() -> None:
    plain = inputs(
        facts(("2025-10-01", "2025-10-31", "2025-11-10", 1000.0, None, None), ("2025-12-15", "2026-01-14", None, 70.0, None, None))
    )
    assert plain.instalments == Instalments()
    pays = PayDistribution(np.full((2, 364), 0.002), np.full(2, 0.1))
    assert pays.in_parts(plain.instalments, np.zeros(2), np.ones(2, np.bool_)) is pays


def test_receipts_come_when_each_part_comes() -> None:
    periods = calendar(AsOf.parse("2025-10-06", "UTC"), "week", 5)
    # 400 on 11 October, 600 of the second on 31 October, the rest of the first on 10 November, after these weeks
    assert received(SOME, periods).tolist() == [400.0, 0.0, 0.0, 600.0, 0.0]
    assert when_due(SOME, NOW, calendar(NOW, "week", 2)).tolist() == [390.0, 70.0]
    # as of a day before the part was paid, all was open
    assert received(cut(SOME, AsOf.parse("2025-10-11", "UTC")), periods).sum() == 0.0


def test_the_usual_share_comes_at_its_usual_place_between_issue_and_payment() -> None:
    daily = np.zeros((3, 364))
    daily[:, 30] = 1.0
    pays = PayDistribution(daily, np.zeros(3))
    # new; 10 days old: a quarter of 40 days is today; 30 days old: a quarter of 60 days is past, so all of it comes with the rest
    moved = pays.in_parts(Instalments(0.4, 0.25), np.array([0.0, 10.0, 30.0]), np.ones(3, np.bool_)).daily
    np.testing.assert_allclose(moved[[0, 0, 1, 1, 2], [7, 30, 0, 30, 30]], [0.4, 0.6, 0.4, 0.6, 1.0])
    begun = pays.in_parts(Instalments(0.4, 0.25), np.zeros(3), np.zeros(3, np.bool_)).daily
    np.testing.assert_array_equal(begun, daily)


def test_more_than_the_whole_is_warned_of_and_leaves_nothing_open() -> None:
    whole = facts(("2025-12-01", "2025-12-31", None, 100.0, "2025-12-20", 130.0), ("2025-12-15", "2026-01-14", None, 70.0, None, None))
    assert inputs(whole).receivables.set_index("invoice_id")["amount"].to_dict() == {"i0": 0.0, "i1": 70.0}
    found = [(finding.level, finding.count) for finding in check(whole) if finding.column == "part_paid_amount"]
    assert found == [("warning", 1)]


@settings(max_examples=25)
@given(
    rows=st.lists(st.tuples(st.floats(0.0, 1e5), st.floats(0.0, 1.0), st.one_of(st.none(), st.integers(0, 300))), min_size=1, max_size=8),
    habit=st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)),
    ages=st.lists(st.floats(0.0, 200.0), min_size=8, max_size=8),
)
def test_invoiced_is_paid_before_collected_open_and_lost_in_every_draw(
    rows: list[tuple[float, float, int | None]], habit: tuple[float, float], ages: list[float]
) -> None:
    amount, part = (np.array(values, dtype=np.float64) for values in zip(*[(row[0], row[0] * row[1]) for row in rows], strict=True))
    owed = invoices([day for *_, day in rows], (amount - part).tolist()).assign(age_days=ages[: len(rows)], part_paid=part)
    drawn = draw_cash(company(receivables=owed, instalments=Instalments(*habit)), (None, None, None), 91, 3, Scenario(), draws=40)
    found = drawn.receivables
    np.testing.assert_allclose(part.sum() + found.daily.sum(axis=1) + found.open + found.lost, amount.sum(), rtol=1e-9, atol=1e-6)
    assert found.lost == pytest.approx(sum(whole - before for whole, before, row in zip(amount, part, rows, strict=True) if row[2] is None))
