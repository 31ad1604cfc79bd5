"""The search for hyperparameters: Optuna's seeded TPE with early pruning, quiet, resumed where it was stopped; alone in importing it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from funnelcast.artefacts import to_json, write_file

Values = Mapping[str, float]
_AT_LEAST_FOR_PRUNING = 4  # finished trials before a trial may be given up
_FOLDS_AT_ONCE = 2  # whatever the number of threads: when a trial is given up mustn't depend on it


@dataclass(frozen=True)
class Range:
    """The values that one hyperparameter may take, both ends included."""

    low: float
    high: float
    whole: bool = False
    log: bool = False


@dataclass(frozen=True)
class Found:
    """The best values and their loss, how many trials there are in all, how many of them were given up early or taken from before."""

    values: Values
    loss: float
    trials: int
    pruned: int = 0
    resumed: int = 0


@dataclass(frozen=True)
class Search:
    """What is minimised: the mean loss over folds.

    Parameters
    ----------
    losses
        From values and positions of some folds to the loss of each.
    folds
        How many.
    start
        Tried first; with a single trial it is the answer, and Optuna isn't even imported.
    """

    losses: Callable[[Values, range], list[float]]
    folds: int
    space: Mapping[str, Range]
    start: Values


def minimise(
    search: Search, *, trials: int, seed: int, study: Path | None = None, progress: Callable[[str], None] = lambda _: None
) -> Found:
    """Search the space from a first guess (Bergstra et al. 2011, tree-structured Parzen estimators).

    A trial whose mean over the folds so far is worse than the median of earlier trials at the same place is given up (median pruning).

    Parameters
    ----------
    trials
        In all, those of an earlier run included.
    study
        The file in which trials are kept as they end: a search that was stopped goes on from it, and one that was done isn't repeated.
    """
    if trials <= 1 or not search.space:
        return Found(dict(search.start), _mean(_all_losses(search, search.start)), 1)
    run = _Run(search, seed, progress, _kept(study, search))
    resumed = min(len(run.ended), trials)
    while len(run.ended) < trials:
        run.next_trial(of=trials)
        if study is not None:
            write_file(study, to_json(run.ended))
    counted = run.ended[:trials]
    best = min((trial for trial in counted if not trial["pruned"]), key=lambda trial: _mean(trial["losses"]))
    pruned = sum(bool(trial["pruned"]) for trial in counted)
    return Found({**search.start, **best["values"]}, _mean(best["losses"]), trials, pruned, resumed)


def _kept(study: Path | None, search: Search) -> list[Any]:
    """Read the trials that ended before; of another space, or not readable, they don't count."""
    try:
        kept = json.loads(study.read_bytes()) if study is not None else []
    except (OSError, ValueError):
        return []
    alike = all(set(trial["values"]) == set(search.space) and len(trial["losses"]) <= search.folds for trial in kept)
    return list(kept) if alike else []


class _Run:
    """A study in memory; ``ended`` holds each trial's values, its losses fold by fold, and whether it was given up."""

    def __init__(self, search: Search, seed: int, progress: Callable[[str], None], ended: list[Any]) -> None:
        import optuna  # noqa: PLC0415 (a second that only a search should pay)

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._search, self._seed, self._progress = optuna, search, seed, progress
        self._space = {name: _distribution(optuna, known) for name, known in search.space.items()}
        self._study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=_AT_LEAST_FOR_PRUNING))
        self.ended = ended
        for trial in ended:
            self._study.add_trial(self._frozen(trial))

    def next_trial(self, *, of: int) -> None:
        number = len(self.ended)
        # each trial has its own seed: a search that goes on takes the very steps that one without a break takes
        self._study.sampler = self._optuna.samplers.TPESampler(seed=self._seed + number, n_startup_trials=_AT_LEAST_FOR_PRUNING)
        if number == 0:
            self._study.enqueue_trial({name: self._search.start[name] for name in self._space})
        trial = self._study.ask(self._space)
        losses: list[float] = []
        pruned = False
        for folds in _at_once(self._search.folds):
            losses += self._search.losses({**self._search.start, **trial.params}, folds)
            trial.report(_mean(losses), len(losses))
            pruned = len(losses) < self._search.folds and bool(trial.should_prune())
            if pruned:
                break
        state = self._optuna.trial.TrialState
        self._study.tell(trial, None if pruned else _mean(losses), state=state.PRUNED if pruned else state.COMPLETE)
        self.ended.append({"values": dict(trial.params), "losses": losses, "pruned": pruned})
        said = f"given up after {len(losses)} of {self._search.folds} folds at" if pruned else ""
        self._progress(
            f"trial {number + 1} of {of}: {said} loss {_mean(losses):.5f} (best {self._study.best_value:.5f})".replace("  ", " ")
        )

    def _frozen(self, trial: Mapping[str, Any]) -> Any:
        steps = [folds.stop for folds in _at_once(self._search.folds) if folds.stop <= len(trial["losses"])]
        state = self._optuna.trial.TrialState
        return self._optuna.trial.create_trial(
            state=state.PRUNED if trial["pruned"] else state.COMPLETE,
            value=_mean(trial["losses"]),
            params=trial["values"],
            distributions=self._space,
            intermediate_values={step: _mean(trial["losses"][:step]) for step in steps},
        )


def _at_once(folds: int) -> list[range]:
    return [range(first, min(first + _FOLDS_AT_ONCE, folds)) for first in range(0, folds, _FOLDS_AT_ONCE)]


def _all_losses(search: Search, values: Values) -> list[float]:
    return [loss for folds in _at_once(search.folds) for loss in search.losses(values, folds)]


def _mean(losses: list[float]) -> float:
    return float(np.mean(losses)) if losses else float("nan")


def _distribution(optuna: Any, known: Range) -> Any:
    if known.whole:
        return optuna.distributions.IntDistribution(int(known.low), int(known.high), log=known.log)
    return optuna.distributions.FloatDistribution(known.low, known.high, log=known.log)
