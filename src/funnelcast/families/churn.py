"""Churn: the probability that a customer doesn't buy within the horizon, that a subscription ends, or what the company calls churn."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

import ibis.expr.types as ir

from funnelcast.cohorts import active_customers, subscribers
from funnelcast.errors import MissingTable, SpecError
from funnelcast.families.scoring.family import ScoringFamily
from funnelcast.families.scoring.reasons import Words
from funnelcast.families.scoring.rows import Labelled
from funnelcast.labels import no_purchase, subscription_ended
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf

_TABLES = MappingProxyType({"purchase": "transactions", "subscription": "subscriptions"})


class Churn(ScoringFamily):
    """Who will leave."""

    name: ClassVar[str] = "churn"
    needs: ClassVar[tuple[tuple[str, ...], ...]] = (("transactions",), ("subscriptions",), ("contacts",))
    baseline_column: ClassVar[str] = "days_since_purchase"
    raises: ClassVar[Words] = MappingProxyType({"en": "raises the risk of leaving", "fr": "augmente le risque de départ"})
    lowers: ClassVar[Words] = MappingProxyType({"en": "lowers the risk of leaving", "fr": "diminue le risque de départ"})

    def cohort(self, facts: Facts, spec: Spec, dates: list[AsOf]) -> ir.Table:
        """Give the customers who bought lately, or whose subscription runs."""
        if self._basis(facts, spec) == "subscription":
            return subscribers(facts, dates)
        return active_customers(facts, dates, int(spec.cohort.get("active_days", 365)))

    def label(self, facts: Facts, spec: Spec) -> Labelled:
        """Give no purchase, or the subscription's end."""
        return subscription_ended if self._basis(facts, spec) == "subscription" else no_purchase

    def clock_table(self, facts: Facts, spec: Spec) -> str:
        """Name the table that the label is derived from."""
        return _TABLES[self._basis(facts, spec)]

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


FAMILY = Churn()
