from __future__ import annotations

import numpy as np
import pytest

from funnelcast.forecast.periods import calendar
from funnelcast.forecast.sales.revenue import Revenue
from funnelcast.sources.as_of import cut
from funnelcast.terms import AsOf
from tests.unit.forecast.sales.series import shop, totals

MONDAY = AsOf.parse("2023-01-02", "Europe/Paris")
FACTS = shop(
    [("2023-01-03T10:00", 5.0, "web"), ("2023-01-08T23:59", 7.0, "store"), ("2023-01-09T00:00", 11.0, "web")], known={1: "2023-01-12T00:00"}
)


def test_revenue_by_week_worked_by_hand() -> None:
    assert Revenue.of(FACTS, "transactions").by_period(calendar(MONDAY, "week", 3)).tolist() == [12.0, 11.0, 0.0]


def test_only_what_was_known_counts_in_a_cut() -> None:
    known = Revenue.of(cut(FACTS, AsOf.parse("2023-01-12", "Europe/Paris")), "transactions")
    assert known.by_period(calendar(MONDAY, "week", 2)).tolist() == [5.0, 11.0]


def test_totals_by_month_are_spread_over_their_days() -> None:
    revenue = Revenue.of(totals({"a": ("2023-01-01", [31.0, 56.0])}), "sales")
    assert revenue.by_period(calendar(AsOf.parse("2023-01-30", "Europe/Paris"), "week", 1)) == pytest.approx(np.array([2 + 2 * 5.0]))


def test_before_anything_was_known_there_was_nothing() -> None:
    nothing = Revenue.of(cut(FACTS, MONDAY), "transactions")
    assert nothing.by_period(calendar(MONDAY, "week", 2)).tolist() == [0.0, 0.0]
