"""Paths read from rows, beside a plain loop over the rows."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.families.attribution.markov import markov
from funnelcast.families.attribution.paths import CLUSTERS, Paths, distinct, each_row, from_rows, joined

# separators within names and next to each other, blanks, letters beyond ASCII and repeats
TOUCHES = st.sampled_from(["a", "b", "a b", "a>b", ">", "", " ", "é", "Ladengeschäft", "店", "🛒", "nan"])
TEXTS = st.one_of(st.none(), st.lists(TOUCHES, max_size=6).map(" > ".join), st.sampled_from(["", "   ", " > ", " >  > a", "a > "]))
ROWS = st.lists(st.tuples(TEXTS, st.integers(0, 3), st.integers(0, 3), st.integers(0, 900)), min_size=1, max_size=30)
Row = tuple[str | None, int, int, int]


def frame_of(rows: list[Row]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["path", "conversions", "nulls", "cents"]).astype({"path": object})
    return frame.assign(value=frame["cents"] * frame["conversions"] / 100).drop(columns="cents")


def by_loop(rows: list[Row]) -> dict[tuple[str, ...], list[float]]:
    found: dict[tuple[str, ...], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for text, conversions, nulls, cents in rows:
        if text is not None and text.strip():
            for place, amount in enumerate((conversions, cents * conversions / 100, nulls)):
                found[tuple(text.split(" > "))][place] += amount
    return dict(found)


def by_path(paths: Paths) -> dict[tuple[str, ...], list[float]]:
    found: dict[tuple[str, ...], list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    for row, (start, end) in enumerate(zip(paths.offsets[:-1], paths.offsets[1:], strict=True)):
        touches = tuple(paths.channels[code] for code in paths.codes[start:end])
        assert joined(paths, row, int(end - start)) == " > ".join(touches)
        for place, amount in enumerate((paths.conversions, paths.value, paths.nulls)):
            found[touches][place] += float(amount[row])
    return dict(found)


@settings(max_examples=100)
@given(ROWS)
def test_paths_are_those_of_a_plain_loop(rows: list[Row]) -> None:
    frame, expected = frame_of(rows), by_loop(rows)
    assert by_path(each_row(frame)) == pytest.approx({key: pytest.approx(value) for key, value in expected.items()})
    journeys = {key: value for key, value in expected.items() if value[0] + value[2] > 0}
    found = by_path(from_rows(frame, seed=1))
    assert {key: pytest.approx(value) for key, value in journeys.items()} == found


@settings(max_examples=50)
@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_rows_and_their_grouping_change_no_bit(rows: list[Row], random: object) -> None:
    frame = frame_of(rows)
    summed = frame.groupby("path", as_index=False)[["conversions", "value", "nulls"]].sum()
    order = sorted(range(len(rows)), key=lambda _: random.random())  # type: ignore[attr-defined]
    own, *others = (from_rows(one, seed=1) for one in (frame, frame.iloc[order], summed))
    for other in others:
        assert own.channels == other.channels
        for name in ("codes", "offsets", "conversions", "value", "nulls", "cluster"):
            np.testing.assert_array_equal(getattr(own, name), getattr(other, name))
    if own.conversions.sum() > 0:
        first, *rest = (markov(each_row(one), 1).credit() for one in (frame, frame.iloc[order], summed))
        for credit in rest:
            np.testing.assert_array_equal(credit.conversions, first.conversions)
            np.testing.assert_array_equal(credit.value, first.value)
        np.testing.assert_allclose(markov(own, 1).credit().conversions, first.conversions, rtol=1e-12)


def test_rows_need_neither_value_nor_nulls_and_may_lack_numbers() -> None:
    rows = pd.DataFrame({"path": ["b > a", "a"], "conversions": [2.0, None]})
    for paths in (each_row(rows), from_rows(rows, seed=1)):
        assert paths.channels == ("a", "b")
        assert (paths.conversions.sum(), paths.value.sum(), paths.nulls.sum()) == (2.0, 0.0, 0.0)


def test_contacts_keep_their_journeys_in_one_cluster() -> None:
    contacts = [f"c{number:03d}" for number in range(300)]
    rows = pd.DataFrame({"path": "a", "conversions": 1.0, "nulls": 0.0, "contact_id": [*contacts, *contacts, "c000"]})
    rows.loc[600, "path"] = " "
    paths = from_rows(rows, seed=1)
    of = paths.by_cluster(paths.codes, paths.conversions, 1)[:, 0]
    assert of.tolist() == [4.0] * (300 - CLUSTERS) + [2.0] * (2 * CLUSTERS - 300)


@pytest.mark.parametrize("kind", ["object", "string", "category", "string[pyarrow]"])
def test_paths_may_be_any_kind_of_text(kind: str) -> None:
    text = pd.Series(["b > a", None, "b > a", "a"], dtype=kind)
    rows = pd.DataFrame({"path": text, "conversions": [1, 1, 2, 3], "nulls": 0})
    assert by_path(from_rows(rows, seed=1)) == {("a",): [3.0, 0.0, 0.0], ("b", "a"): [3.0, 0.0, 0.0]}


def test_channels_may_be_numbers() -> None:
    assert each_row(pd.DataFrame({"path": [7, 10], "conversions": 1.0})).channels == ("10", "7")


@settings(max_examples=50)
@given(st.lists(st.integers(0, 40), max_size=20), st.sampled_from([41, 10_000]))
def test_distinct_is_numpys_unique(keys: list[int], size: int) -> None:
    given_keys = np.array(keys, dtype=np.int64)
    for found, expected in zip(distinct(given_keys, size), np.unique(given_keys, return_inverse=True), strict=True):
        np.testing.assert_array_equal(found, expected)
