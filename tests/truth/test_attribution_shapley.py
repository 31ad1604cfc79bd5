"""Shapley's credit beside all orders of arrival, the subset-sum transform, its own simulation and the true increments."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations
from math import factorial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.families.attribution.answer import answer
from funnelcast.families.attribution.paths import Floats, from_arrays, from_rows
from funnelcast.families.attribution.setup import gather, setup_of
from funnelcast.families.attribution.shapley import fit_rates, journey_shapley, shapley, shapley_values
from funnelcast.journeys import Organic
from funnelcast.settings import CHECKOUT
from funnelcast.simulate import company
from funnelcast.spec import read
from tests.truth.test_attribution import column, random_paths, rows_of


def brute_force(members: Floats, rates: Floats, organic: float) -> Floats:
    """Average each channel's marginal contribution over all orders of arrival."""

    def probability(coalition: tuple[int, ...]) -> float:
        met = [channel for channel in coalition if members[channel]]
        return 1 - (1 - organic) * float(np.exp(-sum(rates[1 + channel] for channel in met) - (rates[0] if met else 0.0)))

    width = len(members)
    value = np.zeros(width)
    for order in permutations(range(width)):
        for place, channel in enumerate(order):
            value[channel] += probability(order[: place + 1]) - probability(order[:place])
    return value / factorial(width)


@settings(max_examples=25)
@given(st.lists(st.floats(0, 3), min_size=2, max_size=6), st.floats(0, 0.5), st.integers(0, 31))
def test_shapley_values_equal_the_average_over_all_orders(rates: list[float], organic: float, mask: int) -> None:
    members = np.array([float(mask >> place & 1) for place in range(len(rates) - 1)])
    found = shapley_values(members[None, :], np.array(rates), organic)[0]
    np.testing.assert_allclose(found, brute_force(members, np.array(rates), organic), atol=1e-12)


def test_shapley_of_20_channels_equals_the_subset_sum_transform() -> None:
    """The second way: Harsanyi dividends of all 2^20 coalitions, each split equally over its channels."""
    rng = np.random.default_rng(2)
    width = 20
    members = (rng.random((30, width)) < 0.4).astype(float)
    journeys, rates, common = rng.integers(1, 50, 30).astype(float), rng.gamma(1, 0.2, width), 0.15
    bits = (members @ 2.0 ** np.arange(width)).astype(np.int64)
    coalition = np.arange(2**width)
    hazard = np.zeros(2**width)
    for place in range(width):
        hazard[coalition >> place & 1 == 1] += rates[place]
    dividend, holders = -np.exp(-hazard - common * (coalition > 0)), np.zeros(2**width)
    np.add.at(holders, bits, journeys)
    size = np.zeros(2**width)
    for place in range(width):
        by_bit = dividend.reshape(-1, 2, 2**place)
        by_bit[:, 1] -= by_bit[:, 0]
        upward = holders.reshape(-1, 2, 2**place)
        upward[:, 0] += upward[:, 1]
        size += coalition >> place & 1
    share = dividend * holders / np.maximum(size, 1)
    expected = [share[coalition >> place & 1 == 1].sum() for place in range(width)]
    np.testing.assert_allclose(journeys @ shapley_values(members, np.array([common, *rates])), expected, rtol=1e-9)


def test_rates_are_found_again_from_their_own_simulation() -> None:
    rng = np.random.default_rng(8)
    truth = np.array([0.1, 0.05, 0.4, 0.0, 1.0])
    members = np.array([[float(held) for held in (mask & 1, mask >> 1 & 1, mask >> 2 & 1, mask >> 3 & 1)] for mask in range(1, 16)])
    journeys = np.full(15, 20_000.0)
    won = rng.binomial(20_000, -np.expm1(-(0.02 + truth[0] + members @ truth[1:]))).astype(float)
    np.testing.assert_allclose(fit_rates(members, journeys, won, base_hazard=0.02), truth, atol=0.02)


def test_shapley_is_nearer_to_the_true_increments_than_last_click() -> None:
    spec = read(CHECKOUT / "models", "attribution")
    simulated = company(2000, seed=1)
    facts = simulated.facts()
    assert facts.observed_until is not None
    truth: Any = simulated.truth["channels"]
    increments = {name: float(channel["incremental_conversions"]) for name, channel in truth.items()}
    setup = setup_of(replace(spec, cohort={**spec.cohort, "conversions": "first"}, options={"replicates": 0}))
    gathered = gather(facts, setup, facts.observed_until)
    error = {}
    for method in ("last", "shapley"):
        found = column(answer(gathered, setup, method).document())
        total, true_total = sum(found.values()), sum(increments.values())
        error[method] = sum(abs(found.get(name, 0) / total - true / true_total) for name, true in increments.items()) / 2
    assert error["shapley"] < 0.5 * error["last"]


def test_coalitions_of_shapley_never_lose_by_a_channel() -> None:
    made = shapley(random_paths(12), Organic(0.05, 0.05, 0.05))
    assert all((part.rates >= 0).all() for part in made.parts)
    assert (made.credit().conversions >= 0).all()
    assert made.credit().conversions.sum() == pytest.approx(sum(part.conversions.sum() for part in made.parts), rel=1e-12)


def test_customers_who_would_buy_anyway_lend_their_purchases_to_no_channel() -> None:
    rows = rows_of(("a", 50, 50), ("b", 10, 90), ("b", 900, 100))
    once = from_rows(rows.iloc[:2], seed=1)
    both = pa.array([["a"], ["b"], ["b"]], type=pa.list_(pa.string()))
    told = from_arrays(both, rows.assign(cluster=0, customer=[False, False, True]), clusters=1)
    leads_alone = shapley(once).credit().conversions
    credit = shapley(told, Organic(0.0, 0.9, 0.5)).credit().conversions
    assert credit.sum() == pytest.approx(960)
    np.testing.assert_allclose(credit / credit.sum(), leads_alone / leads_alone.sum(), atol=1e-6)
    untold = shapley(replace(told, customer=np.zeros(3, dtype=bool))).credit().conversions
    assert untold[1] > 800


def test_one_journey_by_shapley_is_the_mean_of_a_leads_and_a_customers() -> None:
    rates = {"leads": [0.1, 0.5, 0.0, 0.2], "customers": [0.4, 0.0, 0.3, 0.3]}
    parts = [
        {"of": of, "conversions": count, "common": own[0], "rates": dict(zip("abc", own[1:], strict=True))}
        for (of, own), count in zip(rates.items(), (30.0, 10.0), strict=True)
    ]
    # the journey met a twice, b, and a channel that nobody knows
    each = [brute_force(np.array([1.0, 1.0, 0.0]), np.array(own), 0.0)[:2] for own in rates.values()]
    wanted = 30 * each[0] / each[0].sum() + 10 * each[1] / each[1].sum()
    found = journey_shapley(["a", "pigeon", "b", "a"], parts)
    assert found == {"a": pytest.approx(wanted[0]), "b": pytest.approx(wanted[1]), "pigeon": 0.0}
