"""The track record beside each answer: looked up in what the last refresh judged, so that it costs a request nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from funnelcast.monitor.words import UNJUDGED, no_forecasts, no_scores
from serving.store import State

Reply = dict[str, Any]

_SCORES = ("horizon_days", "versions", "judged", "predicted", "observed", "low", "high", "text")
_FORECASTS = ("quantity", "judged", "weeks", "coverage_50", "coverage_80", "coverage_90", "text")
_JUDGED_BY = {"cash": "receipts"}
"""Of cash only what customers pay is a forecast of ours; the rest is planned."""


def beside_scores(state: State, model: str, horizon_days: float) -> Reply:
    """Say how right earlier answers of a model over one horizon were; ``judged`` is 0 where none is old enough, and the text says so."""
    if not state.judged:
        return {"judged": 0, "text": UNJUDGED}
    found = [one for one in state.judged["models"] if one["model"] == model and one["horizon_days"] == horizon_days]
    return _told(found, _SCORES, {"judged": 0, "text": no_scores(horizon_days, 0)})


def beside_forecast(state: State, quantity: str) -> Reply:
    """Say how often the bands of earlier forecasts of a quantity held."""
    if not state.judged:
        return {"judged": 0, "text": UNJUDGED}
    name = _JUDGED_BY.get(quantity, quantity)
    found = [one for one in state.judged["forecasts"] if one["quantity"] == name]
    return _told(found, _FORECASTS, {"judged": 0, "text": no_forecasts(0)})


def _told(found: list[Mapping[str, Any]], names: tuple[str, ...], otherwise: Reply) -> Reply:
    return {name: found[0][name] for name in names if name in found[0]} if found else otherwise
