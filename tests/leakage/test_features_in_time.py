"""No feature knows the future: time travel, a poisoned future, knowledge that comes late, and the order of the rows."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from funnelcast.sources.schema import TABLES, known_at
from funnelcast.terms import AsOf
from tests.leakage.handmade import TABLES_OF_FEATURES, T, features_at, frames, known_before

POISON = pd.Timestamp("2199-01-01")


def test_the_company_exercises_every_feature() -> None:
    found = features_at(frames(1))
    assert len(found) == 25
    constant = [name for name in found.columns if name not in {"as_of", "day_of_year"} and found[name].nunique(dropna=False) < 2]
    assert constant == []


@settings(max_examples=5)
@given(seed=st.integers(0, 10_000), days=st.integers(-300, 200), hours=st.integers(0, 23))
def test_time_travel(seed: int, days: int, hours: int) -> None:
    as_of = AsOf(T.plus(days + hours / 24).at, T.timezone)
    tables = frames(seed, contacts=12)
    travelled, truncated = features_at(tables, as_of), features_at(known_before(tables, as_of), as_of)
    assert_frame_equal(travelled.loc[truncated.index], truncated, check_exact=True)


@pytest.mark.parametrize("table", TABLES_OF_FEATURES[1:])
def test_a_poisoned_future_changes_nothing_bit_for_bit(table: str) -> None:
    clean = frames(2)
    clock = TABLES[table].clock
    assert clock is not None
    poison = clean[table].copy()
    for column in poison.select_dtypes("number"):
        poison[column] = 9e9
    poison[clock] = [T.at, *[POISON] * (len(poison) - 1)]  # known at T itself is not known before T
    poison["known_at"] = poison[clock]
    if TABLES[table].key in poison:
        poison[TABLES[table].key] = poison[TABLES[table].key] + "-poison"
    poisoned = {**clean, table: pd.concat([clean[table], poison], ignore_index=True)}
    assert_frame_equal(features_at(poisoned), features_at(clean), check_exact=True)


@pytest.mark.parametrize(
    ("table", "outcome"),
    [(table, outcome) for table in TABLES_OF_FEATURES for outcome in TABLES[table].outcomes if outcome != "disqualified_at"],
)
def test_outcomes_after_as_of_change_nothing_bit_for_bit(table: str, outcome: str) -> None:
    clean = frames(3)
    clock = known_at(outcome) if known_at(outcome) in clean[table] else outcome
    after = ~(clean[table][clock] < T.at)
    assert after.any()
    poisoned = clean[table].copy()
    poisoned.loc[after, outcome] = POISON
    poisoned.loc[after, clock] = T.at  # known at T itself
    for determined in TABLES[table].outcomes[outcome]:
        poisoned.loc[after, determined] = 9e9 if poisoned[determined].dtype.kind == "f" else "won"
    assert_frame_equal(features_at({**clean, table: poisoned}), features_at(clean), check_exact=True)


@pytest.mark.parametrize("table", ["transactions", "touchpoints"])
def test_what_is_known_late_counts_only_from_then_on(table: str) -> None:
    tables = frames(4)
    fact = tables[table].iloc[[0]].assign(contact_id="c0", occurred_at=T.plus(-20).at, known_at=T.plus(5).at)
    fact = fact.assign(amount=50.0, channel="web") if table == "transactions" else fact.assign(channel="web", kind="visit")
    with_late = {**tables, table: pd.concat([tables[table], fact.astype(tables[table].dtypes)], ignore_index=True)}
    count = "purchases_30d" if table == "transactions" else "touches_30d"
    assert_frame_equal(features_at(with_late), features_at(tables), check_exact=True)
    added = [features_at(with_late, T.plus(days))[count]["c0"] - features_at(tables, T.plus(days))[count]["c0"] for days in (5, 6)]
    assert added == [0, 1]


def test_the_order_of_the_facts_changes_nothing() -> None:
    tables = frames(5)
    shuffled = {name: frame.sample(frac=1, random_state=3).reset_index(drop=True) for name, frame in tables.items()}
    assert_frame_equal(features_at(shuffled), features_at(tables), check_exact=True)
