"""Features of subscriptions, invoices and deals: what runs, what ended, how late they pay, what they were offered."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from funnelcast.cohorts import age_days, days_between, running
from funnelcast.features.definition import YEAR, Block, Feature, aged, exact, ratio, surely, tally, total
from funnelcast.sources.facts import Facts
from funnelcast.sources.schema import WON


def _subscriptions(_: Facts, known: ir.Table) -> ir.Table:
    rows = aged(known, "started_at")
    runs = running(rows)
    return rows.mutate(
        runs=runs,
        announced=runs & rows.ended_at.notnull(),
        ended_age=ibis.ifelse(runs, ibis.null("int64"), age_days(rows.as_of, rows.ended_at)),
        monthly=exact(rows.monthly_amount),
    )


def _subscription_features(_: Facts) -> tuple[Feature, ...]:
    return (
        Feature("subscriptions_running", lambda s: tally(s, s.runs), "subscriptions running", "abonnements en cours", empty=0.0),
        Feature(
            "subscriptions_to_end",
            lambda s: tally(s, s.announced),
            "subscriptions whose end is announced",
            "abonnements dont la fin est annoncée",
            empty=0.0,
        ),
        Feature("subscriptions_ended", lambda s: tally(s, ~s.runs), "subscriptions ended", "abonnements terminés", empty=0.0),
        Feature("monthly_amount", lambda s: total(s.monthly, s.runs), "monthly amount", "montant mensuel", empty=0.0),
        Feature(
            "days_subscribed",
            lambda s: s.age.max(where=s.runs).cast("float64"),
            "days since the oldest running subscription began",
            "jours depuis le début du plus ancien abonnement en cours",
        ),
        Feature(
            "days_since_subscription_ended",
            lambda s: s.ended_age.min().cast("float64"),
            "days since a subscription ended",
            "jours depuis la fin d'un abonnement",
        ),
    )


def _invoices(_: Facts, known: ir.Table) -> ir.Table:
    rows = aged(known, "issued_at")
    paid = rows.paid_at.notnull()
    late = days_between(rows.due_at, ibis.coalesce(rows.paid_at, rows.as_of))
    return rows.mutate(
        paid=paid,
        overdue=~paid & (rows.due_at < rows.as_of),
        late=ibis.greatest(late, 0),
        owed=exact(rows.amount),
        due_recently=rows.age < YEAR,
    )


def _invoice_features(_: Facts) -> tuple[Feature, ...]:
    return (
        Feature(
            "invoices_365d",
            lambda i: tally(i, i.due_recently),
            "invoices in the last 365 days",
            "factures des 365 derniers jours",
            empty=0.0,
        ),
        Feature("invoices_overdue", lambda i: tally(i, i.overdue), "invoices overdue", "factures en retard", empty=0.0),
        Feature("amount_overdue", lambda i: total(i.owed, i.overdue), "amount overdue", "montant en retard", empty=0.0),
        Feature(
            "mean_days_late",
            lambda i: ratio(i.late.sum(where=i.paid), i.count(where=i.paid)),
            "usual days of late payment",
            "retard de paiement habituel en jours",
        ),
        Feature(
            "most_days_late",
            lambda i: i.late.max(where=i.paid | i.overdue).cast("float64"),
            "longest delay of a payment in days",
            "plus long retard de paiement en jours",
        ),
    )


def _deals(_: Facts, known: ir.Table) -> ir.Table:
    rows = aged(known, "opened_at")
    closed = rows.closed_at.notnull()
    won = surely(rows.outcome.lower() == WON)
    return rows.mutate(open=~closed, won=closed & won, lost=closed & ~won, offered=exact(rows.amount))


def _deal_features(_: Facts) -> tuple[Feature, ...]:
    return (
        Feature("deals_open", lambda d: tally(d, d.open), "open deals", "affaires en cours", empty=0.0),
        Feature("deals_won", lambda d: tally(d, d.won), "deals won", "affaires gagnées", empty=0.0),
        Feature("deals_lost", lambda d: tally(d, d.lost), "deals lost", "affaires perdues", empty=0.0),
        Feature("amount_offered", lambda d: total(d.offered, d.open), "amount of open deals", "montant des affaires en cours", empty=0.0),
        Feature(
            "days_since_deal_opened",
            lambda d: d.age.min(where=d.open).cast("float64"),
            "days since the newest open deal began",
            "jours depuis l'ouverture de la dernière affaire en cours",
        ),
    )


SUBSCRIPTIONS = Block("subscriptions", _subscriptions, _subscription_features)
INVOICES = Block("invoices", _invoices, _invoice_features)
DEALS = Block("deals", _deals, _deal_features)
