from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from funnelcast.errors import MissingTable
from funnelcast.forecast.periods import Every
from funnelcast.forecast.sales.history import UNKNOWN, WHOLE_COMPANY, basis_of, histories
from funnelcast.sources.conform import from_frames
from funnelcast.terms import AsOf
from tests.unit.forecast.sales.series import SOURCE, shop, totals, weekly_shop

AS_OF = AsOf.parse("2023-01-25", "Europe/Paris")  # a Wednesday


def test_weeks_by_channel_worked_by_hand() -> None:
    facts = shop(
        [
            ("2023-01-02T00:00", 10.0, "web"),
            ("2023-01-08T23:59", 5.0, "web"),
            ("2023-01-09T00:00", 7.0, "web"),
            ("2023-01-03T10:00", 1.0, "store"),
            ("2023-01-24T10:00", 99.0, "store"),  # in the week of as_of, which is not complete
            ("2023-01-10T10:00", 3.0, None),
        ]
    )
    read = {series.name: series for series in histories(facts, AS_OF, "week", "transactions")}
    assert {name: series.values.tolist() for name, series in read.items()} == {
        "store": [1.0, 0.0, 0.0],
        UNKNOWN: [3.0, 0.0],
        "web": [15.0, 7.0, 0.0],
    }
    assert all(series.end.isoformat() == "2023-01-23T00:00:00" for series in read.values())


def test_what_was_known_later_is_not_read() -> None:
    facts = shop([("2023-01-02T09:00", 10.0, "web"), ("2023-01-10T09:00", 7.0, "web")], known={1: "2023-01-25T00:00"})
    assert histories(facts, AS_OF, "week", "transactions")[0].values.tolist() == [10.0, 0.0, 0.0]


def test_months_of_facts_that_begin_late_in_one() -> None:
    facts = shop([("2022-11-20T09:00", 10.0, "web"), ("2022-12-10T09:00", 7.0, "web")])
    (series,) = histories(facts, AS_OF, "month", "transactions")
    assert (series.start.isoformat(), series.values.tolist()) == ("2022-12-01T00:00:00", [7.0])


def test_a_company_without_channels_is_one_series() -> None:
    frame = shop([("2023-01-02T09:00", 10.0, "web")]).tables["transactions"].to_pandas()[["contact_id", "occurred_at", "amount"]]
    facts = from_frames(SOURCE, {"transactions": frame})
    assert [series.name for series in histories(facts, AS_OF, "week", "transactions")] == [WHOLE_COMPANY]


def test_the_profile_is_the_share_of_each_weekday() -> None:
    (_, web) = histories(weekly_shop(60), AsOf.parse("2024-02-26", "Europe/Paris"), "week", "transactions")
    assert web.profile.sum() == pytest.approx(1.0)
    assert web.profile == pytest.approx(np.array([1, 1, 1, 1, 1, 3, 0]) / 8, abs=0.02)


def test_monthly_totals_end_where_their_figures_do_and_a_gap_is_filled() -> None:
    facts = totals({"a": ("2022-01-01", [10.0, 20.0, float("nan"), 40.0]), "b": ("2022-10-01", [1.0, 2.0, 3.0])})
    first, second = histories(facts, AS_OF, "week", "sales")
    assert (first.every, first.values.tolist(), first.end.isoformat()) == ("month", [10.0, 20.0, 30.0, 40.0], "2022-05-01T00:00:00")
    assert (second.values.tolist(), second.end.isoformat()) == ([1.0, 2.0, 3.0], "2023-01-01T00:00:00")


@pytest.mark.parametrize(("gap", "every"), [("D", "week"), ("W-SUN", "week"), ("MS", "month")])
def test_the_spacing_of_totals_is_recognised(gap: str, every: str) -> None:
    dates = pd.date_range("2022-01-03", "2022-12-30", freq=gap)
    facts = from_frames(SOURCE, {"sales": pd.DataFrame({"date": dates, "amount": 7.0})})
    (series,) = histories(facts, AS_OF, "week", "sales")
    assert (series.every, series.name) == (every, WHOLE_COMPANY)
    assert series.values.sum() == pytest.approx(7.0 * len(dates), abs=7 * 7.0)


def test_a_company_with_neither_table_is_told_so() -> None:
    frame = shop([("2023-01-02T09:00", 10.0, "web")]).tables["transactions"].to_pandas()[["contact_id"]]
    with pytest.raises(MissingTable, match=r"A sales forecast needs the table transactions.*\[tables.sales\]"):
        basis_of(from_frames(SOURCE, {"contacts": frame}))


@pytest.mark.parametrize("every", ["week", "month"])
@pytest.mark.parametrize("offset", [0, 1, 5, 27, 180, 333])
def test_revenue_of_complete_periods_is_neither_lost_nor_doubled(offset: int, every: Every) -> None:
    as_of = AsOf.parse("2023-02-01", "UTC").plus(offset)
    read = histories(FACTS, as_of, every, "transactions")
    for series in read:
        inside = [amount for when, amount in PURCHASES if series.start <= when < series.end]
        assert series.values.sum() == pytest.approx(sum(inside))
        assert series.end <= as_of.at


FACTS = weekly_shop(70, channels=("web",))
PURCHASES = [(row.occurred_at.to_pydatetime(), row.amount) for row in FACTS.tables["transactions"].to_pandas().itertuples()]
