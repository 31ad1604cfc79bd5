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
from funnelcast.families.clv.choice.grouping import Choice, Grouper, columns_of
from funnelcast.families.clv.choice.replacement import Replacement, Workshop, replace_plain
from funnelcast.families.clv.choice.windows import Window, choice_window, window_of
from funnelcast.families.clv.coverage import account
from funnelcast.families.clv.first_values import FirstValues, first_values
from funnelcast.families.clv.gamma_gamma import SpendModel, fit_spend
from funnelcast.families.clv.groups import GroupedModel, PurchaseModel
from funnelcast.families.clv.model import ClvModel
from funnelcast.families.clv.process.fitting import fit_bg_nbd
from funnelcast.families.clv.process.likelihood import Purchases, Spend
from funnelcast.families.clv.process.parameters import Floats, Process
from funnelcast.families.clv.rows import read_by
from funnelcast.families.clv.segments.report import SEGMENTED, frame_of, omnichannel, segmented
from funnelcast.families.clv.segments.table import Holdout, table
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

Judged = PurchaseModel | RateBaseline


@dataclass(frozen=True)
class Sample:
    """What one instant's customers tell a fit: distinct rows and how many share them."""

    purchases: Purchases
    spend: Spend
    first_value: float
    first: FirstValues


@dataclass(frozen=True)
class Fit:
    """A model with its baselines, and what was noticed in fitting it; ``plain`` is BG/NBD's process, whichever member the model is."""

    model: ClvModel
    plain: Process
    baselines: tuple[RateBaseline, ...]
    diagnostics: dict[str, Json]
    customers: int
    by_group: GroupedModel | None = None

    @property
    def ships(self) -> PurchaseModel:
        """The model with its groups, where it has some."""
        return self.by_group or self.model


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
    newest = rows_with_outcome(facts, window)
    judged, shipped, replacement = _fitted(facts, spec, as_of, (window, newest), options)
    judged, shipped, groups = _grouped(facts, spec, (window, as_of), (judged, shipped), replacement)
    development = replace(_assemble(spec, judged, shipped, newest, replacement), judged_as_of=window.start)
    development = with_segments(development, facts, as_of, window)
    amounts = rules(facts, as_of)
    spend: Any = shipped.diagnostics["spend"]
    sections = (card.money(amounts, spend), card.groups(groups), *development.sections)
    details = {**development.details, "amounts": amounts, "groups": groups}
    return replace(development, details=details, sections=sections, folds=earlier_folds(facts, spec, window))


def _fitted(
    facts: Facts, spec: Spec, as_of: AsOf, held_out: tuple[Window, pd.DataFrame], options: Options
) -> tuple[Fit, Fit, Replacement | None]:
    """Fit at the start of the hold-out and at as_of; where the hold-out contradicts BG/NBD, with the member that replaces it."""
    window, newest = held_out
    judged = fit_at(facts, window.start, spec)
    shipped = judged if window.start == as_of else fit_at(facts, as_of, spec)
    if abs(metrics_of(judged.model, newest)["bias_pct"]) <= _largest_bias(spec):
        return judged, shipped, None
    options.progress(f"{spec.name}: the hold-out contradicts BG/NBD, trying the other members")
    shop = Workshop(facts, spec, lambda at: fit_at(facts, at, spec).model, lambda at: rows_with_outcome(facts, at), metrics_of)
    replacement = replace_plain(shop, window, newest, judged.model, _largest_bias(spec, replaced=True))
    options.progress(f"{spec.name}: {replacement.said}")
    ships = replacement.ships
    if ships is None or ships.model is None:
        return judged, shipped, replacement
    instead = replace(judged, model=ships.model)
    if shipped is judged:
        return instead, instead, replacement
    return instead, replace(shipped, model=shop.member_at(ships.member, as_of, window.days, shipped.model)), replacement


def _grouped(
    facts: Facts, spec: Spec, instants: tuple[Window, AsOf], fits: tuple[Fit, Fit], replacement: Replacement | None
) -> tuple[Fit, Fit, dict[str, Json]]:
    """Let the process differ by how customers were won, where an earlier hold-out bears it out; and say what was found."""
    (window, as_of), (judged, shipped) = instants, fits
    if replacement is not None:
        return judged, shipped, Choice("groups are tried where the hold-out bears BG/NBD out, which it doesn't").document()
    grouper = Grouper(
        facts, columns_of(facts, spec), lambda at: fit_at(facts, at, spec).model, lambda held: rows_with_outcome(facts, held), losses
    )
    choice = grouper.choose(choice_window(facts, window))
    found = grouper.grouped(choice, window.start, judged.model)
    later = found if shipped is judged else grouper.grouped(choice, as_of, shipped.model)
    if found is None or later is None:
        return judged, shipped, choice.document()
    by_group = replace(judged, by_group=found.model)
    ships = by_group if shipped is judged else replace(shipped, by_group=later.model)
    return by_group, ships, {**choice.document(), "shipped": later.document()}


def _largest_bias(spec: Spec, *, replaced: bool = False) -> float:
    name, usual = ("largest_fallback_bias_pct", 15.0) if replaced else ("largest_bias_pct", 25.0)
    return float(spec.options.get(name, usual))


def with_segments(development: Development, facts: Facts, as_of: AsOf, window: Window) -> Development:
    """Add the omnichannel report, and purchases week by week."""
    judged, shipped = cast("PurchaseModel", development.judged), cast("PurchaseModel", development.model)
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
    return Fit(model, process, baselines, diagnostics, int(sample.purchases.customers))


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

    ``SEGMENTED`` columns, ``purchases`` and ``spent`` in the hold-out, its ``holdout_days`` and ``as_of``, its start.
    """
    known = segmented(facts, window.start)
    after = bought_between(facts, window.start, window.end)
    joined = known.left_join(after, "contact_id").order_by("contact_id")
    frame = frame_of(joined.select(*SEGMENTED, "purchases", "spent"))
    return frame.fillna({"purchases": 0.0, "spent": 0.0}).assign(holdout_days=window.days, as_of=pd.Timestamp(window.start.at))


def metrics_of(model: Judged, rows: pd.DataFrame) -> dict[str, float]:
    """Judge a model on rows with their outcome, under the contract's names."""
    predicted, actual, days = expected_in_holdout(model, rows)
    return holdout.metrics(predicted, actual, losses(model, rows), days)


def losses(model: Judged, rows: pd.DataFrame) -> Floats:
    """Give the CRPS of each customer's count of purchases in the hold-out."""
    return model.count_losses(read_by(model.columns, rows), rows["purchases"].to_numpy(dtype=np.float64), _days(rows))


def expected_in_holdout(model: Judged, rows: pd.DataFrame) -> tuple[Floats, Floats, float]:
    """Give predicted and actual purchases, and the days of the hold-out."""
    actual = rows["purchases"].to_numpy(dtype=np.float64)
    days = _days(rows)
    return model.expected_purchases(read_by(model.columns, rows), days), actual, days


def _days(rows: pd.DataFrame) -> float:
    return float(rows["holdout_days"].iloc[0])


def _assemble(spec: Spec, judged: Fit, shipped: Fit, newest: pd.DataFrame, replacement: Replacement | None) -> Development:
    metrics = metrics_of(judged.ships, newest)
    of_baselines = [metrics_of(baseline, newest) for baseline in judged.baselines]
    # The stronger of the simple rules stands against the challenger.
    strongest = int(np.argmin([found["crps"] for found in of_baselines]))
    baselines: dict[str, Json] = {baseline.kind: dict(found) for baseline, found in zip(judged.baselines, of_baselines, strict=True)}
    held = account(judged.ships, newest)
    return Development(
        model=shipped.ships,
        baseline=shipped.baselines[strongest],
        judged=judged.ships,
        judged_baseline=judged.baselines[strongest],
        newest=newest,
        metrics=metrics,
        baseline_metrics=of_baselines[strongest],
        rows=shipped.customers,
        details={
            **document_of(shipped),
            "baselines": baselines,
            "deciles": [dict(row) for row in holdout.deciles(*expected_in_holdout(judged.ships, newest)[:2])],
            "gates": _gates(spec, metrics, replacement),
            **({} if replacement is None else {"members": replacement.document()}),
            **held,
        },
        plots={**_plots(judged.ships, newest), "pit": partial(plots.pit, held["pit"])},
        sections=(*(() if replacement is None else (replacement.section(),)), card.intervals(**held)),
    )


def document_of(fit: Fit) -> dict[str, Json]:
    """Give parameters, unit, member and diagnostics, as the train document names them: the parameters are always plain BG/NBD's."""
    spend = fit.model.spend.parameters
    return {
        "parameters": {**fit.plain.document(), **(spend.document() if spend else dict.fromkeys("pqv"))},
        "time_unit": fit.model.terms.time_unit,
        "member": fit.model.member,
        "member_parameters": dict(fit.model.process.document()),
        "spend_member": fit.model.spend.member,
        "diagnostics": fit.diagnostics,
    }


def _gates(spec: Spec, metrics: dict[str, float], replacement: Replacement | None) -> list[Json]:
    replaced = replacement is not None and replacement.ships is not None
    limit = _largest_bias(spec, replaced=replaced)
    bias = metrics["bias_pct"]
    counted = f"{metrics['expected_purchases']:.0f} purchases expected, {metrics['actual_purchases']:.0f} came"
    counted = f"{counted}, in {metrics['holdout_days']:.0f} days"
    return [
        {
            "name": "holdout_bias",
            "passed": bool(abs(bias) <= limit),
            "value": bias,
            "threshold": limit,
            "safety": True,
            "reason": counted if replacement is None else f"{counted}. {replacement.said}",
        }
    ]


def _plots(model: PurchaseModel, newest: pd.DataFrame) -> dict[str, Callable[[], Any]]:
    predicted, actual, _ = expected_in_holdout(model, newest)
    return {
        "frequency": partial(plots.frequency, model, newest),
        "p_alive": partial(plots.alive, model, newest),
        "deciles": partial(plots.deciles, predicted, actual),
    }
