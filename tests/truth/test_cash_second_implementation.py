"""A second, obvious implementation of the receivables' draws: one invoice and one draw at a time, on the same random numbers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.payments import NEVER, Pace, PayDistribution
from funnelcast.forecast.receivables import collect

DAYS, DRAWS, INVOICES = 70, 60, 300
AT_A_TIME = 128


def slowly(distribution: PayDistribution, amount: npt.NDArray[np.float64], pace: Pace, seed: int) -> npt.NDArray[np.float64]:
    generator = np.random.default_rng(seed)
    sums = np.zeros((DRAWS, DAYS + 2))
    for first in range(0, INVOICES, AT_A_TIME):
        members = range(first, min(first + AT_A_TIME, INVOICES))
        table = PayDistribution(distribution.daily[first : first + AT_A_TIME], distribution.never[first : first + AT_A_TIME]).table(
            generator
        )
        slots = generator.integers(0, 65_536, (len(members), DRAWS), dtype=np.uint16) // 16
        for row, invoice in enumerate(members):
            for draw in range(DRAWS):
                lag = int(table[row, slots[row, draw]])
                if lag == NEVER:
                    sums[draw, DAYS + 1] += amount[invoice]
                    continue
                factor = pace.factor[draw, min(lag // 30, pace.factor.shape[1] - 1)]
                day = max(int(np.floor((lag + 0.5) * factor + pace.delay_days)), 0)
                sums[draw, min(day, DAYS)] += amount[invoice]
    return sums


def test_the_fast_sums_are_those_of_a_loop_over_invoices_and_draws() -> None:
    generator = np.random.default_rng(3)
    chance = generator.dirichlet(np.full(366, 0.05), INVOICES)
    distribution = PayDistribution(chance[:, :364], chance[:, 364])
    amount = generator.lognormal(5.0, 1.0, INVOICES)
    pace = Pace.draw(generator, DRAWS, DAYS, 0.2, 1.5)
    keep = np.array([0, 5, 127, 128, 299])
    fast = collect(distribution, amount, pace, days=DAYS, generator=np.random.default_rng(9), keep=keep)
    expected = slowly(distribution, amount, pace, 9)
    np.testing.assert_allclose(fast.daily, expected[:, :DAYS], rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(fast.open, expected[:, DAYS], rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(fast.lost, expected[:, DAYS + 1], rtol=1e-12, atol=1e-9)
    # without some invoices, the kept days say what is missing
    rest = amount.copy()
    rest[keep] = 0.0
    without = collect(distribution, rest, pace, days=DAYS, generator=np.random.default_rng(9), keep=keep)
    kept = np.zeros((DRAWS, DAYS + 2))
    for place, days in zip(keep, fast.kept_days, strict=True):
        kept[np.arange(DRAWS), days] += amount[place]
    np.testing.assert_allclose(without.daily + kept[:, :DAYS], fast.daily, rtol=1e-12, atol=1e-9)


def test_drawn_days_follow_the_distribution() -> None:
    chance = np.random.default_rng(5).dirichlet(np.full(62, 0.5))
    distribution = PayDistribution(np.tile(np.append(chance[:60], np.zeros(304)), (100, 1)), np.full(100, chance[60]))
    steady, nobody = Pace(np.ones((2000, 20))), np.zeros(0, np.int64)
    found = collect(distribution, np.full(100, 0.01), steady, days=60, generator=np.random.default_rng(6), keep=nobody)
    # three standard deviations of a share of 200,000
    np.testing.assert_allclose(found.daily.mean(axis=0), chance[:60], atol=0.0035)
    np.testing.assert_allclose(found.lost.mean(), chance[60], atol=0.0035)
