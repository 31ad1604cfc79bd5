"""The planner's endpoints: what the latest snapshot holds, and forecasts drawn from its inputs."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from funnelcast.errors import NotFound, UsageError
from funnelcast.forecast import scenario
from funnelcast.forecast.missing_words import in_both
from funnelcast.forecast.past import PAST
from funnelcast.forecast.projection import Ask
from funnelcast.forecast.scenario import Scenario
from funnelcast.monitor.alerts import Alert
from funnelcast.monitor.said import Text
from funnelcast.monitor.track_record import TrackRecord
from funnelcast.terms import AsOf
from serving.auth import Caller
from serving.problems import Refused, without_folders
from serving.reading.contracts import ForecastRequest
from serving.realised import beside_forecast
from serving.scoring import plain_record
from serving.store import SNAPSHOT, State

_SEVERAL = {"deal_id", "invoice_id"}
_COMMON_METHOD = "shapley"
_ON_MODELS = {"stale_model", "drift"}
"""The kinds of alert that hold no figure of sales or cash."""

Reply = dict[str, Any]


def forecast(quantity: str, state: State, request: ForecastRequest) -> tuple[Reply, bool]:
    """Draw sales, pipeline or cash from the snapshot's inputs, and say whether that was done before."""
    changed = _scenario(request.scenario) if request.scenario is not None else Scenario()
    count = request.periods if request.every == "month" else request.weeks
    try:
        ask = Ask(quantity, request.every, count, request.by, changed)
    except UsageError as error:  # the shape of requests lets through no other than parts that this quantity hasn't
        raise Refused(422, "invalid", f"by: {error}", "by") from error
    scenario = None if changed.neutral else request.scenario
    document, known = state.planned().forecast(ask, json.dumps(scenario, sort_keys=True))
    if request.past:
        document["past"] = state.planned().document(PAST)[quantity][request.every][-request.past :]
    cleaned = _without_folders(document)
    beside = {"models": state.planned_documents(), "track_record": beside_forecast(state, quantity)}
    return {**cleaned, "missing_text": [in_both(reason) for reason in cleaned["missing"]], **beside}, known


def _scenario(document: dict[str, Any]) -> Scenario:
    try:
        return scenario.read(document)
    except UsageError as error:
        said = str(error)
        raise Refused(422, "invalid", said, field=said.partition(":")[0]) from error


def attribution(state: State, method: str | None) -> Reply:
    """Give the credits by one method, by default that of the model in service; ``all`` gives a list under ``methods``."""
    documents: list[Reply] = state.planned().document("attribution")
    wanted = _default_method(state) if method is None else method
    if wanted == "all":
        return planned(state, {"methods": documents})
    found = next((one for one in documents if one["method"] == wanted), None)
    if found is None:
        known = ", ".join(one["method"] for one in documents)
        raise NotFound(what="attribution method", name=wanted, advice=f"Ask for one of {known} or all.")
    return planned(state, found)


def economics(state: State) -> Reply:
    """Give the economics of the last refresh."""
    return planned(state, state.planned().document("economics"))


def alerts(state: State, caller: Caller) -> Reply:
    """Give the alerts of the last refresh, before them the champions that were refused since; to who plans nothing those on models."""
    document: Reply = state.planned().document("alerts") if state.snapshot or not state.refused else {"alerts": []}
    refused = [_refused(name, reason).document() for name, reason in sorted(state.refused.items())]
    told = [one for one in document["alerts"] if _plans(caller) or one["kind"] in _ON_MODELS]
    return planned(state, {**document, "alerts": [*refused, *told]})


def contact(state: State, contact_id: str) -> Reply:
    """Give every current score of one contact; a list of them where a model scores several things of theirs, such as open invoices.

    Raises
    ------
    NotFound
        The last refresh scored nobody of this id.
    """
    scores = {model: _scores_of(frame.loc[[contact_id]]) for model, frame in state.planned().contacts.items() if contact_id in frame.index}
    if not scores:
        raise NotFound(
            what="contact", name=contact_id, advice="The latest refresh scored nobody of this id: score it from its facts, or refresh."
        )
    return planned(state, {"contact_id": contact_id, "scores": scores})


def _scores_of(rows: pd.DataFrame) -> Reply | list[Reply]:
    records = [plain_record(row) for row in rows.to_dict("records")]
    return records if _SEVERAL & {*rows.columns} else records[0]


def track_record(record: TrackRecord, state: State, caller: Caller) -> Reply:
    """Say what was answered so far, to planners also what was forecast, and how right it was by the last refresh."""
    versions = _by(state, "answers", "model", "version")
    given = [
        {
            "model": model,
            "version": version,
            "answers": count,
            "mean_predicted": total / count,
            "realised": [_without(one, "model", "version") for one in versions.get((model, version), [])],
        }
        for (model, version), (count, total) in record.tally().items()
    ]
    quantities = _by(state, "forecasts", "quantity")
    forecasts = [
        {"quantity": quantity, "periods": count, "realised": next(iter(quantities.get((quantity,), [])), None)}
        for quantity, count in record.forecast_periods().items()
        if _plans(caller)
    ]
    missing = {name: without_folders(reason) for name, reason in state.judged.get("missing", {}).items()}
    models = [*state.judged.get("models", [])]
    return planned(state, {"answers": given, "realised": models, "forecasts": forecasts, "not_judged": missing})


def _plans(caller: Caller) -> bool:
    return "forecast" in caller.scopes


def _by(state: State, part: str, *names: str) -> dict[tuple[Any, ...], list[Reply]]:
    found: dict[tuple[Any, ...], list[Reply]] = {}
    for one in state.judged.get(part, []):
        found.setdefault(tuple(one[name] for name in names), []).append(one)
    return found


def _without(one: Reply, *names: str) -> Reply:
    return {name: value for name, value in one.items() if name not in names}


def models(state: State) -> Reply:
    """Say what is served and since when, and what was refused."""
    served = [
        {
            **one.document(),
            "served_since": one.since,
            "role": one.champion.about.role,
            "family": one.champion.about.family,
            "metrics": dict(one.champion.about.metrics),
            "attributes": dict(one.champion.about.attributes),
        }
        for _, one in sorted(state.served.items())
    ]
    refused = {name: without_folders(reason) for name, reason in state.refused.items()}
    return {"as_of": _as_of(state), "models": served, "refused": refused}


def readiness(state: State) -> Reply:
    """Say whether anything can be answered, and what is missing for the rest."""
    missing = [] if state.served else ["no champion: run `funnelcast train all`"]
    missing += [] if state.snapshot else ["no snapshot: run `funnelcast refresh`"]
    versions = {name: served.champion.version for name, served in sorted(state.served.items())}
    refused = sorted(state.refused)
    planners_alone = state.snapshot is not None and not {*refused} - {SNAPSHOT}  # a company whose facts make forecasts but no model
    ready = bool(versions) or planners_alone
    return {"ready": ready, "models": list(versions), "versions": versions, "refused": refused, "missing": missing}


def planned(state: State, found: Reply) -> Reply:
    """Say beside an answer of the snapshot when it was computed, and with which models."""
    return {**_without_folders(found), "as_of": _as_of(state), "models": state.planned_documents() if state.snapshot else state.documents()}


def _as_of(state: State) -> str:
    """Give the snapshot's as_of; the present where there is none to speak of."""
    return str(state.snapshot.about["as_of"]) if state.snapshot else AsOf.now(state.source.timezone).isoformat()


def _default_method(state: State) -> str:
    if "attribution" not in state.served:
        return _COMMON_METHOD
    model: Any = state.served["attribution"].champion.model
    return str(model.document.get("method", _COMMON_METHOD))


def _without_folders(document: Reply) -> Reply:
    """Clean what is said about missing facts: it may name the company's files."""
    missing = document.get("missing", [])
    if not isinstance(missing, list) or not all(isinstance(reason, str) for reason in missing):
        return document
    return {**document, **({"missing": [without_folders(reason) for reason in missing]} if missing else {})}


def _refused(name: str, reason: str) -> Alert:
    said = without_folders(reason)
    what, quoi = ("snapshot", "instantané") if name == SNAPSHOT else ("champion", "champion")
    return Alert(
        kind=f"{what}_refused",
        subject=name,
        severity="error",
        text=Text(
            f"{name}: the newest {what} can't be served; the last good one goes on, where there was one. {said}",
            f"{name} : le dernier {quoi} ne peut pas être servi ; le précédent continue, s'il y en avait un. {said}",
        ),
        action=Text(
            "Run `funnelcast refresh`." if name == SNAPSHOT else f"Run `funnelcast train {name}`, or `funnelcast rollback {name}`.",
            "Lancez `funnelcast refresh`." if name == SNAPSHOT else f"Lancez `funnelcast train {name}` ou `funnelcast rollback {name}`.",
        ),
        effect_text=Text(
            "What older answers cost isn't known.",
            "Le coût de réponses plus anciennes n'est pas connu.",
        ),
    )
