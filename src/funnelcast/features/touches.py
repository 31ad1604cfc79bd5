"""Features of touchpoints: how often, how lately, how deep, through which channels, and what surveys answered."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.features.definition import KEYS, YEAR, Block, Feature, aged, count, days, exact, ratio, surely, total, windowed
from funnelcast.features.purchases import DAYS_SINCE_FIRST_PURCHASE, DAYS_SINCE_PURCHASE
from funnelcast.sources.facts import Facts

POINTS: Mapping[str, float] = MappingProxyType(
    {
        "email_open": 1.0,
        "email_click": 2.0,
        "visit": 2.0,
        "download": 5.0,
        "call": 10.0,
        "webinar": 10.0,
        "event": 15.0,
        "meeting": 20.0,
        "store_visit": 20.0,
        "quote_request": 30.0,
    }
)
"""The field's rule score: points per kind of touch, where source.toml doesn't say otherwise."""

_KINDS = MappingProxyType(
    {
        "email_open": ("e-mails opened", "e-mails ouverts"),
        "email_click": ("clicks in e-mails", "clics dans les e-mails"),
        "visit": ("visits to the site", "visites du site"),
        "download": ("downloads", "téléchargements"),
        "webinar": ("webinars", "webinaires"),
        "store_visit": ("visits to the shop", "visites en magasin"),
        "call": ("calls", "appels"),
        "meeting": ("meetings", "rendez-vous"),
        "event": ("trade fairs and events", "salons et événements"),
        "quote_request": ("quotes asked for", "demandes de devis"),
    }
)
SURVEYS = MappingProxyType({"nps": "NPS", "csat": "CSAT", "ces": "CES"})
_SCALES = MappingProxyType({"nps": (0.0, 10.0), "csat": (1.0, 5.0), "ces": (1.0, 7.0)})
"""The lowest and the highest answer to each survey."""
HALF_LIFE_DAYS = 14.0
"""Of engagement that cools down."""
_MINUTES_PER_HOUR = 60.0


def points(facts: Facts) -> dict[str, float]:
    """Give the points of each kind of touch: the field's defaults, overridden by the company's ``[engagement]``."""
    return {**POINTS, **{kind: float(value) for kind, value in facts.source.engagement.items()}}


def duration_weight(rows: ir.Table) -> Any:
    """Give what each touch counts for by its duration: 1 without one, 2 for an hour."""
    return 1.0 + ibis.coalesce(ibis.greatest(rows.duration_minutes, 0.0), 0.0) / _MINUTES_PER_HOUR


def _daily(facts: Facts, known: ir.Table) -> ir.Table:
    rows = aged(known)
    asked = rows.kind.isin(list(SURVEYS))
    offline = surely(facts.offline(rows.channel))
    kinds = {kind: (rows.kind == kind).cast("int64").sum().fill_null(0) for kind in _KINDS}
    surveys = {f"{kind}_{what}": value for kind in SURVEYS for what, value in _answers(rows, kind).items()}
    return rows.group_by(*KEYS, "age").aggregate(
        touches=rows.count(where=~surely(asked)),
        offline=offline.cast("int64").sum(),
        points=exact(_points(facts, rows)).sum(),
        minutes=exact(ibis.greatest(rows.duration_minutes, 0.0)).sum(),
        **kinds,
        **surveys,
    )


def _points(facts: Facts, rows: ir.Table) -> Any:
    """Give the rule score of each touch: an hour of someone's time doubles its points."""
    cases = [(rows.kind == kind, ibis.literal(value, type="float64")) for kind, value in sorted(points(facts).items())]
    return ibis.cases(*cases, else_=0.0) * duration_weight(rows)


def _answers(rows: ir.Table, kind: str) -> dict[str, Any]:
    answered = (rows.kind == kind) & rows.score.notnull()
    return {"answers": answered.cast("int64").sum().fill_null(0), "score": exact(rows.score).sum(where=answered)}


def _features(facts: Facts) -> tuple[Feature, ...]:
    found = (
        Feature(
            "days_since_touch", lambda d: d.age.min().cast("float64"), "days since the last contact", "jours depuis le dernier contact"
        ),
        Feature(
            "days_since_first_touch",
            lambda d: d.age.max().cast("float64"),
            "days since the first contact",
            "jours depuis le premier contact",
        ),
        *windowed("touches", lambda d, where: count(d.touches, where), "contacts", "contacts"),
        *windowed("active_days", days, "days with a contact", "jours avec contact", (90, YEAR)),
        Feature(
            "touches_per_month",
            lambda d: ratio((count(d.touches) + 1.0) * 30.0, d.age.max() + 30),
            "contacts per month since the first",
            "contacts par mois depuis le premier",
        ),
        Feature("touch_interval", _interval, "usual days between contacts", "jours habituels entre deux contacts"),
        Feature(
            "touch_pause",
            lambda d: ratio(d.age.min(), ibis.greatest(_interval(d), 1.0)),
            "time since the last contact against the usual interval",
            "temps depuis le dernier contact par rapport à l'intervalle habituel",
        ),
        Feature(
            "touch_trend",
            lambda d: ratio(count(d.touches, d.age < 30) * (YEAR / 30), count(d.touches, d.age < YEAR)),
            "contacts of the last month against the contact's own year",
            "contacts du dernier mois par rapport à sa propre année",
        ),
        Feature(
            "offline_touch_share_365d",
            lambda d: ratio(count(d.offline, d.age < YEAR), count(d.touches, d.age < YEAR)),
            "share of contacts in person, last 365 days",
            "part des contacts en personne, 365 derniers jours",
        ),
    )
    depth = windowed("minutes", lambda d, where: total(d.minutes, where), "minutes of conversation", "minutes d'échange", (90, YEAR))
    found += depth if facts.brings("touchpoints", "duration_minutes") else ()
    found += _around_purchases() if facts.has("transactions") else ()
    if facts.brings("touchpoints", "kind"):
        found += _engagement() + _kinds()
        found += _surveys() if facts.brings("touchpoints", "score") else ()
    return found


def _interval(daily: ir.Table) -> Any:
    return ratio(daily.age.max() - daily.age.min(), days(daily, daily.age >= 0) - 1.0)


def _around_purchases() -> tuple[Feature, ...]:
    """Count touches on the days after the last purchase, and from the first purchase to the last: who goes quiet shows it here."""
    return (
        Feature(
            "touches_since_purchase",
            lambda d: count(d.touches, d.age < d[DAYS_SINCE_PURCHASE]),
            "contacts since the last purchase",
            "contacts depuis le dernier achat",
            empty=0.0,
        ),
        Feature(
            "touches_between_purchases",
            lambda d: count(d.touches, (d.age >= d[DAYS_SINCE_PURCHASE]) & (d.age < d[DAYS_SINCE_FIRST_PURCHASE])),
            "contacts from the first purchase to the last",
            "contacts entre le premier et le dernier achat",
            empty=0.0,
        ),
    )


def _cooled(daily: ir.Table) -> Any:
    """Sum the points of each day, halved every ``HALF_LIFE_DAYS``; rounded day by day, so that no order of adding matters."""
    halved = daily.points * ibis.literal(0.5, type="float64") ** (daily.age / HALF_LIFE_DAYS)
    return total(halved.round().cast("int64"))


def _engagement() -> tuple[Feature, ...]:
    ever = Feature("engagement_points", lambda d: total(d.points), "engagement points", "points d'engagement", empty=0.0)
    warm = Feature(
        "engagement_points_warm",
        _cooled,
        "engagement points, halved every two weeks",
        "points d'engagement, divisés par deux toutes les deux semaines",
        empty=0.0,
    )
    return (ever, warm, *windowed("engagement_points", lambda d, where: total(d.points, where), "engagement points", "points d'engagement"))


def _kinds() -> tuple[Feature, ...]:
    def of(kind: str, en: str, fr: str) -> tuple[Feature, ...]:
        return windowed(f"{kind}s", lambda d, where: count(d[kind], where), en, fr, (YEAR,))

    return tuple(feature for kind, (en, fr) in _KINDS.items() for feature in of(kind, en, fr))


def _surveys() -> tuple[Feature, ...]:
    def last(kind: str) -> Feature:
        return Feature(
            f"last_{kind}",
            lambda d: ratio(
                d[f"{kind}_score"].argmin(d.age, where=d[f"{kind}_answers"] > 0) / 10_000.0,
                d[f"{kind}_answers"].argmin(d.age, where=d[f"{kind}_answers"] > 0),
            ),
            f"last {SURVEYS[kind]} answer",
            f"dernière réponse {SURVEYS[kind]}",
        )

    satisfaction = Feature(
        "satisfaction",
        _satisfaction,
        "mean satisfaction over all surveys, 0 to 10",
        "satisfaction moyenne sur tous les sondages, de 0 à 10",
    )
    return (satisfaction, *(last(kind) for kind in SURVEYS))


def _satisfaction(daily: ir.Table) -> Any:
    """Average every answer on the scale of NPS: 10 (score - lowest) / (highest - lowest)."""
    answers = sum((count(daily[f"{kind}_answers"]) for kind in SURVEYS), ibis.literal(0.0))
    points = sum(
        (
            (total(daily[f"{kind}_score"]) - lowest * count(daily[f"{kind}_answers"])) * (10.0 / (highest - lowest))
            for kind, (lowest, highest) in _SCALES.items()
        ),
        ibis.literal(0.0),
    )
    return ratio(points, answers)


TOUCHES = Block("touchpoints", _daily, _features, beside=(DAYS_SINCE_PURCHASE, DAYS_SINCE_FIRST_PURCHASE))
