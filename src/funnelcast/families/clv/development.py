"""How the CLV model is developed in time: fitted at one instant, judged on every day after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
import pandas as pd

from funnelcast.errors import TooFewRows
from funnelcast.families.clv import card, holdout, plots
from funnelcast.families.clv.baseline import MEAN_RATE, PAST_RATE, RateBaseline
from funnelcast.families.clv.first_values import FirstValues, first_values
from funnelcast.families.clv.fitting import fit_bg_nbd
from funnelcast.families.clv.gamma_gamma import SpendModel, fit_spend
from funnelcast.families.clv.likelihood import Purchases, Spend
from funnelcast.families.clv.model import ClvModel
from funnelcast.families.clv.omnichannel import SEGMENTED, frame_of, omnichannel, segmented
from funnelcast.families.clv.parameters import Floats
from funnelcast.families.clv.segments import Holdout, table
from funnelcast.families.clv.summary import (
    bought_between,
    compress_purchases,
    compress_spend,
    first_purchase,
    mean_first_value,
    rules,
    summarise,
)
from funnelcast.families.clv.terms import Terms
from funnelcast.families.clv.weekly import purchases_by_week, weekly
from funnelcast.families.family import Development, Options
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf, Json

_SHORTEST_HOLDOUT = 7
Judged = ClvModel | RateBaseline


@dataclass(frozen=True)
class Sample:
    """What one instant's customers tell a fit: distinct rows and how many share them."""

    purchases: Purchases
    spend: Spend
    first_value: float
    first: FirstValues


@dataclass(frozen=True)
class Fit:
    """A model with its baselines, and what was noticed in fitting it."""

    model: ClvModel
    baselines: tuple[RateBaseline, ...]
    diagnostics: dict[str, Json]
    customers: int


@dataclass(frozen=True)
class Window:
    """Fitted before ``start``, judged on the purchases in [start, end)."""

    start: AsOf
    end: AsOf

    @property
    def days(self) -> float:
        """The length of the hold-out."""
        return self.start.days_until(self.end)


def develop(facts: Facts, spec: Spec, as_of: AsOf, options: Options) -> Development:
    """Fit as of the start of a hold-out, judge on all of it, and ship what was fitted at as_of.

    Where purchases are known beyond as_of they are the hold-out, and the judged model is the one that ships. Else the last third of the
    history (at most a year) is held out, and the model is fitted again on everything.

    Raises
    ------
    TooFewRows
        Hardly anyone has bought twice, or there is no purchase before as_of.
    """
    window = window_of(facts, as_of)
    options.progress(f"{spec.name}: judging on {window.days:.0f} days from {window.start.at:%Y-%m-%d}")
    judged = fit_at(facts, window.start, spec)
    newest = rows_with_outcome(facts, window)
    ships_as_judged = window.start == as_of
    shipped = judged if ships_as_judged else fit_at(facts, as_of, spec)
    development = _assemble(spec, judged, shipped, newest)
    development = with_segments(development, facts, as_of, window)
    amounts = rules(facts, as_of)
    spend: Any = shipped.diagnostics["spend"]
    sections = (card.money(amounts, spend), *development.sections)
    details = {**development.details, "amounts": amounts}
    return replace(development, details=details, sections=sections, folds=earlier_folds(facts, spec, window))


def with_segments(development: Development, facts: Facts, as_of: AsOf, window: Window) -> Development:
    """Add the omnichannel report, and purchases week by week."""
    judged, shipped = cast("ClvModel", development.judged), cast("ClvModel", development.model)
    newest = development.newest
    report = omnichannel(facts, as_of, shipped, Holdout(newest, *expected_in_holdout(judged, newest)[:2]))
    weeks = weekly(judged, newest, purchases_by_week(facts, window.start, window.end), window.days)
    drawn = {
        "tracking": partial(plots.tracking, weeks, cumulative=True),
        "tracking_weekly": partial(plots.tracking, weeks, cumulative=False),
        **({"segments": partial(plots.segments, report)} if report["tables"] else {}),
    }
    return replace(
        development,
        details={**development.details, "segments": report},
        plots={**development.plots, **drawn},
        tables={"segments": table(report), "purchases_by_week": weeks},
        sections=(*development.sections, card.segments(report)),
    )


def window_of(facts: Facts, as_of: AsOf) -> Window:
    """Choose the hold-out: the facts after as_of where there are any, else the end of the history."""
    observed = facts.observed_until
    if observed is not None and as_of.days_until(observed) >= _SHORTEST_HOLDOUT:
        return Window(as_of, observed)
    begun = first_purchase(facts, as_of)
    if begun is None:
        raise TooFewRows(model="The CLV model", found=0, what="purchases before as_of", needed=1, advice="Give a later --as-of.")
    days = int(min(365, begun.days_until(as_of) / 3))
    return Window(as_of.plus(-max(days, 1)), as_of)


def earlier_folds(facts: Facts, spec: Spec, window: Window) -> tuple[dict[str, float], ...]:
    """Judge fits at earlier instants on hold-outs of the same length that don't overlap, oldest first.

    An instant counts where its history is at least as long as its hold-out, and allows a fit.
    """
    begun = first_purchase(facts, window.start)
    if begun is None:
        return ()
    places = range(int(spec.folds.get("origins", 2)), 0, -1)
    starts = [window.start.plus(-place * window.days) for place in places]
    folds = [_fold(facts, spec, Window(start, start.plus(window.days))) for start in starts if begun.days_until(start) >= window.days]
    return tuple(fold for fold in folds if fold is not None)


def _fold(facts: Facts, spec: Spec, window: Window) -> dict[str, float] | None:
    try:
        fit = fit_at(facts, window.start, spec)
    except TooFewRows:
        return None
    return metrics_of(fit.model, rows_with_outcome(facts, window))


def fit_at(facts: Facts, as_of: AsOf, spec: Spec) -> Fit:
    """Fit challenger and baselines on what was known before an instant."""
    terms = Terms.of_spec(spec)
    summary = summarise(facts, as_of).cache()
    compressed = compress_purchases(summary, terms.days_per_unit), compress_spend(summary)
    sample = Sample(*compressed, mean_first_value(summary), first_values(summary))
    return fit_sample(sample, spec)


def fit_sample(sample: Sample, spec: Spec) -> Fit:
    """Fit challenger and baselines on compressed rows."""
    terms = Terms.of_spec(spec)
    process, fitted = fit_bg_nbd(sample.purchases)
    spend, tested = fit_sample_spend(sample, spec)
    baselines = tuple(fit_baseline(sample, spec, kind) for kind in (PAST_RATE, MEAN_RATE))
    deviations = dict(zip(process.document(), np.sqrt(np.diag(fitted.covariance)).tolist(), strict=True))
    diagnostics: dict[str, Json] = {**fitted.diagnostics, "deviation_of_logarithms": dict(deviations), "spend": tested}
    model = ClvModel(process, fitted.covariance, spend, terms)
    return Fit(model, baselines, diagnostics, int(sample.purchases.customers))


def fit_sample_spend(sample: Sample, spec: Spec) -> tuple[SpendModel, dict[str, Json]]:
    """Fit the value of a purchase."""
    limit = float(spec.options.get("spend_correlation_limit", 0.3))
    return fit_spend(sample.spend, sample.first_value, limit, spec.seed, sample.first)


def fit_baseline(sample: Sample, spec: Spec, kind: str) -> RateBaseline:
    """Fit one simple rule."""
    terms, purchases, values = Terms.of_spec(spec), sample.purchases, sample.spend
    days = float(purchases.weight @ purchases.T) * terms.days_per_unit
    mean = float(values.weight @ values.m / values.customers) if values.customers else sample.first_value
    return RateBaseline(kind, float(purchases.weight @ purchases.x) / days if days else 0.0, SpendModel(mean), terms)


def rows_with_outcome(facts: Facts, window: Window) -> pd.DataFrame:
    """Give one row per customer of the start.

    ``SEGMENTED`` columns, ``purchases`` and ``spent`` in the hold-out, and ``holdout_days``.
    """
    known = segmented(facts, window.start)
    after = bought_between(facts, window.start, window.end)
    joined = known.left_join(after, "contact_id").order_by("contact_id")
    frame = frame_of(joined.select(*SEGMENTED, "purchases", "spent"))
    return frame.fillna({"purchases": 0.0, "spent": 0.0}).assign(holdout_days=window.days)


def metrics_of(model: Judged, rows: pd.DataFrame) -> dict[str, float]:
    """Judge a model on rows with their outcome, under the contract's names."""
    predicted, actual, days = expected_in_holdout(model, rows)
    return holdout.metrics(predicted, actual, losses(model, rows), days)


def losses(model: Judged, rows: pd.DataFrame) -> Floats:
    """Give the CRPS of each customer's count of purchases in the hold-out."""
    return model.count_losses(read_by(model, rows), rows["purchases"].to_numpy(dtype=np.float64), _days(rows))


def read_by(model: Judged, rows: pd.DataFrame) -> pd.DataFrame:
    """Give the columns that a model reads, as far as they are there."""
    return rows[[name for name in model.columns if name in rows.columns]]


def expected_in_holdout(model: Judged, rows: pd.DataFrame) -> tuple[Floats, Floats, float]:
    """Give predicted and actual purchases, and the days of the hold-out."""
    actual = rows["purchases"].to_numpy(dtype=np.float64)
    days = _days(rows)
    return model.expected_purchases(read_by(model, rows), days), actual, days


def _days(rows: pd.DataFrame) -> float:
    return float(rows["holdout_days"].iloc[0])


def _assemble(spec: Spec, judged: Fit, shipped: Fit, newest: pd.DataFrame) -> Development:
    metrics = metrics_of(judged.model, newest)
    of_baselines = [metrics_of(baseline, newest) for baseline in judged.baselines]
    # The stronger of the simple rules stands against the challenger.
    strongest = int(np.argmin([found["crps"] for found in of_baselines]))
    baselines: dict[str, Json] = {baseline.kind: dict(found) for baseline, found in zip(judged.baselines, of_baselines, strict=True)}
    return Development(
        model=shipped.model,
        baseline=shipped.baselines[strongest],
        judged=judged.model,
        judged_baseline=judged.baselines[strongest],
        newest=newest,
        metrics=metrics,
        baseline_metrics=of_baselines[strongest],
        rows=shipped.customers,
        details={
            **document_of(shipped),
            "baselines": baselines,
            "deciles": [dict(row) for row in holdout.deciles(*expected_in_holdout(judged.model, newest)[:2])],
            "gates": _gates(spec, metrics),
        },
        plots=_plots(judged.model, newest),
    )


def document_of(fit: Fit) -> dict[str, Json]:
    """Give parameters, unit, member and diagnostics, as the train document names them."""
    spend = fit.model.spend.parameters
    return {
        "parameters": {**fit.model.process.document(), **(spend.document() if spend else dict.fromkeys("pqv"))},
        "time_unit": fit.model.terms.time_unit,
        "member": fit.model.member,
        "spend_member": fit.model.spend.member,
        "diagnostics": fit.diagnostics,
    }


def _gates(spec: Spec, metrics: dict[str, float]) -> list[Json]:
    limit = float(spec.options.get("largest_bias_pct", 25.0))
    bias = metrics["bias_pct"]
    counted = f"{metrics['expected_purchases']:.0f} purchases expected, {metrics['actual_purchases']:.0f} came"
    return [
        {
            "name": "holdout_bias",
            "passed": bool(abs(bias) <= limit),
            "value": bias,
            "threshold": limit,
            "safety": True,
            "reason": f"{counted}, in {metrics['holdout_days']:.0f} days",
        }
    ]


def _plots(model: ClvModel, newest: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    predicted, actual, _ = expected_in_holdout(model, newest)
    return {
        "frequency": partial(plots.frequency, model, newest),
        "p_alive": partial(plots.alive, model, newest),
        "deciles": partial(plots.deciles, predicted, actual),
    }
