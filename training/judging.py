"""Put a development before the gate: its bounds, and its losses beside the champion's and the baseline's on rows that none has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast import champions
from funnelcast.champions import About, Champion
from funnelcast.errors import FunnelcastError, ModelError
from funnelcast.evaluate.gate import Gate, Losses, Terms, Verdict, bounds, judge
from funnelcast.evaluate.grouping import CHANNELS, clusters
from funnelcast.families.family import Development, Family, Model
from funnelcast.labels import LABEL
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf
from funnelcast.tracking import Tracker
from funnelcast.worklist import found_among_first
from training.gates import facts_gates, model_gates, outcome_gate
from training.history import HISTORY, history_gate

Kept = TypeVar("Kept")
FOUND = "found_at_capacity"


@dataclass(frozen=True)
class Bench:
    """What a challenger is judged beside.

    Parameters
    ----------
    champion
        Who serves; None where nobody does, or nobody who loads.
    tracker
        Gives the registry, where the champion's twin is.
    """

    settings: Settings
    source: str
    spec: Spec
    family: Family
    champion: Champion | None
    tracker: Callable[[], Tracker] | None = None

    @classmethod
    def of(cls, settings: Settings, source: str, spec: Spec, family: Family, tracker: Callable[[], Tracker] | None) -> Bench:
        """Take the champion of a company's model."""
        try:
            champion = champions.load(settings, source, spec.name)
        except ModelError:
            champion = None
        return cls(settings, source, spec, family, champion, tracker)

    def twin(self) -> tuple[About, Model] | None:
        """Give what was judged in the champion's place, and where its facts ended; None where it wasn't kept."""
        return self._kept(_twin_of)

    def history_gates(self, facts: Facts) -> list[Gate]:
        """Hold the past against what it was when the champion was trained, where that was kept."""
        then = self._kept(lambda tracker, name, version: tracker.file(name, version, HISTORY))
        return [] if then is None else [*history_gate(facts, then)]

    def _kept(self, read: Callable[[Tracker, str, int], Kept | None]) -> Kept | None:
        """Read what the champion's run keeps; of another registry, or damaged, it is as if it weren't there."""
        if self.tracker is None or self.champion is None:
            return None
        try:
            return read(self.tracker(), f"{self.source}.{self.spec.name}", self.champion.version)
        except FunnelcastError:
            return None


def judge_development(bench: Bench, facts: Facts, development: Development, offered: About, as_of: AsOf) -> tuple[Verdict, Losses]:
    """Decide who serves, on the newest fold.

    Parameters
    ----------
    offered
        Where the challenger comes from.
    as_of
        Until when it knew the facts.
    """
    spec = bench.spec
    given: Any = development.details.get("gates", [])
    before = [
        *facts_gates(offered, bench.champion, as_of),
        *bench.history_gates(facts),
        *outcome_gate(development),
        *bounds(development.metrics, spec.gates.get("metrics", {})),
        *(Gate(**gate) for gate in given),
        *model_gates(spec, bench.family, development),
    ]
    losses = _losses(bench, development)
    terms = Terms(float(spec.gates.get("loss_margin", Terms.margin)), float(spec.gates.get("segment_margin", Terms.segment_margin)))
    skill = bench.champion.about.skill if bench.champion else None
    return judge(losses, before, terms, seed=spec.seed, skill=skill), losses


def with_found_at_capacity(spec: Spec, development: Development) -> Development:
    """Add how many of the outcomes stand in the first rows of a list of the newest fold, by challenger and by baseline.

    ``found_at_capacity`` counts those who left, or converted, among as many as [list] of spec.toml says can be contacted: the list's
    arithmetic with the same value for everyone, since no CLV is known there.
    """
    capacity = spec.list.get("capacity")
    if capacity is None:
        return development
    newest = development.newest
    outcome = newest[LABEL].to_numpy(np.float64)

    def found(model: Model) -> float:
        probability = model.predict(newest[list(model.columns)])["probability"].to_numpy(np.float64)
        return found_among_first(capacity, probability, outcome)

    metrics = {**development.metrics, FOUND: found(development.judged)}
    return replace(
        development, metrics=metrics, baseline_metrics={**development.baseline_metrics, FOUND: found(development.judged_baseline)}
    )


def _twin_of(tracker: Tracker, name: str, version: int) -> tuple[About, Model] | None:
    files = tracker.twin(name, version)
    return None if files is None else champions.rebuilt(files, f"twin of {name} {version}")


def _losses(bench: Bench, development: Development) -> Losses:
    newest, family = development.newest, bench.family
    champion, seen = _unseen(bench, development.judged_as_of)
    return Losses(
        challenger=family.losses(development.judged, newest),
        baseline=family.losses(development.judged_baseline, newest),
        champion=None if champion is None else _champion_losses(family, champion, development),
        clusters=clusters(newest),
        segments=_channels(newest),
        seen=seen,
    )


def _unseen(bench: Bench, start: AsOf | None) -> tuple[Model | None, bool]:
    """Give the champion as it stands where its facts ended before the newest fold began; else its twin, which ended sooner.

    Returns
    -------
    The model, and whether it may have seen the fold all the same: where the facts have no time, or no twin was kept.
    """
    champion = bench.champion
    if champion is None:
        return None, False
    contenders = [(champion.about, champion.model), bench.twin()]
    for about, model in (contender for contender in contenders if contender is not None):
        if start is not None and AsOf.parse(about.trained_as_of, start.timezone) <= start:
            return model, False
    return champion.model, True


def _champion_losses(family: Family, champion: Model, development: Development) -> npt.NDArray[np.float64] | None:
    try:
        if not set(champion.columns) <= set(development.newest.columns):
            return None  # fitted on columns that are gone: nothing to compare with on these rows
        losses = family.losses(champion, development.newest)
    except ModelError:
        return None
    return losses if bool(np.isfinite(losses).all()) else None


def _channels(rows: pd.DataFrame) -> npt.NDArray[Any] | None:
    found = next((name for name in CHANNELS if name in rows), None)
    return None if found is None else rows[found].astype("object").fillna("").astype(str).to_numpy()
