"""The cut: what was known strictly before T, by both clocks, for every outcome, the same for one T and for many."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import ibis
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.sources.as_of import cut, known_to
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.sources.schema import TABLES, known_at
from funnelcast.terms import AsOf

SOURCE = Source("s")
T = datetime.fromisoformat("2025-03-01")
MOMENT = timedelta(microseconds=1)
OUTCOMES = [(name, outcome) for name, schema in TABLES.items() for outcome in schema.outcomes]
CLOCKED = [name for name, schema in TABLES.items() if schema.clock]


def at(instant: datetime | str) -> AsOf:
    return AsOf.parse(instant, "UTC") if isinstance(instant, str) else AsOf(instant)


def row(name: str, **values: Any) -> dict[str, Any]:
    """Make one row of a table: every canonical column, text and numbers filled, clocks and outcomes as given."""
    schema = TABLES[name]
    plain: dict[str, Any] = {"string": "x", "float64": 1.0, "timestamp": datetime.fromisoformat("2025-01-01")}
    filled = {column.name: plain[column.type] for column in schema.columns}
    second = {column: None for outcome in schema.outcomes for column in (outcome, known_at(outcome))}
    return {**filled, **second, **values}


def facts_of(name: str, *given_rows: dict[str, Any]) -> Facts:
    frame = pd.DataFrame(list(given_rows))
    stamps = [column for column in frame.columns if TABLES[name].type_of(column) == "timestamp"]
    return from_frames(SOURCE, {name: frame.astype(dict.fromkeys(stamps, "datetime64[us]"))})


@pytest.mark.parametrize("name", CLOCKED)
def test_a_row_is_known_strictly_after_its_clock_and_known_at_counts_not_when_it_happened(name: str) -> None:
    clock, month = str(TABLES[name].clock), timedelta(days=30)
    told = {
        "a moment before": {clock: T - MOMENT},
        "at T": {clock: T},
        "a moment after": {clock: T + MOMENT},
        "known at T": {clock: T - month, "known_at": T},
        "known before": {clock: T + month, "known_at": T - MOMENT},
    }
    id_column = next(column.name for column in TABLES[name].columns if column.type == "string")
    facts = facts_of(name, *(row(name, **{id_column: case}, **clocks) for case, clocks in told.items()))
    assert sorted(cut(facts, at(T)).tables[name][id_column].execute()) == ["a moment before", "known before"]


@pytest.mark.parametrize("name", [name for name in TABLES if name not in CLOCKED])
def test_a_table_without_a_clock_has_always_been_known(name: str) -> None:
    assert cut(facts_of(name, row(name)), at("1990-01-01")).tables[name].count().execute() == 1


SECOND = {
    "its own date is its clock": (T - MOMENT, None, True),
    "at T": (T, None, False),
    "after T": (T + MOMENT, None, False),
    "known in time": (T - timedelta(days=9), T - MOMENT, True),
    "known late": (T - timedelta(days=9), T, False),
    "agreed in advance": (T + timedelta(days=9), T - MOMENT, True),
    "never": (None, None, False),
}


@pytest.mark.parametrize(("name", "outcome"), OUTCOMES)
def test_an_outcome_not_known_before_is_emptied_with_all_that_it_determines(name: str, outcome: str) -> None:
    key = TABLES[name].required[0]
    told = [row(name, **{key: case, outcome: happened, known_at(outcome): known}) for case, (happened, known, _) in SECOND.items()]
    found = cut(facts_of(name, *told), at(T)).tables[name].execute().set_index(key)
    assert sorted(found.index) == sorted(SECOND)
    for column in (outcome, *TABLES[name].outcomes[outcome], known_at(outcome)):
        assert {case: pd.notna(found.loc[case, column]) for case in SECOND} == {case: seen for case, (*_, seen) in SECOND.items()}, column


def test_each_outcome_of_a_contact_has_its_own_clock() -> None:
    before, after = T - timedelta(days=1), T + timedelta(days=1)
    facts = facts_of("contacts", row("contacts", became_customer_at=before, disqualified_at=after, opted_out_at=T))
    (found,) = cut(facts, at(T)).tables["contacts"].execute().to_dict("records")
    assert found["became_customer_at"] == pd.Timestamp(before)
    assert pd.isna(found["disqualified_at"])
    assert pd.isna(found["opted_out_at"])


def test_a_cut_of_a_cut_is_the_earlier_cut_and_says_its_instant() -> None:
    days = [T - timedelta(days=number) for number in range(-3, 4)]
    facts = facts_of("transactions", *(row("transactions", contact_id=str(number), occurred_at=day) for number, day in enumerate(days)))
    twice = cut(cut(facts, at(T + timedelta(days=2))), at(T))
    assert twice.as_of == at(T)
    assert frame_of(twice.tables["transactions"]).equals(frame_of(cut(facts, at(T)).tables["transactions"]))


def frame_of(table: Any) -> pd.DataFrame:
    frame: pd.DataFrame = table.execute()
    return frame.sort_values(list(frame.columns), ignore_index=True).astype(object)


DAY = st.one_of(st.none(), st.integers(-4, 4))


@settings(max_examples=8)
@given(
    st.sampled_from(["contacts", "touchpoints", "transactions", "subscriptions", "deals", "invoices"]),
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(-4, 4), DAY, DAY, DAY), min_size=1, max_size=12),
    st.sets(st.tuples(st.sampled_from("abc"), st.integers(-4, 4)), min_size=1, max_size=3),
)
def test_known_to_is_the_cut_at_every_rows_own_instant(
    name: str, told: list[tuple[str, int, int | None, int | None, int | None]], cohort: set[tuple[str, int]]
) -> None:
    def day(number: int | None) -> datetime | None:
        return None if number is None else T + timedelta(days=number)

    schema = TABLES[name]
    built = []
    for number, (contact, happened, known, second, second_known) in enumerate(told):
        outcomes = {
            column: value
            for outcome in schema.outcomes
            for column, value in ((outcome, day(second)), (known_at(outcome), day(second_known)))
        }
        key = {schema.key: str(number)} if schema.key and schema.key != "contact_id" else {}
        built.append(row(name, contact_id=contact, **{str(schema.clock): day(happened)}, known_at=day(known), **outcomes, **key))
    facts = facts_of(name, *built)
    clocks = pd.DataFrame([{"contact_id": contact, "as_of": day(number)} for contact, number in sorted(cohort)]).astype(
        {"as_of": "datetime64[us]"}
    )
    joined = known_to(facts, name, facts.backend.create_table("cohort", clocks, overwrite=True)).execute()
    for contact, number in cohort:
        instant = T + timedelta(days=number)
        own = joined[(joined["contact_id"] == contact) & (joined["as_of"] == pd.Timestamp(instant))].drop(columns="as_of")
        whole = cut(facts, AsOf(instant)).tables[name]
        expected = frame_of(whole.filter(whole.contact_id == contact))
        actual = own.sort_values(list(own.columns), ignore_index=True).astype(object)
        pd.testing.assert_frame_equal(actual, expected, check_dtype=False)


def test_a_cohort_may_be_keyed_by_deal() -> None:
    facts = facts_of(
        "deal_events",
        *(row("deal_events", deal_id=deal, occurred_at=T - timedelta(days=age)) for deal, age in (("a", 1), ("a", 3), ("b", 2))),
    )
    cohort = ibis.memtable(pd.DataFrame({"deal_id": ["a", "a"], "as_of": [T, T - timedelta(days=2)]}).astype({"as_of": "datetime64[us]"}))
    counts = (
        known_to(facts, "deal_events", cohort, key="deal_id").group_by("as_of").aggregate(n=lambda t: t.count()).order_by("as_of").execute()
    )
    assert counts["n"].tolist() == [1, 2]
