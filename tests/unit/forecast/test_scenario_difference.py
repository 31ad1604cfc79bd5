"""What a scenario changes is told draw by draw: the luck that both futures share isn't in it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.errors import UsageError
from funnelcast.forecast.periods import calendar
from funnelcast.forecast.projection import Ask, Projection
from funnelcast.forecast.result import Forecast, difference
from funnelcast.forecast.scenario import CashItem, Scenario
from tests.unit.forecast.cash_case import MONDAY, company, flat_counts, invoices, templates


def asked(scenario: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    cash = company(**changes)
    document = Projection(MONDAY, None, None, cash, {}, seed=3, draws=200).document(Ask("cash", count=4, scenario=Scenario(**scenario)))
    found: dict[str, Any] = document
    return found


def uncertain() -> pd.DataFrame:
    frame = invoices([3, 3], [1000.0, 500.0])
    frame["pay_003"], frame["pay_012"] = 0.5, 0.5
    return frame


def test_the_plan_itself_has_no_difference() -> None:
    assert "difference" not in asked({}, receivables=uncertain())


def test_an_extra_payment_changes_every_quantile_by_itself_alone() -> None:
    item = CashItem(date(2026, 1, 14), -700.0)
    document = asked({"cash_items": (item,)}, receivables=uncertain(), counts=flat_counts(6.0), templates=templates([5], [90.0]))
    assert document["total"]["p90"] > document["total"]["p10"]
    first, second, *later = document["difference"]["periods"]
    assert [second[key] for key in ("mean", "p05", "p50", "p95")] == pytest.approx([-700.0] * 4)
    assert second["parts"]["planned"] == pytest.approx(-700.0)
    assert all(abs(period[key]) < 1e-6 for period in (first, *later) for key in ("mean", "p05", "p95"))
    assert document["difference"]["total"]["mean"] == pytest.approx(-700.0)


def test_a_delay_moves_money_and_says_how_much_likelier_a_shortfall_is() -> None:
    rent = pd.DataFrame({"day": [5], "amount": [-800.0]})
    document = asked({"payment_delay_days": 9.0}, receivables=invoices([3], [1000.0]), planned=rent)
    moved = [period["mean"] for period in document["difference"]["periods"]]
    assert moved == pytest.approx([-1000.0, 1000.0, 0.0, 0.0], abs=1e-6)
    assert document["difference"]["shortfall"]["probability"] == 1.0
    assert document["shortfall"]["probability"] == 1.0


def test_without_a_balance_there_is_no_risk_to_compare() -> None:
    document = asked({"payment_delay_days": 9.0}, receivables=invoices([3], [1000.0]), opening_balance=None)
    assert set(document["difference"]) == {"periods", "total"}


@pytest.mark.parametrize(
    ("asked_for", "said"),
    [
        ({"quantity": "profit"}, "is no forecast"),
        ({"quantity": "cash", "count": 53}, "1 to 52"),
        ({"quantity": "sales", "every": "month", "count": 25}, "1 to 24"),
        ({"quantity": "cash", "by": "owner"}, "can't be told by owner"),
        ({"quantity": "sales", "by": "owner"}, "can't be told by owner"),
    ],
)
def test_what_can_t_be_asked_is_refused_before_anything_is_gathered(asked_for: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Ask(**asked_for)


def test_forecasts_of_other_draws_have_no_difference() -> None:
    periods = calendar(MONDAY, "week", 2)
    one, other = (Forecast("cash", MONDAY, "EUR", periods, {"planned": np.zeros((draws, 2))}) for draws in (3, 4))
    with pytest.raises(UsageError, match="other draws"):
        difference(one, other)
