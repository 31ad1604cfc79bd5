from __future__ import annotations

import numpy as np

from funnelcast.evaluate.gate import Gate, Losses, bounds, judge

RANDOM = np.random.default_rng(3)
EASY, HARD = RANDOM.gamma(2.0, 0.2, 500), RANDOM.gamma(2.0, 0.3, 500)


def test_the_first_challenger_serves_when_it_beats_the_baseline() -> None:
    verdict = judge(Losses(EASY, HARD), [], margin=0.0, seed=1)
    assert verdict.winner == "challenger"
    assert {gate.name: gate.passed for gate in verdict.gates} == {"finite": True, "better_than_baseline": True}


def test_where_nothing_is_predictable_the_baseline_serves() -> None:
    verdict = judge(Losses(HARD, EASY), [], margin=0.0, seed=1)
    assert verdict.winner == "baseline"
    assert "better_than_baseline" in verdict.reason


def test_a_worse_retrain_is_refused_and_the_champion_stays() -> None:
    verdict = judge(Losses(HARD * 0.99, HARD, champion=EASY), [], margin=0.05, seed=1)
    assert verdict.winner == "champion"
    assert [gate.name for gate in verdict.gates if not gate.passed] == ["no_worse_than_champion"]


def test_fresh_facts_may_cost_the_margin_and_no_more() -> None:
    slightly_worse = EASY * 1.01
    assert judge(Losses(slightly_worse, HARD, champion=EASY), [], margin=0.02, seed=1).winner == "challenger"
    assert judge(Losses(slightly_worse, HARD, champion=EASY), [], margin=0.005, seed=1).winner == "champion"


def test_a_safety_gate_bars_the_best_challenger() -> None:
    leak = Gate("no_leak", passed=False, value=0.99, threshold=0.95, safety=True)
    assert judge(Losses(EASY, HARD), [leak], margin=0.0, seed=1).winner == "baseline"
    assert judge(Losses(EASY, HARD, champion=HARD * 0.9), [leak], margin=0.0, seed=1).winner == "champion"


def test_a_loss_that_is_no_number_bars_the_challenger() -> None:
    broken = EASY.copy()
    broken[7] = np.nan
    verdict = judge(Losses(broken, HARD), [], margin=0.0, seed=1)
    assert verdict.winner == "baseline"
    assert [gate.name for gate in verdict.gates if not gate.passed] == ["finite"]


def test_bounds_are_inclusive_and_a_metric_that_is_no_number_fails() -> None:
    rules = {"bias_pct": {"min": -25.0, "max": 25.0}, "absent": {"min": 1.0}}
    assert [gate.passed for gate in bounds({"bias_pct": 25.0}, rules)] == [True, True]
    assert [gate.passed for gate in bounds({"bias_pct": -30.0}, rules)] == [False, True]
    assert [gate.passed for gate in bounds({"bias_pct": float("nan")}, rules)] == [False, False]
    assert all(gate.safety for gate in bounds({"bias_pct": 0.0}, rules))


def test_the_document_holds_no_nan() -> None:
    assert Gate("g", passed=False, value=float("inf"), threshold=float("nan")).document()["value"] is None
