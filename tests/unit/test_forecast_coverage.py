"""The benchmark of the forecasts: what it counts, and that a run that was broken off goes on."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pytest

from benchmarks import forecast_coverage
from benchmarks.forecast_coverage import collected, coverage_table, covered, judged, pinball_table, ratio


def test_coverage_counts_the_central_interval_and_its_interval_is_the_binomials() -> None:
    pits = np.concatenate([np.full(320, 0.5), np.full(40, 0.05), np.full(40, 0.95)])
    share, low, high = covered(pits, 80)
    assert share == 0.8
    # 2.576 standard errors of a share of 400 companies
    assert (low, high) == pytest.approx((0.8 - 2.576 * 0.02, 0.8 + 2.576 * 0.02), abs=0.004)
    assert covered(pits, 90)[0] == 1.0  # the bounds belong to the interval
    assert covered(np.array([0.04, 0.5]), 90)[0] == 0.5


def test_a_ratio_is_that_of_sums() -> None:
    share, low, high = ratio(np.array([1.0, 2.0, 3.0] * 30), np.array([2.0, 4.0, 6.0] * 30))
    assert (share, low, high) == pytest.approx((0.5, 0.5, 0.5))
    share, low, high = ratio(np.array([1.0, 9.0] * 50), np.array([9.0, 1.0] * 50))
    assert share == 1.0
    assert low < 0.8
    assert high > 1.25


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return pd.DataFrame(judged(2_000, 5))


def test_a_company_is_judged_by_every_total(rows: pd.DataFrame) -> None:
    spans = rows.groupby("quantity", sort=False)["weeks"].apply(list)
    assert spans.to_dict() == {"bookings": [4, 13, 26], "sales": [4, 13, 26], "receipts": [4, 13, 26]}
    assert (rows[["p05", "p10", "p25", "p50", "p75", "p90", "p95"]].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
    assert (rows.groupby("quantity")["actual"].diff().dropna() >= 0).all()  # of longer spans
    below, above = rows["actual"] < rows["p10"], rows["actual"] > rows["p90"]
    assert (below <= (rows["pit"] <= 0.1)).all()
    assert (above <= (rows["pit"] >= 0.9)).all()


def test_the_pipeline_stands_beside_its_baselines(rows: pd.DataFrame) -> None:
    """From 2025-06-30 there are two seasons of deals behind: every baseline."""
    losses = rows.filter(regex=" (by week|in total)$").dropna()
    assert losses.shape == (1, 10)
    assert (losses > 0).all(axis=None)


def test_a_broken_run_goes_on(rows: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rows.csv"
    asked: list[int] = []

    class Here:
        """A pool that works in this process."""

        def __init__(self, *_: object, **__: object) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_: object) -> None: ...

        def map(self, _: object, seeds: list[int]) -> list[list[dict[Hashable, Any]]]:
            asked.extend(seeds)
            return [rows.assign(company=seed).to_dict("records") for seed in seeds]

    monkeypatch.setattr(forecast_coverage, "ProcessPoolExecutor", Here)
    first = pd.DataFrame(collected(range(2), 2_000, file, 1))
    again = pd.DataFrame(collected(range(4), 2_000, file, 1))
    assert asked == [0, 1, 2, 3]
    assert again["company"].drop_duplicates().tolist() == [0, 1, 2, 3]
    pd.testing.assert_frame_equal(again[: len(first)][list(first.columns)], first, check_dtype=False)
    assert coverage_table(again).row_count == 9
    assert pinball_table(again[again["quantity"] == "bookings"]).row_count == 8
