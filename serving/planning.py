"""The planner's endpoints: what the latest snapshot holds, and forecasts drawn from its inputs."""

from __future__ import annotations

import math
from typing import Any

from funnelcast.errors import NotFound
from funnelcast.forecast import scenario
from funnelcast.forecast.projection import Ask
from funnelcast.forecast.scenario import Scenario
from funnelcast.monitor.track_record import TrackRecord
from funnelcast.terms import Json
from serving.contracts import ForecastRequest
from serving.store import State, Store

Reply = dict[str, Json]


def forecast(state: State, quantity: str, request: ForecastRequest) -> Reply:
    """Draw sales, pipeline or cash from the snapshot's inputs."""
    changed = scenario.read(request.scenario) if request.scenario is not None else Scenario()
    return {**state.projection.document(Ask(quantity, count=request.weeks, scenario=changed)), "models": state.documents()}


def attribution(state: State, method: str | None) -> Reply:
    """Give the credits by one method, or by all as a list."""
    documents: list[Any] = state.planned().document("attribution")
    wanted = method or "markov"
    if wanted == "all":
        return _planned(state, {"methods": documents})
    found = next((one for one in documents if one["method"] == wanted), None)
    if found is None:
        known = ", ".join(one["method"] for one in documents)
        raise NotFound(what="attribution method", name=wanted, advice=f"Ask for one of {known} or all.")
    return _planned(state, found)


def document(state: State, name: str) -> Reply:
    """Give one document of the snapshot."""
    return _planned(state, state.planned().document(name))


def contact(state: State, contact_id: str) -> Reply:
    """Give every current score of one contact.

    Raises
    ------
    NotFound
        The last refresh scored nobody of this id.
    """
    scores = {
        model: {name: _plain(value) for name, value in frame.loc[contact_id].items()}
        for model, frame in state.contacts.items()
        if contact_id in frame.index
    }
    if not scores:
        raise NotFound(what="contact in the latest snapshot", name=contact_id, advice="Score it from its facts, or refresh.")
    found: dict[str, Any] = scores
    return _planned(state, {"contact_id": contact_id, "scores": found})


def track_record(store: Store, state: State) -> Reply:
    """Say what was answered and forecast, and how often it was right as far as the last monitoring knows."""
    record = TrackRecord(store.settings.track_record(state.source.name))
    answers = record.answers().groupby(["model", "version"], as_index=False).agg(answers=("pseudonym", "size"), mean=("predicted", "mean"))
    given: list[Json] = [
        {
            "model": str(row.model),
            "version": int(str(row.version)),
            "answers": int(str(row.answers)),
            "mean_predicted": float(str(row.mean)),
        }
        for row in answers.itertuples(index=False)
    ]
    forecasts: list[Json] = [
        {"quantity": str(name), "periods": int(count)} for name, count in sorted(record.forecasts()["quantity"].value_counts().items())
    ]
    return _planned(state, {"answers": given, "forecasts": forecasts})


def models(state: State) -> Reply:
    """Say what is served and since when, and what was refused."""
    served: list[Json] = [
        {
            **one.document(),
            "role": one.champion.about.role,
            "family": one.champion.about.family,
            "metrics": dict(one.champion.about.metrics),
            "attributes": dict(one.champion.about.attributes),
        }
        for _, one in sorted(state.served.items())
    ]
    return {"as_of": _snapshot_as_of(state), "models": served, "refused": dict(state.refused)}


def _planned(state: State, found: dict[str, Any]) -> Reply:
    return {**found, "as_of": _snapshot_as_of(state), "models": state.documents()}


def _snapshot_as_of(state: State) -> str | None:
    return str(state.snapshot.about["as_of"]) if state.snapshot else None


def _plain(value: Any) -> Json:
    if value is None or isinstance(value, str):
        return value
    return float(value) if math.isfinite(float(value)) else None
