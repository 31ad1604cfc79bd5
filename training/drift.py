"""What the models read of those in question, now and a quarter ago: how it changed, and what that does to their answers in money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from funnelcast.champions import Champion
from funnelcast.errors import FunnelcastError
from funnelcast.families.registry import family_of
from funnelcast.monitor.alerts import Alert, Outlook, drifted
from funnelcast.monitor.drift import Drift, compare
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf, Json
from training.score import KEYS

DRIFT = "drift"
"""The document of what changed."""

DRIFT_DAYS = 91
"""How far back the reference of the drift lies."""

_MONEY: Mapping[str, float] = {"expected_loss": -1.0, "expected_value": 1.0}


@dataclass(frozen=True, eq=False)
class Inputs:
    """What one champion reads of those in question now and then; None where the facts or the kind of model don't allow it."""

    champion: Champion
    now: pd.DataFrame | None
    then: pd.DataFrame | None

    @cached_property
    def found(self) -> list[Drift]:
        """Compare column by column; what is the same for all on one day, such as the date itself, says nothing of those in question."""
        if self.now is None or self.then is None:
            return []
        names = [name for name in self.now.columns if max(rows[name].nunique(dropna=False) for rows in (self.now, self.then)) > 1]
        return compare(self.then[names], self.now[names])

    def outlook(self, amount: float | None) -> Outlook | None:
        """Say how the champion's mean probability moved, where what its answers amount to is known."""
        if amount is None or self.now is None or self.then is None:
            return None
        now, then = (float(self.champion.model.predict(rows)["probability"].mean()) for rows in (self.now, self.then))
        return Outlook(amount, now, then)


def inputs_of(settings: Settings, facts: Facts, champion: Champion, as_of: AsOf) -> Inputs:
    """Read what a champion would be given now and a quarter earlier."""
    now, then = (_candidates(settings, facts, champion, instant) for instant in (as_of, as_of.plus(-DRIFT_DAYS)))
    return Inputs(champion, now, then)


def drift_document(found: Mapping[str, Inputs], as_of: AsOf) -> dict[str, Json]:
    """Give the drift of every model, and between which dates, as JSON."""
    drift: dict[str, Json] = {name: [change.document() for change in inputs.found] for name, inputs in found.items()}
    return {"drift": drift, "compared": {"now": as_of.isoformat(), "then": as_of.plus(-DRIFT_DAYS).isoformat()}}


def drift_alerts(found: Mapping[str, Inputs], at_stake: Mapping[str, float], currency: str) -> list[Alert]:
    """Give an alert for every model that drifted, with what that does to the money that its answers are about."""
    changed = {name: inputs for name, inputs in found.items() if any(change.drifted for change in inputs.found)}
    alerts = [drifted(name, inputs.found, inputs.outlook(at_stake.get(name)), currency) for name, inputs in changed.items()]
    return [alert for alert in alerts if alert is not None]


def at_stake(answers: Mapping[str, pd.DataFrame]) -> dict[str, float]:
    """Add up what answers are expected to bring (above 0) or lose (below), by the models that say so."""
    return {
        name: sign * float(rows[column].sum())
        for name, rows in answers.items()
        for column, sign in _MONEY.items()
        if column in rows and rows[column].notna().any()
    }


def _candidates(settings: Settings, facts: Facts, champion: Champion, as_of: AsOf) -> pd.DataFrame | None:
    if set(KEYS) & set(champion.model.columns):
        return None  # a model of whole paths reads nothing whose share could drift column by column
    try:
        spec = read(settings.models, champion.about.model)
        rows = family_of(champion.about.family).candidates(cut(facts, as_of), spec, None, as_of).execute()
    except FunnelcastError:
        return None
    return pd.DataFrame(rows[list(champion.model.columns)])
