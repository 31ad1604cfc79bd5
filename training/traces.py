"""What a company's facts hold of one person, under whichever of their identities they are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from funnelcast.monitor.track_record import identity_key
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import TABLES
from funnelcast.terms import AsOf
from training.erasure import Person


@dataclass(frozen=True)
class Traces:
    """What the company's facts hold of a person.

    Parameters
    ----------
    rows
        By table, how many rows are theirs.
    known_since
        When the first of them was known; None: always.
    """

    person: Person
    rows: dict[str, int]
    known_since: AsOf | None


def traces_of(facts: Facts, given: str) -> Traces:
    """Find a person in every table that names contacts."""
    person = _identities(facts, given)
    contacts = sorted(person.contacts)
    rows: dict[str, int] = {}
    first: list[Any] = []
    belongings: set[str] = set()
    for name, table in facts.tables.items():
        if "contact_id" not in table.columns:
            continue
        theirs = table.filter(table.contact_id.isin(contacts))
        wanted = [column for column in ("deal_id", "invoice_id", "known_at") if column in theirs.columns]
        held: pd.DataFrame = theirs.select("contact_id", *wanted).execute()
        if held.empty:
            continue
        rows[name] = len(held)
        if TABLES[name].clock:
            first += list(held["known_at"])
        if name in {"deals", "invoices"}:
            belongings |= set(held["deal_id" if name == "deals" else "invoice_id"].astype(str))
    dated = bool(first) and not any(pd.isna(at) for at in first)
    since = AsOf(min(first).to_pydatetime(), facts.source.timezone) if dated else None
    return Traces(Person(person.contacts, frozenset(belongings)), rows, since)


def _identities(facts: Facts, given: str) -> Person:
    """Give the contact behind an id, with all its identities."""
    if not facts.has("identities"):
        return Person(frozenset({given}))
    known: pd.DataFrame = facts.table("identities").select("identity", "contact_id").execute()
    keys = known["identity"].map(identity_key)
    owner = known.loc[keys == identity_key(given), "contact_id"].min()  # as the facts are resolved
    contact = given if pd.isna(owner) else str(owner)
    return Person(frozenset({given, contact, *known.loc[known["contact_id"] == contact, "identity"].astype(str)}))
