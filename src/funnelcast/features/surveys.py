"""Features of the answers to surveys: the last one to each, and how content the contact is over all of them."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import ibis
import ibis.expr.types as ir

from funnelcast.features.definition import ROW, Block, Feature, aged, count, exact, ratio, total
from funnelcast.sources.facts import Facts

SURVEYS = MappingProxyType({"nps": "NPS", "csat": "CSAT", "ces": "CES"})
"""The kinds of touch that are an answer to a survey, each with its name."""
_SCALES = MappingProxyType({"nps": (0.0, 10.0), "csat": (1.0, 5.0), "ces": (1.0, 7.0)})
"""The lowest and the highest answer to each survey."""


def _answered(touchpoints: ir.Table) -> Any:
    return touchpoints.kind.isin(list(SURVEYS)) & touchpoints.score.notnull()


def _daily(_: Facts, known: ir.Table) -> ir.Table:
    rows = aged(known)
    return rows.group_by(ROW, "age", "kind").aggregate(answers=rows.count(), score=exact(rows.score).sum())


def _features(facts: Facts) -> tuple[Feature, ...]:
    if not (facts.brings("touchpoints", "kind") and facts.brings("touchpoints", "score")):
        return ()
    satisfaction = Feature(
        "satisfaction",
        _satisfaction,
        "mean satisfaction over all surveys, 0 to 10",
        "satisfaction moyenne sur tous les sondages, de 0 à 10",
    )
    return (satisfaction, *(_last(kind) for kind in SURVEYS))


def _last(kind: str) -> Feature:
    def value(daily: ir.Table) -> Any:
        own = daily.kind == kind
        return ratio(daily.score.argmin(daily.age, where=own) / 10_000.0, daily.answers.argmin(daily.age, where=own))

    return Feature(f"last_{kind}", value, f"last {SURVEYS[kind]} answer", f"dernière réponse {SURVEYS[kind]}")


def _satisfaction(daily: ir.Table) -> Any:
    """Average every answer on the scale of NPS: 10 (score - lowest) / (highest - lowest)."""

    def points(kind: str, lowest: float, highest: float) -> Any:
        own = daily.kind == kind
        return (total(daily.score, own) - lowest * count(daily.answers, own)) * (10.0 / (highest - lowest))

    scaled = (points(kind, *ends) for kind, ends in _SCALES.items())
    return ratio(sum(scaled, ibis.literal(0.0)), count(daily.answers))


ANSWERS = Block("touchpoints", _daily, _features, where=_answered)
