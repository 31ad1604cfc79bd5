"""One contact, one id: facts that arrive under an e-mail, a phone number or a loyalty card find their contact."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.sources.findings import Report

RESOLVED = ("touchpoints", "transactions", "subscriptions", "deals", "invoices")
"""The tables whose contact_id may be another id of a contact."""


def resolve(table: ir.Table, identities: ir.Table) -> ir.Table:
    """Replace every contact_id that stands in ``identities`` by the contact's own; e-mails match in any capitals."""
    known = identities.group_by(alias=_key(identities.identity)).aggregate(own=identities.contact_id.min())
    keyed = table.mutate(alias=_key(table.contact_id))
    joined = keyed.left_join(known, "alias")
    return joined.mutate(contact_id=ibis.coalesce(joined.own, joined.contact_id)).select(*table.columns)


def reconcile(name: str, table: ir.Table, contacts: ir.Table, report: Report) -> None:
    """Report how many of a table's rows belong to a contact that the company brings, and how many don't."""
    amount = table.amount if "amount" in table.columns else ibis.null("float64")
    named = table.filter(table.contact_id.notnull()).select("contact_id", amount=amount)
    ids = named.group_by("contact_id").aggregate(rows=lambda t: t.count(), amount=lambda t: t.amount.sum())
    strangers = ids.anti_join(contacts, "contact_id")
    told = {"rows": strangers.rows.sum(), "ids": strangers.count(), "first": strangers.contact_id.min(), "amount": strangers.amount.sum()}
    found = strangers.aggregate(**told).to_pyarrow().to_pylist()[0]
    if found["rows"]:
        rule = f"rows belong to no contact ({found['ids']} ids); they stay unmatched"
        report.warn(name, "contact_id", rule, found["rows"], repr(found["first"]), found["amount"])
    elif int(ids.count().execute()):
        report.note(name, "contact_id", "every row belongs to a contact")


def count_resolved(table: ir.Table, identities: ir.Table) -> int:
    """Count the rows whose contact_id stands in ``identities``."""
    keys = identities.select(alias=_key(identities.identity)).distinct()
    return int(table.select(alias=_key(table.contact_id)).semi_join(keys, "alias").count().execute())


def _key(identity: Any) -> Any:
    return ibis.ifelse(identity.contains("@"), identity.lower(), identity)
