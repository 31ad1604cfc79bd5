"""How customers were won: by which channel, on what type of journey, and how many channels they have used since.

- The acquisition channel is ``contacts.source_channel`` where the company brings it, else the channel of the first purchase.
- The journey type is that of the touches up to the first purchase; who had none is known by the side of that purchase.
- The touched journey is the same, of those who had a touch: where the company brings touches, who had none isn't told apart by it,
  since a request of purchases can't say that there were none.
- The channels used are those of all touches and purchases up to as_of.

All but the last were settled when the customer was won and may tell customers apart in a model; the channels used go on growing with what a
customer buys, so they are reported and never a model's group. What the facts don't tell is null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.journeys import TYPES, journey_type
from funnelcast.sources.as_of import cut, happened, known_to
from funnelcast.sources.facts import Facts, Source
from funnelcast.sources.schema import TABLES
from funnelcast.terms import AsOf

CHANNEL, JOURNEY, USED = "acquisition_channel", "journey_type", "channels_used"
TOUCHED = "touched_journey"
_KEYS = ("contact_id", "as_of")
_READ = ("contacts", "touchpoints", "transactions")


def untold(facts: Facts) -> Mapping[str, Mapping[str, str]]:
    """Say which of these the company's facts can't tell, and what they would need, in English and French."""
    by_purchase = facts.brings("transactions", "channel")
    needs = {
        CHANNEL: (by_purchase or facts.brings("contacts", "source_channel"), "contacts.source_channel or transactions.channel"),
        **dict.fromkeys((JOURNEY, TOUCHED), (by_purchase or facts.has("touchpoints"), "touchpoints or transactions.channel")),
        USED: (by_purchase or facts.has("touchpoints"), "touchpoints or transactions.channel"),
    }
    return {
        name: {"en": f"the company doesn't bring {what}", "fr": f"l'entreprise n'apporte pas {what.replace(' or ', ' ni ')}"}
        for name, (told, what) in needs.items()
        if not told
    }


def acquired(facts: Facts, as_of: AsOf, cohort: ir.Table | None = None) -> ir.Table:
    """Give contact_id, as_of, acquisition_channel, journey_type and touched_journey of everyone who has bought.

    Parameters
    ----------
    as_of, cohort
        As ``summarise`` takes them.
    """
    known = _reader(facts, as_of, cohort)
    bought = known("transactions")
    first = _first_purchases(bought.filter(bought.amount >= 0))
    told = _with_touches(facts, known, _with_source(facts, known, first))
    offline = facts.offline(told.bought_by)
    side = ibis.cases((told.bought_by.isnull(), ibis.null("string")), (offline, TYPES[1]), else_=TYPES[0])
    on, off = told.online_at.notnull(), told.offline_at.notnull()
    kind = journey_type(on, off, (told.offline_at <= told.online_at).fill_null(False))  # noqa: FBT003 (Ibis's signature)
    journey = ibis.ifelse(on | off, kind, side)
    touched = ibis.ifelse(on | off, kind, ibis.null("string")) if facts.has("touchpoints") else journey
    return told.select(*_KEYS, CHANNEL, **{JOURNEY: journey, TOUCHED: touched})


def definition() -> str:
    """Give the SQL that tells how customers were won, whatever engine holds the facts: what a model's groups were learned on."""
    columns = {name: {column: TABLES[name].type_of(column) for column in TABLES[name].names} for name in _READ}
    unbound = {name: ibis.table(schema, name=name) for name, schema in columns.items()}
    facts = Facts(Source("any"), ibis.duckdb.connect(), unbound, {name: frozenset(schema) for name, schema in columns.items()})
    cohort = ibis.table({"contact_id": "string", "as_of": "timestamp"}, name="cohort")
    return str(ibis.to_sql(acquired(facts, AsOf.parse("2000-01-01", "UTC"), cohort), dialect="duckdb"))


def with_segments(facts: Facts, as_of: AsOf, summary: ir.Table) -> ir.Table:
    """Put what ``acquired`` and ``channels_used`` give beside the rows of a summary at as_of."""
    return _beside(with_acquisition(facts, as_of, summary), channels_used(facts, as_of))


def with_acquisition(facts: Facts, as_of: AsOf, summary: ir.Table, cohort: ir.Table | None = None) -> ir.Table:
    """Put what ``acquired`` gives beside the rows of a summary of the same cohort."""
    return _beside(summary, acquired(facts, as_of, cohort))


def channels_used(facts: Facts, as_of: AsOf, cohort: ir.Table | None = None) -> ir.Table:
    """Count the distinct channels of each contact's touches and purchases up to as_of: contact_id, as_of, channels_used."""
    known = _reader(facts, as_of, cohort)
    met = [known(name).select(*_KEYS, "channel") for name in ("transactions", "touchpoints") if facts.has(name)]
    every = met[0] if len(met) == 1 else met[0].union(*met[1:])
    distinct = every.filter(every.channel.notnull()).distinct()
    return distinct.group_by(*_KEYS).aggregate(**{USED: distinct.count()})


def _reader(facts: Facts, as_of: AsOf, cohort: ir.Table | None) -> Callable[[str], ir.Table]:
    """Give what reads a table as known at each row's as_of."""
    before = cut(facts, as_of) if cohort is None else facts

    def read(name: str) -> ir.Table:
        if cohort is None:
            known = before.table(name).mutate(as_of=ibis.literal(as_of.at, type="timestamp"))
        else:
            known = known_to(facts, name, cohort)
        return happened(known, "occurred_at") if name == "touchpoints" else known

    return read


def _first_purchases(bought: ir.Table) -> ir.Table:
    """Give the instant and channel of each first purchase; among purchases of one instant the channel's name decides."""
    instants = bought.group_by(*_KEYS, "occurred_at").aggregate(channel=bought.channel.min().fill_null(""))
    firsts = instants.group_by(*_KEYS).aggregate(
        first_at=instants.occurred_at.min(), bought_by=instants.channel.argmin(instants.occurred_at).nullif("")
    )
    return firsts.select(*_KEYS, "first_at", "bought_by")


def _with_source(facts: Facts, known: Callable[[str], ir.Table], first: ir.Table) -> ir.Table:
    if not facts.brings("contacts", "source_channel"):
        return first.mutate(**{CHANNEL: first.bought_by})
    sources = known("contacts").select(*_KEYS, **{CHANNEL: "source_channel"})
    return _beside(first, sources)


def _with_touches(facts: Facts, known: Callable[[str], ir.Table], first: ir.Table) -> ir.Table:
    """Add when the journey to the first purchase met either side first."""
    if not facts.has("touchpoints"):
        return first.mutate(online_at=ibis.null("timestamp"), offline_at=ibis.null("timestamp"))
    touches = known("touchpoints").select(*_KEYS, "channel", at="occurred_at")
    before = touches.join(first.select(*_KEYS, "first_at"), _KEYS).filter(lambda row: row.at <= row.first_at)
    offline = facts.offline(before.channel)
    sides = before.group_by(*_KEYS).aggregate(online_at=before.at.min(where=~offline), offline_at=before.at.min(where=offline))
    return _beside(first, sides)


def _beside(left: ir.Table, right: ir.Table) -> ir.Table:
    added = [name for name in right.columns if name not in _KEYS]
    joined: Any = left.left_join(right, _KEYS)
    return joined.select(*(left[name] for name in left.columns), *(right[name] for name in added))
