"""Churn: the probability that a customer doesn't buy within the horizon, that a subscription ends, or what the company calls churn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import ClassVar

import ibis.expr.types as ir
import pandas as pd

from funnelcast.cohorts import Asked, active_customers, subscribers
from funnelcast.errors import MissingTable, SpecError
from funnelcast.families.churn.channels import fit_moves
from funnelcast.families.churn.model import ChurnModel
from funnelcast.families.churn.plots import moves_figure
from funnelcast.families.churn.transitions import common_shocks, judged_moves
from funnelcast.families.family import Development, Options
from funnelcast.families.scoring.family import ScoringFamily
from funnelcast.families.scoring.model import ScoringModel
from funnelcast.families.scoring.reasons import Words
from funnelcast.families.scoring.rows import Labelled
from funnelcast.labels import NEXT_STATE, next_channels, no_purchase, subscription_ended
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf

_TABLES = MappingProxyType({"purchase": "transactions", "subscription": "subscriptions"})
_ROWS_FOR_SHOCKS = 50_000


class Churn(ScoringFamily):
    """Who will leave."""

    name: ClassVar[str] = "churn"
    needs: ClassVar[tuple[tuple[str, ...], ...]] = (("transactions",), ("subscriptions",), ("contacts",))
    baseline_column: ClassVar[str] = "days_since_purchase"
    raises: ClassVar[Words] = MappingProxyType({"en": "raises the risk of leaving", "fr": "augmente le risque de départ"})
    lowers: ClassVar[Words] = MappingProxyType({"en": "lowers the risk of leaving", "fr": "diminue le risque de départ"})
    events: ClassVar[Words] = MappingProxyType({"en": "departures", "fr": "départs"})
    others: ClassVar[Words] = MappingProxyType({"en": "customers kept", "fr": "clients restés"})

    def cohort(self, facts: Facts, spec: Spec, dates: Asked) -> ir.Table:
        """Give the customers who bought lately, or whose subscription runs."""
        if self._basis(facts, spec) == "subscription":
            return subscribers(facts, dates)
        return active_customers(facts, dates, int(spec.cohort.get("active_days", 365)))

    def label(self, facts: Facts, spec: Spec) -> Labelled:
        """Give no purchase, with the next channel beside it where purchases have one, or the subscription's end."""
        if self._basis(facts, spec) == "subscription":
            return subscription_ended
        return next_channels if facts.brings("transactions", "channel") else no_purchase

    def clock_table(self, facts: Facts, spec: Spec) -> str:
        """Name the table that the label is derived from."""
        return _TABLES[self._basis(facts, spec)]

    def rhythm_days(self, spec: Spec) -> float:
        """Give the horizon in which no purchase is the outcome; 0 where the outcome is the end of a subscription."""
        return 0.0 if spec.label.get("basis") == "subscription" else float(spec.label.get("horizon_days", 0))

    def develop(self, facts: Facts, spec: Spec, as_of: AsOf, options: Options) -> Development:
        """Fit challenger and baseline on what was known before as_of, and judge score and moves on the newest date."""
        development = super().develop(facts, spec, as_of, options)
        judged = development.judged
        if not isinstance(judged, ChurnModel) or judged.moves is None:
            return development
        moves = judged_moves(judged, judged.moves, development.newest)
        figure = partial(moves_figure, moves["table"], judged.moves.horizon_days)
        details = {**development.details, "channel_moves": moves}
        return replace(development, details=details, plots={**development.plots, "channel_moves": figure})

    def complete(self, model: ScoringModel, rows: pd.DataFrame, spec: Spec) -> ChurnModel:
        """Add the moves between channels, where the rows tell them."""
        moves = fit_moves(rows, spec.horizon_days) if NEXT_STATE in rows else None
        found = ChurnModel.of(model, moves)
        if moves is None or "as_of" not in rows:
            return found
        sample = rows.iloc[:: max(1, len(rows) // _ROWS_FOR_SHOCKS)]
        shocks = common_shocks(found.predict(sample[list(found.columns)]), sample[NEXT_STATE], sample["as_of"])
        return ChurnModel.of(model, replace(moves, shocks=shocks))

    def rebuild(self, files: Mapping[str, bytes]) -> ChurnModel:
        """Make the model or its baseline from the artefact."""
        return ChurnModel.rebuild(files)

    def _basis(self, facts: Facts, spec: Spec) -> str:
        """Give what spec.toml says, else purchases where the company brings them, else subscriptions."""
        stated = spec.label.get("basis")
        if stated is not None and stated not in _TABLES:
            raise SpecError(path=f"models/{spec.name}/spec.toml", reason=f"[label] basis {stated!r} is none of {sorted(_TABLES)}")
        basis = stated or next((basis for basis, table in _TABLES.items() if facts.has(table)), None)
        if basis is None or not facts.has(_TABLES[basis]):
            raise MissingTable(
                purpose=f"{spec.name} (or a column of contacts that states the outcome, under [labels.{spec.name}])",
                table=_TABLES[basis or "purchase"],
                source=facts.source.path or facts.source.name,
                columns="contact_id, occurred_at, amount",
            )
        return str(basis)
