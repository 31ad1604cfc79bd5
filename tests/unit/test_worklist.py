from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import binom

from funnelcast.errors import SpecError, UsageError
from funnelcast.settings import Settings
from funnelcast.spec import Spec, read
from funnelcast.worklist import Campaign, Worklist, expected_profit, found_among_first, rank

HAND = pd.DataFrame(
    {
        "contact_id": ["a", "b", "c", "d", "e"],
        "probability": [0.5, 0.9, 0.1, 0.8, 0.25],
        "low": [0.4, 0.8, 0.05, 0.7, 0.2],
        "high": [0.6, 0.95, 0.2, 0.9, 0.3],
        # of customers worth 100, 20, 400, 30 and 200
        "expected_loss": [50.0, 18.0, 40.0, 24.0, 50.0],
    }
)


def certain(probability: list[float] | np.ndarray[Any, Any], value: float) -> pd.DataFrame:
    """Contacts of one value, whose probabilities are beyond doubt."""
    chance = np.asarray(probability, dtype=float)
    names = [f"{place:04}" for place in range(chance.size)]
    columns = {"contact_id": names, "probability": chance, "low": chance, "high": chance, "expected_loss": chance * value}
    return pd.DataFrame(columns)


@pytest.fixture(scope="module")
def churn() -> Spec:
    return read(Settings.read({}).models, "churn")


def test_five_contacts_worked_by_hand() -> None:
    # a fifth of the leavers is kept, a contact costs 4: gains 0.2 * 50 - 4 = 6, -0.4, 4, 0.8 and 6
    found = rank(HAND, "expected_loss", Campaign(5, 4.0, 0.2))
    assert found.ranked["contact_id"].tolist() == ["a", "e", "c", "d", "b"]
    assert found.ranked["gain"].tolist() == pytest.approx([6.0, 6.0, 4.0, 0.8, -0.4])
    assert found.curve == pytest.approx([0.0, 6.0, 12.0, 16.0, 16.8, 16.4])
    assert found.size == 4
    assert found.listed["value"].tolist() == pytest.approx([100.0, 200.0, 400.0, 30.0])
    assert expected_profit(found.listed, Campaign(5, 4.0, 0.2), seed=1).mean == pytest.approx(16.8)
    assert dict(found.thinned()) == pytest.approx(dict(enumerate([0.0, 6.0, 12.0, 16.0, 16.8, 16.4])))


def test_capacity_cuts_a_list_that_would_pay_further_down() -> None:
    found = rank(HAND, "expected_loss", Campaign(2, 4.0, 0.2))
    assert (found.size, found.listed["contact_id"].tolist()) == (2, ["a", "e"])
    assert found.curve[found.size] == pytest.approx(12.0)


def test_nobody_is_listed_where_contacting_costs_more_than_it_brings() -> None:
    campaign = Campaign(5, 40.0, 0.2)
    found = rank(HAND, "expected_loss", campaign)
    assert found.size == 0
    profit = expected_profit(found.listed, campaign, seed=1)
    assert (profit.mean, profit.low, profit.high) == (0.0, 0.0, 0.0)


def test_a_contact_of_unknown_value_is_left_out_and_counted() -> None:
    unknown = HAND.assign(expected_loss=[50.0, np.nan, 40.0, 24.0, np.nan])
    found = rank(unknown, "expected_loss", Campaign(5, 4.0, 0.2))
    assert (found.ranked["contact_id"].tolist(), found.unvalued) == (["a", "c", "d"], 2)


def test_where_no_value_is_known_the_list_goes_by_probability_and_tells_no_profit() -> None:
    found = rank(HAND.assign(expected_loss=np.nan), "expected_loss", Campaign(3, 4.0, 0.2))
    assert found.listed["contact_id"].tolist() == ["b", "d", "a"]
    assert not found.valued
    assert (found.unvalued, found.thinned()) == (0, [])


def test_an_empty_cohort_gives_an_empty_list() -> None:
    found = rank(HAND.iloc[:0], "expected_loss", Campaign(3, 4.0, 0.2))
    assert (found.size, found.valued, found.thinned()) == (0, False, [])


CONTACTS = st.lists(
    st.tuples(st.floats(0.001, 0.999), st.one_of(st.just(float("nan")), st.floats(-50, 5_000), st.sampled_from([0.0, 100.0]))), max_size=30
)


@given(CONTACTS, st.integers(1, 35), st.floats(0, 100), st.floats(0.01, 1.0), st.randoms(use_true_random=False))
def test_the_size_is_the_best_of_all_and_the_curve_is_concave(
    contacts: list[tuple[float, float]], capacity: int, cost: float, share: float, shuffle: Any
) -> None:
    frame = certain([probability for probability, _ in contacts], 1.0).assign(expected_loss=[p * value for p, value in contacts])
    campaign = Campaign(capacity, cost, share)
    found = rank(frame, "expected_loss", campaign)
    worth = [p * value for p, value in contacts if value == value]  # noqa: PLR0124 (not a number)
    if not worth:
        assert found.size == min(capacity, len(contacts))
        return
    assert (np.diff(np.diff(found.curve)) <= 1e-9).all()
    # by brute force: the best of every size, for each the dearest contacts
    profits = [sum(share * each - cost for each in sorted(worth, reverse=True)[:size]) for size in range(min(capacity, len(worth)) + 1)]
    assert found.size <= capacity
    assert found.curve[found.size] == pytest.approx(max(profits), abs=1e-6)
    assert found.unvalued == len(contacts) - len(worth)
    places = list(range(len(frame)))
    shuffle.shuffle(places)
    again = rank(frame.iloc[places], "expected_loss", campaign)
    pd.testing.assert_frame_equal(again.ranked, found.ranked)


def test_without_doubt_the_profit_is_binomial() -> None:
    campaign, contacts = Campaign(400, 3.0, 0.25), certain(np.full(400, 0.4), 60.0)
    found = rank(contacts, "expected_loss", campaign)
    profit = expected_profit(found.listed, campaign, seed=3, draws=4_000)
    low, high = (60.0 * binom.ppf(end, 400, 0.25 * 0.4) - 400 * 3.0 for end in (0.05, 0.95))
    assert profit.mean == pytest.approx(400 * (0.25 * 0.4 * 60.0 - 3.0))
    assert profit.low == pytest.approx(low, abs=60.0)
    assert profit.high == pytest.approx(high, abs=60.0)


def test_the_same_list_has_the_same_interval_and_doubt_widens_it() -> None:
    campaign, sure = Campaign(300, 3.0, 0.25), certain(np.full(300, 0.4), 60.0)
    listed = rank(sure, "expected_loss", campaign).listed
    doubtful = listed.assign(low=0.25, high=0.6)
    first, second = (expected_profit(listed, campaign, seed=3) for _ in range(2))
    wide = expected_profit(doubtful, campaign, seed=3)
    assert first == second
    assert wide.mean == first.mean
    assert wide.low < first.low - 100
    assert wide.high > first.high + 100


@pytest.mark.parametrize(("together", "least", "most"), [(True, 0.86, 0.94), (False, 0.90, 1.0)])
def test_the_interval_holds_what_comes_true(together: bool, least: float, most: float) -> None:
    """Truths drawn within the probabilities' intervals: at the nominal rate where they err together, more often where each errs alone."""
    rng = np.random.default_rng(11)
    campaign, worlds = Campaign(150, 2.0, 0.3), 600
    chance, value = rng.uniform(0.1, 0.7, 400), rng.gamma(2.0, 60.0, 400)
    doubt = 0.5
    low, high = (expit(logit(chance) + side * doubt * 1.6449) for side in (-1, 1))
    frame = pd.DataFrame({"contact_id": np.arange(400), "probability": chance, "low": low, "high": high, "expected_loss": chance * value})
    found = rank(frame, "expected_loss", campaign)
    profit = expected_profit(found.listed, campaign, seed=5)
    listed = found.listed
    inside = 0
    for _ in range(worlds):
        error = rng.normal() if together else rng.normal(size=len(listed))
        leaves = rng.random(len(listed)) < expit(logit(listed["probability"].to_numpy()) + doubt * error)
        kept = leaves & (rng.random(len(listed)) < campaign.share)
        realised = float(listed["value"].to_numpy()[kept].sum()) - campaign.cost_per_contact * len(listed)
        inside += profit.low <= realised <= profit.high
    assert least <= inside / worlds <= most


def test_a_long_curve_is_thinned_but_keeps_its_best_size() -> None:
    found = Worklist(pd.DataFrame({"gain": np.linspace(5.0, -5.0, 5_001)}), 2_500, 0)
    points = found.thinned()
    assert 100 <= len(points) <= 101
    assert (points[0], points[-1][0]) == ((0, 0.0), 5_001)
    assert dict(points)[2_500] == pytest.approx(float(found.curve.max()))


def test_what_is_asked_replaces_what_the_spec_says(churn: Spec) -> None:
    assert Campaign.of(churn) == Campaign(churn.list["capacity"], churn.list["cost_per_contact"], churn.list["saved_share"])
    assert Campaign.of(churn, capacity=7, cost=0.0, share=1.0) == Campaign(7, 0.0, 1.0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"capacity": 0}, "A capacity of 0 makes no list: give a whole number above 0 by --capacity"),
        ({"capacity": True}, "A capacity of True makes no list"),
        ({"cost": -1.0}, "A contact can't cost -1.0: give an amount of 0 or more by --cost"),
        ({"cost": float("nan")}, "A contact can't cost nan"),
        ({"share": 0.0}, "saved_share can't be 0.0: give a share above 0 and at most 1 by --share"),
        ({"share": 1.5}, "saved_share can't be 1.5"),
        ({"share": float("nan")}, "saved_share can't be nan"),
    ],
)
def test_numbers_that_cannot_be_are_refused_in_a_sentence(churn: Spec, given: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        Campaign.of(churn, **given)
    assert "mend [list] of models/churn/spec.toml." in str(refused.value)


def test_a_model_that_scores_no_contacts_makes_no_list() -> None:
    clv = read(Settings.read({}).models, "clv")
    with pytest.raises(UsageError, match="clv makes no list of contacts: ask for a model of churn or lead_scoring"):
        Campaign.of(clv)


def test_a_spec_without_its_section_says_what_it_needs(churn: Spec) -> None:
    for section in ({}, {**churn.list, "uplift_share": 0.2}):
        with pytest.raises(SpecError, match=r"\[list\] needs capacity, cost_per_contact, saved_share"):
            Campaign.of(replace(churn, list=section))


def test_what_a_list_of_equal_values_finds() -> None:
    probability, outcome = np.array([0.9, 0.5, 0.5, 0.5, 0.1]), np.array([1.0, 1.0, 0.0, 0.0, 1.0])
    # the first, and two of the three that tie at a third each
    assert found_among_first(3, probability, outcome) == pytest.approx(1 + 2 / 3)
    assert found_among_first(1, probability, outcome) == 1.0
    assert found_among_first(9, probability, outcome) == 3.0
    assert found_among_first(2, np.full(5, 0.3), outcome) == pytest.approx(2 * 3 / 5)
