"""Features of purchases: recency, frequency, value, channel, and the contact's own past as the yardstick."""

from __future__ import annotations

from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.features.definition import ROW, YEAR, Block, Feature, aged, count, exact, ratio, surely, tally, total, windowed
from funnelcast.sources.facts import Facts

DAYS_SINCE_PURCHASE = "days_since_purchase"
DAYS_SINCE_FIRST_PURCHASE = "days_since_first_purchase"


def _daily(facts: Facts, known: ir.Table) -> ir.Table:
    rows = aged(known)
    bought = rows.amount >= 0
    offline = surely(facts.offline(rows.channel))
    return rows.group_by(ROW, "age").aggregate(
        bought=tally(rows, bought),
        refunds=tally(rows, ~bought),
        amount=exact(rows.amount).sum(),
        margin=exact(rows.margin).sum(),
        offline=tally(rows, bought & offline),
        online=tally(rows, bought & ~offline & rows.channel.notnull()),
    )


def _purchase_days(daily: ir.Table, where: Any = None) -> Any:
    bought = daily.bought > 0
    return tally(daily, bought if where is None else bought & where)


def _spend(daily: ir.Table, where: Any = None) -> Any:
    return total(daily.amount, where)


def _recency(daily: ir.Table) -> Any:
    return daily.age.min(where=daily.bought > 0).cast("float64")


def _first(daily: ir.Table) -> Any:
    return daily.age.max(where=daily.bought > 0).cast("float64")


def _interval(daily: ir.Table) -> Any:
    return ratio(_first(daily) - _recency(daily), _purchase_days(daily) - 1.0)


def _trend(daily: ir.Table) -> Any:
    return ratio(_purchase_days(daily, daily.age < 90) * (YEAR / 90), _purchase_days(daily, daily.age < YEAR))


def _features(facts: Facts) -> tuple[Feature, ...]:
    general = (
        Feature(DAYS_SINCE_PURCHASE, _recency, "days since the last purchase", "jours depuis le dernier achat"),
        Feature(DAYS_SINCE_FIRST_PURCHASE, _first, "days since the first purchase", "jours depuis le premier achat"),
        *windowed("purchases", _purchase_days, "days with a purchase", "jours avec achat"),
        Feature("purchases", _purchase_days, "days with a purchase, ever", "jours avec achat, au total", empty=0.0),
        *windowed("spend", _spend, "spend", "dépenses"),
        Feature("spend", _spend, "spend, ever", "dépenses, au total", empty=0.0),
        Feature(
            "spend_per_purchase",
            lambda d: ratio(_spend(d), _purchase_days(d)),
            "spend per day with a purchase",
            "dépense par jour d'achat",
        ),
        Feature("purchase_interval", _interval, "usual days between purchases", "jours habituels entre deux achats"),
        Feature(
            "purchase_pause",
            lambda d: ratio(_recency(d), ibis.greatest(_interval(d), 1.0)),
            "time since the last purchase against the usual interval",
            "temps depuis le dernier achat par rapport à l'intervalle habituel",
        ),
        Feature(
            "purchases_per_year",
            lambda d: ratio(_purchase_days(d) * YEAR, _first(d) + 1.0),
            "days with a purchase per year since the first",
            "jours avec achat par an depuis le premier",
        ),
        Feature(
            "purchase_trend",
            _trend,
            "purchases of the last quarter against the contact's own year",
            "achats du dernier trimestre par rapport à sa propre année",
        ),
        Feature(
            "refunds_365d",
            lambda d: count(d.refunds, d.age < YEAR),
            "refunds in the last 365 days",
            "remboursements des 365 derniers jours",
            empty=0.0,
        ),
    )
    margin = windowed("margin", lambda d, where: total(d.margin, where), "margin", "marge", (YEAR,))
    return general + (margin if facts.brings("transactions", "margin") else ()) + (_channels() if _has_channels(facts) else ())


def _has_channels(facts: Facts) -> bool:
    return facts.brings("transactions", "channel")


def _channels() -> tuple[Feature, ...]:
    return (
        Feature(
            "offline_purchase_share_365d",
            lambda d: ratio(count(d.offline, d.age < YEAR), count(d.bought, d.age < YEAR)),
            "share of purchases made in person, last 365 days",
            "part des achats faits en personne, 365 derniers jours",
        ),
        Feature(
            "days_since_offline_purchase",
            lambda d: d.age.min(where=d.offline > 0).cast("float64"),
            "days since the last purchase in person",
            "jours depuis le dernier achat en personne",
        ),
        Feature(
            "days_since_online_purchase",
            lambda d: d.age.min(where=d.online > 0).cast("float64"),
            "days since the last purchase online",
            "jours depuis le dernier achat en ligne",
        ),
    )


PURCHASES = Block("transactions", _daily, _features)
