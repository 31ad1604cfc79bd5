from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelcast.errors import SpecError
from funnelcast.splits import duplicate_groups, grid, group_folds, time_folds
from funnelcast.terms import AsOf


def at(text: str) -> AsOf:
    return AsOf.parse(text, "UTC")


def test_the_grid_is_laid_back_from_the_newest_date_with_a_whole_label_window() -> None:
    found = grid(at("2024-03-01"), at("2025-01-01"), at("2025-01-01"), horizon_days=90, spacing_days=30, gap_days=90, most=4)
    assert found.newest == at("2024-10-03")
    assert found.earlier == (at("2024-04-06"), at("2024-05-06"), at("2024-06-05"), at("2024-07-05"))


def test_later_facts_are_the_hold_out() -> None:
    found = grid(at("2024-01-01"), at("2024-12-01"), at("2025-03-01"), horizon_days=90, spacing_days=90, gap_days=90, most=9)
    assert found.newest == at("2024-12-01")
    assert found.earlier == (at("2024-03-06"), at("2024-06-04"), at("2024-09-02"))


def test_without_a_whole_horizon_of_later_facts_there_is_no_such_hold_out() -> None:
    found = grid(at("2024-01-01"), at("2024-12-01"), at("2025-02-28"), horizon_days=90, spacing_days=90, gap_days=90, most=9)
    assert found.newest == at("2024-09-02")


def test_a_gap_shorter_than_the_horizon_is_refused() -> None:
    with pytest.raises(SpecError, match="gap_days 30"):
        grid(at("2024-01-01"), at("2025-01-01"), at("2025-01-01"), horizon_days=90, spacing_days=90, gap_days=30, most=9)


def test_time_folds_fit_on_what_was_mature_before_each_date() -> None:
    dates = pd.Series(pd.to_datetime(["2024-01-01", "2024-04-01", "2024-07-01", "2024-10-01", "2024-10-01"]))
    folds = time_folds(dates, gap_days=91, count=2)
    assert [fold.judge_date for fold in folds] == [datetime(2024, 7, 1), datetime(2024, 10, 1)]  # noqa: DTZ001 (wall-clock time)
    assert [fold.fit.tolist() for fold in folds] == [[0, 1], [0, 1, 2]]
    assert [fold.judge.tolist() for fold in folds] == [[2], [3, 4]]
    assert folds[0].fit_dates == (datetime(2024, 1, 1), datetime(2024, 4, 1))  # noqa: DTZ001


@given(st.lists(st.integers(0, 400), min_size=2, max_size=30), st.integers(1, 120), st.integers(1, 5))
def test_no_row_is_fitted_within_the_gap_of_the_date_it_is_judged_on(days: list[int], gap: int, count: int) -> None:
    dates = pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(days, unit="D"))
    for fold in time_folds(dates, gap, count):
        assert fold.fit.size
        assert (dates.iloc[fold.fit].max() + pd.Timedelta(days=gap)) <= dates.iloc[fold.judge].min()


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), min_size=1, max_size=60), st.integers(2, 5), st.integers(0, 9))
def test_group_folds_deal_every_row_once_and_tear_no_group(rows: list[tuple[bool, int]], count: int, seed: int) -> None:
    outcome, groups = np.array([float(y) for y, _ in rows]), np.array([g for _, g in rows])
    folds = group_folds(outcome, groups, count, seed)
    if len(set(groups.tolist())) == 1:
        assert folds == ()
        return
    judged = np.concatenate([fold.judge for fold in folds])
    assert sorted(judged.tolist()) == list(range(len(rows)))
    for fold in folds:
        assert not set(groups[fold.fit].tolist()) & set(groups[fold.judge].tolist())


def test_positives_are_spread_evenly() -> None:
    outcome = (np.arange(100) < 15).astype(float)
    folds = group_folds(outcome, np.arange(100), 5, seed=3)
    assert [outcome[fold.judge].sum() for fold in folds] == [3, 3, 3, 3, 3]


def test_exact_duplicates_share_a_group() -> None:
    rows = pd.DataFrame({"a": [1.0, 2.0, 1.0, 1.0], "b": ["x", "y", "x", None]})
    groups = duplicate_groups(rows)
    assert groups[0] == groups[2]
    assert len(set(groups.tolist())) == 3


def test_rows_of_few_values_are_not_taken_for_copies() -> None:
    """Seven hundred leads of three channels are seven hundred leads."""
    rows = pd.DataFrame({"channel": ["web", "store", "fair"] * 10})
    assert len(set(duplicate_groups(rows))) == 30
    doubled = pd.concat([pd.DataFrame({"value": np.arange(15.0)})] * 2)  # an export pasted twice
    assert len(set(duplicate_groups(doubled))) == 15
