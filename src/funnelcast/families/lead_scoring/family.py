"""Lead scoring: the probability that an open lead becomes a customer within the horizon, or what the company calls a conversion."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import ClassVar

import ibis.expr.types as ir

from funnelcast.cohorts import Asked, open_leads
from funnelcast.errors import MissingTable
from funnelcast.families.family import Development, Options
from funnelcast.families.lead_scoring.bridge import Bridge, Question, build_bridge
from funnelcast.families.lead_scoring.plots import bridge_figure
from funnelcast.families.lead_scoring.wording import document, section
from funnelcast.families.scoring.family import ScoringFamily, given_label
from funnelcast.families.scoring.reasons import Words
from funnelcast.families.scoring.rows import Labelled, read_tables
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
    events: ClassVar[Words] = MappingProxyType({"en": "conversions", "fr": "conversions"})
    others: ClassVar[Words] = MappingProxyType({"en": "leads without conversion", "fr": "prospects sans conversion"})

    def cohort(self, facts: Facts, spec: Spec, dates: Asked) -> ir.Table:
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

    def develop(self, facts: Facts, spec: Spec, as_of: AsOf, options: Options) -> Development:
        """Fit challenger and baseline, and build the bridge from the baseline's rule of points to the model."""
        development = super().develop(facts, spec, as_of, options)
        options.progress(f"{spec.name}: the bridge from the rule")
        bridge = self._bridge(facts, spec, development)
        if isinstance(bridge, str):
            return replace(development, details={**development.details, "bridge": {"missing": bridge}})
        return replace(
            development,
            details={**development.details, "bridge": document(bridge)},
            plots={**development.plots, "bridge": partial(bridge_figure, bridge)},
            sections=(*development.sections, section(bridge)),
        )

    def _bridge(self, facts: Facts, spec: Spec, development: Development) -> Bridge | str:
        if given_label(facts, spec) is not None:
            return "the outcome is a column of contacts: without its date, no touch is known to come before it"
        readable = read_tables(facts, spec)
        if not readable.has("touchpoints") or not readable.brings("touchpoints", "kind"):
            return "no touchpoints that have a kind are among the tables to read"
        return build_bridge(Question(facts, spec, lambda known, dates: self.cohort(known, spec, list(dates))), development)
