from __future__ import annotations

import numpy as np
import pytest

from funnelcast.forecast.sales.fit import LEVEL, fit
from funnelcast.forecast.sales.spread import Spread, learn, widen
from tests.unit.forecast.sales.series import history

MONTHS = 84


def walk(seed: int, jumps: float) -> list[float]:
    """Noise around a level that moves by ``jumps`` a year at each year's start, out of sight of errors one month ahead."""
    draw = np.random.default_rng(seed)
    levels = np.repeat(np.cumsum(draw.normal(0, jumps, MONTHS // 12)), 12)
    return list(np.exp(5 + levels + draw.normal(0, 0.1, MONTHS)))


def test_quiet_series_are_drawn_narrower_than_those_that_jump() -> None:
    quiet = learn([history(walk(seed, 0.0), "month") for seed in range(6)], "FR")
    jumping = learn([history(walk(seed, 0.3), "month") for seed in range(6)], "FR")
    assert (quiet.paths, jumping.paths) == (24, 24)
    assert quiet.level < LEVEL < jumping.level
    assert quiet.widening < jumping.widening


def test_short_series_teach_nothing() -> None:
    assert learn([history([1.0, 2.0, 3.0], "month")], "FR") == Spread()


def test_only_a_fitted_series_takes_what_was_learned() -> None:
    spread = Spread(widening=1.3, level=0.4, paths=9)
    fitted = widen(fit(history(walk(0, 0.0), "month"), 3, "FR"), spread)
    assert [fitted.widening, fitted.level] == pytest.approx([1.3, 0.4 + 1 / MONTHS])
    few = fit(history([1.0, 2.0], "month"), 3, "FR")
    assert widen(few, spread) is few
