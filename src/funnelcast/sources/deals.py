"""Deals and their stage history: each is derived from the other where a company has only one of them."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from funnelcast.sources.findings import Report, shown
from funnelcast.sources.schema import LOST, WON, known_at

OPEN = "open"
"""The stage of a deal that is derived at its opening."""

_CLOSING = ("closed_at", "outcome", "closed_amount", known_at("closed_at"))


def with_stages(events: ir.Table) -> ir.Table:
    """Write the stages that close a deal in lower case, whatever the company's capitals; keep the others as they are."""
    lower = events.stage.lower()
    return events.mutate(stage=ibis.ifelse(lower.isin((WON, LOST)), lower, events.stage))


def with_outcome(deals: ir.Table, report: Report) -> ir.Table:
    """Write won and lost in lower case; a deal with another outcome, or without a date of closing, is open.

    Parameters
    ----------
    deals
        Conformed deals.
    """
    outcome = deals.outcome.lower()
    closes = outcome.isin((WON, LOST))
    undecided = deals.closed_at.notnull() & ~closes.fill_null(False)  # noqa: FBT003 the value that fills
    _warn(deals.filter(undecided), "has closed_at and an outcome that is neither won nor lost; taken as open", report)
    _warn(deals.filter(deals.closed_at.isnull() & closes), "is won or lost without closed_at; taken as open", report)
    closed = closes & deals.closed_at.notnull()
    values = {**{column: deals[column] for column in _CLOSING}, "outcome": outcome}
    return deals.mutate(**{column: ibis.ifelse(closed, value, ibis.null(value.type())) for column, value in values.items()})


def _warn(odd: ir.Table, rule: str, report: Report) -> None:
    found = odd.aggregate(rows=odd.count(), first=odd.outcome.min(), amount=odd.amount.sum()).to_pyarrow().to_pylist()[0]
    if found["rows"]:
        report.warn("deals", "outcome", rule, found["rows"], shown(found["first"]), found["amount"])


def closed_by(deals: ir.Table, events: ir.Table) -> ir.Table:
    """Close deals as their events say: by the last one, if it is won or lost.

    A won deal's amount is the event's, else the latest known before it, else the deal's at opening.

    Parameters
    ----------
    deals, events
        Conformed, stages in lower case.
    """
    ends = _last(events).filter(lambda last: last.stage.isin((WON, LOST)))
    amounts = _last(events.filter(events.amount.notnull())).select("deal_id", told="amount")
    told = ends.left_join(amounts, "deal_id").select(
        "deal_id", "told", closed_at="occurred_at", outcome="stage", closed_at_known_at="known_at"
    )
    joined = deals.drop(*_CLOSING).left_join(told, "deal_id")
    worth = ibis.coalesce(joined.told, joined.amount)
    closed_amount = ibis.ifelse(joined.outcome == WON, worth, ibis.null("float64"))
    return joined.mutate(closed_amount=closed_amount).select(*deals.columns)


def _last(events: ir.Table) -> ir.Table:
    """Keep each deal's last event."""
    order = [ibis.desc(events.occurred_at), ibis.desc(events.known_at), events.stage]
    turn = ibis.row_number().over(ibis.window(group_by=events.deal_id, order_by=order))
    return events.mutate(turn=turn).filter(lambda ranked: ranked.turn == 0).drop("turn")


def events_of(deals: ir.Table) -> ir.Table:
    """Derive the stage history of deals of which only the present state is known: opened, then won or lost.

    Parameters
    ----------
    deals
        Conformed, outcomes in lower case.
    """
    opened = deals.select(
        "deal_id",
        occurred_at="opened_at",
        stage=ibis.literal(OPEN),
        amount="amount",
        expected_close_at=ibis.null("timestamp"),
        known_at="known_at",
    )
    closed = deals.filter(deals.closed_at.notnull())
    ends = closed.select(
        "deal_id",
        occurred_at="closed_at",
        stage="outcome",
        amount="closed_amount",
        expected_close_at=ibis.null("timestamp"),
        known_at=known_at("closed_at"),
    )
    return opened.union(ends)
