"""Touches by kind and their scores, against a slow second implementation in pandas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.families.lead_scoring.exposure import by_kind, scores
from funnelcast.features.surveys import SURVEYS
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source

T = pd.Timestamp("2024-07-01")
ROWS = pd.DataFrame(
    {"contact_id": ["b", "a", "a", "untouched"], "as_of": [T, T, T - pd.Timedelta(days=40), T]},
)
HALF_LIVES = (np.inf, 14.0, 3.0)
RULE = {"webinar": 10.0, "visit": 2.5, "nps": 50.0}
_EDGE = pd.Timedelta(microseconds=1)

moments = st.one_of(st.sampled_from([0, 1, -1, 86_400_000_000, 86_400_000_001]), st.integers(-(10**13), 10**12))
touch = st.fixed_dictionaries(
    {
        "contact_id": st.sampled_from(["a", "b", "elsewhere"]),
        "ago": moments,
        "late": st.sampled_from([0, 1, 3_600_000_000, 10**12]),
        "kind": st.sampled_from(["webinar", "visit", "demo", "nps", None]),
        "duration_minutes": st.sampled_from([None, -5.0, 0.0, 12.5, 60.0]),
    }
)


def facts_of(touches: Sequence[Mapping[str, Any]]) -> Facts:
    frame = pd.DataFrame(touches, columns=["contact_id", "ago", "late", "kind", "duration_minutes"])
    occurred = (T - pd.to_timedelta(frame["ago"].astype("int64"), unit="us")).astype("datetime64[us]")
    known = (occurred + pd.to_timedelta(frame["late"].astype("int64"), unit="us")).astype("datetime64[us]")
    columns = frame.assign(occurred_at=occurred, known_at=known, channel="web").drop(columns=["ago", "late"])
    return from_frames(Source("fuzzed"), {"touchpoints": columns.astype({"duration_minutes": "float64", "kind": object})})


def slowly(touches: Sequence[Mapping[str, Any]], half_life: float) -> dict[tuple[str, pd.Timestamp, str], tuple[float, int]]:
    """Row by row, touch by touch."""
    found: dict[tuple[str, pd.Timestamp, str], tuple[float, int]] = {}
    for contact, as_of in zip(ROWS["contact_id"].tolist(), ROWS["as_of"].tolist(), strict=True):
        for one in touches:
            occurred = T - pd.Timedelta(microseconds=one["ago"])
            known = occurred + pd.Timedelta(microseconds=one["late"])
            if one["contact_id"] != contact or one["kind"] in {None, *SURVEYS} or known >= as_of or occurred >= as_of:
                continue
            age = (as_of - occurred - _EDGE) // pd.Timedelta(days=1)
            weight = (1 + max(one["duration_minutes"] or 0.0, 0.0) / 60) * 0.5 ** (age / half_life)
            key = (contact, as_of, one["kind"])
            before = found.get(key, (0.0, 0))
            found[key] = (before[0] + weight, before[1] + 1)
    return found


@settings(max_examples=15, derandomize=True)
@given(st.lists(touch, max_size=12))
def test_as_a_slow_second_implementation_counts_them(touches: list[dict[str, Any]]) -> None:
    facts = facts_of(touches)
    seen = by_kind(facts, ROWS, HALF_LIVES)
    scored = scores(facts, ROWS, RULE, HALF_LIVES)
    for place, half_life in enumerate(HALF_LIVES):
        judge = slowly(touches, half_life)
        assert sum(count for _, count in judge.values()) == seen.counts.sum()
        expected = np.zeros(len(ROWS))
        for (contact, as_of, kind), (faded, count) in judge.items():
            row = int(np.flatnonzero((ROWS["contact_id"] == contact) & (ROWS["as_of"] == as_of))[0])
            column = seen.kinds.index(kind)
            assert seen.faded[place, row, column] == pytest.approx(faded, abs=1e-4 * count)  # rounded to ten-thousandths, touch by touch
            assert seen.counts[row, column] == count
            expected[row] += RULE.get(kind, 0.0) * faded
        np.testing.assert_allclose(scored[:, place], expected, atol=1e-4 * (len(touches) + 1))


def test_half_open_to_the_microsecond() -> None:
    base = {"contact_id": "b", "kind": "visit", "duration_minutes": None}
    at = {"ago": 0, "late": 0}
    just_before = {"ago": 1, "late": 0}
    known_at_as_of = {"ago": 5, "late": 5}
    seen = by_kind(facts_of([base | at, base | just_before, base | known_at_as_of]), ROWS, [7.0])
    assert seen.counts[:, 0].tolist() == [1, 0, 0, 0]
    assert seen.faded[0, :, 0].tolist() == [1.0, 0, 0, 0]  # age 0 days: nothing has faded yet


def test_the_order_of_touches_and_rows_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    drawn = [
        {"contact_id": "a", "ago": int(ago), "late": 0, "kind": str(kind), "duration_minutes": float(minutes)}
        for ago, kind, minutes in zip(
            rng.integers(0, 10**13, 300), rng.choice(["visit", "demo"], 300), rng.uniform(0, 90, 300).round(1), strict=True
        )
    ]
    seen, turned = by_kind(facts_of(drawn), ROWS, HALF_LIVES), by_kind(facts_of(drawn[::-1]), ROWS.iloc[::-1], HALF_LIVES)
    np.testing.assert_array_equal(seen.faded, turned.faded[:, ::-1])
    np.testing.assert_array_equal(
        scores(facts_of(drawn), ROWS, RULE, HALF_LIVES), scores(facts_of(drawn[::-1]), ROWS[::-1], RULE, HALF_LIVES)[::-1]
    )


def test_no_touch_at_all() -> None:
    facts = facts_of([])
    assert by_kind(facts, ROWS, HALF_LIVES).kinds == ()
    assert scores(facts, ROWS, RULE, HALF_LIVES).tolist() == [[0.0] * 3] * 4
