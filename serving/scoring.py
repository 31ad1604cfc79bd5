"""The scoring endpoints: raw facts in, one answer per item out, in the items' order."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from funnelcast.answers import answer_rows
from funnelcast.families.attribution.journey import journey_credit
from funnelcast.monitor.track_record import Answer, TrackRecord
from funnelcast.spec import read
from funnelcast.terms import AsOf, Json
from serving.contracts import ClvRequest, JourneyRequest, ScoreRequest, Summary
from serving.request_facts import Checked, check, tables_of
from serving.store import Served, State, Store

Reply = dict[str, Json]


def score(store: Store, state: State, model: str, request: ScoreRequest, request_id: str) -> Reply:
    """Answer churn or lead scoring."""
    served = state.model(model)
    as_of = _as_of(state, request.as_of)
    attributes = served.champion.about.attributes
    checked = check(request.contacts, as_of, attributes)
    contacts = [checked.good[place] for place in sorted(checked.good)]
    answers: list[Reply] = []
    if contacts:
        names = [contact.contact_id for contact in contacts]
        tables = tables_of(contacts, attributes, state.source.timezone)
        rows = _rows(served, names, as_of, tables)
        inputs = rows[list(served.champion.model.columns)]
        predicted = served.champion.model.predict(inputs)
        scale = state.scales.get(model, served.champion.about.scale)
        clv = _values(state, names, as_of, tables) if model == "churn" else None
        answers = _records(answer_rows(served.champion.about.family, rows, predicted, scale, clv))
        if request.explain:
            _add_reasons(answers, served, inputs, request)
        _remember(store, state, served, as_of=as_of, request_id=request_id, answers=answers)
    return _reply(as_of, [served], "scores", _in_order(checked, answers, len(request.contacts)))


def value(store: Store, state: State, request: ClvRequest, request_id: str) -> Reply:
    """Answer CLV from purchases or from summaries."""
    served = state.model("clv")
    as_of = _as_of(state, request.as_of)
    checked = check(request.contacts, as_of, None)
    rows = _customers(state, served, checked, as_of)
    answers: list[Reply] = []
    if len(rows):
        model: Any = served.champion.model
        predicted = model.predict(rows, horizon_days=request.horizon_days, discount_rate=request.discount_rate)
        answers = _records(predicted)
        _remember(store, state, served, as_of=as_of, request_id=request_id, answers=answers, horizon_days=request.horizon_days)
    return _reply(as_of, [served], "predictions", _in_order(checked, answers, len(request.contacts)))


def journey(state: State, request: JourneyRequest) -> Reply:
    """Share the conversion of one journey over its touches."""
    served = state.model("attribution")
    model: Any = served.champion.model
    touches = [{"channel": touch.channel, "occurred_at": touch.occurred_at} for touch in request.touchpoints]
    credit = journey_credit(model, touches, request.value, request.method)
    return {**credit, "as_of": served.champion.about.trained_as_of, "models": [served.document()]}


def _as_of(state: State, given: Any) -> AsOf:
    return AsOf.of(given, state.source.timezone) if given else AsOf.now(state.source.timezone)


def _rows(served: Served, names: Sequence[str], as_of: AsOf, tables: Mapping[str, Any]) -> pd.DataFrame:
    if served.rows is None:
        message = f"{served.champion.about.model} is not scored from requests"
        raise TypeError(message)
    rows = served.rows.rows(names, as_of, tables)
    kinds = served.champion.model.columns
    # nobody with a value leaves a column without a type
    return rows.astype({name: "float64" if kind == "number" else "object" for name, kind in kinds.items() if name in rows})


def _values(state: State, names: Sequence[str], as_of: AsOf, tables: Mapping[str, Any]) -> pd.Series | None:
    bought = sorted(set(tables["transactions"].get("contact_id", ())))
    if "clv" not in state.served or not bought:
        return None
    served = state.served["clv"]
    rows = _rows(served, bought, as_of, tables).dropna(subset=["T"])
    if rows.empty:
        return None
    values: pd.Series = served.champion.model.predict(rows[list(served.champion.model.columns)])["clv"]
    return values.reindex(list(names))


def _customers(state: State, served: Served, checked: Checked, as_of: AsOf) -> pd.DataFrame:
    """Give the rows of the good items in their order; whose purchases tell no value becomes a fault."""
    columns = list(served.champion.model.columns)
    by_name: dict[str, list[float]] = {
        item.contact_id: [float(getattr(item, name)) for name in columns] for item in checked.good.values() if isinstance(item, Summary)
    }
    bought = [item for item in checked.good.values() if not isinstance(item, Summary)]
    if bought:
        names = [item.contact_id for item in bought]
        rows = _rows(served, names, as_of, tables_of(bought, {}, state.source.timezone))[columns]
        by_name |= {
            str(name): list(row) for name, row in zip(rows.index, rows.to_numpy(dtype=float), strict=True) if np.isfinite(row).all()
        }
    for place, item in list(checked.good.items()):
        if item.contact_id not in by_name:
            del checked.good[place]
            checked.faults[place] = (item.contact_id, "transactions: no purchase with an amount above 0, so no value can be told.")
    order = [checked.good[place].contact_id for place in sorted(checked.good)]
    return pd.DataFrame([by_name[name] for name in order], index=pd.Index(order, dtype=object), columns=columns, dtype=float)


def _add_reasons(answers: list[Reply], served: Served, inputs: pd.DataFrame, request: ScoreRequest) -> None:
    model: Any = served.champion.model
    for answer, reasons in zip(answers, model.explain(inputs, request.explain, request.lang), strict=True):
        answer["reasons"] = [reason.document() for reason in reasons]


def _remember(
    store: Store,
    state: State,
    served: Served,
    *,
    as_of: AsOf,
    request_id: str,
    answers: Sequence[Reply],
    horizon_days: float | None = None,
) -> None:
    spec = read(store.settings.models, served.champion.about.model)
    predicted, low, high = ("expected_purchases", "clv_p10", "clv_p90") if horizon_days else ("probability", "low", "high")
    days = horizon_days or float(spec.label.get("horizon_days", 0))
    record = TrackRecord(store.settings.track_record(state.source.name))
    record.append(
        [
            Answer(
                request_id=request_id,
                model=served.champion.about.model,
                version=served.champion.version,
                as_of=as_of.at.isoformat(),
                horizon_days=days,
                contact_id=str(answer["contact_id"]),
                predicted=float(str(answer[predicted])),
                low=_number(answer[low]) if not horizon_days else None,
                high=_number(answer[high]) if not horizon_days else None,
                facts_sha256=hashlib.sha256(repr(sorted(answer.items())).encode()).hexdigest(),
            )
            for answer in answers
        ]
    )


def _records(frame: pd.DataFrame) -> list[Reply]:
    plain = frame.reset_index(names="contact_id").to_dict("records")
    return [{str(name): _plain(value) for name, value in row.items()} for row in plain]


def _plain(value: Any) -> Json:
    if value is None or isinstance(value, str | bool):
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _in_order(checked: Checked, answers: Sequence[Reply], count: int) -> list[Json]:
    by_place: dict[int, Json] = dict(zip(sorted(checked.good), answers, strict=True))
    faults: dict[int, Json] = {place: {"contact_id": name, "error": sentence} for place, (name, sentence) in checked.faults.items()}
    return [{**by_place, **faults}[place] for place in range(count)]


def _reply(as_of: AsOf, served: Sequence[Served], name: str, items: list[Json]) -> Reply:
    return {name: items, "as_of": as_of.isoformat(), "models": [one.document() for one in served]}
