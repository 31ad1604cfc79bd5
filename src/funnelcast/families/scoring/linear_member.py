"""The linear member: its penalty chosen on the folds, or the rates of segments alone where outcomes are few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from funnelcast.families.scoring.design import Design, learn_design
from funnelcast.families.scoring.logistic import fit_ridge, linear
from funnelcast.families.scoring.prepared import Prepared, Recipe

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Pairs = Sequence[tuple[Indices, Indices]]


@dataclass(frozen=True)
class Linear:
    """The design with its coefficients, the held-out raw scores fold by fold, and the penalty."""

    design: Design
    beta: Floats
    raw: Sequence[Floats]
    penalty: float


def fit_linear(prepared: Prepared, pairs: Pairs, penalties: Sequence[float]) -> Linear:
    """Choose the penalty on the folds, from strong to weak and no further than it helps; each fit starts from the last."""
    design = learn_design(prepared.matrix, prepared.shape.categories)
    values, outcome = design.apply(prepared.matrix), prepared.outcome
    judged = np.concatenate([outcome[judge] for _, judge in pairs])
    starts: list[Floats | None] = [None] * len(pairs)
    best_loss, best = np.inf, Linear(design, np.zeros(0), (), penalties[0])
    for penalty in penalties:
        fitted = [
            fit_ridge(values[fit], outcome[fit], penalty, begin, prepared.start_of(fit))
            for (fit, _), begin in zip(pairs, starts, strict=True)
        ]
        starts = list(fitted)
        raw = [linear(beta, values[judge]) + prepared.start_of(judge) for beta, (_, judge) in zip(fitted, pairs, strict=True)]
        loss = log_loss_of(np.concatenate(raw), judged)
        if loss >= best_loss:
            break
        best_loss, best = loss, Linear(design, fitted[-1], raw, penalty)
    return replace(best, beta=fit_ridge(values, outcome, best.penalty, best.beta, prepared.start_of()))


def or_segments(prepared: Prepared, own: Linear, pairs: Pairs, recipe: Recipe) -> tuple[Prepared, Linear]:
    """Take the rates of the segments, each shrunk to the base rate, where few outcomes teach no more than those."""
    place = next((place for place, column in enumerate(prepared.columns.encoded) if column.source == recipe.segment), None)
    if place is None:
        return prepared, own
    alone = prepared.only(place)
    rates = fit_linear(alone, pairs, recipe.penalties)
    outcome = np.concatenate([prepared.outcome[judge] for _, judge in pairs])
    better = log_loss_of(np.concatenate(rates.raw), outcome) <= log_loss_of(np.concatenate(own.raw), outcome)
    return (alone, rates) if better else (prepared, own)


def log_loss_of(raw: Floats, outcome: Floats) -> float:
    """Give the mean log-loss of raw scores."""
    return float((np.logaddexp(0, raw) - outcome * raw).mean())
