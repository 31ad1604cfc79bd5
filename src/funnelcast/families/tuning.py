"""The search for hyperparameters: Optuna's seeded TPE, quiet; the only module that imports it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, float]


@dataclass(frozen=True)
class Range:
    """The values that one hyperparameter may take, both ends included."""

    low: float
    high: float
    whole: bool = False
    log: bool = False


@dataclass(frozen=True)
class Found:
    """The best values, their loss and how many trials were run."""

    values: Values
    loss: float
    trials: int


def minimise(
    loss: Callable[[Values], float],
    space: Mapping[str, Range],
    start: Values,
    *,
    trials: int,
    seed: int,
    progress: Callable[[str], None] = lambda _: None,
) -> Found:
    """Search the space from a first guess (Bergstra et al. 2011, tree-structured Parzen estimators).

    Parameters
    ----------
    loss
        One objective; lower is better.
    start
        Tried first; with a single trial it is the answer, and Optuna isn't even imported.
    """
    best = Found(dict(start), loss(start), 1)
    if trials <= 1 or not space:
        return best
    import optuna  # noqa: PLC0415 (a second that only a search should pay)

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=seed))
    study.add_trial(
        optuna.trial.create_trial(
            params={name: start[name] for name in space},
            distributions={name: _distribution(known) for name, known in space.items()},
            value=best.loss,
        )
    )
    for count in range(2, trials + 1):
        trial = study.ask({name: _distribution(known) for name, known in space.items()})
        values = {**start, **trial.params}
        reached = loss(values)
        study.tell(trial, reached)
        progress(f"trial {count} of {trials}: loss {reached:.5f} (best {min(reached, best.loss):.5f})")
        if reached < best.loss:
            best = Found(values, reached, count)
    return Found(best.values, best.loss, trials)


def _distribution(known: Range) -> Any:
    from optuna import distributions  # noqa: PLC0415

    if known.whole:
        return distributions.IntDistribution(int(known.low), int(known.high), log=known.log)
    return distributions.FloatDistribution(known.low, known.high, log=known.log)
