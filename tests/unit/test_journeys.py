"""Journeys from touches and conversions, worked by hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import exp, inf
from typing import Any, cast

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pytest
from ibis.config import Config

from funnelcast.errors import MissingTable, SourceError
from funnelcast.journeys import (
    JourneyRules,
    Settled,
    brought_paths,
    brought_untouched,
    conversions,
    decayed,
    journey_type,
    open_journeys,
    organic,
    paths,
    settle,
    type_of,
    untouched,
)
from funnelcast.journeys.settling import _clustered, _spans, _stretches, _windows
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.stamps import stamps_of
from funnelcast.terms import AsOf

RULES = JourneyRules(lookback_days=90)


def day(number: float) -> datetime:
    return datetime(2025, 1, 1) + timedelta(days=number)  # noqa: DTZ001 (wall-clock time)


def frame_of(rows: list[tuple[str, float, object]], last: str) -> pd.DataFrame:
    return pd.DataFrame([(who, day(at), what) for who, at, what in rows], columns=["contact_id", "occurred_at", last])


def company(touches: list[tuple[str, float, str]], purchases: list[tuple[str, float, float]]) -> Facts:
    return from_frames(Source("t"), {"touchpoints": frame_of([*touches], "channel"), "transactions": frame_of([*purchases], "amount")})


def told(facts: Facts, as_of: float, rules: JourneyRules = RULES) -> list[tuple[str, str, str, float, float]]:
    frame = settle(facts, AsOf(day(as_of)), rules).journeys.order_by(["contact_id", "started_at"]).execute()
    columns = [frame[name] for name in ("contact_id", "path", "state", "conversions", "value")]
    return [(who, ">".join(path), state, count, value) for who, path, state, count, value in zip(*columns, strict=True)]


def named(settled: Settled, found: pd.DataFrame) -> list[str]:
    return [">".join(settled.stamps.channels[place] for place in path) for path in found["path"]]


def test_a_touch_at_the_instant_of_a_conversion_belongs_to_it_and_the_next_one_starts_anew() -> None:
    facts = company(
        [("a", 0, "x"), ("a", 1, "y"), ("a", 1, "b"), ("a", 3, "z")],
        [("a", 1, 10.0), ("a", 4, 5.0)],
    )
    assert told(facts, 50) == [("a", "x>b>y", "converted", 1.0, 10.0), ("a", "z", "converted", 1.0, 5.0)]


def asked(facts: Facts) -> ir.Table:
    """Give the expression of journeys that the engine hasn't worked out yet."""
    touches = facts.table("touchpoints")
    stamps = stamps_of(touches, AsOf(day(50)))
    spans = _spans(conversions(facts, RULES), stamps, last=False)
    return _windows(_stretches(_clustered(stamps.collected(touches), RULES), spans), stamps, RULES)


def test_journeys_meet_their_purchases_by_equal_columns() -> None:
    """A condition beside the equal columns of an outer join makes DuckDB compare every row with every other."""
    facts = company([("a", 0, "x")], [("a", 1, 10.0)])
    question, engine = asked(facts), cast("Any", facts.backend).con
    plan = "".join(text for _, text in engine.sql(f"explain {ibis.to_sql(question)}").fetchall())
    assert "HASH_JOIN" in plan
    assert "NL_JOIN" not in plan


class SparkOptions(Config):  # type: ignore[misc]  # Ibis is untyped
    """What Spark's backend registers where Spark is installed."""

    treat_nan_as_null: bool = False


def test_journeys_can_be_asked_of_spark_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ibis.options, "pyspark", SparkOptions())
    facts = company([("a", 0, "x")], [("a", 1, 10.0)])
    settled = settle(facts, AsOf(day(50)), RULES)
    for table, needed in ((asked(facts), "COLLECT_LIST"), (paths(settled), "TRANSFORM"), (decayed(settled), "EXPLODE")):
        assert needed in ibis.to_sql(table, dialect="pyspark")


def test_a_touch_earlier_than_the_look_back_makes_a_null_of_its_own() -> None:
    facts = company([("a", 0, "x"), ("a", 10.001, "y"), ("a", 100, "z")], [("a", 100, 1.0)])
    assert told(facts, 101) == [("a", "x", "null", 0.0, 0.0), ("a", "y>z", "converted", 1.0, 1.0)]
    exactly = company([("a", 10, "x")], [("a", 100, 1.0)])
    assert told(exactly, 101) == [("a", "x", "converted", 1.0, 1.0)]


def test_a_journey_is_open_until_the_look_back_has_passed_since_its_last_touch() -> None:
    facts = company([("a", 0, "x"), ("a", 5, "y")], [("b", 1, 1.0)])
    assert told(facts, 94.9) == [("a", "x>y", "open", 0.0, 0.0)]
    assert told(facts, 95) == [("a", "x>y", "null", 0.0, 0.0)]


def test_an_open_journey_is_neither_a_conversion_nor_a_null() -> None:
    facts = company([("a", 0, "x"), ("b", 0, "y")], [("b", 1, 1.0)])
    settled = settle(facts, AsOf(day(10)), RULES)
    found = paths(settled).execute()
    assert named(settled, found) == ["y"]
    assert found[["conversions", "nulls"]].to_numpy().tolist() == [[1.0, 0.0]]


def test_touches_without_end_are_cut_into_windows_of_the_look_back() -> None:
    facts = company([("a", at, "x") for at in (0, 45, 89, 90, 179, 180)], [("b", 1, 1.0)])
    assert [(path, state) for _, path, state, _, _ in told(facts, 400)] == [("x>x>x", "null"), ("x>x", "null"), ("x", "null")]


def walked(touches: list[tuple[str, float, str]], purchases: list[tuple[str, float, float]], as_of: float, conversions: str) -> list[Any]:
    """Walk through each contact's touches one by one."""
    found: dict[tuple[str, float, float], list[str]] = {}
    begins: dict[tuple[str, float], float] = {}
    latest: dict[tuple[str, float, float], float] = {}
    for who, at, channel in sorted(touches):
        ends = sorted({when for buyer, when, _ in purchases if buyer == who})[: 1 if conversions == "first" else None]
        following = next((end for end in ends if end >= at), inf)
        if conversions == "first" and ends and following == inf:
            continue
        begin = begins.setdefault((who, following), at)
        window = -1.0 if following - at <= RULES.lookback_days else (at - begin) // RULES.lookback_days
        found.setdefault((who, following, window), []).append(channel)
        latest[who, following, window] = at
    rows = []
    for (who, following, window), channels in found.items():
        paid = [amount for buyer, when, amount in purchases if (buyer, when) == (who, following)] if window < 0 else []
        over = following < inf or latest[who, following, window] + RULES.lookback_days <= as_of
        state = "converted" if paid else "null" if over else "open"
        rows.append((who, ">".join(channels), state, float(len(paid)), sum(paid, start=0.0)))
    return sorted(rows)


@pytest.mark.parametrize("conversions", ["each", "first"])
def test_journeys_are_those_of_a_walk_through_the_touches(conversions: str) -> None:
    rng = np.random.default_rng(5)
    touches = [(f"c{who}", float(at), "abcd"[code]) for who, at, code in zip(*rng.integers(0, [[80], [500], [4]], (3, 900)), strict=True)]
    purchases = [(f"c{who}", float(at), float(paid)) for who, at, paid in zip(*rng.integers(0, [[99], [500], [9]], (3, 150)), strict=True)]
    found = told(company(touches, purchases), 550, JourneyRules(conversions=conversions))
    assert sorted(found) == walked(touches, purchases, 550, conversions)
    assert {state for _, _, state, _, _ in found} == {"converted", "null", "open"}


def test_touches_count_to_the_microsecond_and_placeholders_as_far_away() -> None:
    second = 1 / 86_400
    facts = company(
        [("a", 1 - 1e-6 * second, "z"), ("a", 1, "x"), ("a", 1 + 1e-6 * second, "a"), ("b", 365 * 300, "x"), ("c", -365 * 300, "x")],
        [("a", 1, 1.0)],
    )
    known = facts.with_tables({**facts.tables, "touchpoints": facts.table("touchpoints").mutate(known_at=ibis.null("timestamp"))}, None)
    assert told(known, 300) == [
        ("a", "z>x", "converted", 1.0, 1.0),
        ("a", "a", "null", 0.0, 0.0),
        ("b", "x", "open", 0.0, 0.0),
        ("c", "x", "null", 0.0, 0.0),
    ]
    frame = settle(known, AsOf(day(300)), RULES).journeys.order_by("started_at").execute()
    assert [str(at) for at in frame["last_touch_at"][1:3]] == ["2025-01-02 00:00:00", "2025-01-02 00:00:00.000001"]


def test_more_channels_than_a_stamp_has_room_for_are_refused() -> None:
    facts = company([("a", number / 9999, f"page {number}") for number in range(4097)], [("a", 1, 1.0)])
    with pytest.raises(SourceError, match="4097 different names"):
        settle(facts, AsOf(day(10)), RULES)


def test_the_first_conversion_only_drops_what_comes_after_it() -> None:
    facts = company([("a", 0, "x"), ("a", 2, "y")], [("a", 1, 10.0), ("a", 3, 5.0)])
    assert told(facts, 300, JourneyRules(conversions="first")) == [("a", "x", "converted", 1.0, 10.0)]


def test_what_is_known_only_later_changes_nothing() -> None:
    facts = company([("a", 0, "x"), ("a", 20, "y")], [("a", 21, 10.0)])
    assert told(facts, 10) == [("a", "x", "open", 0.0, 0.0)]


def test_purchases_at_one_instant_are_one_journey_and_refunds_are_none() -> None:
    facts = company([("a", 0, "x")], [("a", 1, 10.0), ("a", 1, 5.0), ("a", 2, -5.0)])
    assert told(facts, 300) == [("a", "x", "converted", 2.0, 15.0)]


def test_conversions_without_a_touch_are_counted() -> None:
    facts = company([("a", 0, "x")], [("a", 1, 10.0), ("a", 2, 7.0), ("b", 5, 3.0)])
    assert untouched(settle(facts, AsOf(day(300)), RULES)).execute().to_numpy().tolist() == [[2.0, 10.0]]


def test_without_purchases_a_contact_converts_when_it_becomes_a_customer() -> None:
    touches = pd.DataFrame([("a", day(0), "x"), ("a", day(9), "y")], columns=["contact_id", "occurred_at", "channel"])
    contacts = pd.DataFrame({"contact_id": ["a", "b"], "became_customer_at": [day(3), pd.NaT]})
    facts = from_frames(Source("t"), {"touchpoints": touches, "contacts": contacts})
    assert told(facts, 300) == [("a", "x", "converted", 1.0, 0.0)]


def test_touches_without_any_kind_of_conversion_say_what_is_missing() -> None:
    touches = pd.DataFrame([("a", day(0), "x")], columns=["contact_id", "occurred_at", "channel"])
    with pytest.raises(MissingTable, match="transactions"):
        conversions(from_frames(Source("t"), {"touchpoints": touches}), RULES)


def test_time_decay_halves_a_touch_with_each_half_life_before_the_conversion() -> None:
    facts = company([("a", 0, "x"), ("a", 7, "y")], [("a", 7, 30.0)])
    found = decayed(settle(facts, AsOf(day(50)), JourneyRules(half_life_days=7))).execute()
    assert found["channel"].tolist() == ["x", "y"]
    assert found["conversions"].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert found["value"].tolist() == pytest.approx([10.0, 20.0])


def test_the_newest_period_holds_the_journeys_whose_outcome_was_known_in_it() -> None:
    facts = company([("a", 0, "x"), ("b", 0, "y"), ("b", 99, "z")], [("a", 1, 1.0), ("b", 100, 1.0)])
    settled = settle(facts, AsOf(day(200)), RULES)
    found = paths(settled, boundary=AsOf(day(90))).execute()
    assert dict(zip(named(settled, found), found["newest"], strict=True)) == {"x": False, "y": True, "z": True}


def test_aggregated_journeys_are_summed_by_path_and_empty_paths_are_untouched() -> None:
    brought = pd.DataFrame({"path": ["b > a", "a", "a", ""], "conversions": [1.0, 2.0, 3.0, 4.0], "nulls": [5.0, None, 1.0, 0.0]})
    facts = from_frames(Source("t"), {"journeys": brought})
    found = brought_paths(facts).execute()
    assert [list(path) for path in found["path"]] == [["a"], ["b", "a"]]
    assert found[["conversions", "value", "nulls"]].to_numpy().tolist() == [[5.0, 0.0, 1.0], [1.0, 0.0, 5.0]]
    assert brought_untouched(facts).execute()["conversions"].tolist() == [4.0]


def test_a_cohort_row_sees_its_journey_since_the_last_conversion_and_within_the_look_back() -> None:
    facts = company([("a", 0, "x"), ("a", 1, "y"), ("a", 5, "z"), ("b", 0, "x")], [("a", 1, 10.0)])
    cohort = ibis.memtable(pd.DataFrame({"contact_id": ["a", "a", "b", "c"], "as_of": [day(0.5), day(6), day(91), day(6)]}))
    found = open_journeys(facts, RULES, cohort).execute()
    assert found["path"].tolist() == ["x", "z", "", ""]


def test_organic_rates_are_per_day_outside_of_journeys_and_per_journey() -> None:
    touches = pd.DataFrame([("a", day(0), "x"), ("a", day(20), "x")], columns=["contact_id", "occurred_at", "channel"])
    bought = [("a", day(10), 1.0), ("a", day(150), 1.0), ("b", day(30), 1.0), ("stranger", day(1), 1.0)]
    purchases = pd.DataFrame(bought, columns=["contact_id", "occurred_at", "amount"])
    contacts = pd.DataFrame({"contact_id": ["a", "b"], "created_at": [day(0), day(0)]})
    facts = from_frames(Source("t"), {"touchpoints": touches, "transactions": purchases, "contacts": contacts})
    settled = settle(facts, AsOf(day(180)), RULES)
    assert settled.journeys.order_by("started_at").execute()["customer"].tolist() == [False, True]
    found = organic(settled)
    assert found is not None
    # a's journey took 10 days; of 40 days before a first purchase 30 were outside of it, and brought one conversion
    assert found.leads == pytest.approx(1 - exp(-1 / 30 * 10))
    # the look-back of a's null journey is 90 days; of 170 + 150 days of a customer 230 were outside, and brought one conversion
    assert found.customers == pytest.approx(1 - exp(-1 / 230 * 90))
    assert found.everyone == pytest.approx(1 - exp(-2 / 260 * 50))


@pytest.mark.parametrize(("channels", "kind"), [
    ((), None), (("web",), "online"), (("store", "phone"), "offline"), (("web", "store"), "mixed_started_online"),
    (("store", "web", "web"), "mixed_started_offline"),
])  # fmt: skip
def test_one_journey_s_type_is_that_of_the_engine(channels: tuple[str, ...], kind: str | None) -> None:
    offline = {"store", "phone"}
    assert type_of(channels, offline) == kind
    if channels:
        sides = [channel in offline for channel in channels]
        told = journey_type(*(ibis.literal(side) for side in (not all(sides), any(sides), sides[0])))
        assert ibis.duckdb.connect().execute(told) == kind
