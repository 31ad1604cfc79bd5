"""Features of the contact itself: how long it has been known, where it came from, and the company's own attributes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import ibis.expr.types as ir

from funnelcast.cohorts import age_days
from funnelcast.features.definition import KEYS, Feature
from funnelcast.labels import LABEL, NEXT_STATE
from funnelcast.sources.facts import Facts

RESERVED = frozenset({*KEYS, LABEL, NEXT_STATE})
"""Names that an attribute can't have among the features; it gets a suffix."""


def contact_features(facts: Facts) -> tuple[Feature, ...]:
    """Give the features of the canonical columns that the company brings."""
    found = []
    if facts.brings("contacts", "created_at"):
        found.append(Feature("tenure_days", _age("created_at"), "days since the contact is known", "jours depuis que le contact est connu"))
    if facts.brings("contacts", "became_customer_at"):
        found.append(Feature("customer_days", _age("became_customer_at"), "days as a customer", "jours d'ancienneté client"))
    if facts.brings("contacts", "opted_out_at"):
        opted_out = Feature("opted_out", lambda c: c.opted_out_at.notnull().cast("float64"), "opted out", "désinscrit", empty=0.0)
        found.append(opted_out)
    if facts.brings("contacts", "source_channel"):
        found.append(Feature("source_channel", lambda c: c.source_channel, "came through", "venu par", kind="category"))
    return tuple(found)


def calendar_features(facts: Facts) -> tuple[Feature, ...]:
    """Give what as_of alone tells, where the company brings facts with a date."""
    dated = facts.has("transactions") or facts.brings("contacts", "created_at")
    day = Feature("day_of_year", lambda rows: rows.as_of.day_of_year().cast("float64"), "day of the year", "jour de l'année")
    return (day,) if dated else ()


def attribute_features(facts: Facts, taken: Collection[str]) -> tuple[Feature, ...]:
    """Give one feature per attribute under the company's own name; one that is taken gets the suffix `` (attribute)``."""
    used = {name.casefold() for name in (*taken, *RESERVED)}
    table = facts.table("contacts")
    found = []
    for attribute in facts.attributes("contacts"):
        name = f"{attribute} (attribute)" if attribute.casefold() in used else attribute
        text = table[attribute].type().is_string()
        found.append(Feature(name, _column(attribute, text=text), attribute, attribute, kind="category" if text else "number"))
    return tuple(found)


def _age(clock: str) -> Any:
    return lambda contact: age_days(contact.as_of, contact[clock]).cast("float64")


def _column(attribute: str, *, text: bool) -> Any:
    def value(contact: ir.Table) -> Any:
        return contact[attribute] if text else contact[attribute].cast("float64")

    return value
