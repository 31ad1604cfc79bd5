"""Intervals from clusters drawn with replacement."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from funnelcast.economics.estimates import CLUSTERS, Bootstrap, Floats

DRAWS = Bootstrap.of(7)


def share(won: Floats, of: Floats) -> dict[str, Any]:
    return DRAWS.share(won, of)


def spread(count: int) -> Floats:
    """Deal so many events to the first clusters, one each."""
    return np.asarray(np.arange(CLUSTERS) < count, dtype=np.float64)


def test_a_share_of_none_reaches_up_to_what_none_leaves_possible() -> None:
    found = share(np.zeros(CLUSTERS), spread(100))
    assert (found["value"], found["low"]) == (0, pytest.approx(0, abs=1e-3))
    # the 95 % quantile of Gamma(1/2, 1), of about 100 trials
    assert found["high"] == pytest.approx(stats.gamma.ppf(0.95, 0.5) / 100, rel=0.25)


def test_a_share_of_all_mirrors_a_share_of_none() -> None:
    none, every = share(np.zeros(CLUSTERS), spread(100)), share(spread(100), spread(100))
    assert every["value"] == 1
    assert (every["low"], every["high"]) == (pytest.approx(1 - none["high"]), pytest.approx(1 - none["low"]))


def test_a_share_of_nothing_is_not_known() -> None:
    assert share(np.zeros(CLUSTERS), np.zeros(CLUSTERS)) == {"value": None, "low": None, "high": None}


@pytest.mark.parametrize(("trials", "probability", "most"), [(200, 0.3, 0.96), (120, 0.9, 0.96), (60, 0.02, 1.0)])
def test_intervals_of_shares_hold_about_nine_times_in_ten(trials: int, probability: float, most: float) -> None:
    rng = np.random.default_rng(20260305)
    held = 0
    for _ in range(300):
        cluster = rng.integers(CLUSTERS, size=trials)
        won = rng.random(trials) < probability
        of, gained = (np.bincount(which, minlength=CLUSTERS).astype(np.float64) for which in (cluster, cluster[won]))
        found = share(gained, of)
        held += found["low"] <= probability <= found["high"]
    # 90 % of 300, give or take three standard errors of 1.7 points; where about one event is seen they are wider than that
    assert 0.84 <= held / 300 <= most
