"""Learned points against the truth of simulated companies: what a touch of each kind adds to a lead's hazard of buying.

Few companies, for time; the wider study is `python -m benchmarks.lead_points`, and models/lead_scoring/card.md has its figures.
"""

from __future__ import annotations

import pandas as pd
import pytest
from scipy.stats import spearmanr

from benchmarks.lead_points import WORLDS, study
from funnelcast.simulate import Company
from funnelcast.simulate import company as simulated


@pytest.fixture(scope="module")
def chased(large_company: Company) -> pd.DataFrame:
    """Channels follow keen leads, as they mostly do."""
    return study(large_company)


@pytest.fixture(scope="module")
def blind() -> pd.DataFrame:
    """Channels don't know who is keen."""
    return study(simulated(8_000, seed=3, world=WORLDS["channels are blind"]))


def inside(rows: pd.DataFrame, column: str) -> float:
    return float(((rows["low"] <= rows[column]) & (rows[column] <= rows["high"])).mean())


def test_points_are_in_proportion_to_what_touches_do(chased: pd.DataFrame, blind: pd.DataFrame) -> None:
    for found in (chased, blind):
        assert spearmanr(found["true"], found["learned"]).statistic > 0.75


def test_most_intervals_hold_the_truth(chased: pd.DataFrame, blind: pd.DataFrame) -> None:
    assert inside(chased, "true") >= 0.7
    assert inside(blind, "true") >= 0.7


def test_the_half_life_lies_near_the_true_twelve_days(chased: pd.DataFrame, blind: pd.DataFrame) -> None:
    assert chased["half_life"].iloc[0] in {10, 14}
    assert blind["half_life"].isin([7, 10, 14, 20]).all()


def test_where_channels_follow_intent_the_visits_of_keen_leads_get_too_much(chased: pd.DataFrame) -> None:
    """What the card warns of: a visit also shows that a lead is keen, and the controls can't know all of that."""
    visit = chased.set_index("kind").loc["visit"]
    assert visit["learned"] > 1.2 * visit["true"]


def test_shuffled_outcomes_correct_no_rule(large_company: Company) -> None:
    dealt = study(large_company, shuffle=True)
    assert inside(dealt, "rule") == 1.0
    assert ((dealt["learned"] - dealt["rule"]).abs() <= 0.5 * dealt["rule"] + 1).all()
