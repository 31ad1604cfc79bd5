"""The scoring endpoints: raw facts in, one answer per item out, in the items' order."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast import deadline
from funnelcast.answers import READ, answer_rows
from funnelcast.families.attribution.journey import journey_credit
from funnelcast.families.churn.channels import NEXT_COLUMNS
from funnelcast.families.table import Array, Table
from funnelcast.labels import STATES
from funnelcast.monitor.track_record import Answer
from funnelcast.terms import AsOf, Json
from serving.contracts import ClvRequest, JourneyRequest, ScoreRequest, Summary
from serving.realised import beside_scores
from serving.request_facts import Checked, check, digest_of, tables_of
from serving.store import Served, State, Store

Reply = dict[str, Any]
Places = npt.NDArray[np.int64]

_EXPLAINED_AT_ONCE = 1_000


def score(model: str, store: Store, request: ScoreRequest, request_id: str) -> Reply:
    """Answer churn or lead scoring."""
    state = store.state()
    served = state.model(model)
    about, scorer = served.champion.about, _scorer(served)
    as_of = _as_of(request.as_of, state.source.timezone)
    checked = check(request.contacts, as_of, about.attributes)
    answers: list[Reply] = []
    used = [served]
    if checked.good:
        contacts = list(checked.good.values())
        names = [contact.contact_id for contact in contacts]
        tables = tables_of(contacts, about.attributes, state.source.timezone)
        rows = _rows(served, names, as_of, tables, (*scorer.columns, *READ))
        inputs = rows.only(scorer.columns)
        value = _clv(state, names, as_of, tables) if about.family == "churn" else _conversion_values(state, rows)
        used += [state.served["clv"]] if about.family == "churn" and value is not None else []
        predicted = scorer.predictions(inputs)
        answers = _records(names, answer_rows(about.family, rows, predicted, state.scale(model), value, served.horizon_days))
        for answer, reasons in zip(answers, _reasons(served, inputs, request), strict=True):
            answer["reasons"] = reasons
        outcome = _Outcome("probability", served.horizon_days, "low", "high")
        store.remember(_kept(served, as_of, request_id, outcome, _facts(request.contacts, checked), answers))
    beside = {"data_sufficiency": scorer.sufficiency, "track_record": beside_scores(state, about.model, served.horizon_days)}
    return {**_reply(as_of, used, scores=checked.answered(answers)), **beside}


def value(store: Store, request: ClvRequest, request_id: str) -> Reply:
    """Answer CLV from purchases or from summaries."""
    state = store.state()
    served = state.model("clv")
    as_of = _as_of(request.as_of, state.source.timezone)
    checked = check(request.contacts, as_of, None)
    rows = _customers(state, served, checked, as_of)
    answers: list[Reply] = []
    if len(rows):
        predicted = _scorer(served).predictions(rows, request.horizon_days, request.discount_rate)
        answers = _records([item.contact_id for item in checked.good.values()], predicted)
        outcome = _Outcome("expected_purchases", request.horizon_days)
        store.remember(_kept(served, as_of, request_id, outcome, _facts(request.contacts, checked), answers))
    beside = {"track_record": beside_scores(state, served.champion.about.model, request.horizon_days)}
    return {**_reply(as_of, [served], predictions=checked.answered(answers)), **beside}


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


def _scorer(served: Served) -> Any:
    """Give the model, which predicts from tables: a model of the protocol at least does so from frames."""
    return served.champion.model


def _rows(served: Served, names: Sequence[str], as_of: AsOf, tables: Mapping[str, Any], columns: Collection[str]) -> Table:
    if served.rows is None:
        message = f"{served.champion.about.model} is not scored from requests"
        raise TypeError(message)
    deadline.check()
    return served.rows.rows(names, as_of, tables, columns)


def _conversion_values(state: State, rows: Table) -> Array | None:
    return None if state.conversion_value is None else state.conversion_value.of_rows(rows)


def _clv(state: State, names: Sequence[str], as_of: AsOf, tables: Mapping[str, Any]) -> Array | None:
    """Give each contact's CLV, NaN for those who bought nothing; None where no model tells it."""
    bought = set(tables["transactions"].get("contact_id", ()))
    if "clv" not in state.served or not bought:
        return None
    served = state.served["clv"]
    rows, told = _summaries(served, names, as_of, tables)
    values = np.full(len(names), np.nan)
    values[told] = _scorer(served).predictions(rows)["clv"]
    return values


def _summaries(served: Served, names: Sequence[str], as_of: AsOf, tables: Mapping[str, Any]) -> tuple[Table, Places]:
    """Give the inputs of CLV for those of whom a purchase is known, and their places among the names."""
    columns = served.champion.model.columns
    rows = _rows(served, names, as_of, tables, columns)
    known = [~np.isnan(rows[name]) for name, kind in columns.items() if kind == "number"]
    told = np.flatnonzero(np.logical_and.reduce(known))
    return rows.at(told), told


def _customers(state: State, served: Served, checked: Checked, as_of: AsOf) -> Table:
    """Give the rows of the good items in their order; whose purchases tell no value fails alone."""
    columns = served.champion.model.columns
    summaries = {place: item for place, item in checked.good.items() if isinstance(item, Summary)}
    rows = _of_summaries(list(summaries.values()), columns)
    purchasers = {place: item for place, item in checked.good.items() if place not in summaries}
    if not purchasers:
        return rows
    tables = tables_of(purchasers.values(), {}, state.source.timezone)
    found, told = _summaries(served, [item.contact_id for item in purchasers.values()], as_of, tables)
    items = list(purchasers.items())
    for place, item in (items[number] for number in sorted(set(range(len(items))) - set(told.tolist()))):
        checked.fail(place, item.contact_id, "transactions: no purchase with an amount of 0 or more, so no value can be told.")
    order = np.argsort([*summaries, *(items[number][0] for number in told.tolist())])
    both = {name: np.concatenate([rows[name], found[name]]) for name in columns}
    return Table(both, len(rows) + len(found)).at(order)


def _of_summaries(items: Sequence[Summary], columns: Mapping[str, str]) -> Table:
    types = {"number": np.float64, "category": object}
    return Table({name: np.array([getattr(item, name) for item in items], types[kind]) for name, kind in columns.items()}, len(items))


def _reasons(served: Served, inputs: Table, request: ScoreRequest) -> list[list[Json]]:
    if not request.explain:
        return [[] for _ in range(len(inputs))]
    frame, found = pd.DataFrame(inputs.columns, range(len(inputs))), list[list[Json]]()
    for first in range(0, len(frame), _EXPLAINED_AT_ONCE):
        deadline.check()
        explained = _scorer(served).explain(frame.iloc[first : first + _EXPLAINED_AT_ONCE], request.explain, request.lang)
        found += [[reason.document() for reason in reasons] for reasons in explained]
    return found


@dataclass(frozen=True)
class _Outcome:
    """What of an answer will be held against the truth: the field of the prediction, those of its interval, and the days until then."""

    predicted: str
    horizon_days: float
    low: str = ""
    high: str = ""


def _facts(items: Sequence[Any], checked: Checked) -> list[str]:
    deadline.check()  # what nobody will be told isn't remembered either
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


def _records(names: Sequence[str], answers: Mapping[str, Array]) -> list[Reply]:
    deadline.check()
    values = [names, *(column.tolist() for column in answers.values())]
    return [plain_record(dict(zip(("contact_id", *answers), row, strict=True))) for row in zip(*values, strict=True)]


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


def _reply(as_of: AsOf, used: Sequence[Served], **items: list[Reply]) -> Reply:
    return {**items, "as_of": as_of.isoformat(), "models": [served.document() for served in used]}
