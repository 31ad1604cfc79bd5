"""The bridge from the company's rule of points to what touches really say: learned integer points, and what each step gains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.evaluate.metrics import classification
from funnelcast.families.family import Development
from funnelcast.families.lead_scoring.exposure import by_kind, scores
from funnelcast.families.lead_scoring.learning import FEWEST_TOUCHES, Found, learn
from funnelcast.families.lead_scoring.risk import Cohort, weekly_rows
from funnelcast.families.scoring.fitting import fit_simple
from funnelcast.families.scoring.folds import inner_folds
from funnelcast.families.scoring.prepared import Recipe
from funnelcast.features.touches import points
from funnelcast.labels import KEYS, LABEL
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf, Json

Floats = npt.NDArray[np.float64]
METRICS = ("roc_auc", "log_loss", "lift_at_10pct")
FEWEST_CONVERSIONS = 30
_HIGHEST = 100.0
_LEVEL = 0.90


@dataclass(frozen=True)
class PointsOfKind:
    """What one kind of touch is worth by the rule and by what was learned, with its 90 % interval, in whole points.

    Parameters
    ----------
    rule
        None where the rule doesn't know the kind.
    touches
        How many of them the learned points rest on.
    """

    kind: str
    rule: float | None
    learned: int
    low: int
    high: int
    touches: int

    @property
    def too_few(self) -> bool:
        """Whether there are too few touches to say anything."""
        return self.touches < FEWEST_TOUCHES

    @property
    def corrects(self) -> bool:
        """Whether the interval excludes the rule's points."""
        return not self.too_few and not self.low <= (self.rule or 0.0) <= self.high

    def document(self) -> dict[str, Json]:
        """Give the kind's line as JSON."""
        said = {name: getattr(self, name) for name in ("kind", "rule", "learned", "low", "high", "touches")}
        return {**said, "note": f"too few to say: {self.touches} touches"} if self.too_few else said


@dataclass(frozen=True)
class Bridge:
    """Learned points, the half-life after which a touch counts half, and the figures of each step on the newest date.

    Parameters
    ----------
    half_life
        In days; infinite: nothing fades.
    metrics
        By step: ``rule`` (the baseline), ``rule_with_half_life``, ``learned_rule``, ``model``.
    best_tenth
        From which score on a lead is among the best tenth of the newest date, by ``rule`` as it is and by ``learned_rule``.
    totals
        What the judged leads' touches, faded, earn in total by ``rule`` and by ``learned_rule``.
    conversions
        How many the points were learned from.
    """

    half_life: float
    kinds: tuple[PointsOfKind, ...]
    metrics: Mapping[str, Mapping[str, float]]
    best_tenth: Mapping[str, float]
    totals: Mapping[str, float]
    conversions: int


@dataclass(frozen=True)
class Question:
    """Whose rule it is: the facts, the spec, and who counts as a lead at given dates."""

    facts: Facts
    spec: Spec
    cohort: Cohort


def build_bridge(asked: Question, development: Development) -> Bridge | str:
    """Learn half-life and points from all weeks before the newest date and judge them on it; or say why there is no bridge."""
    rule, newest = points(asked.facts), development.newest[[*KEYS, LABEL]]
    weeks = _weeks(asked, development)
    conversions = int(weeks[LABEL].sum())
    if conversions < FEWEST_CONVERSIONS:
        return f"{conversions} conversions before the newest date are too few to learn points from: {FEWEST_CONVERSIONS} are needed"
    found = learn(asked.facts, weeks, rule, asked.spec.seed)
    kinds = _in_points(asked.facts, newest, found, rule) if found else ()
    if not found or not kinds:
        return "no lead had a touch of a kind that the rule gives points"
    learned = {one.kind: float(one.learned) for one in kinds}
    steps = {"rule_with_half_life": (rule, found.half_life), "learned_rule": (learned, found.half_life)}
    figures = {step: _figures(asked, development, *scored) for step, scored in steps.items()}
    now = scores(asked.facts, newest, rule, [np.inf])[:, 0]
    return Bridge(
        half_life=found.half_life,
        kinds=kinds,
        metrics={
            "rule": _chosen(development.baseline_metrics),
            **{step: metrics for step, (metrics, _) in figures.items()},
            "model": _chosen(development.metrics),
        },
        best_tenth={"rule": _best_tenth(now), "learned_rule": _best_tenth(figures["learned_rule"][1])},
        totals={"rule": float(figures["rule_with_half_life"][1].sum()), "learned_rule": float(figures["learned_rule"][1].sum())},
        conversions=conversions,
    )


def scaled(found: Found, totals: Floats, total: float) -> tuple[Floats, Floats, Floats]:
    """Give whole points and the ends of their 90 % intervals, on the rule's own scale.

    No data says how large a point is. So the learned points are multiplied by what makes the judged leads' touches earn in total what the
    rule gives them, sum_k learned_k T_k = total, in every replicate; then they are rounded, the intervals outwards.

    Parameters
    ----------
    totals
        T, shape (kinds,): the judged leads' touches, faded.
    total
        What the rule gives them.
    """
    replicates = found.replicates * _factor(found.replicates @ totals, total)[:, None]
    ends = np.quantile(replicates, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2], axis=0)
    middle = np.round(found.points * _factor(found.points @ totals, total))
    low, high = np.minimum(np.floor(ends[0]), middle), np.maximum(np.ceil(ends[1]), middle)
    return np.minimum(middle, _HIGHEST), np.minimum(low, _HIGHEST), np.minimum(high, _HIGHEST)


def _factor(earned: Floats, total: float) -> Floats:
    return np.asarray(np.divide(total, earned, out=np.zeros_like(earned), where=np.asarray(earned) > 0), np.float64)


def _weeks(asked: Question, development: Development) -> pd.DataFrame:
    stamps = development.earlier["as_of"].min(), development.newest["as_of"].max()
    first, until = (AsOf(stamp.to_pydatetime(), asked.facts.source.timezone) for stamp in stamps)
    return weekly_rows(asked.facts, asked.cohort, first, until, asked.spec.seed)


def _in_points(facts: Facts, newest: pd.DataFrame, found: Found, rule: Mapping[str, float]) -> tuple[PointsOfKind, ...]:
    """Put the learned points on the rule's scale; none where the rule gives the judged leads nothing, so that no scale is left to keep."""
    judged = by_kind(facts, newest, [found.half_life])
    of_kind = dict(zip(judged.kinds, judged.faded[0].sum(axis=0), strict=True))
    totals = np.array([of_kind.get(kind, 0.0) for kind in found.kinds])
    total = float(sum(rule.get(kind, 0.0) * of_kind.get(kind, 0.0) for kind in found.kinds))
    if not total:
        return ()
    middle, low, high = scaled(found, totals, total)
    lines = [
        PointsOfKind(kind, rule.get(kind), int(middle[place]), int(low[place]), int(high[place]), found.touches[kind])
        for place, kind in enumerate(found.kinds)
    ]
    return tuple(sorted(lines, key=lambda line: (-line.learned, line.kind)))


def _figures(asked: Question, development: Development, rule: Mapping[str, float], half_life: float) -> tuple[dict[str, float], Floats]:
    """Judge a rule on the newest date, its score mapped to a probability as the baseline's is; the newest scores come too."""
    rows, spec, newest = development.earlier, asked.spec, development.newest[[*KEYS, LABEL]]
    before, after = (scores(asked.facts, keys, rule, [half_life])[:, 0] for keys in (rows, newest))
    fitted = fit_simple(rows.assign(score=before), ["score"], "score", inner_folds(rows, spec), Recipe("lead_scoring", spec.seed)).model
    probability = fitted.predict(newest.assign(score=after)[list(fitted.columns)])["probability"].to_numpy(np.float64)
    return _chosen(classification(newest[LABEL].to_numpy(np.float64), probability)), after


def _chosen(metrics: Mapping[str, float]) -> dict[str, float]:
    return {name: float(metrics[name]) for name in METRICS if np.isfinite(metrics[name])}


def _best_tenth(score: Floats) -> float:
    return round(float(np.quantile(score, 0.9)), 1)
