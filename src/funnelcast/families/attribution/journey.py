"""The credit of each touch of one journey, as a CRM asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from funnelcast.errors import UsageError
from funnelcast.families.attribution.answer import METHODS
from funnelcast.families.attribution.model import AttributionModel
from funnelcast.families.attribution.paths import Floats, Paths
from funnelcast.families.attribution.rules import RuleSettings, touch_shares
from funnelcast.families.attribution.shapley import journey_shapley
from funnelcast.journeys import SEPARATOR
from funnelcast.terms import Json, Question

_SECONDS_PER_DAY = 86_400


def journey_credit(
    model: AttributionModel, touchpoints: Sequence[Mapping[str, Any]], value: float | None = None, method: str | None = None
) -> dict[str, Json]:
    """Share one conversion over the touches of its journey.

    Markov and Shapley share it over the journey's channels, in proportion to their removal effects or by the Shapley value of this very
    journey (the mean of a lead's and a customer's, by how often they convert); a channel's touches share alike. Channels that the model
    doesn't know get nothing beside ones that it knows.

    Parameters
    ----------
    touchpoints
        Each with ``channel`` and ``occurred_at`` (datetimes, all naive or all with an offset, or ISO text), in any order.
    value
        Of the conversion, in the source's currency.
    method
        One of METHODS; the model's default where not given.

    Returns
    -------
    ``method``, ``question``, ``probability`` (that a journey of these touches converts) and ``touchpoints``: each touch's ``channel``,
    ``occurred_at``, ``credit`` (they sum to 1) and ``value`` (null without one), in order of time.

    Raises
    ------
    UsageError
        No touch, or an unknown method.
    """
    wanted = method or str(model.document.get("method", "last"))
    if wanted not in METHODS:
        raise UsageError(reason=f"There is no attribution method {wanted!r}; known are {', '.join(METHODS)}.")
    if not touchpoints:
        raise UsageError(reason="A journey needs at least one touchpoint.")
    ordered = sorted(((_instant(touch["occurred_at"]), str(touch["channel"])) for touch in touchpoints), key=lambda touch: touch)
    share = _shares(model, wanted, [channel for _, channel in ordered], [instant for instant, _ in ordered])
    rows: list[Json] = [
        {
            "channel": channel,
            "occurred_at": instant.isoformat(),
            "credit": float(credit),
            "value": None if value is None else float(credit) * value,
        }
        for (instant, channel), credit in zip(ordered, share, strict=True)
    ]
    question = Question.PREDICTIVE if wanted in ("markov", "shapley") else Question.DESCRIPTIVE
    probability = model.probability(SEPARATOR.join(channel for _, channel in ordered))
    return {"method": wanted, "question": question.value, "probability": probability, "touchpoints": rows}


def _instant(given: Any) -> datetime:
    return given if isinstance(given, datetime) else datetime.fromisoformat(str(given))


def _shares(model: AttributionModel, method: str, channels: list[str], instants: list[datetime]) -> Floats:
    settings = model.document.get("rules", {})
    if method == "markov":
        return _by_channel(channels, model.document.get("removal_effects", {}))
    if method == "shapley":
        return _by_channel(channels, journey_shapley(channels, model.document.get("shapley", ())))
    if method == "time_decay" and "half_life_days" in settings:
        age = np.array([(instants[-1] - instant).total_seconds() / _SECONDS_PER_DAY for instant in instants])
        weight = 2.0 ** (-age / settings["half_life_days"])
        return np.asarray(weight / weight.sum(), dtype=np.float64)
    rules = RuleSettings(
        tuple(settings.get("direct", RuleSettings.direct)),
        tuple(settings.get("position", RuleSettings.position)),
        settings.get("half_life_touches", RuleSettings.half_life_touches),
    )
    return touch_shares(method, _one_path(channels), rules)


def _by_channel(channels: list[str], weights: Mapping[str, float]) -> Floats:
    share = np.array([weights.get(channel, 0.0) / channels.count(channel) for channel in channels])
    return np.asarray(share / share.sum() if share.sum() > 0 else np.full(len(channels), 1 / len(channels)), dtype=np.float64)


def _one_path(channels: list[str]) -> Paths:
    names = tuple(sorted(set(channels)))
    one = np.ones(1)
    codes = np.array([names.index(channel) for channel in channels], dtype=np.int64)
    nothing = np.zeros(1)
    return Paths(names, codes, np.array([0, len(codes)]), one, one, nothing, nothing.astype(np.int64), nothing.astype(bool), clusters=1)
