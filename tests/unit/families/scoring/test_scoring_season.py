"""The season is found where two years show it, and only there."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from funnelcast.families.scoring.season import Season, learn_season
from funnelcast.families.scoring.start import Start, learn_start


def history(days: int, swing: float, growth: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Daily counts about 20, swinging once a year with its top in mid-December, growing by a factor over the history."""
    day = np.datetime64("2022-01-01", "D").astype(np.int64) + np.arange(days)
    swinging = swing * np.cos(2 * np.pi * (np.arange(days) + 1 - 350) / 365.25)
    rate = 20 * growth ** (np.arange(days) / days) * np.exp(swinging)
    count = np.random.default_rng(seed).poisson(rate).astype(float)
    return day[count > 0], count[count > 0]


def truth(start: float, horizon: float, swing: float) -> float:
    def rate(day: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(swing * np.cos(2 * np.pi * (day - 350) / 365.25)))

    return float(rate(start + np.arange(horizon) + 0.5).mean() / rate(np.arange(1.0, 366.0)).mean())


@pytest.mark.parametrize("growth", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("day", [1.0, 91.0, 182.0, 305.0])
def test_found_beside_growth(day: float, growth: float) -> None:
    season = learn_season(*history(3 * 365, 0.4, growth), horizon_days=60.0)
    assert season is not None
    assert season.factor(np.array([day]))[0] == pytest.approx(truth(day, 60, 0.4), abs=0.08)


def test_noise_makes_next_to_no_season() -> None:
    for seed in range(5):
        season = learn_season(*history(3 * 365, 0.0, seed=seed), horizon_days=60.0)
        assert season is not None
        assert abs(season.factor(np.arange(1.0, 367.0)) - 1).max() < 0.08


def test_under_two_years_say_nothing() -> None:
    assert learn_season(*history(700, 0.4), horizon_days=60.0) is None
    assert learn_season(np.zeros(0, np.int64), np.zeros(0), 60.0) is None


def test_where_there_is_no_rhythm_the_odds_go_with_the_season() -> None:
    season = Season(60.0, (0.3, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0))
    rows = pd.DataFrame({"day_of_year": [1.0, 182.0]})
    start = learn_start(rows, np.array([0.0, 1.0]), 0.0, season)
    assert start.log_odds(rows).tolist() == np.log(season.factor(rows["day_of_year"].to_numpy())).tolist()
    assert start.log_odds(rows)[0] > 0 > start.log_odds(rows)[1]
    assert Start.of(start.document()) == start
    assert learn_start(rows.drop(columns="day_of_year"), np.zeros(2), 0.0, season) == Start()
