"""Put a development before the gate: its bounds, and its losses beside the champion's and the baseline's."""

from __future__ import annotations

from typing import Any

import numpy as np

from funnelcast import champions
from funnelcast.errors import ModelError
from funnelcast.evaluate.gate import Gate, Losses, Verdict, bounds, judge
from funnelcast.families.family import Development, Family, Floats
from funnelcast.settings import Settings
from funnelcast.spec import Spec


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


def _champion_losses(settings: Settings, source: str, spec: Spec, family: Family, development: Development) -> Floats | None:
    try:
        champion = champions.load(settings, source, spec.name)
        losses = family.losses(champion.model, development.newest)
    except ModelError:
        # no champion yet, a damaged one, or one fitted on other columns: nothing to compare with on these rows
        return None
    return losses if bool(np.isfinite(losses).all()) else None
