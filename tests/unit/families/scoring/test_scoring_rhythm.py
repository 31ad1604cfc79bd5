"""The rhythm is BG/NBD where touches say nothing, learns what a simulated buyer does, and reads nothing but a customer's history."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lifetimes import BetaGeoFitter
from scipy.special import expit
from scipy.stats import nbinom

from funnelcast.evaluate.calibration import slope_of
from funnelcast.evaluate.metrics import roc_auc
from funnelcast.families.scoring.rhythm import Process, Rhythm, can_be_learned, learn_rhythm

PUBLISHED = Process(0.2426, 4.4136, 0.7929, 2.4259, s=1.0, beta=1.0, delta=1.0, w=0.0, v=0.0, shift=0.0)
CDNOW = Rhythm(30.0, PUBLISHED, centre=0.0, touched=False)


def rows(x: float, recency: float, age: float, before: float = 0.0, since: float = 0.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "purchases": [x + 1],
            "days_since_first_purchase": [age],
            "days_since_purchase": [age - recency],
            "touches_between_purchases": [before],
            "touches_since_purchase": [since],
        }
    )


def test_who_bought_once_as_pymc_marketing_issue_1093_has_it() -> None:
    """P(no purchase in 30 of a customer with x = 0, T = 40) on CDNOW's parameters is .882; a public library once gave .940."""
    assert expit(CDNOW.log_odds(rows(0, 0, 40)))[0] == pytest.approx(0.882, abs=5e-4)


@settings(max_examples=50)
@given(x=st.integers(1, 60), age=st.floats(1, 500), share=st.floats(0, 1), t=st.floats(1, 100))
def test_without_touches_it_is_bg_nbd(x: int, age: float, share: float, t: float) -> None:
    """P_alive by lifetimes; P(no purchase in t) = 1 - P_alive (1 - ((alpha + T) / (alpha + T + t))^(r + x))."""
    fitter = BetaGeoFitter()
    fitter.params_ = pd.Series({name: getattr(PUBLISHED, name) for name in ("r", "alpha", "a", "b")})
    alive = float(np.ravel(fitter.conditional_probability_alive(x, share * age, age))[0])
    quiet = ((PUBLISHED.alpha + age) / (PUBLISHED.alpha + age + t)) ** (PUBLISHED.r + x)
    found = expit(replace(CDNOW, horizon_days=t).log_odds(rows(x, share * age, age)))[0]
    assert found == pytest.approx(np.clip(1 - alive * (1 - quiet), 1e-6, 1 - 1e-6), rel=1e-7)


@settings(max_examples=50)
@given(before=st.integers(0, 40), since=st.integers(0, 20), recency=st.floats(1, 300), away=st.floats(1, 300), delta=st.floats(0.05, 0.95))
def test_touches_weigh_as_two_negative_binomials(before: int, since: int, recency: float, away: float, delta: float) -> None:
    """Alive: n_1 ~ NB(s + n_0) over d days at the posterior rate; gone: over delta d days. Their ratio moves the odds of being gone."""
    process = replace(PUBLISHED, s=1.3, beta=50.0, delta=delta)
    touched = replace(CDNOW, touched=True, process=process, horizon_days=1e12)  # so far ahead that only leaving is silence
    plain = replace(touched, touched=False, process=PUBLISHED)
    gone = touched.log_odds(rows(3, recency, recency + away, before, since))
    assume(abs(gone[0]) < 13)  # probabilities are held a millionth off 0 and 1
    moved = plain.log_odds(rows(3, recency, recency + away)) - gone

    def chance(days: float) -> float:
        return float(nbinom.logpmf(since, process.s + before, (process.beta + recency) / (process.beta + recency + days)))

    assert moved[0] == pytest.approx(chance(away) - chance(delta * away), rel=1e-5, abs=1e-5)


def test_a_busier_season_is_a_longer_horizon() -> None:
    assert CDNOW.log_odds(rows(2, 30, 40), busier=1.5) == replace(CDNOW, horizon_days=45.0).log_odds(rows(2, 30, 40))


def test_no_purchase_known_is_the_mean() -> None:
    nobody = rows(1, 3, 5) * np.nan
    assert replace(CDNOW, centre=0.7).log_odds(nobody).tolist() == [0.7]
    assert not can_be_learned(nobody)
    assert not can_be_learned(nobody[["purchases"]])


def simulated(count: int, seed: int) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Buyers of the model's own assumptions, seen for 400 days, and whether they stay silent for 90: with the true probability."""
    random = np.random.default_rng(seed)
    rate, dropout, pace = random.gamma(1.0, 1 / 45, count), random.beta(1.0, 5.0, count), random.gamma(2.0, 1 / 40, count)
    first, found = 400.0, []
    for lam, p, mu in zip(rate, dropout, pace, strict=True):
        times, gone = [0.0], False
        while (following := times[-1] + random.exponential(1 / lam)) < first + 90:
            times.append(following)
            if random.random() < p:
                gone = True
                break
        seen = [time for time in times if time < first]
        still = not (gone and len(seen) == len(times))
        before = random.poisson(mu * seen[-1])
        since = random.poisson(mu * (first - seen[-1]) * (1.0 if still else 0.2))
        found.append((len(seen), seen[-1], before, since, float(len(seen) == len(times)), still * (1 - np.exp(-lam * 90))))
    x, last, before, since, silent, active = (np.array(column, dtype=float) for column in zip(*found, strict=True))
    frame = pd.DataFrame(
        {
            "purchases": x,
            "days_since_first_purchase": np.full(count, first),
            "days_since_purchase": first - last,
            "touches_between_purchases": before,
            "touches_since_purchase": since,
        }
    )
    return frame, silent, active


def test_it_learns_the_simulated_buyer() -> None:
    frame, silent, _ = simulated(4000, seed=1)
    newer, outcome, active = simulated(4000, seed=2)
    learned = learn_rhythm(frame, silent, 90.0, np.ones(4000))
    assert learned.process.delta == pytest.approx(0.2, abs=0.08)
    score = learned.log_odds(newer)
    assert abs(expit(score).mean() - outcome.mean()) < 4 * np.sqrt(0.25 / 4000)
    # who is still a customer and at which rate is seen by nobody: the truth is a bound that no model reaches
    truth = roc_auc(outcome, -active)
    recency = roc_auc(outcome, newer["days_since_purchase"].to_numpy())
    assert recency + 0.07 < roc_auc(outcome, score) < truth
    blind = learn_rhythm(frame.drop(columns=["touches_between_purchases", "touches_since_purchase"]), silent, 90.0, np.ones(4000))
    assert (blind.touched, blind.process.w, blind.process.v, blind.process.delta) == (False, 0.0, 0.0, 1.0)
    assert roc_auc(outcome, blind.log_odds(newer)) + 0.02 < roc_auc(outcome, score)
    assert abs(expit(blind.log_odds(newer)).mean() - outcome.mean()) < 4 * np.sqrt(0.25 / 4000)
    assert slope_of(outcome, expit(blind.log_odds(newer))) == pytest.approx(1.0, abs=0.15)


def test_its_parts_add_up_to_its_log_odds() -> None:
    frame, silent, _ = simulated(500, seed=3)
    busier = np.linspace(0.7, 1.4, 500)
    learned = learn_rhythm(frame, silent, 90.0, busier)
    frame.iloc[7] = np.nan
    parts, season = learned.parts(frame, busier)
    assert list(parts) == list(learned.columns)
    assert learned.base() + parts.sum(axis=1).to_numpy() + season == pytest.approx(learned.log_odds(frame, busier), abs=1e-9)
    typical = pd.DataFrame([learned.reference], columns=list(learned.columns))
    nothing, of_season = learned.parts(typical, np.ones(1))
    assert np.abs(nothing.to_numpy()).max() < 1e-9 > abs(of_season[0])


def test_it_travels_as_json() -> None:
    assert Rhythm.of(CDNOW.document()) == CDNOW
    assert Rhythm.of(None) is None
