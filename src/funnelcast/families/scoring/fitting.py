"""Fit both members on the same folds, ship the better one or their blend, and calibrate it on what was held out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from funnelcast.evaluate.calibration import fit_line, log_odds
from funnelcast.families.boosting import Shape, Trees, TreeSettings, cross_fit, train
from funnelcast.families.scoring.calibrator import Calibrator, learn_calibrator, with_bands
from funnelcast.families.scoring.columns import Columns, learn
from funnelcast.families.scoring.design import Design, learn_design
from funnelcast.families.scoring.logistic import fit_ridge, linear
from funnelcast.families.scoring.model import ScoringModel, without
from funnelcast.families.scoring.reasons import Wording
from funnelcast.families.scoring.season import DAY_OF_YEAR, Season
from funnelcast.families.scoring.start import Start, learn_start
from funnelcast.labels import LABEL
from funnelcast.splits import Fold
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]
Pairs = Sequence[tuple[Indices, Indices]]
PENALTIES = (600.0, 200.0, 60.0, 20.0, 6.0)
WEIGHTS = (0.0, 0.25, 0.5, 0.75, 1.0)
FEWEST_FOR_TREES = 100
_FEWEST_FOR_A_MODEL = 10


@dataclass(frozen=True)
class Recipe:
    """Everything beside the rows that decides a fit.

    Parameters
    ----------
    family
        For messages.
    excluded
        Columns that must not be read, each with the reason.
    monotone
        The sign in which a column must move the trees' score, by name.
    features
        The fingerprint of the company's feature set, kept in the artefact.
    penalties
        Of the linear member, from strong to weak; the folds choose.
    rhythm_days
        The horizon over which the outcome is a silence, where members start from the customer's own rhythm; 0 where they don't.
    season
        The company's, where its history tells one.
    segment
        The category whose levels' rates, shrunk to the base rate, are tried instead of all columns where outcomes are few.
    """

    family: str
    seed: int
    threads: int = 1
    trees: TreeSettings = field(default_factory=TreeSettings)
    excluded: Mapping[str, str] = field(default_factory=dict)
    monotone: Mapping[str, int] = field(default_factory=dict)
    wording: Wording = field(default_factory=Wording)
    features: str = ""
    penalties: tuple[float, ...] = PENALTIES
    rhythm_days: float = 0.0
    season: Season | None = None
    segment: str = "source_channel"


@dataclass(frozen=True)
class Fitted:
    """A model, and the held-out raw scores that chose and calibrated it: ``held_out`` are positions of rows, fold by fold."""

    model: ScoringModel
    held_out: tuple[Indices, ...] = ()
    raw: tuple[Floats, ...] = ()
    penalty: float | None = None


@dataclass(frozen=True)
class Prepared:
    """Rows as numbers, ready for both members, and the log-odds that both start from."""

    columns: Columns
    matrix: Floats
    outcome: Floats
    shape: Shape
    start: Start = field(default_factory=Start)
    log_odds: Floats | None = None

    @property
    def rarer(self) -> float:
        """How many rows have the rarer outcome."""
        return _rarer(self.outcome)


@dataclass(frozen=True)
class Members:
    """The two members, and the trees' weight in the blend."""

    design: Design
    beta: Floats
    trees: Trees | None = None
    weight: float = 0.0


def prepare(rows: pd.DataFrame, outcome: Floats, names: Collection[str], recipe: Recipe) -> Prepared:
    """Learn the columns and turn the rows into a matrix; what is excluded stays known, so that rows may hold it."""
    excluded = {DAY_OF_YEAR: "the season alone reads it", **recipe.excluded} if DAY_OF_YEAR in names else recipe.excluded
    columns = learn(rows, [name for name in names if name not in excluded])
    for reason_given in sorted(set(excluded.values())):
        columns = without(columns, [name for name, why in excluded.items() if why == reason_given], reason_given)
    categories = tuple(place for place, column in enumerate(columns.encoded) if column.is_category)
    monotone = tuple(recipe.monotone.get(column.source, 0) for column in columns.encoded)
    prepared = Prepared(columns, columns.matrix(rows), outcome, Shape(categories, monotone))
    if _rarer(outcome) < _FEWEST_FOR_A_MODEL:
        return prepared
    start = learn_start(rows, outcome, recipe.rhythm_days, recipe.season)
    return replace(prepared, start=start, log_odds=start.log_odds(rows)) if start.columns else prepared


def fit_scoring(prepared: Prepared, folds: Sequence[Fold], recipe: Recipe) -> Fitted:
    """Fit, choose, blend and calibrate.

    Parameters
    ----------
    folds
        Of the prepared rows; both members are judged on them. Without folds, or with next to no outcomes of one kind, the answer is
        the base rate.
    """
    rarer = prepared.rarer
    if not folds or rarer < _FEWEST_FOR_A_MODEL or not prepared.columns.encoded:
        return base_rate(prepared, recipe)
    pairs = [(fold.fit, fold.judge) for fold in folds]
    with _one_adder():
        own = _fit_linear(prepared, pairs, recipe.penalties)
        if rarer < FEWEST_FOR_TREES:
            prepared, own = _or_segments(prepared, own, pairs, recipe)
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
    if not folds or _rarer(outcome) < _FEWEST_FOR_A_MODEL or not prepared.columns.encoded:
        return base_rate(prepared, recipe)
    pairs = [(fold.fit, fold.judge) for fold in folds]
    with _one_adder():
        own = _fit_linear(prepared, pairs, PENALTIES)
    calibrator = learn_calibrator(np.concatenate(own.raw), np.concatenate([outcome[judge] for _, judge in pairs]))
    return Fitted(_model(prepared, recipe, calibrator, Members(own.design, own.beta)), tuple(judge for _, judge in pairs), tuple(own.raw))


def fold_losses(prepared: Prepared, folds: Sequence[Fold], recipe: Recipe) -> list[float]:
    """Give the trees' mean log-loss on each fold: what the search minimises."""
    pairs = [(fold.fit, fold.judge) for fold in folds]
    _, raw = _cross_fit(prepared, pairs, recipe)
    return [_log_loss(scores, prepared.outcome[judge]) for scores, (_, judge) in zip(raw, pairs, strict=True)]


def _cross_fit(prepared: Prepared, pairs: Pairs, recipe: Recipe) -> tuple[int, list[Floats]]:
    """Fit the trees fold by fold; gives the rounds that suit all and the held-out scores, the start included."""
    how: Mapping[str, Any] = {"seed": recipe.seed, "threads": recipe.threads, "start": prepared.log_odds}
    rounds, found = cross_fit(prepared.matrix, prepared.outcome, pairs, recipe.trees, prepared.shape, **how)
    return rounds, [scores + _start(prepared, judge) for scores, (_, judge) in zip(found, pairs, strict=True)]


def _train(prepared: Prepared, settings: TreeSettings, recipe: Recipe) -> Trees:
    how: Mapping[str, Any] = {"seed": recipe.seed, "threads": recipe.threads, "start": prepared.log_odds}
    return train(prepared.matrix, prepared.outcome, settings, prepared.shape, **how)


def _start(prepared: Prepared, rows: Indices | slice = slice(None)) -> Floats | float:
    return 0.0 if prepared.log_odds is None else prepared.log_odds[rows]


@dataclass(frozen=True)
class _Linear:
    design: Design
    beta: Floats
    raw: Sequence[Floats]
    penalty: float


def _fit_linear(prepared: Prepared, pairs: Pairs, penalties: Sequence[float]) -> _Linear:
    """Choose the penalty on the folds, from strong to weak and no further than it helps; each fit starts from the last."""
    design = learn_design(prepared.matrix, prepared.shape.categories)
    values, outcome = design.apply(prepared.matrix), prepared.outcome
    judged = np.concatenate([outcome[judge] for _, judge in pairs])
    starts: list[Floats | None] = [None] * len(pairs)
    best_loss, best = np.inf, _Linear(design, np.zeros(0), (), penalties[0])
    for penalty in penalties:
        fitted = [
            fit_ridge(values[fit], outcome[fit], penalty, begin, _start(prepared, fit))
            for (fit, _), begin in zip(pairs, starts, strict=True)
        ]
        starts = list(fitted)
        raw = [linear(beta, values[judge]) + _start(prepared, judge) for beta, (_, judge) in zip(fitted, pairs, strict=True)]
        loss = _log_loss(np.concatenate(raw), judged)
        if loss >= best_loss:
            break
        best_loss, best = loss, _Linear(design, fitted[-1], raw, penalty)
    return replace(best, beta=fit_ridge(values, outcome, best.penalty, best.beta, _start(prepared)))


def _or_segments(prepared: Prepared, own: _Linear, pairs: Pairs, recipe: Recipe) -> tuple[Prepared, _Linear]:
    """Take the rates of the segments, each shrunk to the base rate, where few outcomes teach no more than those."""
    place = next((place for place, column in enumerate(prepared.columns.encoded) if column.source == recipe.segment), None)
    if place is None:
        return prepared, own
    alone = _only(prepared, place)
    rates = _fit_linear(alone, pairs, recipe.penalties)
    outcome = np.concatenate([prepared.outcome[judge] for _, judge in pairs])
    better = _log_loss(np.concatenate(rates.raw), outcome) <= _log_loss(np.concatenate(own.raw), outcome)
    return (alone, rates) if better else (prepared, own)


def _only(prepared: Prepared, place: int) -> Prepared:
    columns = prepared.columns
    kept = columns.encoded[place]
    unread = [name for name in columns.kinds if name != kept.source]
    alone = Columns({kept.source: columns.kinds[kept.source]}, (kept,), columns.left_out)
    shape = Shape((0,) if kept.is_category else (), (0,))
    return replace(
        prepared,
        columns=without(alone, unread, f"too few outcomes to read more than {kept.source}"),
        matrix=prepared.matrix[:, [place]],
        shape=shape,
    )


def _blend(own: Sequence[Floats], others: Sequence[Floats], outcomes: Sequence[Floats]) -> tuple[float, list[Floats]]:
    """Choose the trees' weight whose recalibrated held-out log-loss is lowest; the smaller weight on a tie."""
    outcome = np.concatenate(outcomes)
    best_loss, best_weight = np.inf, 0.0
    for weight in WEIGHTS:
        raw = np.concatenate([weight * theirs + (1 - weight) * mine for mine, theirs in zip(own, others, strict=True)])
        line = fit_line(outcome, raw, prior=1.0)
        loss = _log_loss(line.intercept + line.slope * raw, outcome)
        if loss < best_loss:
            best_loss, best_weight = loss, weight
    return best_weight, [best_weight * theirs + (1 - best_weight) * mine for mine, theirs in zip(own, others, strict=True)]


def _one_adder() -> AbstractContextManager[object]:
    """Let the linear-algebra library add in one thread: the same digits on every machine, and no fight for the cores."""
    limits: AbstractContextManager[object] = threadpool_limits(limits=1, user_api="blas")
    return limits


def _log_loss(raw: Floats, outcome: Floats) -> float:
    return float((np.logaddexp(0, raw) - outcome * raw).mean())


def _rarer(outcome: Floats) -> float:
    return float(min(outcome.sum(), outcome.size - outcome.sum()))


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
