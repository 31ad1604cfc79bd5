"""Periods, lagged spend, margins and paybacks of cohorts, worked by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from funnelcast.economics import Rules, economics
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf


def on(text: str) -> datetime:
    return datetime.fromisoformat(text)


AS_OF = AsOf(on("2025-06-15"))
BOUGHT = [
    ("a", "2025-01-20", 100.0, 40.0),
    ("b", "2025-02-10", 50.0, 10.0),
    ("b", "2025-05-05", 50.0, None),
    ("c", "2025-05-20", 30.0, 15.0),
]
SPENT = [("2025-01-05", "web", 60.0), ("2025-04-05", "web", 30.0), ("2025-05-30", "web", 10.0), ("2025-01-10", "shop", 20.0)]


def facts(*, with_margin: bool = True, lag: int = 0) -> Facts:
    """A came by the web; b by the web, was in the shop in between, and bought again; c by the shop."""
    touches = [("a", "2025-01-15", "web"), ("b", "2025-01-31", "web"), ("b", "2025-02-05", "shop"), ("b", "2025-05-01", "shop"),
               ("c", "2025-05-20", "shop")]  # fmt: skip
    sales = pd.DataFrame(BOUGHT, columns=["contact_id", "occurred_at", "amount", "margin"]).assign(
        occurred_at=lambda rows: rows["occurred_at"].map(on)
    )
    return from_frames(
        Source("t", spend_lag_days=lag),
        {
            "touchpoints": pd.DataFrame(
                [(who, on(day), channel) for who, day, channel in touches], columns=["contact_id", "occurred_at", "channel"]
            ),
            "transactions": sales if with_margin else sales.drop(columns="margin"),
            "spend": pd.DataFrame([(on(day), channel, amount) for day, channel, amount in SPENT], columns=["date", "channel", "amount"]),
        },
    )


CREDITS = {
    "conversions": 4.0,
    "credits": [
        {"channel": "web", "conversions": 1.5, "low": 1.0, "high": 2.0, "value": 112.5},
        {"channel": "shop", "conversions": 2.5, "low": 2.0, "high": 3.0, "value": 117.5},
    ],
}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return economics(facts(), AS_OF, CREDITS)


def channel_of(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(row for row in rows if row["channel"] == name)


def period(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(row for row in document["periods"]["list"] if row["period"] == name)


def test_thin_months_are_told_by_quarter_and_the_newest_is_partial(document: dict[str, Any]) -> None:
    told = document["periods"]
    assert told["every"] == "quarter"
    assert [(row["period"], row["start"], row["end"], row["partial"]) for row in told["list"]] == [
        ("2025-Q1", "2025-01-01", "2025-04-01", False),
        ("2025-Q2", "2025-04-01", "2025-07-01", True),
    ]


def test_a_period_that_ends_at_as_of_is_whole() -> None:
    found: dict[str, Any] = economics(facts(), AsOf(on("2025-04-01")))
    assert [(row["period"], row["partial"]) for row in found["periods"]["list"]] == [("2025-Q1", False)]


def test_channels_of_a_quarter_by_hand(document: dict[str, Any]) -> None:
    web = channel_of(period(document, "2025-Q1")["channels"], "web")
    # a and b came by the web and became customers in the quarter; a's purchase of 100 has the web last, b's of 50 the shop
    assert (web["spend"], web["leads"], web["customers"]) == (60.0, 2.0, 2.0)
    assert web["cpl"]["value"] == pytest.approx(60 / 2)
    assert web["revenue"]["direct"]["value"] == pytest.approx(100)
    assert web["cac"]["direct"]["value"] == pytest.approx(60 / 1)
    assert web["roas"]["direct"]["value"] == pytest.approx(100 / 60)
    assert web["contribution_margin"]["direct"]["value"] == pytest.approx(40 - 60)
    shop = channel_of(period(document, "2025-Q2")["channels"], "shop")
    assert (shop["spend"], shop["leads"], shop["customers"]) == (0.0, 1.0, 1.0)
    assert shop["cac"] == {"direct": None, "attributed": None}
    assert shop["revenue"]["direct"]["value"] == pytest.approx(50 + 30)


def test_credit_spreads_over_periods_with_the_conversions_that_met_the_channel(document: dict[str, Any]) -> None:
    web = channel_of(period(document, "2025-Q1")["channels"], "web")
    # two purchases of 150 met the web, all in the first quarter: all of its 112.5 falls there, and of their margin of 50 that share
    assert web["revenue"]["attributed"]["value"] == pytest.approx(112.5)
    assert web["roas"]["attributed"]["value"] == pytest.approx(112.5 / 60)
    assert web["cac"]["attributed"]["value"] == pytest.approx(60 / (3 * 1.5 / 4))
    assert web["contribution_margin"]["attributed"]["value"] == pytest.approx(112.5 / 150 * 50 - 60)
    assert web["revenue"]["attributed"]["low"] < 112.5 < web["revenue"]["attributed"]["high"]
    shop = [channel_of(row["channels"], "shop")["revenue"]["attributed"]["value"] for row in document["periods"]["list"]]
    # 50 of what met the shop was sold in the first quarter, 80 in the second
    assert shop == pytest.approx([117.5 * 50 / 130, 117.5 * 80 / 130])


def test_totals_of_periods_add_up_to_the_whole(document: dict[str, Any]) -> None:
    told = [row["total"] for row in document["periods"]["list"]]
    assert sum(row["revenue"]["value"] for row in told) == pytest.approx(230)
    assert sum(row["spend"] for row in told) == document["total"]["spend"] == 120
    assert sum(row["contribution_margin"]["value"] for row in told) == pytest.approx(document["total"]["contribution_margin"]["value"])


def test_a_purchase_without_its_margin_takes_the_mean_share_of_the_others(document: dict[str, Any]) -> None:
    share = 65 / 180
    assert document["margin"] == {"basis": "transactions.margin", "share": pytest.approx(share)}
    assert document["total"]["contribution_margin"]["value"] == pytest.approx(65 + 50 * share - 120)
    assert channel_of(document["channels"], "shop")["contribution_margin"]["direct"]["value"] == pytest.approx(10 + 50 * share + 15 - 20)
    assert next(row for row in document["findings"] if row["column"] == "margin")["count"] == 1


def test_margins_are_of_the_stated_share_or_not_told() -> None:
    stated: dict[str, Any] = economics(facts(with_margin=False), AS_OF, rules=Rules(margin_share=0.5))
    assert stated["total"]["contribution_margin"]["value"] == pytest.approx(0.5 * 230 - 120)
    unstated: dict[str, Any] = economics(facts(with_margin=False), AS_OF, rules=Rules(margin_share=1.0))
    assert unstated["total"]["contribution_margin"] is None
    assert "contribution_margin" in {row["figure"] for row in unstated["missing"]}


def test_lagged_spend_meets_what_was_won_later() -> None:
    found: dict[str, Any] = economics(facts(lag=30), AS_OF)
    # the 10 of 30 May would work from 29 June on, past as_of; the first money, of 5 January, works from 4 February on
    assert (found["spend_lag_days"], found["spend_not_yet_counted"]) == (30, 10.0)
    assert found["total"]["spend"] == 110
    assert found["total"]["roas_blended"]["value"] == pytest.approx((50 + 50 + 30) / 110)
    assert channel_of(period(found, "2025-Q2")["channels"], "web")["spend"] == 30
    assert channel_of(period(found, "2025-Q1")["channels"], "web")["leads"] == 0


def test_without_a_lag_all_spend_counts(document: dict[str, Any]) -> None:
    assert (document["spend_lag_days"], document["spend_not_yet_counted"]) == (0, 0.0)


def test_cohorts_pay_back_each_at_their_own_cost() -> None:
    """20 customers a quarter: those of Q1 cost 30 each and earn 20 a month, those of Q2 cost 10 each and earn as much."""
    rows = [(f"{start}-{n}", on(start), "web") for start in ("2025-01-02", "2025-04-02") for n in range(20)]
    bought = [(who, at + pd.Timedelta(days=31 * month), 20.0) for who, at, _ in rows for month in range(3)]
    found: dict[str, Any] = economics(
        from_frames(
            Source("t"),
            {
                "touchpoints": pd.DataFrame(rows, columns=["contact_id", "occurred_at", "channel"]),
                "transactions": pd.DataFrame(bought, columns=["contact_id", "occurred_at", "amount"]),
                "spend": pd.DataFrame({"date": [on("2025-01-01"), on("2025-04-01")], "channel": ["web"] * 2, "amount": [600.0, 200.0]}),
            },
        ),
        AsOf(on("2025-07-15")),
    )
    payback = channel_of(found["channels"], "web")["payback"]
    told = [(row["cohort"], row["customers"], row["cost"]["value"], row["months"]) for row in payback["cohorts"]]
    assert told == [("2025-Q1", 20, 30.0, 2), ("2025-Q2", 20, 10.0, 1)]
    assert [point["earned"]["value"] for point in payback["cohorts"][1]["curve"]] == [20.0, 40.0, 60.0]
