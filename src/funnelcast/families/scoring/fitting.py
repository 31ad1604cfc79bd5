"""Fit both members on the same folds, ship the better one or their blend, and calibrate it on what was held out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.evaluate.calibration import fit_line, log_odds
from funnelcast.families.boosting import Shape, Trees, TreeSettings, cross_fit, train
from funnelcast.families.one_thread import one_thread
from funnelcast.families.scoring.calibrator import Calibrator, learn_calibrator, with_bands
from funnelcast.families.scoring.columns import Columns
from funnelcast.families.scoring.design import Design
from funnelcast.families.scoring.linear_member import Indices, Pairs, fit_linear, log_loss_of, or_segments
from funnelcast.families.scoring.model import ScoringModel, without
from funnelcast.families.scoring.prepared import FEWEST_FOR_A_MODEL, PENALTIES, Prepared, Recipe, prepare
from funnelcast.labels import LABEL
from funnelcast.splits import Fold
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
FEWEST_FOR_TREES = 100


@dataclass(frozen=True)
class Fitted:
    """A model, and the held-out raw scores that chose and calibrated it: ``held_out`` are positions of rows, fold by fold."""

    model: ScoringModel
    held_out: tuple[Indices, ...] = ()
    raw: tuple[Floats, ...] = ()
    penalty: float | None = None


@dataclass(frozen=True)
class Members:
    """The two members, and the trees' weight in the blend."""

    design: Design
    beta: Floats
    trees: Trees | None = None
    weight: float = 0.0


def fit_scoring(prepared: Prepared, folds: Sequence[Fold], recipe: Recipe) -> Fitted:
    """Fit, choose, blend and calibrate.

    Parameters
    ----------
    folds
        Of the prepared rows; both members are judged on them. Without folds, or with next to no outcomes of one kind, the answer is
        the base rate.
    """
    rarer = prepared.rarer
    if not folds or rarer < FEWEST_FOR_A_MODEL or not prepared.columns.encoded:
        return base_rate(prepared, recipe)
    pairs = [(fold.fit, fold.judge) for fold in folds]
    with one_thread():
        own = fit_linear(prepared, pairs, recipe.penalties)
        if rarer < FEWEST_FOR_TREES:
            prepared, own = or_segments(prepared, own, pairs, recipe)
    trees, weight, raw = None, 0.0, own.raw
    if rarer >= FEWEST_FOR_TREES:
        rounds, others = _cross_fit(prepared, pairs, recipe)
        weight, raw = _blend(own.raw, others, [prepared.outcome[judge] for _, judge in pairs])
        if weight > 0:
            settings = recipe.trees.with_rounds(rounds)
            trees = _train(prepared, settings, recipe)
    calibrator = learn_calibrator(np.concatenate(raw), np.concatenate([prepared.outcome[judge] for _, judge in pairs]))
    model = _model(prepared, recipe, calibrator, Members(own.design, own.beta, trees, weight))
    return Fitted(model, tuple(judge for _, judge in pairs), tuple(raw), own.penalty)


def base_rate(prepared: Prepared, recipe: Recipe) -> Fitted:
    """Give everyone the rate (k + 1/2) / (n + 1) (Jeffreys), with its interval."""
    outcome = prepared.outcome
    raw = np.full(outcome.size, float(log_odds((np.array([outcome.sum()]) + 0.5) / (outcome.size + 1))[0]))
    exact = with_bands(Calibrator(0.0, 1.0, 1.0, (), (), (), "platt"), raw, outcome)
    unread = without(Columns({}, ()), [*prepared.columns.left_out, *prepared.columns.kinds], "the base rate reads no column")
    nothing = Prepared(unread, np.zeros((outcome.size, 0)), outcome, Shape())
    return Fitted(_model(nothing, recipe, exact, Members(Design(()), raw[:1])))


def fit_simple(rows: pd.DataFrame, names: Sequence[str], baseline: str, folds: Sequence[Fold], recipe: Recipe) -> Fitted:
    """Fit the baseline: a logistic regression on one column alone, the field's simple rule; the base rate where it isn't there."""
    outcome = rows[LABEL].to_numpy(np.float64)
    unread = {name: "the baseline doesn't read it" for name in names if name != baseline}
    recipe = replace(recipe, excluded=unread, monotone={}, rhythm_days=0.0, season=None)
    prepared = prepare(rows, outcome, names, recipe)
    if not folds or prepared.rarer < FEWEST_FOR_A_MODEL or not prepared.columns.encoded:
        return base_rate(prepared, recipe)
    pairs = [(fold.fit, fold.judge) for fold in folds]
    with one_thread():
        own = fit_linear(prepared, pairs, PENALTIES)
    calibrator = learn_calibrator(np.concatenate(own.raw), np.concatenate([outcome[judge] for _, judge in pairs]))
    return Fitted(_model(prepared, recipe, calibrator, Members(own.design, own.beta)), tuple(judge for _, judge in pairs), tuple(own.raw))


def fold_losses(prepared: Prepared, folds: Sequence[Fold], recipe: Recipe) -> list[float]:
    """Give the trees' mean log-loss on each fold: what the search minimises."""
    pairs = [(fold.fit, fold.judge) for fold in folds]
    _, raw = _cross_fit(prepared, pairs, recipe)
    return [log_loss_of(scores, prepared.outcome[judge]) for scores, (_, judge) in zip(raw, pairs, strict=True)]


def _cross_fit(prepared: Prepared, pairs: Pairs, recipe: Recipe) -> tuple[int, list[Floats]]:
    """Fit the trees fold by fold; gives the rounds that suit all and the held-out scores, the start included."""
    how: Mapping[str, Any] = {"seed": recipe.seed, "threads": recipe.threads, "start": prepared.log_odds}
    rounds, found = cross_fit(prepared.matrix, prepared.outcome, pairs, recipe.trees, prepared.shape, **how)
    return rounds, [scores + prepared.start_of(judge) for scores, (_, judge) in zip(found, pairs, strict=True)]


def _train(prepared: Prepared, settings: TreeSettings, recipe: Recipe) -> Trees:
    how: Mapping[str, Any] = {"seed": recipe.seed, "threads": recipe.threads, "start": prepared.log_odds}
    return train(prepared.matrix, prepared.outcome, settings, prepared.shape, **how)


def _blend(own: Sequence[Floats], others: Sequence[Floats], outcomes: Sequence[Floats]) -> tuple[float, list[Floats]]:
    """Choose the trees' weight whose recalibrated held-out log-loss is lowest; the smaller weight on a tie."""
    outcome = np.concatenate(outcomes)
    best_loss, best_weight = np.inf, 0.0
    for weight in WEIGHTS:
        raw = np.concatenate([weight * theirs + (1 - weight) * mine for mine, theirs in zip(own, others, strict=True)])
        line = fit_line(outcome, raw, prior=1.0)
        loss = log_loss_of(line.intercept + line.slope * raw, outcome)
        if loss < best_loss:
            best_loss, best_weight = loss, weight
    return best_weight, [best_weight * theirs + (1 - best_weight) * mine for mine, theirs in zip(own, others, strict=True)]


def _model(prepared: Prepared, recipe: Recipe, calibrator: Calibrator, members: Members) -> ScoringModel:
    outcome = prepared.outcome
    about: dict[str, Json] = {"base_rate": float(outcome.mean()), "positives": float(outcome.sum()), "rows": int(outcome.size)}
    about["features"] = recipe.features
    wording = recipe.wording
    kept = {name: words for name, words in wording.names.items() if name in prepared.columns.kinds or name in prepared.start.columns}
    unread = members.weight == 1
    return ScoringModel(
        family=recipe.family,
        read=prepared.columns,
        design=Design(()) if unread else members.design,
        beta=np.zeros(1) if unread else members.beta,
        trees=members.trees,
        weight=members.weight,
        calibrator=calibrator,
        wording=replace(wording, names=kept),
        start=prepared.start,
        about=about,
    )
