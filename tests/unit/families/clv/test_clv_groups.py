"""Groups of the purchase process: they ship where customers of different origin differ, and only there; and a grouped model is a model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.artefacts import to_json
from funnelcast.errors import SpecError, WrongColumns
from funnelcast.families.clv import FAMILY, development
from funnelcast.families.clv.acquisition import CHANNEL, TOUCHED, definition
from funnelcast.families.clv.choice.grouping import Choice, Grouper, columns_of, counted, fit_groups
from funnelcast.families.clv.choice.windows import Window
from funnelcast.families.clv.groups import GroupedModel
from funnelcast.families.clv.process.parameters import BgNbd
from funnelcast.families.clv.rows import read_by
from funnelcast.families.family import Options
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf
from tests.unit.families.battery import spec_of
from tests.unit.families.clv.bg_nbd_company import customers

SPEC = spec_of("clv", label={"horizon_days": 180}, options={"interval_draws": 100, "groups": [CHANNEL, TOUCHED]})
CHANNELS = {"store": 900, "web": 900, "search": 600, "fair": 400, "phone": 30}
FASTER = {"store": 2.2, "web": 1.0, "search": 0.5, "fair": 0.8, "phone": 1.0}


def at(day: str) -> AsOf:
    return AsOf.parse(day, "UTC")


@cache
def company(*, differ: bool) -> Facts:
    """Customers of 2023, each of one channel, followed through 2024; where channels differ, some buy faster and stay longer."""
    random = np.random.default_rng(12)
    bought = [_bought(random, channel, size, FASTER[channel] if differ else 1.0) for channel, size in CHANNELS.items()]
    frame = pd.concat(bought, ignore_index=True)
    frame["contact_id"] = frame["channel"] + "-" + frame["contact_id"].astype(str)
    frame["occurred_at"] = pd.Timestamp("2023-01-01") + pd.to_timedelta(frame.pop("day").round(4), unit="D").dt.floor("s")
    return from_frames(Source("acme"), {"transactions": frame}).with_observation(at("2025-01-01"))


def _bought(random: np.random.Generator, channel: str, size: int, faster: float) -> pd.DataFrame:
    rate, leaves = random.gamma(0.9, size=size) / 60 * faster, random.beta(0.9, 2.8 * faster, size)
    clock, alive = random.uniform(0, 365, size), np.ones(size, dtype=bool)
    found = []
    while alive.any():
        found.append(pd.DataFrame({"contact_id": np.flatnonzero(alive), "day": clock[alive]}))
        clock = clock + random.exponential(size=size) / rate
        alive &= (clock < 731) & ((random.random(size) >= leaves) | (len(found) == 1))
    return pd.concat(found).assign(channel=channel, amount=20.0)


def grouper(facts: Facts) -> Grouper:
    return Grouper(
        facts,
        columns_of(facts, SPEC),
        lambda as_of: development.fit_at(facts, as_of, SPEC).model,
        lambda window: development.rows_with_outcome(facts, window),
        development.losses,
    )


@cache
def choice(*, differ: bool) -> Choice:
    return grouper(company(differ=differ)).choose(Window(at("2024-01-01"), at("2024-07-01")))


@cache
def model() -> GroupedModel:
    facts = company(differ=True)
    population = development.fit_at(facts, at("2024-07-01"), SPEC).model
    found = grouper(facts).grouped(choice(differ=True), at("2024-07-01"), population)
    assert found is not None
    return found.model


@cache
def rows() -> pd.DataFrame:
    return development.rows_with_outcome(company(differ=True), Window(at("2024-07-01"), at("2025-01-01")))


def read() -> pd.DataFrame:
    return rows()[list(model().columns)]


def test_groups_ship_where_channels_differ() -> None:
    found = choice(differ=True)
    assert found.column == CHANNEL
    document: Any = found.document()
    assert document["crps_gained"] > document["standard_error"] > 0
    assert document["crps_pooled"] - document["crps_grouped"] == pytest.approx(document["crps_gained"])
    assert document["tried"][0]["evidence"] > 50
    assert "ships" in found.said


def test_nothing_ships_where_they_do_not_differ() -> None:
    found = choice(differ=False)
    assert found.column is None
    document: Any = found.document()
    assert document["ships"] is None
    assert document["tried"][0]["evidence"] < 3
    assert "doesn't ship" in found.said


def test_on_a_later_hold_out_the_groups_predict_better_and_without_each_ones_bias() -> None:
    pooled, grouped = (development.losses(one, rows()) for one in (model().population, model()))
    assert grouped.mean() < pooled.mean()
    named = rows()[CHANNEL].astype(str)
    expected = pd.DataFrame(
        {
            "came": rows()["purchases"],
            "pooled": model().population.expected_purchases(read_by(model().population.columns, rows()), 184.0),
            "grouped": model().expected_purchases(read(), 184.0),
        }
    )
    sums = expected.groupby(named.to_numpy()).sum().loc[["store", "web", "search", "fair"]]
    bias = sums[["pooled", "grouped"]].div(sums["came"], axis=0) - 1
    assert bias["grouped"].abs().mean() < bias["pooled"].abs().mean()
    assert bias["grouped"].abs().max() < 0.2


def test_a_group_is_predicted_by_its_own_process_and_a_stranger_by_the_populations() -> None:
    given = read().iloc[:40]
    store = model().groups["store"].predict(given.drop(columns=CHANNEL))
    pd.testing.assert_frame_equal(model().predict(given.assign(**{CHANNEL: "store"})), store)
    plain = model().population.predict(given.drop(columns=CHANNEL))
    for stranger in (given.assign(**{CHANNEL: "unheard of"}), given.assign(**{CHANNEL: None}), given.drop(columns=CHANNEL)):
        pd.testing.assert_frame_equal(model().predict(stranger), plain)
    assert not np.allclose(store["clv"], plain["clv"], rtol=0.02)


def test_rows_of_many_groups_keep_their_order_and_index() -> None:
    given = read().sample(60, random_state=1)
    found = model().predict(given)
    pd.testing.assert_index_equal(found.index, given.index)
    for name in given.index[:5]:
        pd.testing.assert_frame_equal(model().predict(given.loc[[name]]), found.loc[[name]])
    assert len(model().predict(given.iloc[:0])) == 0
    purchases, worth = model().expected(given)
    np.testing.assert_allclose(purchases, found["expected_purchases"], rtol=1e-12)
    np.testing.assert_allclose(worth, found["clv"], rtol=1e-12)


def test_sums_of_groups_share_their_worlds_and_add_up() -> None:
    given = read()
    channel = pd.Categorical(given[CHANNEL]).codes.astype(np.int64)
    by_channel = model().simulate_groups(given, channel, 180.0, 60, 1)
    whole = model().simulate_groups(given, np.zeros_like(channel), 180.0, 60, 1)
    np.testing.assert_allclose(by_channel.counts.sum(axis=1), whole.counts[:, 0])
    np.testing.assert_allclose(by_channel.amounts.sum(axis=1), whole.amounts[:, 0])
    expected = model().expected_purchases(given, 180.0)
    sums = np.bincount(channel, weights=expected)
    assert (np.abs(by_channel.counts.mean(axis=0) / sums - 1) < 0.15)[sums > 100].all()
    daily = model().simulate(given, 180, 60, 1)
    np.testing.assert_allclose(daily.counts.sum(axis=1), whole.counts[:, 0])


def test_what_is_rebuilt_predicts_the_same() -> None:
    again = FAMILY.rebuild(model().files())
    assert isinstance(again, GroupedModel)
    assert again.files() == model().files()
    assert dict(again.columns) == dict(model().columns)
    pd.testing.assert_frame_equal(again.predict(read()), model().predict(read()), check_exact=True)
    assert isinstance(model().groups["web"].process, BgNbd)


def test_the_fingerprint_knows_how_groups_are_told() -> None:
    assert "touchpoints" in definition()
    assert definition() == definition()
    assert FAMILY.fingerprint(model()) != FAMILY.fingerprint(replace(model(), column=TOUCHED)) != FAMILY.fingerprint(model().population)


def test_a_tiny_group_is_as_unsure_as_it_should_be() -> None:
    facts = company(differ=True)
    fit = fit_groups(model().population, counted(facts, at("2024-07-01"), (CHANNEL,))[CHANNEL], CHANNEL)
    assert fit is not None
    assert fit.customers == CHANNELS
    deviations = {name: np.sqrt(np.diag(group.covariance)) for name, group in fit.model.groups.items()}
    assert (deviations["phone"] > 1.3 * deviations["store"]).all()


@pytest.mark.parametrize("lacking", ["groups", "customers", "history"])
def test_where_there_is_nothing_to_tell_apart_the_reason_is_said(lacking: str) -> None:
    facts = company(differ=False)
    if lacking == "groups":
        assert "brought" in replace(grouper(facts), columns=()).choose(None).said
    elif lacking == "history":
        assert "too short" in grouper(facts).choose(None).said
    else:
        alone = counted(facts, at("2024-01-01"), (CHANNEL,))[CHANNEL].assign(**{CHANNEL: "store"})
        assert fit_groups(model().population, alone, CHANNEL) is None


def test_only_what_is_settled_when_a_customer_is_won_may_group() -> None:
    with pytest.raises(SpecError, match="channels_used"):
        columns_of(company(differ=False), spec_of("clv", options={"groups": ["channels_used"]}))
    bare = company(differ=False)
    without = from_frames(Source("acme"), {"transactions": bare.table("transactions").execute()[["contact_id", "occurred_at", "amount"]]})
    assert columns_of(without, SPEC) == ()


def test_candidates_bring_the_groups_that_the_spec_names_and_a_number_is_no_group() -> None:
    found = FAMILY.candidates(company(differ=True), SPEC, None, at("2024-07-01")).execute()
    assert set(found[CHANNEL]) == set(CHANNELS)
    plain: Mapping[str, Any] = FAMILY.candidates(company(differ=True), spec_of("clv"), None, at("2024-07-01")).schema()
    assert CHANNEL not in plain
    with pytest.raises(WrongColumns, match=CHANNEL):
        model().predict(read().assign(**{CHANNEL: 1.0}))


def test_a_model_of_rows_alone_knows_no_groups() -> None:
    assert not isinstance(FAMILY.fit(customers(1500, seed=3), SPEC), GroupedModel)


def test_the_development_ships_the_groups_and_says_so() -> None:
    found = FAMILY.develop(company(differ=True), SPEC, at("2024-07-01"), Options())
    assert isinstance(found.model, GroupedModel)
    assert found.model is found.judged
    groups: Any = found.details["groups"]
    assert groups["ships"] == CHANNEL
    assert {row["group"]: row["customers"] for row in groups["shipped"]["groups"]} == CHANNELS
    assert found.model.groups["store"].process.document() == groups["shipped"]["groups"][3]["parameters"]
    assert any(section.startswith("## Groups") and "| store | 900 |" in section for section in found.sections)
    assert to_json(dict(found.details))
    report: Any = found.details["segments"]
    assert {row["segment"]: row["customers"] for row in report["tables"][CHANNEL]["segments"]} == CHANNELS
    for draw in found.plots.values():
        draw()
