"""From facts to a judged challenger: time folds with the newest date kept for the gate, or cross-validation where there is no time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast import features
from funnelcast.errors import TooFewRows
from funnelcast.evaluate.metrics import classification
from funnelcast.families.family import Development, Options
from funnelcast.families.scoring import account
from funnelcast.families.scoring.fitting import Fitted, fit_scoring, fit_simple
from funnelcast.families.scoring.folds import contact_folds, inner_folds
from funnelcast.families.scoring.leaks import Rules, suspects
from funnelcast.families.scoring.model import ScoringModel
from funnelcast.families.scoring.plots import contributions_figure, plots
from funnelcast.families.scoring.prepared import Recipe, prepare
from funnelcast.families.scoring.reasons import Wording
from funnelcast.families.scoring.rows import Dated, Rows, dated_rows, flat_rows, latest, read_tables
from funnelcast.families.scoring.search import search, settings
from funnelcast.families.tuning import Found
from funnelcast.labels import KEYS, LABEL
from funnelcast.sources.facts import Facts, Label
from funnelcast.spec import Spec
from funnelcast.splits import Fold
from funnelcast.terms import AsOf, Json

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]
Complete = Callable[[ScoringModel, pd.DataFrame], ScoringModel]
_TOO_GOOD = 0.995


@dataclass(frozen=True)
class Question:
    """What a family asks of the facts.

    Parameters
    ----------
    baseline
        The one column of the simple rule.
    outcomes
        The column that states the outcome, or how a history gives it.
    rhythm_days
        The horizon over which the outcome is a silence, where it is one; else 0.
    complete
        Adds to a fitted score what else the family learns from the same rows.
    """

    family: str
    baseline: str
    wording: Wording
    outcomes: Label | Dated
    rhythm_days: float = 0.0
    complete: Complete = lambda model, _: model


@dataclass(frozen=True)
class Judged:
    """Out-of-sample probabilities of model and baseline, on the rows where both were judged."""

    outcome: Floats
    model: Floats
    baseline: Floats


def develop(facts: Facts, spec: Spec, as_of: AsOf, options: Options, question: Question) -> Development:
    """Fit, judge, and fit again on everything."""
    options.progress(f"{spec.name}: features")
    rows = _rows(facts, spec, as_of, question)
    # what came after as_of is hold-out alone: then the judged model itself ships
    held_out = rows.grid is None or rows.grid.newest == as_of
    everything = rows.earlier if held_out else pd.concat([rows.earlier, rows.newest], ignore_index=True)
    readable = read_tables(facts, spec)
    names = list(features.feature_set(readable))
    examined = latest(rows, as_of)
    found = suspects(examined, examined[LABEL].to_numpy(np.float64), _attributes(readable, names), _rules(spec), spec.seed)
    recipe = Recipe(
        family=question.family,
        seed=spec.seed,
        threads=options.threads,
        excluded={suspect.name: f"leak suspect: {suspect.reason}" for suspect in found if suspect.action == "excluded"},
        monotone=spec.features.get("monotone", {}),
        wording=question.wording,
        features=features.fingerprint(readable),
        rhythm_days=question.rhythm_days,
        season=rows.season_before,
        segment=str(spec.features.get("segment", "source_channel")),
    )
    outer = () if rows.grid else contact_folds(rows.earlier, int(spec.folds.get("groups", 5)), spec.seed)
    searched = rows.earlier.iloc[outer[-1].fit] if outer else rows.earlier
    best = search(searched, names, spec, recipe, options)
    recipe = replace(recipe, trees=settings(best.values))
    workshop = Workshop(spec, names, question.baseline, recipe, question.complete)
    development = _cross_validated(rows.earlier, outer, workshop, options) if outer else _in_time(rows, everything, workshop, options)
    about = _about(everything, rows, spec, question, best)
    listed: list[Json] = [suspect.document() for suspect in found]
    details = {**about, "leak_suspects": listed, **development.details, "gates": _gates(development)}
    return replace(development, details=details, sections=account.sections(details))


@dataclass(frozen=True)
class Workshop:
    """What fits challenger and baseline on some rows."""

    spec: Spec
    names: Sequence[str]
    baseline: str
    recipe: Recipe
    complete: Complete

    def for_all(self, rows: Rows, penalty: float | None) -> Workshop:
        """Give what fits on all rows: the linear member's penalty is chosen already, and the season of all that was known."""
        chosen = self.recipe.penalties if penalty is None else (penalty,)
        return replace(self, recipe=replace(self.recipe, penalties=chosen, season=rows.season))

    def challenger(self, rows: pd.DataFrame) -> Fitted:
        """Fit the challenger, its own folds within these rows."""
        prepared = prepare(rows, rows[LABEL].to_numpy(np.float64), self.names, self.recipe)
        fitted = fit_scoring(prepared, inner_folds(rows, self.spec), self.recipe)
        return replace(fitted, model=self.complete(fitted.model, rows))

    def simple(self, rows: pd.DataFrame) -> ScoringModel:
        """Fit the baseline on the same rows and folds."""
        return self.complete(fit_simple(rows, self.names, self.baseline, inner_folds(rows, self.spec), self.recipe).model, rows)


def _rows(facts: Facts, spec: Spec, as_of: AsOf, question: Question) -> Rows:
    outcomes = question.outcomes
    rows = flat_rows(facts, spec, outcomes, as_of) if isinstance(outcomes, Label) else dated_rows(facts, spec, as_of, outcomes)
    if not len(rows.earlier) or (rows.grid and not len(rows.newest)):
        advice = "Check the cohort and the horizon in spec.toml, and the dates of the facts."
        raise TooFewRows(model=spec.name, found=len(rows.earlier), what="rows with a known outcome", needed=1, advice=advice)
    return rows


def _in_time(rows: Rows, everything: pd.DataFrame, workshop: Workshop, options: Options) -> Development:
    options.progress(
        f"{workshop.spec.name}: fitting on {len(rows.earlier)} rows of earlier dates, judging on {len(rows.newest)} of the newest"
    )
    fitted = workshop.challenger(rows.earlier)
    baseline = workshop.simple(rows.earlier)
    judged = Judged(rows.newest[LABEL].to_numpy(np.float64), _probability(fitted.model, rows.newest), _probability(baseline, rows.newest))
    shipped = fitted.model, baseline
    if len(everything) > len(rows.earlier):
        options.progress(f"{workshop.spec.name}: fitting again on all {len(everything)} rows")
        shipped = workshop.for_all(rows, fitted.penalty).challenger(everything).model, workshop.simple(everything)
    return Development(
        model=shipped[0],
        baseline=shipped[1],
        judged=fitted.model,
        judged_baseline=baseline,
        newest=rows.newest,
        earlier=rows.earlier[[*KEYS, LABEL]],
        metrics=classification(judged.outcome, judged.model),
        baseline_metrics=classification(judged.outcome, judged.baseline),
        rows=len(everything),
        folds=_fold_metrics(fitted, rows.earlier[LABEL].to_numpy(np.float64)),
        judged_as_of=rows.grid.newest if rows.grid else None,
        **_told(shipped[0], rows.newest, judged, rows.newest.get(workshop.recipe.segment)),
    )


def _cross_validated(rows: pd.DataFrame, folds: Sequence[Fold], workshop: Workshop, options: Options) -> Development:
    outcome = rows[LABEL].to_numpy(np.float64)
    judged = Judged(outcome, np.zeros(outcome.size), np.zeros(outcome.size))
    by_fold = []
    for number, fold in enumerate(folds, start=1):
        options.progress(f"{workshop.spec.name}: fold {number} of {len(folds)}")
        fitted, baseline = workshop.challenger(rows.iloc[fold.fit]), workshop.simple(rows.iloc[fold.fit])
        judged.model[fold.judge] = _probability(fitted.model, rows.iloc[fold.judge])
        judged.baseline[fold.judge] = _probability(baseline, rows.iloc[fold.judge])
        by_fold.append(classification(outcome[fold.judge], judged.model[fold.judge]))
    newest = rows.iloc[folds[-1].judge]
    options.progress(f"{workshop.spec.name}: fitting on all {len(rows)} rows")
    final = workshop.challenger(rows)
    return Development(
        model=final.model,
        baseline=workshop.simple(rows),
        judged=fitted.model,
        judged_baseline=baseline,
        newest=newest,
        metrics=classification(outcome, judged.model),
        baseline_metrics=classification(outcome, judged.baseline),
        rows=len(rows),
        folds=tuple(by_fold),
        **_told(final.model, newest, judged, rows.get(workshop.recipe.segment)),
    )


def _told(model: ScoringModel, rows: pd.DataFrame, judged: Judged, segment: pd.Series | None) -> dict[str, Any]:
    """Give the details and plots of a development: of the model on some rows, and of what was judged."""
    by_segment = account.segments(segment, judged.outcome, judged.model)

    def summary() -> Figure:
        return contributions_figure(account.contributions(model, rows), account.ranks(model, rows))

    return {
        "details": {**account.of_model(model, rows), "segments": by_segment},
        "plots": {**plots(judged.outcome, judged.model, judged.baseline), "contributions": summary},
    }


def _probability(model: ScoringModel, rows: pd.DataFrame) -> Floats:
    return model.predict(rows[list(model.columns)])["probability"].to_numpy(np.float64)


def _attributes(facts: Facts, names: Sequence[str]) -> list[str]:
    """Name what the company states rather than what funnelcast computes from dated facts."""
    stated = set(facts.attributes("contacts")) if facts.has("contacts") else set()
    return [name for name in names if name in stated or name.removesuffix(" (attribute)") in stated or name == "source_channel"]


def _rules(spec: Spec) -> Rules:
    return Rules(spec.features.get("allow", ()), spec.features.get("after_contact", ()))


def _fold_metrics(fitted: Fitted, outcome: Floats) -> tuple[dict[str, float], ...]:
    probability = fitted.model.calibrator.probability
    return tuple(classification(outcome[rows], probability(raw)) for rows, raw in zip(fitted.held_out, fitted.raw, strict=True))


def _about(everything: pd.DataFrame, rows: Rows, spec: Spec, question: Question, best: Found) -> dict[str, Json]:
    dates: list[Json] = [*sorted({str(date)[:10] for date in everything["as_of"]})]
    searched: dict[str, Json] = {name: float(value) for name, value in best.values.items()}
    outcomes = question.outcomes
    return {
        "horizon_days": spec.horizon_days if rows.grid else None,
        "evaluation": "newest as-of date, never fitted on" if rows.grid else "out-of-fold cross-validation by contact",
        "label": f"contacts.{outcomes.column} = {outcomes.positive}" if isinstance(outcomes, Label) else f"history of {outcomes.table}",
        "as_of_dates": dates if rows.grid else [],
        "positives": int(everything[LABEL].sum()),
        "base_rate": float(everything[LABEL].mean()),
        "search": {
            "trials": best.trials,
            "pruned": best.pruned,
            "resumed": best.resumed,
            "warm_started": best.warm_started,
            "settings": searched,
        },
    }


def _gates(development: Development) -> list[Json]:
    """Nothing about people is known almost perfectly: a figure that says so is a leak not found yet."""
    auc = float(development.metrics["roc_auc"])
    passed = bool(np.isnan(auc) or auc <= _TOO_GOOD)
    return [{"name": "no_leak", "passed": passed, "value": None if np.isnan(auc) else auc, "threshold": _TOO_GOOD, "safety": True}]
