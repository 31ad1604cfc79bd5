"""Retention, reactivation, interactions and combinations of channels, worked by hand."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Any

import pandas as pd
import pytest

from funnelcast.economics import economics
from funnelcast.economics.estimates import Bootstrap
from funnelcast.economics.people import people
from funnelcast.economics.reactivation import reactivation, silences
from funnelcast.economics.retention import buyers, retention
from funnelcast.sources.as_of import cut
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import DAYS_PER_MONTH, AsOf


def on(text: str) -> datetime:
    return datetime.fromisoformat(text)


def table(rows: list[tuple[str, str]], **columns: Any) -> pd.DataFrame:
    return pd.DataFrame([(who, on(day)) for who, day in rows], columns=["contact_id", "occurred_at"]).assign(**columns)


def customers() -> Facts:
    """A buys twice on one day, then twice more; b and c buy once."""
    bought = [("a", "2025-01-10T09:00"), ("a", "2025-01-10T17:00"), ("a", "2025-01-25"), ("a", "2025-04-30"), ("b", "2025-01-20"),
              ("c", "2025-06-20")]  # fmt: skip
    touches = [("a", "2025-01-05", "web"), ("a", "2025-04-26", "shop"), ("a", "2025-04-28", "email"), ("a", "2025-09-01", "shop"),
               ("b", "2025-01-20", "shop"), ("c", "2025-06-01", "web")]  # fmt: skip
    return from_frames(
        Source("t"),
        {
            "transactions": table(bought, amount=10.0),
            "touchpoints": table([(who, day) for who, day, _ in touches], channel=[channel for *_, channel in touches]),
        },
    )


@cache
def retained(churn_days: int = 90) -> dict[str, Any]:
    known, as_of = known_at("2025-07-15")
    everyone = people(known)
    assert everyone is not None
    return retention(buyers(known, everyone, as_of, churn_days), churn_days, Bootstrap.of(1))


def reactivated(until: str) -> dict[str, Any]:
    known, as_of = known_at(until)
    everyone = people(known)
    assert everyone is not None
    return reactivation(silences(known, everyone, as_of, 90), 90, Bootstrap.of(1))


def known_at(until: str) -> tuple[Facts, AsOf]:
    as_of = AsOf(on(until))
    return cut(customers(), as_of), as_of


def test_the_share_that_buys_again_is_of_those_observed_through_the_month() -> None:
    found = retained()
    # 186 days of a and 176 of b are 6 and 5 whole months; c, of 25 days, has none yet
    first, later = found["cohorts"]
    assert (first["cohort"], first["customers"], later["cohort"], later["customers"]) == ("2025-Q1", 2, "2025-Q2", 1)
    told = [(row["month"], row["customers"], row["bought"]["value"]) for row in first["months"]]
    # a bought again on day 15 and on day 110, in the first and the fourth month; the second purchase of the first day isn't one
    assert told == [(1, 2, 0.5), (2, 2, 0.0), (3, 2, 0.0), (4, 2, 0.5), (5, 2, 0.0), (6, 1, 0.0)]
    assert later["months"] == []
    assert [row["bought"]["value"] for row in found["total"]["months"]] == [share for *_, share in told]


def test_nobody_bought_has_an_interval() -> None:
    quiet = retained()["cohorts"][0]["months"][1]["bought"]
    assert quiet["low"] == 0
    assert 0.2 < quiet["high"] <= 1


def test_churn_is_no_purchase_in_the_last_days_half_open() -> None:
    found = retained()["total"]
    # c's first purchase is younger than 90 days; of a and b only b bought nothing since 16 April
    assert (found["churned"]["value"], found["churned_of"]) == (0.5, 2)
    # 76 days before 15 July is 30 April: the purchase at that instant is within [30 April, 15 July)
    assert retained(churn_days=76)["total"]["churned"]["value"] == 0.5
    assert retained(churn_days=75)["total"]["churned"]["value"] == 1.0


def test_retention_by_the_channel_that_brought_them() -> None:
    found = {row["channel"]: row["customers"] for row in retained()["channels"]}
    assert found == {"shop": 1, "web": 2}


def test_reactivation_counts_silences_that_were_seen_to_their_end() -> None:
    found = reactivated("2025-12-31")
    # a went quiet on 25 April and came back on the 30th, went quiet again on 29 July and didn't; neither did b and c
    assert (found["total"]["dormant"], found["total"]["reactivated"], found["total"]["rate"]["value"]) == (4, 1, 0.25)
    assert {row["channel"]: (row["dormant"], row["reactivated"]) for row in found["channels"]} == {"shop": (1, 0), "web": (3, 1)}
    # the last touch of a's first silence was the e-mail, of its second the shop; b and c weren't touched
    touched = {row["channel"]: (row["dormant"], row["reactivated"]) for row in found["touches"]}
    assert touched == {"(no touch)": (2, 0), "email": (1, 1), "shop": (1, 0)}


def test_a_silence_is_censored_until_its_second_stretch_is_over() -> None:
    # a's began on 25 April and b's on 20 April: on 20 July only b's 90 days are over
    found = reactivated("2025-07-20")
    assert (found["total"]["dormant"], found["total"]["reactivated"]) == (1, 0)


def test_interactions_per_contact_and_month_by_hand() -> None:
    touches = [("a", "2025-01-01"), ("a", "2025-03-01"), ("a", "2025-07-02"), ("a", "2025-08-01"), ("b", "2025-02-01")]
    created, won = [on("2025-01-01"), on("2025-01-31")], [on("2025-07-02"), pd.NaT]
    contacts = pd.DataFrame({"contact_id": ["a", "b"], "created_at": created, "became_customer_at": won})
    facts = from_frames(Source("t"), {"contacts": contacts, "touchpoints": table(touches, channel="email")})
    found: Any = economics(facts, AsOf(on("2025-12-31")))["interactions"]
    lead, customer = found["list"]
    # a was a lead for 182 days and b for 334; the touch at the instant of a's conversion was the lead's
    assert (lead["touches"], lead["contacts"]) == (4, 2)
    assert lead["per_contact_month"]["value"] == pytest.approx(4 / ((182 + 334) / DAYS_PER_MONTH))
    assert (customer["touches"], customer["contacts"]) == (1, 1)
    assert customer["per_contact_month"]["value"] == pytest.approx(1 / (182 / DAYS_PER_MONTH))


def journeys() -> Facts:
    """30 journeys of the web alone win 15, 30 of the shop alone 6, 40 of both 30; 5 of the mail alone none."""
    groups = [("w", ("web",), 30, 15), ("s", ("shop",), 30, 6), ("b", ("web", "shop"), 40, 30), ("m", ("mail",), 5, 0)]
    touches = [(f"{name}{n}", on(f"2025-01-0{place}"), channel) for name, met, count, _ in groups for n in range(count)
               for place, channel in enumerate((*met, met[0]), start=1)]  # fmt: skip
    bought = [(f"{name}{n}", "2025-01-05") for name, _, _, won in groups for n in range(won)]
    return from_frames(
        Source("t"),
        {
            "touchpoints": pd.DataFrame(touches, columns=["contact_id", "occurred_at", "channel"]),
            "transactions": table(bought, amount=10.0),
        },
    )


def test_combinations_of_channels_by_hand() -> None:
    found: Any = economics(journeys(), AsOf(on("2025-12-31")))["combinations"]
    of_all = 51 / 105
    web, shop, both = ((won + 20 * of_all) / (count + 20) for won, count in ((15, 30), (6, 30), (30, 40)))
    assert [row["channels"] for row in found["sets"]] == [["shop", "web"], ["web"], ["shop"]]
    assert [row["rate"]["value"] for row in found["sets"]] == pytest.approx([both, web, shop])
    first = found["sets"][0]
    assert (first["journeys"], first["conversions"]) == (40, 30)
    assert first["expected"] == pytest.approx(1 - (1 - web) * (1 - shop))
    assert first["lift"]["value"] == pytest.approx(both / (1 - (1 - web) * (1 - shop)))
    assert first["p_better_than_best_single"] > 0.9
    assert sum(row["p_best"] for row in found["sets"]) == pytest.approx(1)
    assert found["not_listed"] == {"sets": 1, "journeys": 5}
    assert [(row["channels"], row["journeys"]) for row in found["pairs"]] == [(["shop", "web"], 40)]
    assert found["question"] == "descriptive"
