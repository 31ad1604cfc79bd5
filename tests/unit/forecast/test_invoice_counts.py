from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from funnelcast.forecast.invoice_counts import InvoiceCounts, calendar_of, fit


def history(counts: np.ndarray[tuple[int], np.dtype[np.float64]], today: int) -> pd.DataFrame:
    return pd.DataFrame({"day": np.arange(today - counts.size, today), "count": counts})


def fitted(counts: np.ndarray[tuple[int], np.dtype[np.float64]]) -> InvoiceCounts:
    process = fit(history(counts, 16_000), 16_000)
    assert process is not None
    return process


def test_calendar_by_hand() -> None:
    days = np.array(["2026-03-02", "2024-02-29"], dtype="datetime64[D]").astype(np.int64)
    weekday, month_day, month = calendar_of(days)
    assert (weekday.tolist(), month_day.tolist(), month.tolist()) == ([0, 3], [1, 28], [2, 1])


def test_no_invoice_gives_no_process() -> None:
    assert fit(history(np.zeros(30), 16_000), 16_000) is None
    assert fit(pd.DataFrame({"day": [16_000], "count": [5]}), 16_000) is None


def test_the_level_is_the_weekly_count() -> None:
    process = fitted(np.full(700, 3.0))
    np.testing.assert_allclose(process.shape / process.rate, 21.0, rtol=0.01)
    assert process.trend == pytest.approx(0.0, abs=1e-5)
    assert process.week_shape == 1e6


def test_a_single_invoice_gives_a_wide_level() -> None:
    process = fitted(np.array([1.0, 0.0, 0.0]))
    draws = process.draw(np.random.default_rng(1), 4000, 16_000, 28).sum(axis=1)
    low, high = np.quantile(draws, [0.1, 0.9])
    assert low == 0
    assert high >= 2
    assert 0.1 < draws.mean() < 3


def test_weeks_that_differ_beyond_chance_are_drawn_so() -> None:
    generator = np.random.default_rng(2)
    weeks = generator.poisson(generator.gamma(2.0, 10.0, 104))
    counts = np.concatenate([np.append(np.zeros(6), week) for week in weeks]).astype(np.float64)
    process = fitted(counts)
    assert 0.8 < process.week_shape < 6.0
    drawn = process.draw(np.random.default_rng(3), 3000, 16_000, 28).reshape(3000, 4, 7).sum(axis=2)
    np.testing.assert_allclose(drawn[:, 0].mean(), weeks[-52:].mean(), rtol=0.35)
    assert drawn[:, 0].var() > 3 * drawn[:, 0].mean()


def test_no_invoice_on_sundays_is_learnt() -> None:
    days = np.arange(16_000 - 700, 16_000)
    process = fitted(np.where(calendar_of(days)[0] == 6, 0.0, 4.0))
    assert process.weekday[6] < 0.1
    assert min(process.weekday[:6]) > 1.0


def test_level_and_growth_are_those_of_the_history() -> None:
    weeks = np.arange(104)
    generator = np.random.default_rng(7)
    counts = generator.poisson(np.repeat(20.0 * np.exp(0.01 * (weeks - 104)) / 7.0, 7))
    process = fitted(counts.astype(np.float64))
    assert process.trend_sd < 0.004
    assert abs(process.trend - 0.01) < 3.0 * process.trend_sd
    # the level of today, not that of the middle of what it is known from
    today = process.draw(np.random.default_rng(8), 4000, 16_000, 7).sum(axis=1).mean()
    np.testing.assert_allclose(today, 20.0, rtol=0.15)


def test_growth_is_damped_and_bounded() -> None:
    process = fitted(np.repeat(np.exp(0.01 * np.arange(104)), 7))
    assert 0.003 < process.trend <= 0.0101
    weeks = process.draw(np.random.default_rng(4), 500, 16_000, 700).reshape(500, 100, 7).sum(axis=(0, 2)) / 500
    # at most 1 / (1 - 0.97) weeks of growth are still to come
    assert weeks[-1] / weeks[0] < np.exp(process.trend / 0.03) * 1.1
    assert weeks[-1] / weeks[0] > 1.05


def test_a_burst_at_the_end_is_not_growth_that_goes_on() -> None:
    counts = np.append(np.full(200, 0.05), np.full(7, 300.0))
    process = fitted(counts)
    assert process.trend <= 0.03
    drawn = process.draw(np.random.default_rng(10), 500, 16_000, 364).sum(axis=1)
    assert np.median(drawn) < 52 * 2100 * 3


def test_what_is_issued_on_the_first_of_the_month_is_drawn_on_the_first() -> None:
    days = np.arange(16_000 - 700, 16_000)
    firsts = calendar_of(days)[1] == 0
    process = fitted(np.where(firsts, 30.0, 0.0))
    first_day = int(days[firsts][-1]) + 14
    drawn = process.draw(np.random.default_rng(9), 2000, first_day, 56)
    of_month = calendar_of(first_day + np.arange(56))[1] == 0
    assert drawn[:, ~of_month].sum() < 0.05 * drawn.sum()
    np.testing.assert_allclose(drawn.sum(axis=1).mean(), 30.0 * of_month.sum(), rtol=0.12)
    # a steady count isn't made wide by the weeks without any
    assert drawn[:, of_month][:, 0].std() < 10.0


def test_growth_is_not_taken_for_a_season() -> None:
    process = fitted(np.repeat(np.exp(0.01 * np.arange(156)), 7) * 2.0)
    assert max(process.season) < 1.1
    assert min(process.season) > 0.9


def test_batches_on_any_day_are_not_taken_for_a_calendar() -> None:
    generator = np.random.default_rng(11)
    counts = np.where(generator.random(700) < 0.05, 40.0, 0.0)
    process = fitted(counts)
    assert max(process.weekday) < 1.5
    assert max(process.month_day) < 3.0
    assert process.week_shape < 2.0


def test_the_process_goes_through_json() -> None:
    process = fitted(np.full(800, 2.0))
    assert InvoiceCounts.read(process.document()) == process
