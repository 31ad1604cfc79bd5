from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from funnelcast.evaluate.gate import Gate, Losses, Terms, bounds, differences, judge, skill_of

RANDOM = np.random.default_rng(3)
EASY, HARD = RANDOM.gamma(2.0, 0.2, 500), RANDOM.gamma(2.0, 0.3, 500)
STRICT = Terms(margin=0.0)


def failed(gates: tuple[Gate, ...]) -> list[str]:
    return [gate.name for gate in gates if not gate.passed]


def test_the_first_challenger_serves_when_it_beats_the_baseline() -> None:
    verdict = judge(Losses(EASY, HARD), [], STRICT, seed=1)
    assert verdict.winner == "challenger"
    assert {gate.name: gate.passed for gate in verdict.gates} == {"finite": True, "better_than_baseline": True}


def test_where_nothing_is_predictable_the_baseline_serves() -> None:
    verdict = judge(Losses(HARD, EASY), [], STRICT, seed=1)
    assert verdict.winner == "baseline"
    assert "better_than_baseline" in verdict.reason


def test_a_worse_retrain_is_refused_and_the_champion_stays() -> None:
    verdict = judge(Losses(HARD * 0.99, HARD, champion=EASY), [], Terms(0.05), seed=1)
    assert verdict.winner == "champion"
    assert failed(verdict.gates) == ["no_worse_than_champion"]


def test_fresh_facts_may_cost_the_margin_and_no_more() -> None:
    slightly_worse = EASY * 1.01
    assert judge(Losses(slightly_worse, HARD, champion=EASY), [], Terms(0.02), seed=1).winner == "challenger"
    assert judge(Losses(slightly_worse, HARD, champion=EASY), [], Terms(0.005), seed=1).winner == "champion"


def test_a_safety_gate_bars_the_best_challenger() -> None:
    leak = Gate("no_leak", passed=False, value=0.99, threshold=0.95, safety=True)
    assert judge(Losses(EASY, HARD), [leak], STRICT, seed=1).winner == "baseline"
    assert judge(Losses(EASY, HARD, champion=HARD * 0.9), [leak], STRICT, seed=1).winner == "champion"


def test_a_baseline_unseats_a_champion_only_where_it_is_surely_better() -> None:
    hardly = EASY * np.where(np.arange(EASY.size) % 2, 1.9, 0.11)  # a little worse on average, and anyone's guess
    assert hardly.mean() > EASY.mean()
    assert judge(Losses(HARD * 2, EASY, champion=hardly), [], STRICT, seed=1).winner == "champion"
    assert judge(Losses(HARD * 2, EASY, champion=HARD), [], STRICT, seed=1).winner == "baseline"


def test_damaged_facts_change_nothing() -> None:
    schema = Gate("schema", passed=False, value=1.0, threshold=0.0, safety=True, facts=True)
    assert judge(Losses(HARD * 2, EASY, champion=HARD), [schema], STRICT, seed=1).winner == "champion"
    # a champion that can't even be compared on them stays as well
    assert judge(Losses(EASY, HARD), [schema], STRICT, seed=1).winner == "champion"


def test_a_challenger_that_learned_nothing_is_taken_for_scrambled_facts() -> None:
    noise = Losses(HARD * 0.999, HARD, champion=HARD * 1.5)
    verdict = judge(noise, [], STRICT, seed=1, skill=0.3)
    assert failed(verdict.gates) == ["skill_kept"]
    assert verdict.winner == "champion"
    assert judge(noise, [], STRICT, seed=1, skill=None).winner == "challenger"
    half = Losses(HARD * 0.85, HARD, champion=HARD * 1.5)
    assert judge(half, [], STRICT, seed=1, skill=0.3).winner == "challenger"


def test_a_champion_that_saw_the_rows_is_compared_by_its_skill() -> None:
    flattered = Losses(HARD * 0.8, HARD, champion=HARD * 0.5, seen=True)
    assert judge(flattered, [], STRICT, seed=1, skill=0.19).winner == "challenger"
    verdict = judge(flattered, [], STRICT, seed=1, skill=0.25)
    assert failed(verdict.gates) == ["no_worse_than_champion"]
    assert verdict.winner == "champion"
    assert judge(flattered, [], Terms(0.06), seed=1, skill=0.25).winner == "challenger"
    assert judge(flattered, [], STRICT, seed=1).winner == "champion"  # its skill isn't known: its losses bar the way


def by_channel(worse_in: str, factor: float) -> Losses:
    channels = np.array([name for name, _ in product(("event", "store", "web"), range(300))])
    champion = np.random.default_rng(4).gamma(2.0, 0.2, channels.size)
    challenger = champion * np.where(channels == worse_in, factor, 0.8)
    return Losses(challenger, champion * 1.5, champion, segments=channels)


def test_better_in_all_and_surely_worse_in_one_channel_is_refused_and_the_channel_named() -> None:
    verdict = judge(by_channel("store", 1.2), [], Terms(), seed=1)
    assert failed(verdict.gates) == ["stable_by_channel"]
    gate = verdict.gates[-1]
    assert gate.value == pytest.approx(0.2)
    assert gate.reason == "surely worse than the champion in store: loss +20.0% on 300 rows"
    assert judge(by_channel("store", 1.03), [], Terms(), seed=1).winner == "challenger"


def test_a_channel_of_a_few_rows_bars_nobody() -> None:
    few = by_channel("store", 3.0).where(np.arange(900) % 300 < 20)
    assert judge(few, [], Terms(), seed=1).gates[-1].passed


def test_a_challenger_that_is_like_its_champion_is_seldom_barred_by_a_channel() -> None:
    barred = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        champion = random.gamma(2.0, 0.2, 600)
        challenger = champion * random.lognormal(-0.125, 0.5, 600)  # the same in expectation
        losses = Losses(challenger, champion * 9, champion, segments=np.repeat(list("abcdef"), 100))
        gates = judge(losses, [], Terms(margin=9.0), seed=seed).gates
        barred += not gates[-1].passed
    assert barred <= 60 * 0.15


def test_differences_are_told_in_all_and_by_channel() -> None:
    found = {(other, channel): (rows, difference.mean) for other, channel, rows, difference in differences(by_channel("web", 1.5), seed=1)}
    assert set(found) == set(product(("baseline", "champion"), ("", "event", "store", "web")))
    assert found["champion", "web"][0] == 300
    assert found["champion", "web"][1] > 0 > found["champion", "event"][1]


def test_rows_of_one_contact_count_together() -> None:
    clusters = np.repeat(np.arange(10), 50)
    champion = np.ones(500)
    challenger = champion + np.where(clusters % 2, 0.5, -0.6)
    alone = Losses(challenger, champion, champion)
    wide, narrow = (next(differences(one, seed=1))[3] for one in (replace(alone, clusters=clusters), alone))
    assert wide.high - wide.low > 4 * (narrow.high - narrow.low)


def test_skill_is_the_share_of_the_baselines_loss_that_is_saved() -> None:
    assert skill_of(np.array([1.0, 2.0]), np.array([2.0, 4.0])) == 0.5
    assert skill_of(np.zeros(2), np.zeros(2)) == 0.0


def test_a_loss_that_is_no_number_bars_the_challenger() -> None:
    broken = EASY.copy()
    broken[7] = np.nan
    verdict = judge(Losses(broken, HARD), [], STRICT, seed=1)
    assert verdict.winner == "baseline"
    assert failed(verdict.gates) == ["finite"]


def test_bounds_are_inclusive_and_a_metric_that_is_no_number_fails() -> None:
    rules = {"bias_pct": {"min": -25.0, "max": 25.0}, "absent": {"min": 1.0}}
    assert [gate.passed for gate in bounds({"bias_pct": 25.0}, rules)] == [True, True]
    assert [gate.passed for gate in bounds({"bias_pct": -30.0}, rules)] == [False, True]
    assert [gate.passed for gate in bounds({"bias_pct": float("nan")}, rules)] == [False, False]
    assert all(gate.safety for gate in bounds({"bias_pct": 0.0}, rules))


def test_the_document_holds_no_nan() -> None:
    assert Gate("g", passed=False, value=float("inf"), threshold=float("nan")).document()["value"] is None
