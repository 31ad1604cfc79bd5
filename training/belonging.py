"""Where contacts belong: the channel that brought each, who looks after it and its segment, by which a list is filtered."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from funnelcast.journeys import SEPARATOR, JourneyRules, open_journeys, type_of
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf

COLUMNS = ("channel", "owner", "segment")
_ATTRIBUTES = frozenset({"owner", "segment"})

Belonging = dict[str, "str | None"]
"""The channel, the owner and the segment of one contact; None where the company doesn't say."""


def belonging(known: Facts, contacts: Sequence[str | None], segments: Mapping[str, str | None]) -> list[Belonging]:
    """Say where each contact belongs by what was known before the cut, in the order asked.

    The channel is the one that brought it; the owner its attribute of that name, else whoever has its latest deal; the segment its
    attribute of that name, else what ``segments`` holds.
    """
    names = sorted({name for name in contacts if name is not None})
    own, owners = _own(known, names), _deal_owners(known, names)
    found = []
    for name in contacts:
        row = own.get(str(name), {})
        owner, segment = row.get("owner") or owners.get(str(name)), row.get("segment") or segments.get(str(name))
        found.append(Belonging(channel=row.get("channel"), owner=owner, segment=segment))
    return found


def kinds_of_journey(known: Facts, contacts: Sequence[str], as_of: AsOf, rules: JourneyRules) -> dict[str, str | None]:
    """Give the type of each contact's journey so far; None without a touch."""
    if not known.has("touchpoints"):
        return {}
    cohort = named(contacts).mutate(as_of=ibis.literal(as_of.at, type="timestamp"))
    paths = _rows(open_journeys(known, rules, cohort).select("contact_id", "path"))
    return {row["contact_id"]: type_of(row["path"].split(SEPARATOR) if row["path"] else (), known.source.offline) for row in paths}


def named(names: Sequence[str], key: str = "contact_id") -> ir.Table:
    """Give a table of ids, by which others are cut down."""
    return ibis.memtable(pd.DataFrame({key: pd.Series(names, dtype="object")}), schema={key: "string"})


def _own(known: Facts, names: Sequence[str]) -> dict[str, Belonging]:
    if not known.has("contacts"):
        return {}
    attributes = sorted(_ATTRIBUTES & set(known.attributes("contacts")))
    mine = known.table("contacts").semi_join(named(names), "contact_id")
    rows = _rows(mine.select("contact_id", *attributes, channel="source_channel"))
    return {row["contact_id"]: {name: as_text(row[name]) for name in ("channel", *attributes)} for row in rows}


def _deal_owners(known: Facts, names: Sequence[str]) -> Belonging:
    if not known.has("deals"):
        return {}
    deals = known.table("deals")
    mine = deals.filter(deals.owner.notnull()).semi_join(named(names), "contact_id")
    rows = _rows(mine.select("contact_id", "owner", "opened_at", "deal_id").order_by("opened_at", "deal_id"))
    return {row["contact_id"]: as_text(row["owner"]) for row in rows}  # the latest is the last


def _rows(table: ir.Table) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_pyarrow().to_pylist()
    return rows


def as_text(value: object) -> str | None:
    """Write an attribute's value; a number without its needless zeros, what isn't there as None."""
    if isinstance(value, str):
        return value or None
    if isinstance(value, float):
        return (f"{value:.0f}" if value.is_integer() else str(value)) if math.isfinite(value) else None
    return None if value is None else str(value)
