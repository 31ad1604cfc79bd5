"""The scoring endpoints: raw facts in, one answer per item out, in the items' order."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import pandas as pd

from funnelcast.answers import answer_rows
from funnelcast.families.attribution.journey import journey_credit
from funnelcast.families.churn.channels import NEXT_COLUMNS
from funnelcast.labels import STATES
from funnelcast.monitor.track_record import Answer
from funnelcast.terms import AsOf, Json
from serving.contracts import ClvRequest, JourneyRequest, ScoreRequest, Summary
from serving.request_facts import Checked, check, digest_of, tables_of
from serving.store import Served, State, Store

Reply = dict[str, Any]


def score(model: str, store: Store, request: ScoreRequest, request_id: str) -> Reply:
    """Answer churn or lead scoring."""
    state = store.state()
    served = state.model(model)
    about = served.champion.about
    as_of = _as_of(request.as_of, state.source.timezone)
    checked = check(request.contacts, as_of, about.attributes)
    answers: list[Reply] = []
    if checked.good:
        contacts = list(checked.good.values())
        names = [contact.contact_id for contact in contacts]
        tables = tables_of(contacts, about.attributes, state.source.timezone)
        rows = _rows(served, names, as_of, tables)
        inputs = rows[list(served.champion.model.columns)]
        predicted = served.champion.model.predict(inputs)
        value = _clv(state, names, as_of, tables) if about.family == "churn" else _conversion_values(state, rows)
        answers = _records(answer_rows(about.family, rows, predicted, state.scale(model), value, served.horizon_days))
        for answer, reasons in zip(answers, _reasons(served, inputs, request), strict=True):
            answer["reasons"] = reasons
        outcome = _Outcome("probability", served.horizon_days, "low", "high")
        store.remember(_kept(served, as_of, request_id, outcome, _facts(request.contacts, checked), answers))
    model_served: Any = served.champion.model
    return {**_reply(as_of, served, scores=checked.answered(answers)), "data_sufficiency": model_served.sufficiency}


def value(store: Store, request: ClvRequest, request_id: str) -> Reply:
    """Answer CLV from purchases or from summaries."""
    state = store.state()
    served = state.model("clv")
    as_of = _as_of(request.as_of, state.source.timezone)
    checked = check(request.contacts, as_of, None)
    rows = _customers(state, served, checked, as_of)
    answers: list[Reply] = []
    if len(rows):
        model: Any = served.champion.model
        answers = _records(model.predict(rows, horizon_days=request.horizon_days, discount_rate=request.discount_rate))
        outcome = _Outcome("expected_purchases", request.horizon_days)
        store.remember(_kept(served, as_of, request_id, outcome, _facts(request.contacts, checked), answers))
    return _reply(as_of, served, predictions=checked.answered(answers))


def journey(store: Store, request: JourneyRequest, _: str) -> Reply:
    """Share the conversion of one journey over its touches."""
    served = store.state().model("attribution")
    model: Any = served.champion.model
    touches = [{"channel": touch.channel, "occurred_at": touch.occurred_at} for touch in request.touchpoints]
    credit = journey_credit(model, touches, request.value, request.method)
    return {**credit, "as_of": served.champion.about.trained_as_of, "models": [served.document()]}


def _as_of(given: date | datetime | None, timezone: str) -> AsOf:
    if given is None:
        return AsOf.now(timezone)
    return AsOf.of(given, timezone) if isinstance(given, datetime) else AsOf(datetime.combine(given, time()), timezone)


def _rows(served: Served, names: Sequence[str], as_of: AsOf, tables: Mapping[str, Any]) -> pd.DataFrame:
    if served.rows is None:
        message = f"{served.champion.about.model} is not scored from requests"
        raise TypeError(message)
    rows = served.rows.rows(names, as_of, tables)
    kinds = served.champion.model.columns
    # a column in which nobody has a value comes without a type
    return rows.astype({name: "float64" if kind == "number" else "object" for name, kind in kinds.items() if name in rows})


def _conversion_values(state: State, rows: pd.DataFrame) -> pd.Series | None:
    return None if state.conversion_value is None else state.conversion_value.of_rows(rows)


def _clv(state: State, names: Sequence[str], as_of: AsOf, tables: Mapping[str, Any]) -> pd.Series | None:
    """Give the CLV of those who bought, by contact; None where no model tells it."""
    bought = sorted(set(tables["transactions"].get("contact_id", ())))
    if "clv" not in state.served or not bought:
        return None
    served = state.served["clv"]
    rows = _summaries(served, bought, as_of, tables)
    values: pd.Series = served.champion.model.predict(rows)["clv"]
    return values.reindex(list(names))


def _summaries(served: Served, names: Sequence[str], as_of: AsOf, tables: Mapping[str, Any]) -> pd.DataFrame:
    """Give the inputs of CLV for those of whom a purchase is known."""
    columns = served.champion.model.columns
    numbers = [name for name, kind in columns.items() if kind == "number"]
    return _rows(served, names, as_of, tables)[list(columns)].dropna(subset=numbers)


def _customers(state: State, served: Served, checked: Checked, as_of: AsOf) -> pd.DataFrame:
    """Give the rows of the good items in their order; whose purchases tell no value fails alone."""
    columns = served.champion.model.columns
    summaries = [item for item in checked.good.values() if isinstance(item, Summary)]
    rows = pd.DataFrame(
        [[getattr(item, name) for name in columns] for item in summaries],
        index=pd.Index([item.contact_id for item in summaries], dtype=object),
        columns=list(columns),
    ).astype({name: "float64" if kind == "number" else "object" for name, kind in columns.items()})
    purchasers = [item for item in checked.good.values() if not isinstance(item, Summary)]
    if purchasers:
        tables = tables_of(purchasers, {}, state.source.timezone)
        rows = pd.concat([rows, _summaries(served, [item.contact_id for item in purchasers], as_of, tables)])
    for place, item in list(checked.good.items()):
        if item.contact_id not in rows.index:
            checked.fail(place, item.contact_id, "transactions: no purchase with an amount of 0 or more, so no value can be told.")
    return rows.loc[[item.contact_id for item in checked.good.values()]]


def _reasons(served: Served, inputs: pd.DataFrame, request: ScoreRequest) -> list[list[Json]]:
    if not request.explain:
        return [[] for _ in range(len(inputs))]
    model: Any = served.champion.model
    return [[reason.document() for reason in reasons] for reasons in model.explain(inputs, request.explain, request.lang)]


@dataclass(frozen=True)
class _Outcome:
    """What of an answer will be held against the truth: the field of the prediction, those of its interval, and the days until then."""

    predicted: str
    horizon_days: float
    low: str = ""
    high: str = ""


def _facts(items: Sequence[Any], checked: Checked) -> list[str]:
    return [digest_of(items[place]) for place in checked.good]


def _kept(served: Served, as_of: AsOf, request_id: str, outcome: _Outcome, facts: Sequence[str], answers: Sequence[Reply]) -> list[Answer]:
    return [
        Answer(
            request_id=request_id,
            model=served.champion.about.model,
            version=served.champion.version,
            as_of=as_of.at.isoformat(),
            horizon_days=outcome.horizon_days,
            contact_id=answer["contact_id"],
            predicted=answer[outcome.predicted],
            low=answer.get(outcome.low),
            high=answer.get(outcome.high),
            facts_sha256=digest,
        )
        for digest, answer in zip(facts, answers, strict=True)
        if answer[outcome.predicted] is not None
    ]


def _records(frame: pd.DataFrame) -> list[Reply]:
    return [plain_record(row) for row in frame.reset_index(names="contact_id").to_dict("records")]


def plain_record(row: Mapping[Any, Any]) -> Reply:
    """Give a row of a table as JSON holds it; the chances of the next states are one object, null where they aren't known."""
    plain = {str(name): plain_value(value) for name, value in row.items()}
    if NEXT_COLUMNS[0] not in plain:
        return plain
    chances = {state: plain.pop(column) for state, column in zip(STATES, NEXT_COLUMNS, strict=True)}
    return {**plain, "channel_next": None if None in chances.values() else chances}


def plain_value(value: Any) -> Any:
    """Give a value of a table as JSON holds it; null where there is none."""
    if value is None or isinstance(value, str | bool):
        return value
    number = float(value)
    return number if math.isfinite(number) else None


def _reply(as_of: AsOf, served: Served, **items: list[Reply]) -> Reply:
    return {**items, "as_of": as_of.isoformat(), "models": [served.document()]}
