"""The search for hyperparameters: Optuna's seeded TPE with early pruning, quiet, resumed where it was stopped; alone in importing it.

A search on new rows begins with what was best on the rows before: good settings hardly change from one month to the next.
"""

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
_WARM = 3  # of the last study's best, tried right after the start


@dataclass(frozen=True)
class Range:
    """The values that one hyperparameter may take, both ends included."""

    low: float
    high: float
    whole: bool = False
    log: bool = False

    def holds(self, value: float) -> bool:
        """Say whether a value is one of them."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Found:
    """The best values and their loss, and how many trials there are in all.

    Parameters
    ----------
    pruned, resumed
        How many of the trials were given up early, or taken from before.
    warm_started
        How many of the trials began as the best values of an earlier study.
    """

    values: Values
    loss: float
    trials: int
    pruned: int = 0
    resumed: int = 0
    warm_started: int = 0


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


@dataclass(frozen=True)
class Study:
    """Where the trials of one search are kept as they end.

    Parameters
    ----------
    path
        ``MODEL-KEY.json``: the key tells searches of one model apart by all that a trial depends on.
    until
        The last instant among the rows, ISO: only studies whose rows ended no later are learned from.
    """

    path: Path
    until: str = ""

    def begun(self, search: Search) -> dict[str, Any]:
        """Read what was kept of this search; where nothing was, begin one with the best values of the last study of the model."""
        kept = _document(self.path, search)
        whole = kept is not None and all(len(trial["losses"]) <= search.folds for trial in kept["trials"])
        return kept if kept is not None and whole else {"until": self.until, "warm": self._warm(search), "trials": []}

    def _warm(self, search: Search) -> list[dict[str, float]]:
        model = self.path.name.rpartition("-")[0]
        others = [(path.name, _document(path, search)) for path in self.path.parent.glob(f"{model}-*.json") if path != self.path]
        earlier = [(kept["until"], name, kept["trials"]) for name, kept in others if kept and kept["until"] <= self.until]
        whole = [trial for trial in max(earlier, default=("", "", []))[2] if not trial["pruned"]]
        start = {name: search.start[name] for name in search.space}
        best = [trial["values"] for trial in sorted(whole, key=lambda trial: _mean(trial["losses"])) if trial["values"] != start]
        return [values for values in best if all(known.holds(values[name]) for name, known in search.space.items())][:_WARM]


def minimise(
    search: Search, *, trials: int, seed: int, study: Study | None = None, progress: Callable[[str], None] = lambda _: None
) -> Found:
    """Search the space from a first guess (Bergstra et al. 2011, tree-structured Parzen estimators).

    A trial whose mean over the folds so far is worse than the median of earlier trials at the same place is given up (median pruning).

    Parameters
    ----------
    trials
        In all, those of an earlier run included.
    study
        Where trials are kept as they end: a search that was stopped goes on from it, and one that was done isn't repeated.
    """
    if trials <= 1 or not search.space:
        return Found(dict(search.start), _mean(_all_losses(search, search.start)), 1)
    kept = study.begun(search) if study else {"warm": [], "trials": []}
    run = _Run(search, seed, progress, kept)
    resumed = min(len(run.ended), trials)
    while len(run.ended) < trials:
        run.next_trial(of=trials)
        if study is not None:
            write_file(study.path, to_json(kept))
    counted = run.ended[:trials]
    best = min((trial for trial in counted if not trial["pruned"]), key=lambda trial: _mean(trial["losses"]))
    pruned = sum(bool(trial["pruned"]) for trial in counted)
    return Found({**search.start, **best["values"]}, _mean(best["losses"]), trials, pruned, resumed, min(len(kept["warm"]), trials - 1))


def _document(path: Path, search: Search) -> dict[str, Any] | None:
    """Read the trials that ended before; of another space, of another version or not readable, they don't count."""
    try:
        kept = dict(json.loads(path.read_bytes()))
        searched = [*kept["warm"], *(trial["values"] for trial in kept["trials"])]
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return kept if all(set(values) == set(search.space) for values in searched) else None


class _Run:
    """A study in memory; ``ended`` holds each trial's values, its losses fold by fold, and whether it was given up."""

    def __init__(self, search: Search, seed: int, progress: Callable[[str], None], kept: Mapping[str, Any]) -> None:
        import optuna  # noqa: PLC0415 (a second that only a search should pay)

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._search, self._seed, self._progress = optuna, search, seed, progress
        self._space = {name: _distribution(optuna, known) for name, known in search.space.items()}
        self._study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_startup_trials=_AT_LEAST_FOR_PRUNING))
        self.ended: list[Any] = kept["trials"]
        self._first = [{name: search.start[name] for name in search.space}, *kept["warm"]]
        for trial in self.ended:
            self._study.add_trial(self._frozen(trial))

    def next_trial(self, *, of: int) -> None:
        number = len(self.ended)
        # each trial has its own seed: a search that goes on takes the very steps that one without a break takes
        self._study.sampler = self._optuna.samplers.TPESampler(seed=self._seed + number, n_startup_trials=_AT_LEAST_FOR_PRUNING)
        if number < len(self._first):
            self._study.enqueue_trial(self._first[number])
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
