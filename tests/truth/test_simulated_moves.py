"""Against the simulator's law of habits: as many move from channel to channel as the model says, whatever the law."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from funnelcast.families.churn import FAMILY
from funnelcast.families.churn.channels import NEXT_COLUMNS, channel_state
from funnelcast.families.scoring.rows import Dated, dated_rows
from funnelcast.labels import NEXT_STATE, STATES
from funnelcast.simulate import World, customers
from funnelcast.simulate import company as simulated
from tests.unit.families.battery import spec_of

Floats = npt.NDArray[np.float64]
SPEC = spec_of("churn", label={"horizon_days": 90}, folds={"dates": 6, "count": 2}, features={"monotone": {"days_since_purchase": 1}})
LAWS = {
    "settled": np.eye(3),
    "demo": customers.HABIT_MOVES,
    "drifting": np.array([[0.97, 0.02, 0.01], [0.30, 0.65, 0.05], [0.20, 0.25, 0.55]]),  # habits flee the shop
}
each_law = pytest.mark.parametrize("law", LAWS)


@cache
def judged(law: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The newest rows of a company without seasons whose habits follow this law, and the chances that the model gives them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(customers, "HABIT_MOVES", LAWS[law])
        facts = simulated(4_000, seed=6, world=World(seasonality=0.0)).facts()
    assert facts.observed_until is not None
    dated = Dated(lambda cut, dates: FAMILY.cohort(cut, SPEC, list(dates)), FAMILY.label(facts, SPEC), FAMILY.clock_table(facts, SPEC))
    rows = dated_rows(facts, SPEC, facts.observed_until, dated)
    model = FAMILY.fit(rows.earlier, SPEC)
    return rows.newest, model.predict(rows.newest[list(model.columns)])[list(NEXT_COLUMNS)]


@each_law
def test_expected_and_observed_moves_agree_within_four_standard_errors(law: str) -> None:
    newest, expected = judged(law)
    present = channel_state(newest, 90)
    assert set(present) == set(STATES)
    for state in STATES:
        chosen = (present == state).to_numpy()
        for following, column in zip(STATES, NEXT_COLUMNS, strict=True):
            p = expected.loc[chosen, column]
            came = (newest.loc[chosen, NEXT_STATE] == following).sum()
            assert abs(came - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum()), f"{state} -> {following}: {came} came, {p.sum():.1f} expected"


@each_law
def test_each_fifth_of_the_chances_keeps_its_promise(law: str) -> None:
    newest, expected = judged(law)
    for following, column in zip(STATES, NEXT_COLUMNS, strict=True):
        fifth = pd.qcut(expected[column].rank(method="first"), 5, labels=False)
        p, came = expected[column].groupby(fifth), (newest[NEXT_STATE] == following).groupby(fifth)
        spread = np.sqrt((expected[column] * (1 - expected[column])).groupby(fifth).sum())
        assert (abs(came.sum() - p.sum()) < 4 * spread + len(newest) / 500).all(), following


def test_the_more_habits_drift_the_more_buyers_of_the_shop_are_expected_on_the_web() -> None:
    moved = []
    for law in LAWS:
        newest, expected = judged(law)
        shop = expected[(channel_state(newest, 90) == "offline").to_numpy()]
        moved.append(1 - (shop["next_offline"] / (1 - shop["next_dormant"])).mean())
    assert moved[0] + 0.03 < moved[1] < moved[2] - 0.1, moved
