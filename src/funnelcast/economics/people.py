"""Whom each channel brought: contacts with their first channel, and when they became customers."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from funnelcast.economics.estimates import cluster_of
from funnelcast.journeys import CONVERTED
from funnelcast.sources.facts import Facts

UNKNOWN = "(unknown)"


def people(known: Facts) -> ir.Table | None:
    """Give every id: ``contact_id, cluster, source`` (the channel it came by), ``lead_at``, ``customer_at`` (null for leads), ``matched``.

    Where the company brings contacts, an id that isn't among them isn't ``matched``: its purchases are money, but whether it is a new
    person can't be told, and so it counts neither as a lead nor as a customer.

    The source is contacts.source_channel, else the channel of the first touch. A lead is one since created_at, or else since its first
    touch or purchase; a customer since became_customer_at, or else since its first purchase. None where the company brings neither
    contacts, touches nor purchases.
    """
    ids = [known.table(name).select("contact_id") for name in ("contacts", "touchpoints", "transactions") if known.has(name)]
    if not ids:
        return None
    everyone = ids[0].distinct() if len(ids) == 1 else ids[0].union(*ids[1:], distinct=True)
    everyone = everyone.mutate(cluster=cluster_of("contact_id"))
    sources: list[str] = []
    days: list[str] = []
    arrivals: list[str] = []
    if known.has("contacts"):
        contacts = known.table("contacts").select("contact_id", "source_channel", "created_at", "became_customer_at", matched=True)
        everyone = everyone.left_join(contacts, "contact_id").drop("contact_id_right")
        sources, days, arrivals = ["source_channel"], ["became_customer_at"], ["created_at"]
    if known.has("touchpoints"):
        everyone = everyone.left_join(_first_touches(known), "contact_id").drop("contact_id_right")
        sources.append("first_touch")
        arrivals.append("first_touch_at")
    if known.has("transactions"):
        bought = known.table("transactions").filter(lambda row: row.amount >= 0)
        first = bought.group_by("contact_id").aggregate(first_purchase_at=bought.occurred_at.min())
        everyone = everyone.left_join(first, "contact_id").drop("contact_id_right")
        days.append("first_purchase_at")
    told = everyone.select(
        "contact_id",
        "cluster",
        source=ibis.coalesce(*(everyone[name] for name in sources), ibis.literal(UNKNOWN)),
        lead_at=ibis.coalesce(*(everyone[name] for name in [*arrivals, *days]), ibis.null("timestamp")),
        customer_at=ibis.coalesce(*(everyone[name] for name in days), ibis.null("timestamp")),
        matched=everyone.matched.notnull() if known.has("contacts") else ibis.literal(value=True),
    )
    return told.cache()


def _first_touches(known: Facts) -> ir.Table:
    touches = known.table("touchpoints")
    earliest = ibis.row_number().over(ibis.window(group_by="contact_id", order_by=[touches.occurred_at, touches.channel]))
    return (
        touches.mutate(rank=earliest)
        .filter(lambda row: row["rank"] == 0)
        .select("contact_id", first_touch="channel", first_touch_at="occurred_at")
    )


def month_of(instant: Any) -> Any:
    """Give the number of an instant's calendar month, January of year 0 being 0; null stays null."""
    return (instant.year() * 12 + instant.month() - 1).cast("int64")


def leads(everyone: ir.Table) -> pd.DataFrame:
    """Count contacts, and customers among them, by ``cluster``, ``source`` and the ``month`` in which they came."""
    return _counted(everyone.mutate(month=month_of(everyone.lead_at)), ["cluster", "source", "month"])


def acquired(everyone: ir.Table) -> pd.DataFrame:
    """Count customers by ``cluster``, ``source`` and the ``month`` in which they became customers."""
    return _counted(
        everyone.filter(everyone.customer_at.notnull()).mutate(month=month_of(everyone.customer_at)), ["cluster", "source", "month"]
    )


def _counted(table: ir.Table, keys: list[str]) -> pd.DataFrame:
    return frame_of(table.group_by(keys).aggregate(leads=table.count(), customers=table.customer_at.count()).order_by(keys))


def clustered(journeys: ir.Table, everyone: ir.Table) -> ir.Table:
    """Give journeys the clusters that their contacts have among all, computed once and kept by the engine."""
    return journeys.drop("cluster").join(everyone.select("contact_id", "cluster"), "contact_id").cache()


def by_last_touch(table: ir.Table) -> pd.DataFrame:
    """Sum conversions, their value and margin by ``cluster``, ``month`` and the ``channel`` of the last touch."""
    won = table.filter(table.state == CONVERTED)
    return _by_channel(won.mutate(channel=won.path[won.path.length() - 1]))


def by_channel_met(table: ir.Table) -> pd.DataFrame:
    """Sum conversions, their value and margin by ``cluster``, ``month`` and every ``channel`` that the journey met."""
    won = table.filter(table.state == CONVERTED)
    return _by_channel(won.mutate(channel=won.path.unique()).unnest("channel"))


def _by_channel(won: ir.Table) -> pd.DataFrame:
    keyed = won.mutate(month=month_of(won.converted_at))
    sums = {name: keyed[name].sum() for name in ("conversions", "value", "margin") if name in keyed.columns}
    keys = ["cluster", "channel", "month"]
    return frame_of(keyed.group_by(keys).aggregate(**sums).order_by(keys))


def frame_of(table: Any) -> pd.DataFrame:
    """Read sums from the engine."""
    frame: pd.DataFrame = table.execute()
    return frame
