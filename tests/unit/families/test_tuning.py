"""The search: seeded, given up early where hopeless, and the same whether or not it was stopped halfway."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from funnelcast.families.tuning import Found, Range, Search, minimise

SPACE = {"x": Range(-4.0, 4.0), "leaves": Range(2, 64, whole=True, log=True)}
START = {"x": 0.0, "leaves": 8.0, "kept": 1.0}
FOLDS = 4


def bowl(values: Mapping[str, float], folds: range) -> list[float]:
    return [(values["x"] - 2.0) ** 2 + abs(values["leaves"] - 20) / 10 + 0.01 * fold for fold in folds]


def found(losses: Callable[[Mapping[str, float], range], list[float]] = bowl, trials: int = 25, study: Path | None = None) -> Found:
    return minimise(Search(losses, FOLDS, SPACE, START), trials=trials, seed=3, study=study)


def test_it_comes_near_the_bottom_and_keeps_what_it_does_not_search() -> None:
    best = found(trials=40)
    assert best.loss < 0.5 < bowl(START, range(1))[0]
    assert (best.trials, best.values["kept"]) == (40, 1.0)
    assert best.loss == pytest.approx(sum(bowl(best.values, range(FOLDS))) / FOLDS)


def test_the_start_is_tried_first_and_alone_where_one_trial_is_asked_for() -> None:
    tried: list[float] = []

    def watched(values: Mapping[str, float], folds: range) -> list[float]:
        tried.append(values["x"])
        return bowl(values, folds)

    assert found(watched, trials=1).values == START
    assert tried == [0.0, 0.0]  # folds by two
    assert found(watched, trials=2).trials == 2
    assert tried[2:4] == [0.0, 0.0]


def test_hopeless_trials_are_given_up_before_their_last_fold() -> None:
    seen: list[tuple[float, int]] = []

    def watched(values: Mapping[str, float], folds: range) -> list[float]:
        seen.extend((values["x"], fold) for fold in folds)
        return bowl(values, folds)

    best = found(watched)
    assert 0 < best.pruned < 20
    assert len(seen) == FOLDS * (25 - best.pruned) + 2 * best.pruned
    given_up = {x for x, _ in seen} - {x for x, fold in seen if fold == FOLDS - 1}
    assert best.values["x"] not in given_up


class PowerCutError(Exception):
    pass


def test_a_search_that_was_stopped_goes_on_and_ends_as_without_a_break(tmp_path: Path) -> None:
    left = 30

    def stops(values: Mapping[str, float], folds: range) -> list[float]:
        nonlocal left
        left -= 1
        if left == 0:
            raise PowerCutError
        return bowl(values, folds)

    study = tmp_path / "studies" / "churn.json"
    with pytest.raises(PowerCutError):
        found(stops, study=study)
    resumed, whole = found(study=study), found()
    assert 0 < resumed.resumed < 25
    assert (resumed.values, resumed.loss, resumed.pruned) == (whole.values, whole.loss, whole.pruned)
    assert found(stops, trials=10, study=study).resumed == 10  # all there: nothing is fitted
    study.write_bytes(b"[{")
    assert found(study=study, trials=3).resumed == 0  # damaged: begins again
