"""Intervals, ranks and comparisons of attribution against laws whose exact credit is known (benchmarks/attribution_coverage.py)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from benchmarks import attribution_coverage as coverage
from benchmarks.attribution_coverage import INERT, Law, law
from funnelcast.families.attribution.credit import LEVEL, attribute
from funnelcast.families.attribution.markov import markov
from funnelcast.families.attribution.paths import Floats, from_rows
from funnelcast.families.attribution.ranks import SURE, ranks, sentences
from funnelcast.families.attribution.rules import RuleSettings, rule
from funnelcast.families.attribution.setup import Setup, setup_of
from funnelcast.families.attribution.shapley import shapley
from funnelcast.journeys import Organic
from funnelcast.settings import CHECKOUT
from funnelcast.spec import read

LAWS = {"remembers one": 3, "remembers two": 1, INERT: 2}
SAMPLE = 60_000


@pytest.fixture(scope="module")
def setup() -> Setup:
    return replace(setup_of(read(CHECKOUT / "models", "attribution")), orders=(1, 2))


@pytest.fixture(scope="module", params=LAWS)
def drawn(request: pytest.FixtureRequest) -> tuple[Law, pd.DataFrame]:
    of = law(LAWS[request.param])
    assert of.kind == request.param
    return of, coverage.journeys(of, SAMPLE, seed=5)


def visits(rows: pd.DataFrame, channels: tuple[str, ...]) -> Floats:
    return np.stack([rows["path"].str.contains(channel).to_numpy(float) for channel in channels], axis=1)


def test_the_exact_outcomes_of_a_law_are_those_of_many_journeys(drawn: tuple[Law, pd.DataFrame]) -> None:
    of, rows = drawn
    members, met, won = coverage.set_outcomes(of)
    assert met.sum() == pytest.approx(1.0, abs=1e-12)
    number = visits(rows, of.channels) @ 2 ** np.arange(of.width) - 1
    found = np.bincount(number.astype(int), minlength=len(met)) / SAMPLE
    # a contact has two journeys on average that tend to start alike: at most twice the variance of independent ones
    assert np.abs(found - met).max() < 5 * np.sqrt(2 * met.max() / SAMPLE)
    rate = float(rows["conversions"].mean())
    assert rate == pytest.approx(float(won.sum()), abs=5 * np.sqrt(2 * rate / SAMPLE))
    assert members.shape == (2**of.width - 1, of.width)


@pytest.mark.parametrize("order", [1, 2])
def test_the_exact_shares_are_those_of_many_journeys(drawn: tuple[Law, pd.DataFrame], order: int) -> None:
    of, rows = drawn
    paths = from_rows(rows, seed=1)
    organic = Organic(of.organic_rate, of.organic_rate, of.organic_rate)
    for method, exact in (
        (markov(paths, order), coverage.markov_shares(of, order)),
        (shapley(paths, organic), coverage.shapley_shares(of)),
    ):
        answer = attribute(method, paths, 60, seed=1)
        error = (answer.draws.conversions / answer.draws.conversions.sum(axis=1, keepdims=True)).std(axis=0)
        apart = np.abs(answer.point.conversions / answer.conversions - exact)
        assert (apart < 5 * error + 1e-4).all(), method.name
        assert (error < 0.02).all()


def test_where_channels_have_no_effect_markov_follows_visits_and_shapley_the_equal_split() -> None:
    """The identity, in the limit: removal effects are the visits themselves, and every lambda is zero."""
    for seed in (2, 5, 8):
        of = law(seed)
        assert of.kind == INERT
        np.testing.assert_allclose(coverage.markov_shares(of, 1), coverage.visited_shares(of), atol=1e-12)
        np.testing.assert_allclose(coverage.shapley_shares(of), coverage.equal_shares(of), atol=1e-6)


def test_where_channels_have_no_effect_intervals_hold_it_and_none_is_called_better(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "LARGEST", 3_000)
    rows = pd.DataFrame([row for seed in range(2, 38, 3) for row in coverage.judged(setup, seed)])
    assert set(rows["kind"]) == {INERT}
    for method, own in rows.groupby("method"):
        shares, pairs = own[own["what"] == "share"], own[own["what"] == "pair"]
        low, high = coverage.over_companies(shares["inside"], shares["company"])[2:]
        assert low <= LEVEL <= high, method
        # of two channels that share alike the lesser would be called better in one of twenty samples
        assert coverage.over_companies(~pairs["inside"].astype(bool), pairs["company"])[2] <= 1 - SURE, method


def test_intervals_are_consistent_with_their_level(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coverage, "LARGEST", 3_000)
    rows = pd.DataFrame([row for seed in range(36) if seed % 3 != 2 for row in coverage.judged(setup, seed)])
    found = coverage.covered(rows)
    everything = found[found["of"] == "all"]
    assert set(everything["method"]) == {"markov", "shapley"}
    assert everything["holds"].all()
    assert (everything["covered"] > 0.8).all()


def test_an_interval_is_of_the_split_not_of_the_count() -> None:
    alone = pd.DataFrame({"path": "a", "conversions": [1.0] * 40 + [0.0] * 60, "nulls": [0.0] * 40 + [1.0] * 60, "contact_id": range(100)})
    paths = from_rows(alone, seed=1)
    answer = attribute(rule("last", paths, RuleSettings()), paths, 200, seed=1)
    assert answer.draws.conversions.std() > 2
    assert np.concatenate(answer.interval).tolist() == [40.0, 40.0]


def test_an_interval_of_a_share_is_that_of_a_binomial() -> None:
    """Each conversion has one touch: the share of a is a proportion, whose 90 % interval is known."""
    rng = np.random.default_rng(4)
    rows = pd.DataFrame({"path": rng.choice(["a", "b"], p=[0.3, 0.7], size=4_000), "conversions": 1.0, "nulls": 0.0})
    paths = from_rows(rows.assign(contact_id=range(4_000)), seed=1)
    answer = attribute(rule("linear", paths, RuleSettings()), paths, 2_000, seed=1)
    share = float((rows["path"] == "a").mean())
    half = 1.645 * np.sqrt(share * (1 - share) / 4_000)
    low, high = (bound[0] / 4_000 for bound in answer.interval)
    assert (low, high) == (pytest.approx(share - half, abs=0.15 * half), pytest.approx(share + half, abs=0.15 * half))


def ranked(point: list[float], draws: list[list[float]]) -> list[list[object]]:
    found = ranks(np.array(point), np.array(draws).reshape(-1, len(point)), LEVEL)
    columns: list[npt.NDArray[np.generic]] = [found.rank, found.low, found.high, found.first]
    return [column.tolist() for column in columns]


def test_ranks_by_hand() -> None:
    """The fifth and the ninety-fifth of a hundred replicates: a lead lost in four of them isn't in doubt, one lost in six is."""
    steady, swapped = [3.0, 2.0, 1.0], [2.0, 3.0, 1.0]
    assert ranked([3, 2, 1], [steady] * 96 + [swapped] * 4) == [[1, 2, 3], [1, 2, 3], [1, 2, 3], [0.96, 0.04, 0.0]]
    assert ranked([3, 2, 1], [steady] * 94 + [swapped] * 6) == [[1, 2, 3], [1, 1, 3], [2, 2, 3], [0.94, 0.06, 0.0]]


def test_channels_with_equal_credit_share_the_rank_and_the_chance_to_be_first() -> None:
    assert ranked([2, 2, 1], [[2, 2, 1], [1, 0, 1]]) == [[1, 1, 3], [1, 1, 1], [1, 3, 3], [0.5, 0.25, 0.25]]


def test_without_replicates_a_rank_has_no_spread() -> None:
    rank, low, high, first = ranked([1, 2], [])
    assert rank == low == high == [2, 1]
    assert np.isnan(np.array(first, dtype=float)).all()


def test_neighbours_are_told_apart_in_both_languages_only_where_that_is_sure() -> None:
    pairs = [{"channel": "a", "than": "b", "probability": 0.962}, {"channel": "b", "than": "c", "probability": 0.62}]
    said = sentences([*pairs, {"channel": "c", "than": "d", "probability": 1.0}])
    assert said["en"] == [
        "a is credited with more than b (probability 96 %).",
        "b and c can't be told apart (probability that b comes first: 62 %).",
        "c is credited with more than d (probability over 99 %).",
    ]
    assert said["fr"] == [
        "a se voit attribuer plus que b (probabilité\u202f: 96\u202f%).",
        "b et c ne se distinguent pas (probabilité que b passe devant\u202f: 62\u202f%).",
        "c se voit attribuer plus que d (probabilité\u202f: plus de 99\u202f%).",
    ]
