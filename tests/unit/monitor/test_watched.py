from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from funnelcast.forecast.sales.history import histories
from funnelcast.monitor.watched import TOTAL, watched
from funnelcast.simulate import Company
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf
from tests.unit.forecast.sales.series import MONDAY, SOURCE, totals, weekly_shop

AS_OF = AsOf(MONDAY + timedelta(days=7 * 40), "Europe/Paris")


def by_subject(facts: Facts, as_of: AsOf = AS_OF) -> dict[str, np.ndarray]:
    """Give the series of money."""
    return {one.subject: one.history.values for one in watched(facts, as_of) if one.unit == "money"}


def test_channels_and_their_sum_are_watched() -> None:
    found = by_subject(weekly_shop(40))
    assert list(found) == ["store", "web", "sales"]
    assert found["sales"] == pytest.approx(found["store"] + found["web"])


def test_one_channel_is_its_own_sum() -> None:
    assert list(by_subject(weekly_shop(40, channels=("web",)))) == ["web"]


def test_series_of_other_lengths_add_up_from_the_first_to_the_last_month_that_all_have() -> None:
    facts = totals({"a": ("2022-01-01", [1.0, 2.0, 3.0, 4.0]), "b": ("2022-02-01", [10.0, 20.0]), "gone": ("2020-01-01", [5.0, 5.0])})
    found = {one.subject: one.history for one in watched(facts, AsOf.parse("2022-06-01", "Europe/Paris"))}
    assert sorted(found) == ["a", "b", "sales"]
    assert found["sales"].name == TOTAL
    assert found["sales"].values.tolist() == [1.0, 12.0, 23.0]
    assert found["sales"].start == datetime.fromisoformat("2022-01-01")


def test_a_week_whose_sales_are_still_being_told_is_not_looked_at() -> None:
    """All but a hundredth is known after ten days, so the last week before as_of waits for its own."""
    day = pd.date_range("2023-01-02", periods=280)
    frame = pd.DataFrame({"contact_id": "c", "occurred_at": day, "amount": 1.0, "channel": "web", "known_at": day + pd.Timedelta(days=9.5)})
    at_once = from_frames(SOURCE, {"transactions": frame.assign(known_at=day)})
    late = from_frames(SOURCE, {"transactions": frame})
    assert by_subject(at_once)["web"].tolist() == [7.0] * 40
    assert by_subject(late)["web"].tolist() == [7.0] * 38
    # without it, the newest weeks would look like a fall
    assert histories(late, AS_OF, "week", "transactions")[0].values[-1] < 7.0


def test_weeks_after_the_last_observed_day_are_not_empty_but_unknown() -> None:
    facts = weekly_shop(40)
    until = AsOf(MONDAY + timedelta(days=7 * 30), "Europe/Paris")
    assert by_subject(replace(facts, observed_until=until), AS_OF)["web"].size == 30


def test_amounts_won_and_receipts_are_watched_from_their_first_week_on(company: Company) -> None:
    facts = company.facts()
    as_of = AsOf.parse("2025-07-01", "Europe/Paris")
    found = {one.subject: one.history for one in watched(facts, as_of)}
    assert {"pipeline", "receipts", "sales"} <= set(found)
    invoices = facts.table("invoices").execute()
    paid = invoices[invoices.paid_at.notna() & (invoices.paid_at_known_at < as_of.at) & invoices.part_paid_at.isna()]
    history = found["receipts"]
    last = paid[(paid.paid_at >= history.end - timedelta(days=7)) & (paid.paid_at < history.end)]
    assert history.end == datetime.fromisoformat("2025-06-30")
    assert history.values[-1] == pytest.approx(last.amount.sum())
    assert history.values[0] > 0


def test_a_company_without_money_has_nothing_to_watch() -> None:
    contacts = pd.DataFrame({"contact_id": ["a"]})
    assert watched(from_frames(Source("x"), {"contacts": contacts}), AS_OF) == ()
