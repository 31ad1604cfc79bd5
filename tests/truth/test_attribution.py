"""Attribution against published figures, cases worked by hand and second implementations."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from funnelcast.families.attribution import METHODS, credits  # noqa: A004 (the word of the field)
from funnelcast.families.attribution.credit import attribute, replicate_weights
from funnelcast.families.attribution.drawing import top_paths, transitions
from funnelcast.families.attribution.markov import Markov, choose_order, markov
from funnelcast.families.attribution.paths import Floats, Paths, from_rows
from funnelcast.families.attribution.rules import RULES, RuleSettings, rule
from funnelcast.settings import CHECKOUT
from funnelcast.simulate import company
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.spec import Spec, read
from funnelcast.terms import AsOf

NEVER = AsOf.parse("2026-01-01", "UTC")

# measured exactly on this file (order-1 absorbing chain solved as a linear system), to two digits
PATHDATA_MARKOV = {
    "alpha": 5344.95, "iota": 3884.61, "eta": 3340.85, "beta": 2527.35, "theta": 1971.91, "lambda": 1282.85, "epsilon": 599.57,
    "zeta": 381.06, "kappa": 274.36, "gamma": 171.15, "delta": 4.61, "mi": 1.72,
}  # fmt: skip
# as ChannelAttribution's heuristic_models prints them
PATHDATA_FIRST = {"alpha": 6308, "iota": 4606, "eta": 3164, "beta": 2831, "theta": 1606, "lambda": 902, "gamma": 165, "mi": 2, "delta": 1}
PATHDATA_LAST = {"alpha": 8447, "iota": 3355, "eta": 4167, "beta": 989, "theta": 653, "lambda": 1207, "gamma": 92, "mi": 2, "delta": 5}
PATHDATA_LINEAR = {"alpha": 7574.7186, "iota": 3857.0962, "eta": 3539.9512, "beta": 2083.5001, "mi": 2.2222, "delta": 1.7250}
PATHDATA_VALUES = {
    "first": {"alpha": 19121.2724, "iota": 19597.2613, "eta": 11909.4762, "beta": 12235.5917},
    "last": {"alpha": 28414.2143, "iota": 13487.9743, "eta": 16754.2038, "beta": 3850.0210},
    "linear": {"alpha": 24524.7096, "iota": 15988.9890, "eta": 13783.4971, "beta": 8954.2667},
}


@pytest.fixture(scope="module")
def spec() -> Spec:
    return read(CHECKOUT / "models", "attribution")


def rows_of(*rows: tuple[str, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["path", "conversions", "nulls"]).assign(value=lambda frame: 10 * frame["conversions"])


def journeys_of(rows: pd.DataFrame) -> Facts:
    return from_frames(Source("t"), {"journeys": rows})


def credited(facts: Facts, spec: Spec, method: str, order: int | None = None) -> dict[str, Any]:
    document = credits(facts, spec, NEVER, method, order)
    assert isinstance(document, dict)
    return document


def credited_by_all(facts: Facts, spec: Spec) -> list[dict[str, Any]]:
    documents: Any = credits(facts, spec, NEVER, "all")
    assert [document["method"] for document in documents] == list(METHODS)
    return list(documents)


def column(document: dict[str, Any], name: str = "conversions") -> dict[str, float]:
    return {row["channel"]: row[name] for row in document["credits"]}


@pytest.fixture(scope="module")
def pathdata(real_data: Path) -> Facts:
    brought = pd.read_csv(real_data / "attribution_pathdata" / "PathData.csv")
    names = {"total_conversions": "conversions", "total_conversion_value": "value", "total_null": "nulls"}
    return journeys_of(brought.rename(columns=names))


def test_pathdata_markov_of_order_1_with_nulls(pathdata: Facts, spec: Spec) -> None:
    document = credited(pathdata, spec, "markov", order=1)
    assert column(document) == pytest.approx(PATHDATA_MARKOV, abs=0.01)
    assert document["probability"] == pytest.approx(0.223845, abs=1e-6)
    removal = column(document, "removal_effect")
    published = {"alpha": 0.5584, "iota": 0.4058, "eta": 0.3490, "beta": 0.2640, "theta": 0.2060}
    assert {channel: removal[channel] for channel in published} == pytest.approx(published, abs=1e-4)


@pytest.mark.parametrize(("method", "printed"), [("first", PATHDATA_FIRST), ("last", PATHDATA_LAST), ("linear", PATHDATA_LINEAR)])
def test_pathdata_rules_as_channelattribution_prints_them(pathdata: Facts, spec: Spec, method: str, printed: dict[str, float]) -> None:
    document = credited(pathdata, spec, method)
    found = column(document)
    assert {channel: found[channel] for channel in printed} == pytest.approx(printed, abs=0.001)
    values = column(document, "value")
    wanted = PATHDATA_VALUES[method]
    assert {channel: values[channel] for channel in wanted} == pytest.approx(wanted, abs=0.01)


def test_pathdata_every_method_sums_to_the_conversions_and_the_value(pathdata: Facts, spec: Spec) -> None:
    documents = credited_by_all(pathdata, replace(spec, options={"replicates": 20}))
    for document in documents:
        assert sum(row["conversions"] for row in document["credits"]) == pytest.approx(19785, rel=1e-12)
        assert sum(row["value"] for row in document["credits"]) == pytest.approx(document["value"], rel=1e-12)
        assert all(row["low"] <= row["conversions"] <= row["high"] for row in document["credits"])


def test_one_channel_takes_all(spec: Spec) -> None:
    documents = credited_by_all(journeys_of(rows_of(("only", 3, 5), ("only > only", 1, 0))), spec)
    for document in documents:
        assert column(document) == {"only": pytest.approx(4.0, abs=1e-12)}


@pytest.mark.parametrize("method", ["linear", "position", "markov", "shapley"])
def test_channels_that_play_the_same_part_share_equally(spec: Spec, method: str) -> None:
    rows = rows_of(("a > b", 4, 6), ("b > a", 4, 6), ("a", 2, 9), ("b", 2, 9))
    document = credited(journeys_of(rows), spec, method)
    assert column(document) == {"a": pytest.approx(6.0, rel=1e-9), "b": pytest.approx(6.0, rel=1e-9)}


def test_markov_of_order_2_by_hand() -> None:
    paths = from_rows(rows_of(("a > b", 2, 0), ("b > a", 0, 2), ("a", 1, 1)), seed=1)
    # h0 = 3/6. Without b: 4/6 * 1/4 = 1/6, so b's removal effect is 2/3; without a nothing converts.
    second = markov(paths, 2).credit()
    assert second.removal_effect == pytest.approx([1.0, 2 / 3])
    assert second.conversions == pytest.approx([1.8, 1.2])
    # a chain of order 1 can't tell the a that came first from the one after b, nor the b's: without a 2/6 * 2/4 convert,
    # without b 4/6 * 1/6
    assert markov(paths, 1).credit().removal_effect == pytest.approx([2 / 3, 7 / 9])


def test_a_rare_tuple_backs_off_to_the_shorter_one() -> None:
    paths = from_rows(rows_of(("a > b", 2, 0), ("b > a", 0, 2), ("a", 1, 1)), seed=1)
    assert markov(paths, 2, minimum=100).credit().removal_effect == pytest.approx([2 / 3, 7 / 9])


def random_paths(seed: int, channels: int = 5, count: int = 200) -> Paths:
    rng = np.random.default_rng(seed)
    names = [f"c{number}" for number in range(channels)]
    text = [" > ".join(rng.choice(names, size=rng.integers(1, 7))) for _ in range(count)]
    outcome = rng.integers(0, 4, size=(count, 2)).astype(float)
    outcome[0] = 1.0
    rows = pd.DataFrame(
        {"path": text, "conversions": outcome[:, 0], "nulls": outcome[:, 1], "value": outcome[:, 0] * rng.gamma(2, 10, count)}
    )
    return from_rows(rows, seed=seed)


def dense_removal_effects(paths: Paths, order: int) -> Floats:
    """Count tuples in a plain loop and solve each chain whole, dense."""
    steps: dict[tuple[tuple[int, ...], tuple[int, ...] | str], float] = {}
    for row in range(len(paths.conversions)):
        touches = paths.codes[paths.offsets[row] : paths.offsets[row + 1]].tolist()
        before: tuple[int, ...] = (-1,)
        for place in range(len(touches)):
            after = tuple(([-1, *touches])[max(0, place + 2 - order) : place + 2])
            steps[before, after] = steps.get((before, after), 0.0) + paths.journeys[row]
            before = after
        for end, count in (("won", paths.conversions[row]), ("lost", paths.nulls[row])):
            steps[before, end] = steps.get((before, end), 0.0) + count
    states = sorted({source for source, _ in steps})

    def converts(removed: int | None) -> float:
        between, won = np.zeros((len(states), len(states))), np.zeros(len(states))
        for (source, target), count in steps.items():
            left = sum(other for (state, _), other in steps.items() if state == source)
            if target == "won":
                won[states.index(source)] += count / left
            elif not isinstance(target, str) and removed not in target:
                between[states.index(source), states.index(target)] += count / left
        reached = np.linalg.solve(np.eye(len(states)) - between, won)
        return float(reached[states.index((-1,))])

    whole = converts(None)
    return np.array([1 - converts(channel) / whole for channel in range(len(paths.channels))])


@pytest.mark.parametrize("order", [1, 2, 3])
def test_removal_effects_equal_a_dense_solve(order: int) -> None:
    paths = random_paths(3, channels=3, count=40)
    found = markov(paths, order).credit().removal_effect
    assert found is not None
    np.testing.assert_allclose(found, dense_removal_effects(paths, order), rtol=0, atol=1e-9)


@settings(max_examples=15)
@given(st.integers(0, 1000))
def test_the_chain_of_all_journeys_converts_as_often_as_they_did(seed: int) -> None:
    paths = random_paths(seed, count=50)
    for order in (1, 3):
        effects = markov(paths, order).credit().removal_effect
        assert effects is not None
        assert ((effects >= 0) & (effects <= 1)).all()
        assert markov(paths, order).credit().conversions.sum() == pytest.approx(paths.conversions.sum(), rel=1e-12)


def test_grouped_and_raw_rows_give_the_very_same(spec: Spec) -> None:
    grouped = rows_of(("a > b", 4, 6), ("b", 2, 9), ("c > a > a", 3, 1))
    won = grouped.loc[np.repeat(grouped.index, grouped["conversions"].astype(int))].assign(conversions=1.0, nulls=0.0, value=10.0)
    lost = grouped.loc[np.repeat(grouped.index, grouped["nulls"].astype(int))].assign(conversions=0.0, nulls=1.0, value=0.0)
    raw = pd.concat([won, lost]).sample(frac=1, random_state=1)
    assert credited_by_all(journeys_of(grouped), spec) == credited_by_all(journeys_of(raw), spec)


def test_replicates_of_higher_orders_agree_with_solving_each_anew() -> None:
    paths = random_paths(5, channels=4, count=3000)
    method = markov(paths, 2)
    weights = replicate_weights(paths.clusters, 40, seed=1)
    quick = method.replicates(weights).conversions
    anew = np.stack([_resampled(method, weight).credit().conversions for weight in weights])
    noise = anew.std(axis=0)
    assert (np.abs(quick - anew) < 0.05 * noise).all()


def _resampled(method: Markov, weight: npt.NDArray[np.int64]) -> Markov:
    statistics = method.chain.statistics.multiply(weight[:, None]).tocsr()
    return Markov(replace(method.chain, statistics=statistics))


def test_replicates_of_order_1_agree_with_solving_each_anew() -> None:
    paths = random_paths(5, channels=4, count=300)
    method = markov(paths, 1)
    weights = replicate_weights(paths.clusters, 5, seed=1)
    anew = np.stack([_resampled(method, weight).credit().conversions for weight in weights])
    np.testing.assert_allclose(method.replicates(weights).conversions, anew, rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_the_order_of_the_process_is_found_out_of_sample(order: int) -> None:
    rng = np.random.default_rng(4)
    text = []
    for _ in range(3000):
        touches = list(rng.integers(0, 2, size=order))
        while rng.random() < 0.85:
            touches.append(touches[-order] if rng.random() < 0.9 else 1 - touches[-order])
        text.append(" > ".join("ab"[touch] for touch in touches))
    won = rng.integers(0, 2, size=3000).astype(float)
    paths = from_rows(pd.DataFrame({"path": text, "conversions": won, "nulls": 1 - won}), seed=1)
    assert choose_order(paths, (1, 2, 3, 4), minimum=10).order == order


def test_rules_by_hand_on_one_path() -> None:
    paths = from_rows(rows_of(("a > b > direct > c > direct", 1, 0)), seed=1)
    settings_ = RuleSettings(half_life_touches=1)
    share = {name: dict(zip(paths.channels, rule(name, paths, settings_).credit().conversions.tolist(), strict=True)) for name in RULES}
    assert share["first"] == {"a": 1, "b": 0, "c": 0, "direct": 0}
    assert share["last"] == {"a": 0, "b": 0, "c": 0, "direct": 1}
    assert share["last_non_direct"] == {"a": 0, "b": 0, "c": 1, "direct": 0}
    assert share["linear"] == pytest.approx({"a": 0.2, "b": 0.2, "c": 0.2, "direct": 0.4})
    third = 0.2 / 3
    assert share["position"] == pytest.approx({"a": 0.4, "b": third, "c": third, "direct": 0.4 + third})
    assert share["time_decay"] == pytest.approx({"a": 1 / 31, "b": 2 / 31, "c": 8 / 31, "direct": 20 / 31})


def test_intervals_widen_where_journeys_come_in_clumps_of_contacts() -> None:
    rng = np.random.default_rng(9)
    text = np.repeat(rng.choice(["a", "b"], size=400), 10)
    rows = pd.DataFrame({"path": text, "conversions": 1.0, "nulls": 0.0, "contact_id": np.repeat(np.arange(400), 10)})
    width = {}
    for name, given_rows in (("contacts", rows), ("journeys", rows.drop(columns="contact_id"))):
        paths = from_rows(given_rows, seed=1)
        low, high = attribute(rule("last", paths, RuleSettings()), paths, 300, seed=2).interval
        width[name] = float((high - low)[0])
    assert width["contacts"] > 2 * width["journeys"]


@pytest.fixture(scope="module")
def awkward() -> Facts:
    """A simulated company, with touches at the very instant of purchases, and each channel of some journeys met twice."""
    simulated = company(800, seed=4)
    frames = {name: simulated.tables[name].to_pandas() for name in ("contacts", "touchpoints", "transactions")}
    bought = frames["transactions"].iloc[::5]
    instant = bought[["contact_id", "occurred_at"]].assign(channel="till", known_at=bought["known_at"])
    twice = frames["touchpoints"].iloc[::7].assign(occurred_at=lambda rows: rows["occurred_at"] + pd.Timedelta(seconds=1))
    frames["touchpoints"] = pd.concat([frames["touchpoints"], instant, twice], ignore_index=True)
    return from_frames(Source("t", offline=frozenset({"store", "phone", "event"})), frames)


@pytest.mark.parametrize("conversions", ["each", "first"])
def test_credits_sum_to_the_touched_conversions_and_their_value_whatever_the_journeys(awkward: Facts, spec: Spec, conversions: str) -> None:
    chosen = replace(spec, cohort={**spec.cohort, "conversions": conversions}, options={"replicates": 20})
    bought = awkward.table("transactions").execute()
    bought = bought[bought["amount"] >= 0]
    if conversions == "first":
        bought = bought[bought["occurred_at"] == bought.groupby("contact_id")["occurred_at"].transform("min")]
    documents: Any = credits(awkward, chosen, NEVER, "all")
    for document in documents:
        untouched = document["untouched"]
        assert untouched["conversions"] > 0
        assert document["conversions"] + untouched["conversions"] == len(bought)
        assert document["value"] + untouched["value"] == pytest.approx(bought["amount"].sum(), rel=1e-12)
        for outcome in ("conversions", "value"):
            assert sum(row[outcome] for row in document["credits"]) == pytest.approx(document[outcome], abs=1e-9 * document[outcome])
    last = column(documents[list(METHODS).index("last")])
    # a touch at the instant of a purchase is its last, unless another came at the very same second
    assert last["till"] == pytest.approx(len(set(bought.index) & set(range(0, 10**6, 5))), abs=2)


def test_steps_and_paths_for_drawing_by_hand(spec: Spec) -> None:
    rows = rows_of(("a > b", 2, 1), ("a > a > b", 1, 0), ("b", 0, 3), ("c", 3, 0))
    raw = pd.concat([rows.assign(contact_id=0), rows.assign(contact_id=1)])
    found = markov(from_rows(raw, seed=1), 2)
    steps: Any = transitions(found.chain)
    counts = {(step["from"], step["to"]): step["count"] for step in steps}
    assert counts == {
        ("(start)", "a"): 8, ("(start)", "b"): 6, ("(start)", "c"): 6, ("a", "a"): 2, ("a", "b"): 8,
        ("b", "(conversion)"): 6, ("b", "(null)"): 8, ("c", "(conversion)"): 6,
    }  # fmt: skip
    assert top_paths(from_rows(raw, seed=1), most=3) == [
        {"path": "c", "conversions": 6.0, "value": 60.0, "nulls": 0.0},
        {"path": "a > b", "conversions": 4.0, "value": 40.0, "nulls": 2.0},
        {"path": "a > a > b", "conversions": 2.0, "value": 20.0, "nulls": 0.0},
    ]
    document = credited(journeys_of(rows), spec, "markov", order=2)
    assert {(step["from"], step["to"]): 2 * step["count"] for step in document["transitions"]} == counts
    assert [path["path"] for path in document["paths"]] == ["c", "a > b", "a > a > b", "b"]


def test_as_many_steps_lead_to_a_channel_as_leave_it(awkward: Facts, spec: Spec) -> None:
    document = credited(awkward, replace(spec, options={"replicates": 0}), "markov")
    arrived = pd.DataFrame(document["transitions"]).groupby("to")["count"].sum()
    left = pd.DataFrame(document["transitions"]).groupby("from")["count"].sum()
    channels = column(document)
    assert {channel: arrived[channel] for channel in channels} == pytest.approx({channel: left[channel] for channel in channels})
    assert arrived["(conversion)"] == pytest.approx(document["conversions"])
    assert left["(start)"] == pytest.approx(arrived["(conversion)"] + arrived["(null)"])
