from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.optimize import minimize

from funnelcast.forecast.spend_effect import NO_SPEND, SpendEffect, spend_effect, weekly_spend
from funnelcast.sources.as_of import cut
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from funnelcast.terms import AsOf

AS_OF = AsOf(datetime.fromisoformat("2024-01-01"))
CHANNELS = ("email", "fair", "web")
Floats = npt.NDArray[np.float64]


def company(effect: float, weeks: int = 156, seed: int = 1, rate: float = 40.0) -> tuple[Floats, Floats]:
    """Weekly deals and spend: both follow the same season, budgets wander, and deals follow them by ``effect``; the web costs nothing."""
    generator = np.random.default_rng(seed)
    season = np.exp(0.6 * np.sin(2.0 * np.pi * np.arange(weeks) / 52.0))[:, None]
    swing = np.repeat(np.exp(0.7 * generator.standard_normal((weeks // 4, 3))), 4, axis=0)
    spend = 1000.0 * season * swing * np.array([1.0, 3.0, 0.0])
    pushed = np.log1p(spend / np.maximum(spend.mean(axis=0), 1.0))
    return generator.poisson(rate * season * np.exp(effect * pushed)).astype(float), spend


@pytest.mark.parametrize("effect", [0.0, 0.6])
def test_the_effect_of_spend_is_found_beside_a_season_that_both_follow(effect: float) -> None:
    found = spend_effect(CHANNELS, *company(effect))
    assert found.mean == pytest.approx(effect, abs=3.0 * found.sd)
    assert found.sd < 0.06


def test_it_is_the_mode_that_a_general_optimiser_finds() -> None:
    deals, spend = company(0.4, weeks=24, rate=3.0)
    counts, spent = (table.reshape(6, 4, 3).sum(axis=1) for table in (deals, spend))
    pushed = np.log1p(spent / np.maximum(spent.mean(axis=0), 1e-300))

    def loss(chosen: Floats) -> float:
        scores = chosen[:3] + chosen[3] * pushed
        logs = scores - np.logaddexp.reduce(scores, axis=1, keepdims=True)
        return float(-(counts * logs).sum() + 0.5 * (chosen[:3] ** 2).sum() / 9.0 + 0.5 * (chosen[3] / 0.3) ** 2)

    judge = minimize(loss, np.zeros(4), method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-10, "maxiter": 8000, "maxfev": 8000})
    assert spend_effect(CHANNELS, deals, spend).mean == pytest.approx(judge.x[3], abs=1e-5)


@pytest.mark.parametrize("weeks", [0, 1, 3, 8])
def test_hardly_any_history_leaves_the_prior(weeks: int) -> None:
    found = spend_effect(CHANNELS, np.zeros((weeks, 3)), np.ones((weeks, 3)))
    assert found.mean == pytest.approx(0.0)
    assert found.sd == pytest.approx(0.3)


def test_one_channel_alone_tells_nothing() -> None:
    deals, spend = company(0.6)
    found = spend_effect(("fair",), deals[:, 1:2], spend[:, 1:2])
    assert found.mean == pytest.approx(0.0)
    assert found.sd == pytest.approx(0.3)


def test_the_response_to_a_change_of_spend() -> None:
    found = spend_effect(CHANNELS, *company(0.6))
    assert found.response("fair", 1.0) == 0.0
    assert found.response("fair", 3.0) == pytest.approx(np.log(2.0))
    assert found.response("fair", 0.0) == pytest.approx(-np.log(2.0))
    # nothing is spent on the web, nor on a channel that has no deals
    assert found.response("web", 3.0) == found.response("unheard", 3.0) == 0.0
    said = found.said()
    assert said is not None
    assert said["channels"] == ["email", "fair"]
    assert said["elasticity"] == pytest.approx(found.mean / 2.0)
    assert SpendEffect.read(found.document()) == found
    assert NO_SPEND.said() is None


def test_weeks_of_spend_end_at_as_of_and_know_nothing_later() -> None:
    days = [AS_OF.at - timedelta(days=back) for back in (0, 1, 7, 8, 14, 15)]
    spend = pd.DataFrame(
        {"date": days, "channel": ["fair", "fair", "fair", "web", "fair", "fair"], "amount": [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]}
    )
    deals = pd.DataFrame({"deal_id": ["a"], "opened_at": [AS_OF.at - timedelta(days=20)]})
    facts = cut(from_frames(Source("n"), {"spend": spend, "deals": deals}), AS_OF)
    np.testing.assert_array_equal(weekly_spend(facts, AS_OF, CHANNELS, 2), [[0.0, 16.0, 8.0], [0.0, 6.0, 0.0]])
    bare = cut(from_frames(Source("n"), {"deals": deals}), AS_OF)
    np.testing.assert_array_equal(weekly_spend(bare, AS_OF, CHANNELS, 2), np.zeros((2, 3)))
