"""Put a development before the gate: its bounds, and its losses beside the champion's and the baseline's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from funnelcast import champions
from funnelcast.errors import ModelError
from funnelcast.evaluate.gate import Gate, Losses, Verdict, bounds, judge
from funnelcast.families.family import Development, Family, Floats, Model
from funnelcast.labels import LABEL
from funnelcast.settings import Settings
from funnelcast.spec import Spec
from funnelcast.worklist import found_among_first

FOUND = "found_at_capacity"


def judge_development(settings: Settings, source: str, spec: Spec, family: Family, development: Development) -> Verdict:
    """Decide who serves, on the newest fold."""
    given: Any = development.details.get("gates", [])
    safety = [*bounds(development.metrics, spec.gates.get("metrics", {})), *(Gate(**gate) for gate in given)]
    losses = Losses(
        challenger=family.losses(development.judged, development.newest),
        baseline=family.losses(development.judged_baseline, development.newest),
        champion=_champion_losses(settings, source, spec, family, development),
    )
    return judge(losses, safety, margin=float(spec.gates.get("loss_margin", 0.0)), seed=spec.seed)


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


def _champion_losses(settings: Settings, source: str, spec: Spec, family: Family, development: Development) -> Floats | None:
    try:
        champion = champions.load(settings, source, spec.name)
        losses = family.losses(champion.model, development.newest)
    except ModelError:
        # no champion yet, a damaged one, or one fitted on other columns: nothing to compare with on these rows
        return None
    return losses if bool(np.isfinite(losses).all()) else None
