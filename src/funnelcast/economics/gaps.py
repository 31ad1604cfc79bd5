"""What the company's facts leave out, and what is odd about them."""

from __future__ import annotations

import ibis.expr.types as ir

from funnelcast.economics.books import Books
from funnelcast.economics.people import frame_of
from funnelcast.sources.facts import Facts, Finding
from funnelcast.terms import Json


def missing(known: Facts, books: Books) -> list[Json]:
    """Name the figures that can't be told, and what they need."""
    needs = {
        "cac, roas, cpl, payback": (books.spend is None, "spend"),
        "leads, conversion_rate, cpl": (books.leads is None, "contacts or touchpoints"),
        "cac direct and assisted": (books.last is None, "touchpoints, with transactions or contacts"),
        "cac and roas attributed": (books.credits is None, "an attribution (touchpoints or journeys)"),
        "roas, payback": (not known.has("transactions"), "transactions"),
        "contribution_margin": (books.margin is None, "transactions.margin, or a share below 1 as `margin` in models/clv/spec.toml"),
        "clv_cac": (books.worth is None, "a CLV model (transactions)"),
        "combinations, journey_types": (books.journeys is None, "touchpoints, with transactions or contacts"),
        "retention, reactivation": (not known.has("transactions"), "transactions"),
        "interactions": (not known.has("touchpoints"), "touchpoints"),
        "deal_stages": (not known.has("deals", "deal_events"), "deals"),
        "velocity": (not known.has("deals"), "deals"),
    }
    return [{"figure": figure, "needs": what} for figure, (lacking, what) in needs.items() if lacking]


def findings(known: Facts, books: Books, everyone: ir.Table | None) -> list[Finding]:
    """Name channels that cost without a touch or have touches that cost nothing, purchases without their margin, and unmatched ids."""
    margins = [] if books.margin is None else books.margin.findings()
    return [*_money_and_touches(known, books), *margins, *([] if everyone is None else _unmatched(everyone))]


def _unmatched(everyone: ir.Table) -> list[Finding]:
    alone = everyone.filter(~everyone.matched)
    found = frame_of(alone.aggregate(count=alone.count(), first=alone.contact_id.min()))
    count = int(found["count"].iloc[0])
    rule = "ids that aren't among the contacts; their sales count, they themselves neither as leads nor as customers"
    return [Finding("note", "contacts", "contact_id", rule, count, str(found["first"].iloc[0]))] if count else []


def _money_and_touches(known: Facts, books: Books) -> list[Finding]:
    if books.spend is None or not known.has("touchpoints"):
        return []
    rows = known.table("touchpoints")
    touches = set(frame_of(rows.select("channel").distinct().order_by("channel"))["channel"])
    paid = {name for name, amount in zip(books.spend["channel"], books.spend["amount"], strict=True) if amount > 0}
    rules = (
        ("spend", sorted(paid - touches), "money is spent on channels without a touchpoint"),
        ("touchpoints", sorted(touches - paid), "channels have touchpoints but no spend"),
    )
    return [Finding("note", table, "channel", rule, len(names), ", ".join(names[:5])) for table, names, rule in rules if names]
