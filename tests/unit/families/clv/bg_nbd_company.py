"""Customers who buy exactly as BG/NBD and Gamma-Gamma assume, followed event by event."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

R, ALPHA, A, B = 0.8, 40.0, 0.9, 2.8
P, Q, V = 6.0, 4.0, 20.0


@cache
def customers(count: int, seed: int, holdout_days: int = 180) -> pd.DataFrame:
    """Give frequency, recency, T (days), monetary_value, first_value, and the hold-out's purchases and spend; the index starts at 1,000."""
    random = np.random.default_rng(seed)
    rows = [_follow(random, int(random.integers(60, 400)), holdout_days) for _ in range(count)]
    frame = pd.DataFrame(rows, columns=["frequency", "recency", "T", "monetary_value", "purchases", "spent", "worth"], dtype=np.float64)
    frame["first_value"] = np.random.default_rng([seed, 1]).gamma(P, size=count) / frame.pop("worth")
    frame["holdout_days"] = float(holdout_days)
    frame["contact_id"] = [f"secret-{number}" for number in range(count)]
    frame.index = pd.RangeIndex(1000, 1000 + count)
    return frame


def _follow(random: np.random.Generator, age: int, holdout_days: int) -> tuple[float, ...]:
    rate, leaves = random.gamma(R) / ALPHA, random.beta(A, B)
    worth = random.gamma(Q) / V
    clock, days, values = 0.0, [0], []
    while True:
        clock += random.exponential() / rate
        if clock > age + holdout_days:
            break
        if int(clock) > days[-1]:
            days.append(int(clock))
            values.append(random.gamma(P) / worth)
        if random.random() < leaves:
            break
    repeats = [(day, value) for day, value in zip(days[1:], values, strict=True) if day <= age]
    later = [value for day, value in zip(days[1:], values, strict=True) if age < day <= age + holdout_days]
    mean = float(np.mean([value for _, value in repeats])) if repeats else 0.0
    return len(repeats), repeats[-1][0] if repeats else 0, age, mean, len(later), float(np.sum(later)), worth
