"""How well each champion does by the facts: what it expects of those in question now, and what came of rows that it hadn't seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar

import pandas as pd

from funnelcast.champions import Champion
from funnelcast.errors import FunnelcastError
from funnelcast.evaluate.grouping import CHANNELS
from funnelcast.families.churn.channels import channel_state
from funnelcast.families.clv.acquisition import JOURNEY, USED
from funnelcast.families.registry import family_of
from funnelcast.monitor.performance import SUMMED, Unseen, expected
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec, read
from funnelcast.terms import AsOf, Json
from training.score import stream

SEGMENTS = ("channel_state", JOURNEY, USED, "owner")
ANSWERED = ["probability", "expected_loss", "expected_value", *SUMMED]

Made = TypeVar("Made")


@dataclass(frozen=True, eq=False)
class Performance:
    """One champion, judged by the facts as they were known before as_of."""

    settings: Settings
    facts: Facts
    champion: Champion
    as_of: AsOf

    @cached_property
    def answers(self) -> pd.DataFrame:
        """The numbers that the champion answers of those in question now."""
        batches = stream(self.settings, self.facts, self.champion, self.as_of)
        return pd.concat([batch.filter(ANSWERED) for batch in batches], ignore_index=True)

    @cached_property
    def trained(self) -> AsOf:
        """The first instant whose facts the champion hasn't seen."""
        return AsOf.parse(self.champion.about.trained_as_of, self.as_of.timezone)

    @cached_property
    def unseen(self) -> Unseen | str:
        """The rows whose outcome is known and began after the champion's training; the reason where there are none yet."""
        about = self.champion.about
        family, spec = family_of(about.family), read(self.settings.models, about.model)
        known = known_at(self.facts, self.as_of)
        newest = family.matured(known, spec, self.as_of)
        if newest is None:
            return "The facts say nothing of when outcomes came."
        rows = _since(newest, self.trained)
        if rows.empty and self.trained < self.as_of:
            following = family.matured(known, spec, self.trained)  # for kinds that take all days after an instant as its hold-out
            rows = newest.iloc[:0] if following is None else _since(following, self.trained)
        if rows.empty:
            return self._not_yet(newest)
        return Unseen(family, spec, self.champion.model, self._told(rows, spec))

    def _not_yet(self, newest: pd.DataFrame) -> str:
        trained = self.trained.at.date()
        if newest.empty:
            return f"No outcome is known yet of what came after its training on facts before {trained}."
        ahead = pd.Timestamp(self.trained.at) - _starts(newest).max()
        matures = (pd.Timestamp(self.as_of.at) + ahead).date()
        return f"It was trained on facts before {trained}: outcomes of what it hasn't seen are known from {matures} on at the latest."

    def _told(self, rows: pd.DataFrame, spec: Spec) -> pd.DataFrame:
        """Add what groups rows: where a customer bought lately, a deal's owner, the last channel of a path."""
        if self.champion.about.family == "churn":
            rows = rows.assign(channel_state=channel_state(rows, spec.horizon_days))
        if "path" in rows:
            rows = rows.assign(channel=rows["path"].str.rpartition(" > ")[2])
        if "deal_id" in rows and self.facts.brings("deals", "owner"):
            deals = self.facts.table("deals")
            owners = deals.filter(deals.owner.notnull()).select("deal_id", "owner").to_pandas().set_index("deal_id")["owner"]
            rows = rows.assign(owner=rows["deal_id"].map(owners))
        return rows

    def document(self) -> dict[str, Json]:
        """Give it as JSON; what can't be told stands in ``missing`` with its reason."""
        said, found = _or_reason(lambda: expected(self.answers)), _or_reason(lambda: self.unseen)
        reasons: dict[str, Json] = {name: value for name, value in (("expected", said), ("realised", found)) if isinstance(value, str)}
        groups = {"by_channel": CHANNELS, "by_segment": SEGMENTS}
        return {
            "expected": None if isinstance(said, str) else said,
            "realised": None if isinstance(found, str) else self._realised(found),
            **{name: [] if isinstance(found, str) else found.by(columns) for name, columns in groups.items()},
            "missing": reasons,
        }

    def _realised(self, found: Unseen) -> dict[str, Json]:
        since = AsOf(_starts(found.rows).min().to_pydatetime(), self.as_of.timezone).isoformat()
        return {"since": since, **found.figures(), "trained_skill": self.champion.about.skill}


def performance_document(settings: Settings, facts: Facts, as_of: AsOf, serving: Mapping[str, Champion]) -> dict[str, Json]:
    """Judge every champion by the facts."""
    return {name: Performance(settings, facts, champion, as_of).document() for name, champion in serving.items()}


def _or_reason(make: Callable[[], Made]) -> Made | str:
    try:
        return make()
    except FunnelcastError as error:
        return str(error)


def known_at(facts: Facts, as_of: AsOf) -> Facts:
    """Give the company as it was known before an instant, which observed nothing from it on."""
    return replace(cut(facts, as_of), observed_until=as_of)


def _starts(rows: pd.DataFrame) -> pd.Series:
    return rows["start" if "start" in rows else "as_of"]


def _since(rows: pd.DataFrame, instant: AsOf) -> pd.DataFrame:
    return rows[_starts(rows) >= pd.Timestamp(instant.at)].reset_index(drop=True)
