"""Features of touchpoints: how often, how lately, how deep and through which channels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.features.definition import ROW, YEAR, Block, Feature, aged, held, ratio, surely, tally, total, whole, windowed
from funnelcast.features.purchases import DAYS_SINCE_FIRST_PURCHASE, DAYS_SINCE_PURCHASE
from funnelcast.features.surveys import SURVEYS
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

KINDS = MappingProxyType(
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
"""Each kind of touch in English and French."""
HALF_LIFE_DAYS = 14.0
"""Of engagement that cools down."""
_MINUTES_PER_HOUR = 60.0


def points(facts: Facts) -> dict[str, float]:
    """Give the points of each kind of touch: the field's defaults, overridden by the company's ``[engagement]``."""
    return {**POINTS, **{kind: float(value) for kind, value in facts.source.engagement.items()}}


def duration_weight(rows: ir.Table) -> Any:
    """Give what each touch counts for by its duration: 1 without one, 2 for an hour."""
    return 1.0 + ibis.coalesce(ibis.greatest(rows.duration_minutes, 0.0), 0.0) / _MINUTES_PER_HOUR


def _prepare(facts: Facts, known: ir.Table) -> ir.Table:
    """Give what is read of each touch in few bytes, as all are held at once; an answer to a survey is none, yet makes a day active."""
    rows = aged(known)
    kinds = ((rows.kind == kind, place) for place, kind in enumerate(_places(facts)))
    return rows.select(
        ROW,
        age=rows.age.cast("int32"),
        kind=ibis.cases(*kinds),
        touch=~surely(rows.kind.isin(list(SURVEYS))),
        offline=surely(facts.offline(rows.channel)),
        duration_minutes=held(ibis.coalesce(ibis.greatest(rows.duration_minutes, 0.0), 0.0)),
        **_beside_purchases(rows),
    )


def _places(facts: Facts) -> tuple[str, ...]:
    """Give the kinds that features tell apart: each is known by its place, one byte instead of a text."""
    return (*KINDS, *sorted(points(facts).keys() - KINDS.keys()))


def _beside_purchases(rows: ir.Table) -> dict[str, Any]:
    if DAYS_SINCE_PURCHASE not in rows.columns:
        return {}
    last, first = rows[DAYS_SINCE_PURCHASE], rows[DAYS_SINCE_FIRST_PURCHASE]
    return {"since_purchase": rows.age < last, "between_purchases": (rows.age >= last) & (rows.age < first)}


def _days(facts: Facts, touches: ir.Table) -> ir.Table:
    return touches.group_by(ROW, "age").aggregate(points=whole(_points(facts, touches)).sum())


def _points(facts: Facts, touches: ir.Table) -> Any:
    """Give the rule score of each touch: an hour of someone's time doubles its points."""
    given = points(facts)
    cases = ((touches.kind == place, given[kind]) for place, kind in enumerate(_places(facts)) if kind in given)
    return ibis.cases(*cases, else_=0.0) * duration_weight(touches)


def _features(facts: Facts) -> tuple[Feature, ...]:
    found = (
        Feature(
            "days_since_touch",
            lambda d: d.age.min().cast("float64"),
            "days since the last contact",
            "jours depuis le dernier contact",
            daily=True,
        ),
        Feature(
            "days_since_first_touch",
            lambda d: d.age.max().cast("float64"),
            "days since the first contact",
            "jours depuis le premier contact",
            daily=True,
        ),
        *windowed("touches", _count, "contacts", "contacts"),
        *windowed("active_days", tally, "days with a contact", "jours avec contact", (90, YEAR), daily=True),
        Feature(
            "touches_per_month",
            lambda t: ratio((_count(t) + 1.0) * 30.0, t.age.max() + 30),
            "contacts per month since the first",
            "contacts par mois depuis le premier",
        ),
        Feature("touch_interval", _interval, "usual days between contacts", "jours habituels entre deux contacts", daily=True),
        Feature(
            "touch_pause",
            lambda d: ratio(d.age.min(), ibis.greatest(_interval(d), 1.0)),
            "time since the last contact against the usual interval",
            "temps depuis le dernier contact par rapport à l'intervalle habituel",
            daily=True,
        ),
        Feature(
            "touch_trend",
            lambda t: ratio(_count(t, t.age < 30) * (YEAR / 30), _count(t, t.age < YEAR)),
            "contacts of the last month against the contact's own year",
            "contacts du dernier mois par rapport à sa propre année",
        ),
        Feature(
            "offline_touch_share_365d",
            lambda t: ratio(tally(t, t.offline & (t.age < YEAR)), _count(t, t.age < YEAR)),
            "share of contacts in person, last 365 days",
            "part des contacts en personne, 365 derniers jours",
        ),
    )
    found += _depth() if facts.brings("touchpoints", "duration_minutes") else ()
    found += _around_purchases() if facts.has("transactions") else ()
    return found + (_engagement() + _kinds(facts) if facts.brings("touchpoints", "kind") else ())


def _count(touches: ir.Table, where: Any = None) -> Any:
    return tally(touches, touches.touch if where is None else touches.touch & where)


def _interval(days: ir.Table) -> Any:
    return ratio(days.age.max() - days.age.min(), tally(days) - 1.0)


def _depth() -> tuple[Feature, ...]:
    def minutes(touches: ir.Table, where: Any) -> Any:
        return total(whole(touches.duration_minutes), where)

    return windowed("minutes", minutes, "minutes of conversation", "minutes d'échange", (90, YEAR))


def _around_purchases() -> tuple[Feature, ...]:
    """Count touches on the days after the last purchase, and from the first purchase to the last: who goes quiet shows it here."""
    return (
        Feature(
            "touches_since_purchase",
            lambda t: _count(t, t.since_purchase),
            "contacts since the last purchase",
            "contacts depuis le dernier achat",
            empty=0.0,
        ),
        Feature(
            "touches_between_purchases",
            lambda t: _count(t, t.between_purchases),
            "contacts from the first purchase to the last",
            "contacts entre le premier et le dernier achat",
            empty=0.0,
        ),
    )


def _cooled(days: ir.Table) -> Any:
    """Sum the points of each day, halved every ``HALF_LIFE_DAYS``; rounded day by day, so that no order of adding matters."""
    halved = days.points * ibis.literal(0.5, type="float64") ** (days.age / HALF_LIFE_DAYS)
    return total(halved.round().cast("float64"))


def _engagement() -> tuple[Feature, ...]:
    warm = Feature(
        "engagement_points_warm",
        _cooled,
        "engagement points, halved every two weeks",
        "points d'engagement, divisés par deux toutes les deux semaines",
        empty=0.0,
        daily=True,
    )
    ever = Feature("engagement_points", lambda d: total(d.points), "engagement points", "points d'engagement", empty=0.0, daily=True)

    def of_window(days: ir.Table, where: Any) -> Any:
        return total(days.points, where)

    return (ever, warm, *windowed("engagement_points", of_window, "engagement points", "points d'engagement", daily=True))


def _kinds(facts: Facts) -> tuple[Feature, ...]:
    places = _places(facts)

    def of(kind: str, en: str, fr: str) -> tuple[Feature, ...]:
        place = places.index(kind)
        return windowed(f"{kind}s", lambda t, where: tally(t, (t.kind == place) & where), en, fr, (YEAR,))

    return tuple(feature for kind, (en, fr) in KINDS.items() for feature in of(kind, en, fr))


TOUCHES = Block("touchpoints", _prepare, _features, days=_days, beside=(DAYS_SINCE_PURCHASE, DAYS_SINCE_FIRST_PURCHASE))
