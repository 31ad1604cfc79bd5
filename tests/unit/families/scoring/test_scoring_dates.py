"""Dates in columns that hold no dates by their type."""

from __future__ import annotations

import numpy as np
import pytest

from funnelcast.families.scoring.dates import days, days_of_numbers, learn_formats

DAY = 20_259  # 2025-06-20


@pytest.mark.parametrize("value", [20250620.0, DAY * 86_400.0, DAY * 86_400e3])
def test_numbers_that_are_dates(value: float) -> None:
    found = days_of_numbers(np.array([value, np.nan, value]))
    assert found is not None
    np.testing.assert_array_equal(found, np.array([DAY, np.nan, DAY]))


@pytest.mark.parametrize("values", [[], [np.nan], [12.5], [20251331.0], [20250620.0, 7.0], [5e9], [2e7 + 1]])
def test_numbers_that_are_none(values: list[float]) -> None:
    assert days_of_numbers(np.array(values)) is None


def test_dates_beyond_reason_are_missing() -> None:
    texts = ["2025-06-20", "1850-01-01", "9999-12-31", "2025-02-30", ""]
    np.testing.assert_array_equal(days(texts, learn_formats(texts)), [DAY, np.nan, np.nan, np.nan, np.nan])


def test_a_format_of_a_few_is_learnt_among_many() -> None:
    texts = [*(f"2025-06-{day:02d}" for day in range(1, 31)), "20 Jun 2025"]
    assert days(texts, learn_formats(texts))[-1] == DAY
