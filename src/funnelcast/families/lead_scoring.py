"""Lead scoring: the probability that an open lead becomes a customer within the horizon, or what the company calls a conversion."""

from __future__ import annotations

from types import MappingProxyType
from typing import ClassVar

import ibis.expr.types as ir

from funnelcast.cohorts import open_leads
from funnelcast.errors import MissingTable
from funnelcast.families.scoring.family import ScoringFamily
from funnelcast.families.scoring.reasons import Words
from funnelcast.families.scoring.rows import Labelled
from funnelcast.labels import conversion
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import AsOf


class LeadScoring(ScoringFamily):
    """Which lead will buy."""

    name: ClassVar[str] = "lead_scoring"
    needs: ClassVar[tuple[tuple[str, ...], ...]] = (("contacts",),)
    baseline_column: ClassVar[str] = "engagement_points"
    raises: ClassVar[Words] = MappingProxyType({"en": "speaks for a conversion", "fr": "plaide pour une conversion"})
    lowers: ClassVar[Words] = MappingProxyType({"en": "speaks against a conversion", "fr": "plaide contre une conversion"})

    def cohort(self, facts: Facts, spec: Spec, dates: list[AsOf]) -> ir.Table:
        """Give the leads that were created or touched lately, are no customers and aren't disqualified."""
        return open_leads(facts, dates, int(spec.cohort.get("active_days", 365)))

    def label(self, facts: Facts, spec: Spec) -> Labelled:  # noqa: ARG002 (one label for all)
        """Give the conversion within the horizon; whoever is still open at its end counts as not converted within it."""
        return conversion

    def clock_table(self, facts: Facts, spec: Spec) -> str:
        """Name contacts, where they are dated and their conversion is known."""
        dated = facts.brings("contacts", "created_at")
        if not dated or not (facts.brings("contacts", "became_customer_at") or facts.has("transactions")):
            raise MissingTable(
                purpose=f"{spec.name} (or a column of contacts that states the outcome, under [labels.{spec.name}])",
                table="transactions" if dated else "contacts with created_at",
                source=facts.source.path or facts.source.name,
                columns="contact_id, occurred_at, amount; or became_customer_at of contacts",
            )
        return "contacts"


FAMILY = LeadScoring()
