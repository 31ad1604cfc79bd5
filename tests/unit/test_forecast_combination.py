"""The benchmark that asks whether earlier origins could improve forecasts: what each way learns where the answer is known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from benchmarks.forecast_combination import MODEL, Origins, average, cautious, level, losses, spread, table
from funnelcast.evaluate.quantiles import LEVELS

ORIGINS, PERIODS = 60, 4


def normal(mean: float, sd: float) -> np.ndarray:
    return np.tile(norm.ppf(LEVELS, mean, sd)[:, None, None], (1, ORIGINS, PERIODS))


def origins(**quantiles: np.ndarray) -> Origins:
    """Weeks that are normal around 100 with a standard deviation of 10."""
    actual = np.random.default_rng(3).normal(100.0, 10.0, (ORIGINS, PERIODS))
    return Origins(actual, quantiles, np.full((ORIGINS, PERIODS), quantiles[MODEL][9].mean()))


def test_spread_finds_how_much_too_narrow_a_forecast_is() -> None:
    found = origins(model=normal(100.0, 5.0))
    assert spread(found, 1.0)(found) == pytest.approx(normal(100.0, 10.0), abs=3.0)
    assert spread(found, 0.0)(found) == pytest.approx(found.quantiles[MODEL])
    half, whole = (np.ptp(spread(found, counts)(found)[:, 0, 0]) / np.ptp(found.quantiles[MODEL][:, 0, 0]) for counts in (0.5, 1.0))
    assert half == pytest.approx(np.sqrt(whole))


def test_level_finds_how_much_too_low_a_forecast_is() -> None:
    found = origins(model=normal(80.0, 10.0))
    factor = found.actual.sum() / (80.0 * found.actual.size)
    assert level(found, 1.0)(found) == pytest.approx(normal(80.0, 10.0) * factor)
    assert level(found, 0.5)(found)[9].mean() == pytest.approx(80.0 * np.sqrt(factor))


def test_average_takes_what_is_right_and_keeps_to_the_model_by_what_is_not_learned() -> None:
    found = origins(model=normal(60.0, 10.0), right=normal(100.0, 10.0), high=normal(160.0, 10.0))
    assert average(["right", "high"], found, 1.0)(found)[9].mean() == pytest.approx(100.0, abs=2.0)
    assert average(["right"], found, 0.25)(found)[9].mean() == pytest.approx(70.0, abs=0.5)
    assert average(["high"], found, 0.0)(found) == pytest.approx(found.quantiles[MODEL])


def test_average_leaves_a_forecast_that_is_right_alone() -> None:
    found = origins(model=normal(100.0, 10.0), far=normal(300.0, 10.0))
    assert average(["far"], found, 1.0)(found) == pytest.approx(found.quantiles[MODEL])


def test_each_origin_learns_from_earlier_ones_alone() -> None:
    found = origins(model=normal(90.0, 5.0), right=normal(100.0, 10.0))
    rows = list(losses(found))
    assert len(rows) == ORIGINS - 1
    changed = Origins(np.concatenate([found.actual[:10], found.actual[10:] + 500.0]), found.quantiles, found.mean)
    assert list(losses(changed))[:9] == rows[:9]
    assert list(losses(changed))[9] != rows[9]
    after, before = pd.DataFrame(rows[30:]).mean(), pd.DataFrame(rows[:3]).mean()
    assert (after[["spread", "level", "average", "cautious"]] < after[MODEL]).all()
    assert before["average"] / before[MODEL] > after["average"] / after[MODEL]


def test_caution_begins_with_the_forecast_and_ends_with_what_is_right() -> None:
    found = origins(model=normal(60.0, 10.0), right=normal(100.0, 10.0), high=normal(160.0, 10.0))
    assert cautious(found, 1.0)(found)[9].mean() == pytest.approx(100.0, abs=0.1)
    # after one origin whose losses are known, by hand
    one = found[:1]
    lost = {name: one.loss(own) for name, own in one.quantiles.items()}
    raw = {name: share * np.exp(-min(lost[name] / lost[MODEL] - 1, 4) / 2) for name, share in ((MODEL, 0.8), ("right", 0.1), ("high", 0.1))}
    middle = (60 * raw[MODEL] + 100 * raw["right"] + 160 * raw["high"]) / sum(raw.values())
    assert cautious(one, 1.0)(found)[9].mean() == pytest.approx(middle)


def test_ratios_are_of_mean_losses() -> None:
    rows = pd.DataFrame({MODEL: [10.0, 30.0], "spread": [5.0, 25.0], "cautious": [20.0, 30.0]})
    shown = table(rows.assign(facts="x", quantity="sales", over="weeks"))
    assert [list(column.cells) for column in shown.columns[2:]] == [["2"], ["20"], ["0.750"], ["1.250"]]
