from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from funnelcast.forecast.periods import calendar
from funnelcast.forecast.sales import SalesInputs, forecast_sales, sales_inputs
from funnelcast.forecast.sales.bottom_up import EXISTING, TO_COME, BottomUp, beside, busy
from funnelcast.forecast.sales.fit import fit
from funnelcast.forecast.sales.history import histories
from funnelcast.terms import AsOf
from tests.unit.forecast.sales.series import MONDAY, history, weekly_shop

WEEKS = 20
AS_OF = AsOf(MONDAY + timedelta(weeks=110), "Europe/Paris")


def below(**changes: Any) -> BottomUp:
    """Customers who buy for 100 a week, newcomers whose first purchases are 10 a week and who buy again for a tenth of them each week."""
    first = replace(fit(history(np.full(110, 10.0)), WEEKS + 1, "FR"), shocks=np.zeros(3))
    plain = BottomUp(np.full((4, WEEKS), 100.0), np.full((4, WEEKS), 0.1), first, np.ones(WEEKS))
    return replace(plain, **changes)


def test_newcomers_accumulate_as_worked_by_hand() -> None:
    """In week h the first purchases of h and a tenth of those of weeks 0 to h."""
    parts = below().draw(AS_OF, calendar(AS_OF, "week", 5), 8, 0)
    assert parts[EXISTING] == pytest.approx(np.full((8, 5), 100.0))
    assert parts[TO_COME] == pytest.approx(np.tile([11.0, 12.0, 13.0, 14.0, 15.0], (8, 1)))


def test_the_season_moves_repeat_purchases_and_the_worlds_stay_together() -> None:
    existing = np.arange(4.0)[:, None] * np.ones((4, WEEKS))
    season = np.linspace(0.5, 2.4, WEEKS)
    drawn = below(existing=existing, season=season).draw(AS_OF, calendar(AS_OF, "week", 5), 8, 0)
    assert drawn[EXISTING] == pytest.approx((np.arange(8) % 4)[:, None] * season[None, :5])
    assert drawn[TO_COME] == pytest.approx(np.tile(10.0 + season[:5] * np.arange(1.0, 6.0), (8, 1)))


def test_parts_of_a_week_and_months_lose_nothing() -> None:
    wednesday = AsOf(AS_OF.at + timedelta(days=2))
    weeks = below().draw(wednesday, calendar(wednesday, "week", 4), 8, 0)
    assert weeks[EXISTING][0] == pytest.approx([500 / 7, 100, 100, 100, 100])
    months = calendar(wednesday, "month", 3)
    days = (months[-1].end - wednesday.at).days
    assert below().draw(wednesday, months, 8, 0)[EXISTING].sum(axis=1) == pytest.approx(np.full(8, 100 / 7 * days))


def test_a_shorter_question_gets_the_same_futures() -> None:
    noisy = below(first=fit(history(10 + np.random.default_rng(1).random(110)), WEEKS + 1, "FR"))
    short, long = (noisy.draw(AS_OF, calendar(AS_OF, "week", count), 50, 3) for count in (3, 18))
    assert all((long[name][:, :3] == short[name]).all() for name in (EXISTING, TO_COME))


def test_the_answer_sets_both_views_side_by_side() -> None:
    inputs = replace(sales_inputs(weekly_shop(110), AS_OF, "week", 18), bottom_up=below())
    periods = calendar(AS_OF, "week", 13)
    answer: Any = forecast_sales(inputs, periods, 400, 0).document()
    view = answer["bottom_up"]
    assert view["total"]["total"]["mean"] == pytest.approx(view[EXISTING]["total"]["mean"] + view[TO_COME]["total"]["mean"])
    assert [len(view[name]["periods"]) for name in (EXISTING, TO_COME, "total")] == [13] * 3
    assert view["gap_pct"] == pytest.approx(100 * (view["total"]["total"]["mean"] / answer["total"]["mean"] - 1))
    assert (view["weight"], sorted(view["reason"])) == (0.0, ["en", "fr"])
    rebuilt = SalesInputs.rebuild(inputs.files())
    assert forecast_sales(rebuilt, periods, 400, 0).document() == answer
    assert "bottom_up" not in forecast_sales(replace(inputs, bottom_up=None), periods, 400, 0).document()


def test_where_nothing_is_modelled_from_above_there_is_nothing_beside_it() -> None:
    none = replace(sales_inputs(weekly_shop(3), AS_OF, "week", 5), states=(), bottom_up=below())
    assert "bottom_up" not in forecast_sales(none, calendar(AS_OF, "week", 4), 50, 0).document()


def test_of_nothing_expected_there_is_no_gap() -> None:
    assert beside({EXISTING: np.ones((2, 1)), TO_COME: np.ones((2, 1))}, np.zeros((2, 1)))["gap_pct"] is None


def test_busy_weeks_are_those_that_were_busy() -> None:
    """The shop of the tests sells exp(.2 sin) through the year."""
    weeks = busy(histories(weekly_shop(156), AsOf(MONDAY + timedelta(weeks=156)), "week", "transactions"), 52, "XX", ())
    wave = np.exp(0.2 * np.sin(2 * np.pi * np.arange(156, 208) / 52.18))
    assert np.corrcoef(weeks, wave)[0, 1] > 0.8
    assert weeks.mean() == pytest.approx(1.0, abs=0.05)
    assert (busy([history(np.ones(30))], 5, "FR", ()) == 1).all()
    assert (busy([], 5, "FR", ()) == 1).all()
