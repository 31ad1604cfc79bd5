"""Every feature of one contact, worked by hand."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest

from funnelcast import features
from funnelcast.cohorts import every_contact
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf

T = AsOf.parse("2024-07-01", "UTC")


def stamps(*texts: str | None) -> pd.Series:
    return pd.to_datetime(pd.Series(texts), format="ISO8601")


@cache
def facts() -> Facts:
    return from_frames(
        Source("values", engagement={"download": 6}),
        {
            "contacts": pd.DataFrame(
                {
                    "contact_id": ["a", "b"],
                    "created_at": stamps("2024-06-01", "2024-06-30 12:00"),
                    "source_channel": ["web", "store"],
                    "opted_out_at": stamps("2024-06-15", None),
                    "Âge  du compte": [3.0, None],
                    "Spend": ["high", "low"],
                    "label": ["x", "y"],
                }
            ),
            "transactions": pd.DataFrame(
                {
                    "contact_id": ["a"] * 5,
                    "occurred_at": stamps("2024-06-21 10:00", "2024-06-21 18:00", "2024-05-02", "2024-01-02", "2024-06-30 23:59"),
                    "amount": [10.25, 4.75, 30.0, 5.0, -2.5],
                    "channel": ["store", "web", "web", "web", "web"],
                }
            ),
            "touchpoints": pd.DataFrame(
                {
                    "contact_id": ["a", "a", "a", "a", "b"],
                    "occurred_at": stamps("2024-06-29", "2024-06-29 09:00", "2024-03-01", "2024-06-20", "2024-06-30"),
                    "channel": ["email", "store", "web", "email", "phone"],
                    "kind": ["email_open", "store_visit", "download", "nps", "call"],
                    "duration_minutes": [None, 30.0, None, None, 60.0],
                    "score": [None, None, None, 7.0, None],
                }
            ),
            "invoices": pd.DataFrame(
                {
                    "invoice_id": ["1", "2", "3"],
                    "contact_id": ["a", "a", "a"],
                    "issued_at": stamps("2024-03-01", "2024-04-01", "2024-05-01"),
                    "due_at": stamps("2024-03-31", "2024-05-01", "2024-05-31"),
                    "amount": [100.0, 200.0, 50.5],
                    "paid_at": stamps("2024-04-10", "2024-04-20", None),
                }
            ),
        },
    )


@cache
def values() -> pd.DataFrame:
    rows: pd.DataFrame = features.build(facts(), every_contact(facts(), [T])).execute()
    return rows.set_index("contact_id")


EXPECTED = {
    "days_since_purchase": 9,  # 21 June lies nine days before 30 June, the last day before as_of
    "days_since_first_purchase": 180,  # 2 January to 30 June of a leap year
    "purchases_30d": 1,  # one day with two purchases
    "purchases_90d": 2,
    "purchases_365d": 3,
    "purchases": 3,
    "spend_30d": 10.25 + 4.75 - 2.5,
    "spend": 47.5,
    "spend_per_purchase": 47.5 / 3,
    "purchase_interval": (180 - 9) / 2,
    "purchase_pause": 9 / 85.5,
    "purchase_trend": (2 * 365 / 90) / 3,
    "refunds_365d": 1,
    "offline_purchase_share_365d": 1 / 4,
    "days_since_offline_purchase": 9,
    "days_since_online_purchase": 9,
    "days_since_touch": 1,
    "days_since_first_touch": 121,
    "touches_30d": 2,  # an answer to a survey is no touch
    "touches_365d": 3,
    "active_days_90d": 2,
    "touches_per_month": 30 * (3 + 1) / (121 + 30),  # one touch and one month ahead: a first visit yesterday is no flood
    "minutes_90d": 30,
    "engagement_points": 1 + 20 * 1.5 + 6,  # half an hour adds half, the company's own points for a download
    "engagement_points_30d": 31,
    "engagement_points_warm": round(31 * 0.5 ** (1 / 14), 4) + round(6 * 0.5 ** (121 / 14), 4),  # day by day, to a ten-thousandth
    "touches_since_purchase": 2,  # on 29 June, after 21 June; the answer of 20 June is no touch
    "touches_between_purchases": 1,  # on 1 March
    "store_visits_365d": 1,
    "offline_touch_share_365d": 1 / 3,
    "last_nps": 7,
    "satisfaction": 7,
    "invoices_365d": 3,
    "invoices_overdue": 1,
    "amount_overdue": 50.5,
    "mean_days_late": (10 + 0) / 2,
    "most_days_late": 31,  # unpaid since 31 May
    "tenure_days": 29,
    "opted_out": 1,
    "Âge  du compte": 3,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_worked_by_hand(name: str) -> None:
    assert values()[name]["a"] == pytest.approx(EXPECTED[name])


def test_a_purchase_in_the_last_fraction_of_a_second_is_of_the_last_day() -> None:
    bought = pd.DataFrame({"contact_id": ["a"], "occurred_at": stamps("2024-06-30 23:59:59.4"), "amount": [5.0]})
    late = from_frames(Source("late"), {"transactions": bought})
    rows = features.build(late, every_contact(late, [T], "transactions")).execute()
    assert (rows["purchases"].tolist(), rows["days_since_purchase"].tolist()) == ([1], [0])


def test_nothing_known_is_zero_for_counts_and_missing_for_the_rest() -> None:
    other = values().loc["b"]
    assert (other["purchases"], other["spend"], other["invoices_overdue"], other["opted_out"]) == (0, 0, 0, 0)
    assert other[["days_since_purchase", "purchase_pause", "last_nps", "mean_days_late", "Âge  du compte"]].isna().all()
    assert other["tenure_days"] == 0  # known for twelve hours


def test_attributes_keep_their_names_unless_taken() -> None:
    found = features.feature_set(facts())
    assert found["Spend (attribute)"] == "category"
    assert found["label (attribute)"] == "category"
    assert found["Âge  du compte"] == "number"
    assert values()["Spend (attribute)"]["a"] == "high"


def test_columns_come_in_the_order_of_the_feature_set() -> None:
    built = features.build(facts(), every_contact(facts(), [T]))
    assert list(built.columns) == ["contact_id", "as_of", *features.feature_set(facts())]


def test_each_feature_has_a_name_in_both_languages_and_no_two_share_one() -> None:
    named = features.words(facts())
    assert list(named) == list(features.feature_set(facts()))
    for lang in ("en", "fr"):
        spoken = [words[lang] for words in named.values()]
        assert len(set(spoken)) == len(spoken)
    assert named["purchases_90d"] == {"en": "days with a purchase in the last 90 days", "fr": "jours avec achat des 90 derniers jours"}


def test_a_company_with_contacts_only_has_their_attributes() -> None:
    frame = pd.DataFrame({"contact_id": ["a", "b"], "Contract": ["long", "short"], "age": [3.0, np.nan]})
    flat = from_frames(Source("flat"), {"contacts": frame})
    assert features.feature_set(flat) == {"Contract": "category", "age": "number"}
    rows = features.build(flat, every_contact(flat, [T])).order_by("contact_id").execute()
    assert rows["Contract"].tolist() == ["long", "short"]
