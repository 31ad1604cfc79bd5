"""How what the models read, say and foretell changed within a quarter, and what that does to their answers in money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from funnelcast.champions import Champion
from funnelcast.monitor.alerts import Alert, Outlook, drifted
from funnelcast.monitor.drift import BLOCK_DAYS, BLOCKS, LAG, Column, Drift, compare
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json
from training.samples import SCORE, Sample, sample_of

DRIFT = "drift"
"""The document of what changed."""

DRIFT_DAYS = BLOCK_DAYS * LAG
"""How far back the reference of the drift lies."""

OUTCOME = "outcome"
_PARTS = ("source_channel", "channel_state", "channel", "segment", "stage")
_MONEY: Mapping[str, float] = {"expected_loss": -1.0, "expected_value": 1.0}


@dataclass(frozen=True, eq=False)
class Inputs:
    """What one champion read and said of those in question at each date; None where the facts or the kind of model don't allow it."""

    champion: Champion
    sample: Sample | None

    @cached_property
    def found(self) -> list[Drift]:
        """Compare column by column, the score and the outcome among them, over the newest quarter."""
        if self.sample is None:
            return []
        rows, block = self.sample.rows, self.sample.block
        columns = [Column.of(str(name), rows[name], block, BLOCKS) for name in rows.columns]
        matured = int(self.sample.outcome_block.max(initial=-1)) + 1
        columns.append(Column.of(OUTCOME, self.sample.outcomes, self.sample.outcome_block, matured))
        return compare(columns)

    def scores(self) -> dict[str, Json] | None:
        """Give the mean score now and then, in all and by channel or segment with their shares."""
        now, then = self._at(BLOCKS - 1), self._at(BLOCKS - 1 - LAG)
        if now.empty or then.empty:
            return None
        parts: dict[str, Json] = {name: _by_level(now, then, name) for name in _PARTS if name in now.columns}
        return {"now": float(now[SCORE].mean()), "then": float(then[SCORE].mean()), "by": parts}

    def outlook(self, amount: float | None) -> Outlook | None:
        """Say how the champion's mean probability moved, where what its answers amount to is known."""
        moved = self.scores() if amount is not None else None
        if amount is None or moved is None:
            return None
        return Outlook(amount, float(str(moved["now"])), float(str(moved["then"])))

    def _at(self, block: int) -> pd.DataFrame:
        if self.sample is None:
            return pd.DataFrame()
        return pd.DataFrame(self.sample.rows[self.sample.block == block])


def inputs_of(settings: Settings, facts: Facts, champion: Champion, as_of: AsOf) -> Inputs:
    """Read what a champion would have been given and have said at each date, and what came true."""
    return Inputs(champion, sample_of(settings, facts, champion, as_of))


def drift_document(found: Mapping[str, Inputs], as_of: AsOf) -> dict[str, Json]:
    """Give the drift of every model and its mean scores, and between which dates, as JSON."""
    drift: dict[str, Json] = {name: [change.document() for change in inputs.found] for name, inputs in found.items()}
    scores: dict[str, Json] = {name: told for name, inputs in found.items() if (told := inputs.scores()) is not None}
    return {"drift": drift, "scores": scores, "compared": {"now": as_of.isoformat(), "then": as_of.plus(-DRIFT_DAYS).isoformat()}}


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


def _by_level(now: pd.DataFrame, then: pd.DataFrame, name: str) -> list[Json]:
    """Give each level's share and mean score now and then, the largest first."""
    found = {when: rows.groupby(rows[name].fillna("∅"))[SCORE].agg(["size", "mean"]) for when, rows in {"now": now, "then": then}.items()}
    sizes = {"now": len(now), "then": len(then)}
    levels = sorted(set(found["now"].index) | set(found["then"].index), key=lambda level: -found["now"]["size"].get(level, 0))
    return [
        {
            "level": str(level),
            **{f"share_{when}": float(rows["size"].get(level, 0) / sizes[when]) for when, rows in found.items()},
            **{f"score_{when}": float(rows["mean"][level]) if level in rows.index else None for when, rows in found.items()},
        }
        for level in levels
    ]
