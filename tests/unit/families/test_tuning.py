"""The search: seeded, given up early where hopeless, and the same whether or not it was stopped halfway."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from funnelcast.families.tuning import Found, Range, Search, Study, minimise

SPACE = {"x": Range(-4.0, 4.0), "leaves": Range(2, 64, whole=True, log=True)}
START = {"x": 0.0, "leaves": 8.0, "kept": 1.0}
FOLDS = 4


def bowl(values: Mapping[str, float], folds: range) -> list[float]:
    return [(values["x"] - 2.0) ** 2 + abs(values["leaves"] - 20) / 10 + 0.01 * fold for fold in folds]


def found(losses: Callable[[Mapping[str, float], range], list[float]] = bowl, trials: int = 25, study: Study | None = None) -> Found:
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

    study = Study(tmp_path / "studies" / "churn-0.json")
    with pytest.raises(PowerCutError):
        found(stops, study=study)
    resumed, whole = found(study=study), found()
    assert 0 < resumed.resumed < 25
    assert (resumed.values, resumed.loss, resumed.pruned) == (whole.values, whole.loss, whole.pruned)
    assert found(stops, trials=10, study=study).resumed == 10  # all there: nothing is fitted
    study.path.write_bytes(b"[{")
    assert found(study=study, trials=3).resumed == 0  # damaged: begins again


def kept(folder: Path, key: str, until: str, **how: Any) -> Study:
    """A finished study of churn on rows that end at a date."""
    study = Study(folder / f"churn-{key}.json", until)
    found(study=study, **how)
    return study


def tried(study: Study) -> list[Any]:
    return [trial["values"] for trial in json.loads(study.path.read_bytes())["trials"]]


def best_of(study: Study) -> list[Any]:
    whole = [trial for trial in json.loads(study.path.read_bytes())["trials"] if not trial["pruned"]]
    return [trial["values"] for trial in sorted(whole, key=lambda trial: sum(trial["losses"]))]


def test_on_new_rows_the_best_of_the_last_study_are_tried_right_after_the_start(tmp_path: Path) -> None:
    first = kept(tmp_path, "b", "2025-05-01", trials=30)
    kept(tmp_path, "a", "2025-04-01", trials=5)
    following = Study(tmp_path / "churn-c.json", "2025-06-01")
    best = found(trials=8, study=following)
    assert tried(following)[0] == {"x": 0.0, "leaves": 8}
    assert tried(following)[1:4] == best_of(first)[:3]
    assert best.warm_started == 3
    assert best.loss <= min(sum(bowl(values, range(FOLDS))) / FOLDS for values in tried(first))
    assert found(trials=8).loss > best.loss  # a cold one finds less in as many trials


def test_a_warm_search_that_was_stopped_goes_on_as_it_began(tmp_path: Path) -> None:
    halved, whole = (Study(tmp_path / folder / "churn-c.json", "2025-06-01") for folder in ("stopped", "not"))
    for study, trials in ((halved, 3), (whole, 10)):
        kept(study.path.parent, "a", "2025-05-01", trials=20)
        found(trials=trials, study=study)
    kept(halved.path.parent, "b", "2025-05-20", trials=6)  # what came in between changes nothing
    again = found(trials=10, study=halved)
    assert tried(halved) == tried(whole)
    assert (again.resumed, again.warm_started, again.loss) == (3, 3, found(trials=10, study=whole).loss)


def test_nothing_is_learned_from_later_rows_from_another_model_or_from_what_cannot_be_read(tmp_path: Path) -> None:
    kept(tmp_path, "a", "2025-06-02", trials=6)
    found(trials=6, study=Study(tmp_path / "lead_scoring-b.json", "2025-01-01"))
    (tmp_path / "churn-old.json").write_text('[{"values": {"x": 1.0, "leaves": 9}, "losses": [1.0], "pruned": false}]')
    (tmp_path / "churn-torn.json").write_text("{")
    cold = Study(tmp_path / "churn-c.json", "2025-06-01")
    assert found(trials=8, study=cold).warm_started == 0
    assert tried(cold) == tried(kept(tmp_path / "alone", "c", "2025-06-01", trials=8))


def test_another_number_of_folds_is_no_reason_to_begin_from_nothing(tmp_path: Path) -> None:
    kept(tmp_path, "a", "2025-05-01", trials=20)
    fewer = minimise(Search(bowl, FOLDS - 2, SPACE, START), trials=6, seed=3, study=Study(tmp_path / "churn-c.json", "2025-06-01"))
    assert fewer.warm_started == 3


def test_values_that_the_space_no_longer_holds_are_left_out(tmp_path: Path) -> None:
    kept(tmp_path, "a", "2025-05-01", trials=20)
    narrower = Search(bowl, FOLDS, {**SPACE, "x": Range(-4.0, 0.5)}, START)
    best = minimise(narrower, trials=6, seed=3, study=Study(tmp_path / "churn-c.json", "2025-06-01"))
    assert best.values["x"] <= 0.5
