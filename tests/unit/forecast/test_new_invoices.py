from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from funnelcast.forecast.new_invoices import InvoiceCounts, calendar_of, fit, issue
from funnelcast.forecast.payments import Pace, PayDistribution

MONDAY = 15_999  # 2013-10-21
FLAT = {"weekday": (1.0,) * 7, "month_day": (1.0,) * 31, "season": (1.0,) * 12}


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
    assert process.trend == pytest.approx(0.0, abs=1e-12)
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


def test_growth_is_damped_and_bounded() -> None:
    process = fitted(np.repeat([2.0, 4.0], 26 * 7))
    assert 0.0 < process.trend < np.log(2) / 26
    weeks = process.draw(np.random.default_rng(4), 500, 16_000, 700).reshape(500, 100, 7).sum(axis=(0, 2)) / 500
    assert weeks[-1] / weeks[0] < np.exp(process.trend / 0.03) * 1.1


def test_each_invoice_is_paid_after_its_template_s_days_and_nothing_gets_lost() -> None:
    process = InvoiceCounts(shape=1e8, rate=1e7, week_shape=1e6, month_deviation=0.0, trend=0.0, **FLAT)
    daily = np.zeros((40, 364))
    daily[:, 10] = 0.8
    pays = PayDistribution(daily, np.full(40, 0.2))
    generator = np.random.default_rng(5)
    found = issue(process, np.full(40, 50.0), pays, pace=Pace(np.ones((400, 30))), first_day=MONDAY, days=28, generator=generator)
    np.testing.assert_allclose(found.issued, found.daily.sum(axis=1) + found.open + found.lost, rtol=1e-12)
    assert not found.daily[:, :10].any()
    # ten a week at 50 for four weeks; of the first 18 days' invoices four in five are paid within 28
    np.testing.assert_allclose(found.issued.mean(), 2000.0, rtol=0.03)
    np.testing.assert_allclose(found.daily.sum(axis=1).mean(), 2000.0 * 18 / 28 * 0.8, rtol=0.03)
    np.testing.assert_allclose(found.lost.mean(), 2000.0 * 0.2, rtol=0.06)


def test_few_templates_widen_the_amount() -> None:
    process = InvoiceCounts(shape=1e8, rate=1e6, week_shape=1e6, month_deviation=0.0, trend=0.0, **FLAT)
    spread = []
    for count in (1, 400):
        amount = np.full(count, 100.0)
        pays = PayDistribution(np.eye(1, 364).repeat(count, axis=0), np.zeros(count))
        found = issue(process, amount, pays, pace=Pace(np.ones((2000, 30))), first_day=MONDAY, days=7, generator=np.random.default_rng(6))
        spread.append(found.issued.std() / found.issued.mean())
    assert spread[0] > 0.8
    assert spread[1] < 0.15


def test_the_process_goes_through_json() -> None:
    process = fitted(np.full(800, 2.0))
    assert InvoiceCounts.read(process.document()) == process
