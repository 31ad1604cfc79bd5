"""What people are worth: each customer's CLV, and what a lead's conversion is worth by the channel that brought it."""

from __future__ import annotations

from typing import Any

import ibis.expr.types as ir
import pandas as pd

from funnelcast import champions
from funnelcast.cohorts import new_customers
from funnelcast.conversion_value import CONVERTED_WITHIN_DAYS, ConversionValue
from funnelcast.families.registry import family_of
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf

CLV = "clv"
_PARTS_OF_MONEY = 10_000  # sums of whole parts don't depend on the order in which the engine meets the rows


def value_of_contacts(settings: Settings, known: Facts, as_of: AsOf, cohort: ir.Table | None = None) -> pd.Series | None:
    """Give each customer's CLV by contact_id, where a clv champion and purchases allow it.

    ``cohort`` (contact_id and as_of) names who is asked for; None takes every customer.
    """
    if not _can_value(settings, known):
        return None
    model = champions.load(settings, known.source.name, CLV).model
    spec = read(settings.models, CLV)
    rows = family_of(CLV).candidates(known, spec, cohort, as_of).execute().set_index("contact_id").sort_index()
    return model.predict(rows[list(model.columns)])["clv"].rename("clv")


def value_of_conversions(settings: Settings, known: Facts, as_of: AsOf) -> ConversionValue | None:
    """Give what a conversion is worth, by those who became customers within the last 365 days before as_of.

    The worth of one is margin * (what it bought from the day of its conversion to as_of) + CLV from as_of on, by the clv champion and its
    own margin: the value of about half a year that was seen and of the champion's horizon. Who hasn't bought yet counts 0. None without
    clv champion, purchases or converts.
    """
    if not _can_value(settings, known):
        return None
    converts = new_customers(known, [as_of], CONVERTED_WITHIN_DAYS)
    found = _spent_since(known, converts).execute().set_index("contact_id").sort_index()
    clv = value_of_contacts(settings, known, as_of, converts)
    model: Any = champions.load(settings, known.source.name, CLV).model
    ahead = 0.0 if clv is None else clv.reindex(found.index).fillna(0.0)
    return ConversionValue.of_converts(found.assign(worth=model.terms.margin * found["spent"].fillna(0.0) + ahead))


def _can_value(settings: Settings, known: Facts) -> bool:
    return known.has("transactions") and CLV in champions.listed(settings, known.source.name)


def _spent_since(known: Facts, converts: ir.Table) -> ir.Table:
    """Give contact_id, ``spent`` since the day of the conversion (null for nothing) and ``channel``."""
    bought = known.table("transactions").select("contact_id", "occurred_at", "amount").join(converts, "contact_id")
    since = bought.filter(bought.occurred_at >= bought.since.truncate("D"))
    parts = (since.amount * _PARTS_OF_MONEY).round().cast("int64")
    spent = since.group_by("contact_id").aggregate(spent=parts.sum() / _PARTS_OF_MONEY)
    brought = known.table("contacts", "The value of a conversion").select("contact_id", channel="source_channel")
    everyone = converts.select("contact_id").left_join(brought, "contact_id").drop("contact_id_right")
    return everyone.left_join(spent, "contact_id").drop("contact_id_right")
