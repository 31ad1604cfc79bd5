from __future__ import annotations

import numpy as np
import pytest

from funnelcast.monitor.alerts import comparisons_per_month, outside_band, shortfall, stale

BAND = {"p05": 100.0 - 1.6448536, "p50": 100.0, "p95": 100.0 + 1.6448536}


def test_the_budget_of_false_alarms_is_kept_where_nothing_is_wrong() -> None:
    per_month = comparisons_per_month(series=7, days_per_period=7.0)
    random = np.random.default_rng(7)
    tried = 60_000
    alarms = sum(
        outside_band("web", BAND, float(actual), comparisons_per_month=per_month) is not None for actual in random.normal(100.0, 1.0, tried)
    )
    # one a month in all: the share of alarms is 1 / per_month, with a binomial standard deviation
    expected = tried / per_month
    assert alarms == pytest.approx(expected, abs=4 * expected**0.5)


def test_a_gap_is_named_with_its_size_in_both_languages() -> None:
    alert = outside_band("store", BAND, 90.0, comparisons_per_month=30.0)
    assert alert is not None
    assert alert.effect == pytest.approx(-10.0)
    assert "below" in alert.text_en
    assert "au-dessous" in alert.text_fr


def test_a_band_without_width_raises_no_alarm() -> None:
    assert outside_band("web", {"p05": 0.0, "p50": 0.0, "p95": 0.0}, 5.0, comparisons_per_month=4.0) is None


def test_stale_and_shortfall_speak_only_beyond_their_bounds() -> None:
    assert stale("churn", 120.0) is None
    assert stale("churn", 121.0) is not None
    assert shortfall({"shortfall": {"probability": 0.09, "first_week_p50": None}}) is None
    assert shortfall({}) is None
    alert = shortfall({"shortfall": {"probability": 0.4, "first_week_p50": "2026-02-02"}})
    assert alert is not None
    assert "40%" in alert.text_en
