"""The true increments of the simulated channels add up, and vanish where nothing is caused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from funnelcast.simulate import Company, World, leads, people
from funnelcast.simulate import company as simulated
from funnelcast.simulate.coalitions import SETS, cumulative_hazards, shapley
from funnelcast.simulate.seasons import Ints
from funnelcast.simulate.touches import Touches
from funnelcast.simulate.world import CHANNELS, EMAIL, KINDS, SEARCH, STORE


def channels(company: Company) -> Mapping[str, Any]:
    found = company.truth["channels"]
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module")
def funnel(company: Company) -> leads.Leads:
    crowd = people.draw(company.market, 4_000, np.random.default_rng(11))
    return leads.draw(company.market, crowd, np.random.default_rng(12))


def without(funnel: leads.Leads, *codes: int) -> Ints:
    """Give the day of the first purchase with some channels' touches switched off."""
    everyone = np.arange(funnel.people.count)
    return leads.conversion_day(funnel, everyone, leads.without(funnel, everyone, ~np.isin(funnel.touches.channel, codes)))


def all_touches(funnel: leads.Leads) -> Touches:
    return leads.without(funnel, np.arange(funnel.people.count), np.ones(len(funnel.touches.time), dtype=bool))


def test_nothing_is_gained_by_switching_off(funnel: leads.Leads) -> None:
    """Under common random numbers each lead buys at the same time or later, or not at all, with every channel that falls away."""
    never = np.iinfo(np.int64).max
    before = np.where(funnel.day < 0, never, funnel.day)
    gone: list[int] = []
    for code in range(len(CHANNELS)):
        gone.append(code)
        day = without(funnel, *gone)
        after = np.where(day < 0, never, day)
        assert (after >= before).all()
        before = after
    assert (before == never).sum() > (funnel.day < 0).sum() + 100


def test_increments_in_any_order_add_up_to_all(funnel: leads.Leads) -> None:
    lost = {}
    for order in ((STORE, EMAIL, SEARCH), (SEARCH, STORE, EMAIL)):
        counts = [(without(funnel, *order[:stop]) >= 0).sum() for stop in range(len(order) + 1)]
        lost[order] = counts[0] - counts[-1]
        assert sum(np.diff(counts)) == -lost[order]
    assert len(set(lost.values())) == 1


def test_the_written_increments_are_those_of_a_second_run(company: Company) -> None:
    """All channels off: what remains are the leads that come anyway and buy without a touch."""
    truth = company.truth
    everything = truth["all_channels"]
    assert isinstance(everything, dict)
    single = [channel["incremental_conversions"] for channel in channels(company).values()]
    lost, total = everything["incremental_conversions"], truth["conversions"]
    assert isinstance(lost, float)
    assert isinstance(total, float)
    assert max(single) <= lost <= min(sum(single) * 1.3, total)
    assert sum(channel["by_acquisition"] for channel in channels(company).values()) == everything["by_acquisition"]
    assert sum(channel["conversions_of_leads"] for channel in channels(company).values()) == total
    assert all(channel["incremental_revenue"] > 0 for channel in channels(company).values())


def test_hazard_shares_add_up_to_the_conversions(company: Company) -> None:
    shares = [channel["hazard_share"] for channel in channels(company).values()]
    assert sum(shares) + company.truth["organic_hazard_share"] == pytest.approx(company.truth["conversions"], rel=1e-12)


def test_touches_without_effect_cause_nothing() -> None:
    inert = simulated(contacts=1_500, seed=2, world=World(touch_effect=0.0))
    assert [channel["by_touches"] for channel in channels(inert).values()] == [0.0] * len(CHANNELS)
    assert [channel["hazard_share"] for channel in channels(inert).values()] == [0.0] * len(CHANNELS)
    assert inert.truth["organic_hazard_share"] == inert.truth["conversions"]


def test_leads_that_come_anyway_are_not_owed_to_their_channel() -> None:
    everyone = simulated(contacts=1_500, seed=2, world=World(organic=1.0))
    assert [channel["by_acquisition"] for channel in channels(everyone).values()] == [0.0] * len(CHANNELS)


def test_split_hazards_add_up_to_the_days(funnel: leads.Leads) -> None:
    """The closed form by touch against the sum over days of the hazards that conversions are drawn from."""
    count, world = funnel.people.count, funnel.market.world
    born = np.floor(funnel.people.created).astype(np.int64)
    strength = np.array(world.intents)[funnel.people.intent] * funnel.people.fit
    daily = leads.hazards(funnel.market, born, strength, all_touches(funnel))
    at_risk = born[:, None] + np.arange(world.lead_days) < np.floor(funnel.fates.disqualified)[:, None]
    np.testing.assert_allclose(cumulative_hazards(funnel).sum(axis=1), (daily * at_risk).sum(axis=1), rtol=1e-10)
    assert cumulative_hazards(funnel).shape == (count, len(CHANNELS) + 1)


def test_expected_increments_are_the_mean_of_drawn_ones(company: Company) -> None:
    for name, channel in channels(company).items():
        drawn, expected = channel["incremental_conversions"], channel["expected_incremental_conversions"]
        assert abs(drawn - expected) < 4 * np.sqrt(expected), name
    conversions, expected = company.truth["conversions"], company.truth["expected_conversions"]
    assert isinstance(conversions, float)
    assert isinstance(expected, float)
    assert abs(conversions - expected) < 4 * np.sqrt(expected)


def test_shapley_shares_add_up_to_what_all_channels_cause(company: Company) -> None:
    everything = company.truth["all_channels"]
    assert isinstance(everything, dict)
    shares = sum(channel["shapley_conversions"] for channel in channels(company).values())
    assert shares == pytest.approx(everything["expected_incremental_conversions"], rel=1e-12)


def test_shapley_by_hand() -> None:
    """Channel 0 brings 6 alone; channels 1 and 2 bring 4 only together; the rest nothing: 6, 2 and 2."""
    sets = np.arange(SETS)
    values = 10.0 + 6.0 * (sets & 1) + 4.0 * ((sets & 6) == 6)
    np.testing.assert_allclose(shapley(values), [6, 2, 2, 0, 0, 0, 0], atol=1e-12)


def test_conversions_are_as_many_as_the_hazards_say(funnel: leads.Leads) -> None:
    """Each lead's cumulative hazard up to its end is the mean of a unit-exponential threshold: the difference is a martingale."""
    born = np.floor(funnel.people.created).astype(np.int64)
    strength = np.array(funnel.market.world.intents)[funnel.people.intent] * funnel.people.fit
    daily = leads.hazards(funnel.market, born, strength, all_touches(funnel))
    last = np.where(funnel.day >= 0, funnel.day, np.floor(funnel.fates.disqualified) - 1)
    at_risk = born[:, None] + np.arange(daily.shape[1]) <= last[:, None]
    expected = float(-np.expm1(-daily)[at_risk].sum())
    assert abs((funnel.day >= 0).sum() - expected) < 4 * np.sqrt(expected)


def test_one_touch_is_worth_what_it_says(company: Company) -> None:
    """By hand: a store visit of typical length on day 3 adds worth * touch_hazard that day, and half of it 12 days later."""
    market, world = company.market, company.market.world
    kind = [kind.name for kind in KINDS].index("store_visit")
    none = Touches(*(np.zeros(0, dtype=kind_of) for kind_of in (int, float, int, int, float, float)))
    visit = Touches(np.array([0]), np.array([103.5]), np.array([STORE]), np.array([kind]), np.array([25.0]), np.array([np.nan]))
    plain, visited = (leads.hazards(market, np.array([100]), np.array([2.0]), touches)[0] for touches in (none, visit))
    season = market.seasons.purchases[100:]
    assert (visited[:3] == plain[:3]).all()
    assert visited[3] - plain[3] == pytest.approx(2.0 * season[3] * 20.0 * world.touch_hazard, rel=1e-9)
    assert visited[15] - plain[15] == pytest.approx(2.0 * season[15] * 10.0 * world.touch_hazard, rel=1e-9)
    assert plain[10] == pytest.approx(2.0 * season[10] * world.base_hazard * (np.exp(-10 / 60) + 0.06), rel=1e-9)


def test_chasing_sends_more_touches_to_those_who_would_buy_anyway() -> None:
    def gap(chasing: float) -> float:
        chased = simulated(contacts=3_000, seed=6, world=World(chasing=chasing, touch_effect=0.0))
        intent = chased.true_tables["leads"].to_pandas().set_index("contact_id").intent
        touches = chased.tables["touchpoints"].to_pandas().query("channel == 'search'").groupby("contact_id").size()
        contacts = chased.tables["contacts"].to_pandas().set_index("contact_id")
        cold = contacts[contacts.became_customer_at.isna()].index
        counts = touches.reindex(cold, fill_value=0)
        return float(counts[intent.reindex(cold) >= 1.5].mean() / counts[intent.reindex(cold) < 1.0].mean())

    assert gap(1.0) > 1.3 * gap(0.0)
