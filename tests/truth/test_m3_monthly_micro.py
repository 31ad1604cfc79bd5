"""M3's monthly micro series (Makridakis and Hibon 2000).

On all 474, the competition's own forecasts have a mean sMAPE of 21.50 (Theta, the winner) to 28.51 (Naive2); these medians have 20.6,
and their central 80 % hold 82 % of what came.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from funnelcast.forecast.result import Floats
from funnelcast.forecast.sales import by_series, sales_inputs
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source

EVERY_NTH = 19
"""25 of the 474 series."""


def smape(actual: Floats, forecast: Floats) -> float:
    return float(np.mean(200 * np.abs(actual - forecast) / (np.abs(actual) + np.abs(forecast))))


def test_every_nineteenth_series(real_data: Path) -> None:
    points = pd.read_csv(real_data / "m3_monthly_micro" / "m3_monthly_micro.csv.gz", parse_dates=["date"])
    points = points[points.sn.isin(sorted(points.sn.unique())[::EVERY_NTH])]
    history = points[points.part == "train"].rename(columns={"sn": "series", "value": "amount"})[["series", "date", "amount"]]
    facts = from_frames(Source("m3"), {"sales": history.assign(known_at=history.date + pd.offsets.MonthEnd(1))})
    assert facts.observed_until is not None
    answers: Any = by_series(sales_inputs(facts, facts.observed_until, "month", 18), "month", 18, 1000, 0)
    forecasts = {(row["series"], period["start"][:7]): period for row in answers for period in row["periods"]}
    future = points[points.part == "test"]
    given = [forecasts[key] for key in zip(future.sn, future.date.dt.strftime("%Y-%m"), strict=True)]
    actual, median = future.value.to_numpy(), np.array([period["p50"] for period in given])
    last_years = history.groupby("series").amount.apply(lambda amounts: np.resize(amounts.to_numpy()[-12:], 18))
    naive = np.concatenate(list(last_years))
    inside = [period["p10"] <= came <= period["p90"] for came, period in zip(actual, given, strict=True)]
    assert len(actual) == 25 * 18
    assert smape(actual, median) < 0.85 * smape(actual, naive)
    assert smape(actual, median) < 23.0
    assert 0.75 <= np.mean(inside) <= 0.88
