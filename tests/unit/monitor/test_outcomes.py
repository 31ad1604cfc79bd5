"""What became of answers and forecasts, with every date written out, and held against a second implementation."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.monitor.outcomes import Judge, of_forecasts
from funnelcast.settings import CHECKOUT
from funnelcast.simulate import Company
from funnelcast.sources.as_of import cut
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Label, Source
from funnelcast.spec import Spec, read
from funnelcast.terms import AsOf
from tests.unit.monitor.kept import answer, forecast, frame

UNTIL = AsOf.parse("2024-07-01", "UTC")


@cache
def specs() -> Mapping[str, Spec]:
    return {name: read(CHECKOUT / "models", name) for name in ("churn", "lead_scoring", "clv")}


def stamps(*texts: str | None) -> pd.Series:
    return pd.to_datetime(pd.Series(texts), format="ISO8601")


def bought(*purchases: tuple[str, str, float], known_at: Mapping[int, str] | None = None) -> pd.DataFrame:
    table = pd.DataFrame(purchases, columns=["contact_id", "occurred_at", "amount"])
    table["occurred_at"] = stamps(*table["occurred_at"])
    late = [(known_at or {}).get(place) for place in range(len(table))]
    return table.assign(known_at=stamps(*late).fillna(table["occurred_at"]))


def judge(facts: Facts, until: AsOf = UNTIL, trained: str | None = None) -> Judge:
    seen = {} if trained is None else {("churn", 1): AsOf.parse(trained, "UTC")}
    return Judge(cut(facts, until), until, specs(), seen)


def told(judged: pd.DataFrame) -> list[tuple[str, float | None]]:
    return [(str(fate), None if np.isnan(came) else float(came)) for fate, came in zip(judged["fate"], judged["outcome"], strict=True)]


def shop() -> Facts:
    purchases = bought(
        ("stays", "2024-01-10", 9.0),
        ("stays", "2024-05-30 23:59", 9.0),  # within 90 days after 2 March, by a minute
        ("leaves", "2024-02-01", 9.0),
        ("leaves", "2024-05-31", 9.0),  # on the 90th day after 2 March: too late
        ("refund", "2024-02-01", 9.0),
        ("refund", "2024-04-01", -9.0),
        ("old", "2022-01-01", 9.0),
    )
    identities = pd.DataFrame({"identity": ["Stays@Home.example"], "contact_id": ["stays"]})
    return from_frames(Source("shop"), {"transactions": purchases, "identities": identities})


def test_the_outcome_is_the_label_over_the_answers_own_horizon() -> None:
    rows = judge(shop()).answers(frame(*(answer(name, "2024-03-02T00:00:00") for name in ("stays", "leaves", "refund"))))
    assert told(rows) == [("judged", 0.0), ("judged", 1.0), ("judged", 1.0)]


def test_what_is_not_over_waits_and_is_no_outcome() -> None:
    asked = frame(answer("leaves", "2024-04-02T00:00:00"), answer("leaves", "2024-04-02T00:00:01"))
    asked["horizon_days"] = 90.0  # 2 April and 90 days: 1 July, the first instant that wasn't observed
    assert [fate for fate, _ in told(judge(shop()).answers(asked.iloc[:1]))] == ["judged"]
    assert told(judge(shop()).answers(asked.iloc[1:])) == [("waiting", None)]


def test_what_cannot_be_judged_is_told_apart() -> None:
    asked = frame(
        answer(None, "2024-03-02T00:00:00"),
        answer("old", "2024-03-02T00:00:00"),  # bought last two years before: the model isn't about them
        answer("never heard of", "2024-03-02T00:00:00"),
        answer("stays", "2024-03-02T08:00:00"),
        answer("stays", "2024-03-02T09:00:00"),  # the same day again: this one counts
        answer("stays", "2024-03-02T08:30:00", days=30.0),  # another question
        answer("stays", "2024-03-02T08:30:00", version=2),  # another model
        answer("stays", "2024-02-01T00:00:00"),  # before version 1 was trained
    )
    rows = judge(shop(), trained="2024-02-15").answers(asked)
    fates = ["forgotten", "outside", "outside", "repeated", "judged", "judged", "judged", "hindsight"]
    assert [fate for fate, _ in told(rows)] == fates
    assert rows.loc[rows["fate"] != "judged", "outcome"].isna().all()


def test_a_contact_scored_under_another_identity_is_found() -> None:
    rows = judge(shop()).answers(frame(answer("stays@home.EXAMPLE", "2024-03-02T00:00:00")))
    assert told(rows) == [("judged", 0.0)]
    assert list(rows["contact_id"]) == ["stays"]


def test_an_outcome_without_a_date_is_not_guessed() -> None:
    contacts = pd.DataFrame({"contact_id": ["a"], "left": ["Yes"]})
    flat = from_frames(Source("flat", labels={"churn": Label("left", "Yes")}), {"contacts": contacts})
    judging = judge(flat)
    assert told(judging.answers(frame(answer("a", "2024-03-02T00:00:00")))) == [("unknown", None)]
    assert "says nothing of when" in judging.reasons["churn"]


def test_clv_counts_the_days_with_a_purchase_as_far_as_they_are_known() -> None:
    purchases = bought(
        ("a", "2024-01-05", 5.0),
        ("a", "2024-03-02 10:00", 5.0),
        ("a", "2024-03-02 18:00", 5.0),  # the same day
        ("a", "2024-04-01", -5.0),  # a refund
        ("a", "2024-04-30", 0.0),
        ("a", "2024-05-01", 5.0),  # the 60th day after
        ("a", "2024-04-10", 5.0),  # told too late
        ("b", "2024-03-05", 5.0),  # no customer yet
        known_at={6: "2024-07-02"},
    )
    asked = frame(*(answer(name, "2024-03-02T00:00:00", model="clv", predicted=1.5, days=60.0) for name in "ab"))
    assert told(judge(from_frames(Source("shop"), {"transactions": purchases})).answers(asked)) == [("judged", 2.0), ("outside", None)]


def test_no_answers_give_no_rows() -> None:
    assert judge(shop()).answers(frame(answer("a", "2024-03-02T00:00:00")).iloc[:0]).empty


def test_a_second_implementation_gives_the_same_outcomes(company: Company) -> None:
    facts = company.facts()
    assert facts.observed_until is not None
    until = facts.observed_until
    known = cut(facts, until)
    purchases = known.table("transactions").select("contact_id", "occurred_at", "amount", "known_at").execute()
    contacts = known.table("contacts").select("contact_id", "became_customer_at", "disqualified_at", "created_at").execute()
    generator = np.random.default_rng(7)
    asked = [
        answer(str(contact), until.plus(-float(days)).at.isoformat(), model=model, days=days_ahead)
        for model, days_ahead in (("churn", 90.0), ("lead_scoring", 60.0), ("clv", 120.0))
        for contact, days in zip(generator.choice(contacts["contact_id"], 400), generator.uniform(80.0, 500.0, 400), strict=True)
    ]
    rows = Judge(known, until, specs(), {}).answers(frame(*asked))
    waits = rows["at"] + pd.to_timedelta(rows["horizon_days"], unit="D") > until.at
    assert ((rows["fate"] == "waiting") == waits).all()
    mine = purchases.groupby("contact_id")
    person = contacts.set_index("contact_id")
    counted = dict.fromkeys(("churn", "lead_scoring", "clv"), 0)
    row: Any  # what itertuples gives has no types
    for row in rows[rows["fate"] == "judged"].itertuples():
        end = row.at + pd.Timedelta(days=row.horizon_days)
        if row.model == "lead_scoring":
            became = person.loc[row.contact_id, "became_customer_at"]
            assert row.outcome == float(row.at <= became < end)
        else:
            own = mine.get_group(row.contact_id)
            ahead = own[(own["occurred_at"] >= row.at) & (own["occurred_at"] < end) & (own["amount"] >= 0)]
            days = ahead["occurred_at"].dt.date.nunique()
            assert row.outcome == (days if row.model == "clv" else float(days == 0))
        counted[row.model] += 1
    assert min(counted.values()) > 20
    for row in rows[(rows["fate"] == "outside") & (rows["model"] == "clv")].itertuples():
        assert not ((purchases["contact_id"] == row.contact_id) & (purchases["known_at"] < row.at)).any()


MONDAYS = pd.date_range("2024-05-06", periods=8, freq="7D")


def weeks_from(as_of: str, first: int, count: int) -> list[dict[str, object]]:
    return [
        forecast("sales", as_of, f"{MONDAYS[place].isoformat()}+00:00", f"{MONDAYS[place + 1].isoformat()}+00:00", 10.0)
        for place in range(first, first + count)
    ]


def test_whole_weeks_that_are_over_are_judged_once_per_distance() -> None:
    purchases = bought(("a", "2024-05-06", 5.0), ("a", "2024-05-12 23:59", 7.0), ("a", "2024-05-20", 40.0), ("a", "2024-06-12", 1.0))
    known = cut(from_frames(Source("shop"), {"transactions": purchases}), AsOf.parse("2024-06-12", "UTC"))
    short = forecast("sales", "2024-05-02T00:00:00+00:00", "2024-05-02T00:00:00+00:00", "2024-05-06T00:00:00+00:00", 1.0)
    stored = frame(short, *weeks_from("2024-05-02T00:00:00+00:00", 0, 3), *weeks_from("2024-05-03T00:00:00+00:00", 0, 6))
    found = of_forecasts(known, AsOf.parse("2024-06-12", "UTC"), stored, "sales")
    # the week of 10 June isn't over on 12 June; of the two forecasts of a week at one distance the later counts
    assert list(found["start"].dt.strftime("%m-%d")) == ["05-06", "05-13", "05-20", "05-27", "06-03"]
    assert list(found["lead"]) == [2, 3, 4, 5, 6]
    assert set(found["as_of"].dt.day) == {3}
    assert list(found["actual"]) == [12.0, 0.0, 40.0, 0.0, 0.0]


def test_nothing_over_gives_no_rows() -> None:
    known = from_frames(Source("shop"), {"transactions": bought(("a", "2024-05-06", 5.0))})
    found = of_forecasts(known, AsOf.parse("2024-05-10", "UTC"), frame(*weeks_from("2024-05-06T00:00:00+00:00", 0, 2)), "sales")
    assert found.empty
    assert "actual" in found


@pytest.mark.parametrize("quantity", ["sales", "pipeline", "receipts"])
def test_what_came_is_what_a_second_implementation_adds_up(company: Company, quantity: str) -> None:
    facts = company.facts()
    assert facts.observed_until is not None
    until = facts.observed_until.plus(-60)
    known = cut(facts, until)
    monday = until.at.date() - pd.Timedelta(days=until.at.weekday() + 8 * 7)
    starts = [pd.Timestamp(monday) + pd.Timedelta(weeks=place) for place in range(8)]
    zone = facts.source.timezone
    texts = [AsOf(at.to_pydatetime(), zone).isoformat() for at in [*starts, starts[-1] + pd.Timedelta(weeks=1)]]
    stored = frame(*(forecast(quantity, texts[0], start, end, 1.0) for start, end in itertools.pairwise(texts)))
    found = of_forecasts(known, until, stored, quantity)
    assert len(found) == 8
    dated = _dated(known, quantity)
    row: Any  # what itertuples gives has no types
    for row in found.itertuples():
        came = dated[(dated["at"] >= row.start) & (dated["at"] < row.end)]["amount"].sum()
        assert row.actual == pytest.approx(came, abs=1e-6)
    assert found["actual"].sum() > 0


def _dated(known: Facts, quantity: str) -> pd.DataFrame:
    """Give what counts for a quantity with its instant, in pandas."""
    if quantity == "sales":
        bought = known.table("transactions").execute()
        return pd.DataFrame({"at": bought["occurred_at"], "amount": bought["amount"]})
    if quantity == "pipeline":
        deals = known.table("deals").execute()
        won = deals[deals["outcome"].str.lower() == "won"]
        return pd.DataFrame({"at": won["closed_at_known_at"], "amount": won["closed_amount"].fillna(won["amount"])})
    invoices = known.table("invoices").execute()
    part = np.minimum(
        invoices["part_paid_amount"].where(invoices["part_paid_at"].notna(), 0.0).fillna(0.0), invoices["amount"].clip(lower=0)
    )
    whole = pd.DataFrame({"at": invoices["paid_at"], "amount": invoices["amount"] - part})
    return pd.concat([whole, pd.DataFrame({"at": invoices["part_paid_at"], "amount": part})])
