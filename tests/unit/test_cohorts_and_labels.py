"""Who is in question, and what happened next, with every date written out."""

from __future__ import annotations

from functools import cache

import ibis.expr.types as ir
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast import cohorts, labels
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Label, Source
from funnelcast.terms import AsOf

FEBRUARY, APRIL = AsOf.parse("2024-02-15", "UTC"), AsOf.parse("2024-04-01", "UTC")


def stamps(*texts: str | None) -> pd.Series:
    return pd.to_datetime(pd.Series(texts), format="ISO8601")


@cache
def facts() -> Facts:
    return from_frames(
        Source("dates", labels={"churn": Label("left", "Yes"), "numeric": Label("flag", "1")}),
        {
            "contacts": pd.DataFrame(
                {
                    "contact_id": ["a", "b", "c", "d"],
                    "created_at": stamps("2023-12-01", "2024-01-01", "2024-02-01", "2022-01-01"),
                    "became_customer_at": stamps("2024-01-01", None, "2024-04-15", None),
                    "disqualified_at": stamps(None, "2024-03-01", None, None),
                    "left": ["Yes", " No", "Yes ", None],
                    "flag": [1.0, 0.0, None, 1.0],
                }
            ),
            "transactions": pd.DataFrame(
                {
                    "contact_id": ["a", "a", "b", "e", "e"],
                    "occurred_at": stamps("2024-01-01", "2024-05-31", "2024-03-01", "2024-02-14 23:59", "2023-02-14 23:00"),
                    "amount": [10.0, 20.0, -5.0, 0.0, 7.0],
                }
            ),
            "subscriptions": pd.DataFrame(
                {
                    "contact_id": ["a", "a", "b", "c"],
                    "started_at": stamps("2024-01-01", "2024-04-10", "2024-01-05", "2024-03-01"),
                    "ended_at": stamps("2024-04-10", None, "2024-04-20", None),
                }
            ),
        },
    )


def members(cohort: ir.Table) -> list[tuple[str, str]]:
    rows = cohort.order_by("as_of", "contact_id").execute()
    return [(row.contact_id, str(row.as_of.date())) for row in rows.itertuples()]


def outcomes(labelled: ir.Table) -> dict[tuple[str, str], int]:
    rows = labelled.execute()
    return {(row.contact_id, str(row.as_of.date())): int(row.label) for row in rows.itertuples()}


def test_active_customers_bought_within_the_window_and_refunds_do_not_count() -> None:
    found = members(cohorts.active_customers(facts(), [FEBRUARY, APRIL], within_days=60))
    assert found == [("a", "2024-02-15"), ("e", "2024-02-15"), ("e", "2024-04-01")]
    year = members(cohorts.active_customers(facts(), [APRIL], within_days=365))
    assert year == [("a", "2024-04-01"), ("e", "2024-04-01")]


def test_open_leads_are_neither_customers_nor_disqualified_as_known_then() -> None:
    found = members(cohorts.open_leads(facts(), [FEBRUARY, APRIL], within_days=365))
    assert found == [("b", "2024-02-15"), ("c", "2024-02-15"), ("c", "2024-04-01")]


def test_subscribers_run_at_as_of() -> None:
    assert members(cohorts.subscribers(facts(), [FEBRUARY, APRIL])) == [
        ("a", "2024-02-15"),
        ("b", "2024-02-15"),
        ("a", "2024-04-01"),
        ("b", "2024-04-01"),
        ("c", "2024-04-01"),
    ]


def test_without_a_customer_date_the_first_purchase_converts() -> None:
    tables = {name: table.execute() for name, table in facts().tables.items() if name != "subscriptions"}
    contacts = tables["contacts"][["contact_id", "created_at"]]
    sales = tables["transactions"][["contact_id", "occurred_at", "amount"]]
    bare = from_frames(Source("bare"), {"contacts": contacts, "transactions": sales})
    asked = cohorts.open_leads(bare, [FEBRUARY], within_days=365)
    assert members(asked) == [("b", "2024-02-15"), ("c", "2024-02-15")]
    assert outcomes(labels.conversion(bare, asked, 30)) == {("b", "2024-02-15"): 1, ("c", "2024-02-15"): 0}


def test_no_purchase_looks_at_the_half_open_window() -> None:
    asked = cohorts.every_contact(facts(), [APRIL], "transactions")
    assert outcomes(labels.no_purchase(facts(), asked, 60))[("a", "2024-04-01")] == 1  # bought on 31 May, the 60th day after: not before it
    assert outcomes(labels.no_purchase(facts(), asked, 61))[("a", "2024-04-01")] == 0
    assert outcomes(labels.no_purchase(facts(), asked, 60))[("b", "2024-04-01")] == 1


def test_a_refund_is_no_purchase() -> None:
    asked = cohorts.every_contact(facts(), [FEBRUARY], "transactions")
    assert outcomes(labels.no_purchase(facts(), asked, 60))[("b", "2024-02-15")] == 1


def sales(*bought: tuple[str, str, float, str | None], offline: frozenset[str] = frozenset({"store"})) -> Facts:
    frame = pd.DataFrame(bought, columns=["contact_id", "occurred_at", "amount", "channel"])
    frame["occurred_at"] = pd.to_datetime(frame["occurred_at"], format="ISO8601")
    frame["channel"] = frame["channel"].astype(object).where(frame["channel"].notna(), None)
    return from_frames(Source("sides", offline=offline), {"transactions": frame})


def next_states(company: Facts, names: list[str], horizon_days: int = 60) -> dict[str, tuple[int, str | None]]:
    asked = cohorts.every_contact(company, [APRIL], "transactions")
    rows = labels.next_channels(company, asked.filter(asked.contact_id.isin(names)), horizon_days).execute()
    return {row.contact_id: (row.label, row.next_state if isinstance(row.next_state, str) else None) for row in rows.itertuples()}


def test_the_next_state_says_where_within_the_half_open_window() -> None:
    company = sales(
        ("first", "2024-04-01 00:00", 9.0, "web"),  # at T itself
        ("before", "2024-03-31 23:59:59.999999", 9.0, "web"),
        ("last", "2024-05-30 23:59:59.999999", 9.0, "store"),  # an instant before T + 60 days
        ("after", "2024-05-31 00:00", 9.0, "store"),  # T + 60 days
        ("sides", "2024-04-02", 9.0, "web"),
        ("sides", "2024-05-02", 9.0, "store"),
        ("free", "2024-04-02", 0.0, "store"),  # given away, but taken
        ("refund", "2024-04-02", 9.0, "web"),
        ("refund", "2024-04-03", -9.0, "store"),
        ("returned", "2024-04-03", -9.0, "store"),
    )
    expected = {
        "first": (0, "online"),
        "before": (1, "dormant"),
        "last": (0, "offline"),
        "after": (1, "dormant"),
        "sides": (0, "both"),
        "free": (0, "offline"),
        "refund": (0, "online"),
        "returned": (1, "dormant"),
    }
    assert next_states(company, list(expected)) == expected


@pytest.mark.parametrize("offline", [frozenset({"store"}), frozenset()])
def test_a_purchase_without_a_channel_says_that_not_where(offline: frozenset[str]) -> None:
    company = sales(("u", "2024-04-02", 9.0, None), ("w", "2024-04-02", 9.0, None), ("w", "2024-04-03", 9.0, "web"), offline=offline)
    assert next_states(company, ["u", "w"]) == {"u": (0, None), "w": (0, "online")}


@settings(max_examples=15)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"),
            st.integers(0, 120).map(lambda days: str(APRIL.plus(days - 30).at)),
            st.sampled_from([-5.0, 0.0, 5.0]),
            st.sampled_from(["web", "store", "phone", None]),
        ),
        min_size=1,
    )
)
def test_beside_the_next_state_stands_the_label_of_no_purchase(bought: list[tuple[str, str, float, str | None]]) -> None:
    company = sales(*bought)
    asked = cohorts.every_contact(company, [FEBRUARY, APRIL], "transactions")
    assert outcomes(labels.next_channels(company, asked, 60)) == outcomes(labels.no_purchase(company, asked, 60))


def test_a_change_of_plan_is_no_churn() -> None:
    asked = cohorts.subscribers(facts(), [APRIL])
    found = outcomes(labels.subscription_ended(facts(), asked, 30))
    assert found == {("a", "2024-04-01"): 0, ("b", "2024-04-01"): 1, ("c", "2024-04-01"): 0}


def test_conversion_within_the_horizon() -> None:
    asked = cohorts.open_leads(facts(), [FEBRUARY, APRIL], within_days=365)
    assert outcomes(labels.conversion(facts(), asked, 60)) == {
        ("b", "2024-02-15"): 0,
        ("c", "2024-02-15"): 0,  # 15 April is the 60th day after 15 February
        ("c", "2024-04-01"): 1,
    }


@pytest.mark.parametrize(("name", "expected"), [("churn", {"a": 1, "b": 0, "c": 1}), ("numeric", {"a": 1, "b": 0, "d": 1})])
def test_a_given_column_leaves_out_whom_it_does_not_name(name: str, expected: dict[str, int]) -> None:
    asked = cohorts.every_contact(facts(), [APRIL])
    found = outcomes(labels.given(facts(), asked, facts().source.labels[name]))
    assert {contact: label for (contact, _), label in found.items()} == expected


def test_windows_that_were_not_observed_to_their_end_are_censored() -> None:
    asked = cohorts.every_contact(facts(), [FEBRUARY, APRIL], "transactions")
    until = AsOf.parse("2024-05-01", "UTC")
    assert {date for _, date in members(labels.matured(asked, 30, until))} == {"2024-02-15", "2024-04-01"}
    assert {date for _, date in members(labels.matured(asked, 31, until))} == {"2024-02-15"}


def test_new_customers_became_so_within_the_days_before() -> None:
    became = cohorts.new_customers(facts(), [FEBRUARY, APRIL], 91)
    # 1 January lies 45 days before 15 February and 91 before 1 April: [as_of - 91 days, as_of) holds both; 15 April is not known yet
    assert members(became) == [("a", "2024-02-15"), ("a", "2024-04-01")]
    assert members(cohorts.new_customers(facts(), [FEBRUARY, APRIL], 90)) == [("a", "2024-02-15")]
    assert became.since.execute().astype(str).unique().tolist() == ["2024-01-01"]


def test_without_that_date_the_first_purchase_makes_the_customer() -> None:
    tables = {name: facts().table(name).execute() for name in ("contacts", "transactions")}
    tables["contacts"] = tables["contacts"][["contact_id", "created_at"]]
    undated = from_frames(Source("undated"), tables)
    # e first bought a year earlier, and what b returned is no purchase
    assert members(cohorts.new_customers(undated, [FEBRUARY, APRIL], 100)) == [("a", "2024-02-15"), ("a", "2024-04-01")]
