"""Stages of deals: by hand, against a second and slow implementation of Aalen and Johansen, and against what came later."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.economics.deal_stages import FORWARD, STILL, Stays, deal_stages, incidence, stays
from funnelcast.economics.estimates import CLUSTERS, Bootstrap
from funnelcast.simulate import company
from funnelcast.sources.as_of import cut
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf

Event = tuple[str, float, str]


def day(number: float) -> datetime:
    return datetime(2025, 1, 1) + timedelta(days=number)  # noqa: DTZ001 (wall-clock time)


def deals(events: Sequence[Event], known: Sequence[float | None] = ()) -> Facts:
    rows = pd.DataFrame([(deal, day(at), stage) for deal, at, stage in events], columns=["deal_id", "occurred_at", "stage"])
    if known:
        rows["known_at"] = [at if late is None else day(late) for at, late in zip(rows["occurred_at"], known, strict=True)]
    opened = rows.sort_values("occurred_at").drop_duplicates("deal_id")
    frame = pd.DataFrame({"deal_id": opened["deal_id"], "opened_at": opened["occurred_at"], "amount": 100.0})
    return from_frames(Source("t"), {"deals": frame, "deal_events": rows})


def told(facts: Facts, as_of: float) -> dict[str, Any]:
    found: Any = deal_stages(cut(facts, AsOf(day(as_of))), AsOf(day(as_of)), Bootstrap.of(1))
    return {row["stage"]: row for row in found["stages"]}


FOUR = [("a", 0, "talk"), ("a", 10, "offer"), ("b", 0, "talk"), ("b", 20, "lost"), ("c", 85, "talk"), ("d", 0, "talk"), ("d", 30, "offer"),
        ("d", 35, "offer"), ("d", 40, "won")]  # fmt: skip


def test_who_is_still_there_is_censored_by_hand() -> None:
    talk = told(deals(FOUR), 100)["talk"]
    assert (talk["entered"], talk["forward"], talk["lost"], talk["still"]) == (4, 2, 1, 1)
    # a leaves first of 4; c, of 15 days, is out before b is lost as one of 2; d goes forward as the last
    assert talk["ever_forward"]["value"] == pytest.approx(1 / 4 + 3 / 4 * 1 / 2)
    assert talk["ever_lost"]["value"] == pytest.approx(3 / 4 * 1 / 2)
    assert talk["naive_forward"] == 0.5
    assert talk["median_days"]["value"] == 20


def test_stages_stand_in_the_order_in_which_deals_enter_them() -> None:
    found = told(deals(FOUR), 100)
    assert list(found) == ["talk", "offer"]
    # of the two in offer d was won after 10 days, the note of day 35 being none; a is still there after 90
    assert (found["offer"]["forward"], found["offer"]["still"]) == (1, 1)
    assert found["offer"]["ever_forward"]["value"] == pytest.approx(1 / 2)


def test_skipping_a_stage_goes_forward_and_going_back_does_not() -> None:
    events = [("a", 0, "talk"), ("a", 5, "offer"), ("a", 8, "talk"), ("a", 20, "won"), ("b", 0, "talk"), ("b", 7, "won")]
    found = told(deals(events), 100)
    assert (found["talk"]["forward"], found["talk"]["still"]) == (2, 0)
    assert (found["offer"]["entered"], found["offer"]["forward"], found["offer"]["median_days"]["value"]) == (1, 1, 15)


def test_what_became_known_later_is_not_used() -> None:
    events: list[Event] = [("a", 0, "talk"), ("a", 10, "won")]
    assert told(deals(events, [None, 50]), 40)["talk"]["still"] == 1
    assert told(deals(events, [None, 50]), 60)["talk"]["forward"] == 1


def test_a_median_that_was_not_reached_is_null() -> None:
    events: list[Event] = [*((f"d{n}", 0.0, "talk") for n in range(10)), ("d0", 5.0, "won")]
    assert told(deals(events), 50)["talk"]["median_days"] == {"value": None, "low": None, "high": None}


def slow(rows: Sequence[tuple[int, str]]) -> tuple[float, float]:
    """Walk through the days of one sample, as textbooks do."""
    forward = lost = 0.0
    staying = 1.0
    for today in sorted({days for days, _ in rows}):
        at_risk = sum(days >= today for days, _ in rows)
        gone = {ended: sum(one == (today, ended) for one in rows) for ended in (FORWARD, "lost")}
        forward += staying * gone[FORWARD] / at_risk
        lost += staying * gone["lost"] / at_risk
        staying *= 1 - (gone[FORWARD] + gone["lost"]) / at_risk
    return forward, lost


STAY = st.tuples(st.integers(0, 12), st.sampled_from([FORWARD, "lost", STILL]))


@settings(max_examples=60)
@given(st.lists(STAY, min_size=1, max_size=25))
def test_incidence_is_that_of_a_second_implementation(rows: list[tuple[int, str]]) -> None:
    frame = pd.DataFrame(rows, columns=["days", "ended"]).assign(deals=1, cluster=np.arange(len(rows)))
    weights = np.zeros((2, CLUSTERS))
    weights[0] = 1
    weights[1, : len(rows)] = np.arange(len(rows)) % 3  # as a replicate does, some twice and some not at all
    found = incidence(Stays.of(frame), weights)
    resampled = [row for place, row in enumerate(rows) for _ in range(place % 3)]
    assert (found.forward[0], found.lost[0]) == pytest.approx(slow(rows))
    if resampled:
        assert (found.forward[1], found.lost[1]) == pytest.approx(slow(resampled))
    if not any(ended == STILL for _, ended in rows):
        assert found.forward[0] == pytest.approx(sum(ended == FORWARD for _, ended in rows) / len(rows))


def test_what_it_said_a_year_ago_holds_against_what_came_later() -> None:
    """Deals entered by the middle of a simulated company's life, and what had become of the same deals at its end."""
    facts = company(3_000, seed=5).facts()
    assert facts.observed_until is not None
    earlier = facts.observed_until.plus(-365)
    said: Any = deal_stages(cut(facts, earlier), earlier, Bootstrap.of(1))["stages"]
    later = _later(facts, earlier)
    for row in said:
        of_same = later[row["stage"]]
        assert row["ever_forward"]["low"] - 0.01 <= of_same <= row["ever_forward"]["high"] + 0.01
        assert abs(row["ever_forward"]["value"] - of_same) < abs(row["naive_forward"] - of_same)


def _later(facts: Facts, earlier: AsOf) -> dict[str, float]:
    """Give the share that had gone forward by the end, of the deals that had entered each stage by then."""
    events = cut(facts, earlier).table("deal_events").execute()
    whole = facts.table("deal_events").execute()
    order = ["qualification", "proposal", "negotiation", "won"]
    reached = {stage: set(whole.loc[whole["stage"].isin(order[place + 1 :]), "deal_id"]) for place, stage in enumerate(order[:-1])}
    entered = {stage: set(events.loc[events["stage"] == stage, "deal_id"]) for stage in order[:-1]}
    return {stage: len(entered[stage] & reached[stage]) / len(entered[stage]) for stage in order[:-1]}


def test_stays_add_up_to_the_deals() -> None:
    facts = company(1_000, seed=2).facts()
    assert facts.observed_until is not None
    frame = stays(cut(facts, facts.observed_until), facts.observed_until)
    first = frame[frame["stage"] == "qualification"]
    assert first["deals"].sum() == facts.table("deals").count().execute()
    assert (frame["days"] >= 0).all()
