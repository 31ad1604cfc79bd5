"""What aged, what drifted and how right the predictions were."""

from __future__ import annotations

from typing import Any

import pandas as pd

from funnelcast import champions
from funnelcast.errors import FunnelcastError
from funnelcast.families.registry import family_of
from funnelcast.families.scoring.season import DAY_OF_YEAR
from funnelcast.monitor.alerts import drifts
from funnelcast.monitor.drift import Drift, compare
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf, Json
from training.alerts import alerts
from training.score import KEYS
from training.track_record import judged
from training.train import default_as_of

DRIFT_DAYS = 91
"""How far back the reference of the drift lies."""


def monitor(settings: Settings, facts: Facts) -> dict[str, Json]:
    """Report drift by model, the track record, and alerts."""
    as_of = default_as_of(facts)
    serving = {name: champions.load(settings, facts.source.name, name) for name in champions.listed(settings, facts.source.name)}
    found = {name: drift_of(settings, facts, champion.about.family, name, as_of) for name, champion in serving.items()}
    said = alerts(facts, as_of, serving, None, lambda _: None)
    listed: Any = said["alerts"]
    listed += [alert.document() for name, changes in found.items() for alert in drifts(name, changes)]
    drift: dict[str, Json] = {name: [change.document() for change in changes] for name, changes in found.items()}
    return {"as_of": as_of.isoformat(), "drift": drift, "track_record": judged(settings, facts, as_of), "alerts": listed}


def drift_of(settings: Settings, facts: Facts, family: str, model: str, as_of: AsOf) -> list[Drift]:
    """Compare what a model reads of those in question now with what it read a quarter earlier; nothing where the facts don't allow it."""
    now, then = (_candidates(settings, facts, family, model, instant) for instant in (as_of, as_of.plus(-DRIFT_DAYS)))
    if now is None or then is None:
        return []
    return compare(then, now)


def _candidates(settings: Settings, facts: Facts, family: str, model: str, as_of: AsOf) -> pd.DataFrame | None:
    champion = champions.load(settings, facts.source.name, model)
    try:
        rows = family_of(family).candidates(cut(facts, as_of), read(settings.models, model), None, as_of).execute()
    except FunnelcastError:
        return None
    key = next((name for name in KEYS if name in rows.columns), None)
    if key in champion.model.columns:
        return None  # a model of whole paths reads nothing whose share could drift column by column
    return pd.DataFrame(rows[[name for name in champion.model.columns if name != DAY_OF_YEAR]])  # a date drifts by nature
