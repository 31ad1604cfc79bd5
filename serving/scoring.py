"""The scoring endpoints: raw facts in, one answer per item out, in the items' order.

Requests that wait at the same time are answered together: most of what a small one costs is the same for one row as for ten.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

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
from funnelcast.terms import Json
from serving.items import Asked, Items, Outcome, Part
from serving.reading.contracts import JourneyRequest, ScoreRequest, Shape
from serving.reading.envelope import parse
from serving.reading.request_facts import is_summary, tables_of
from serving.realised import beside_scores
from serving.replies import Reply
from serving.store import Served, State, Store

Places = npt.NDArray[np.int64]

_EXPLAINED_AT_ONCE = 1_000


@dataclass(frozen=True)
class Given:
    """The replies to some requests in their order, and what is to be kept of them in the track record."""

    replies: Sequence[Reply]
    kept: Sequence[Answer]


Scorer = Callable[[State, Sequence[Asked]], Given]


@dataclass(frozen=True)
class Scoring:
    """One kind of score: the shape of its requests, and what answers them."""

    shape: type[Shape]
    score: Scorer

    def read(self, body: bytes, request_id: str) -> Asked:
        """Read the body of a request.

        Raises
        ------
        Refused
            Its envelope is wrong.
        """
        return Asked(parse(body, self.shape), request_id)


def score(model: str, state: State, asked: Sequence[Asked]) -> Given:
    """Answer requests for churn or lead scores, all at once: each gets what it would get alone."""
    served = state.model(model)
    about, scorer = served.champion.about, _scorer(served)
    items = Items.of(asked, state.source.timezone, about.attributes)
    records = _scored(state, served, items) if items.checked.good else []
    outcome = Outcome("probability", lambda _: served.horizon_days, "low", "high")
    beside = {"data_sufficiency": scorer.sufficiency, "track_record": beside_scores(state, about.model, served.horizon_days)}
    valued = [state.served["clv"]] if about.family == "churn" and "clv" in state.served else []
    answers = items.checked.answered(records)
    used = [[served, *valued] if valued and items.bought(part) else [served] for part in items.parts]
    replies = [_reply("scores", answers, part, models, beside) for part, models in zip(items.parts, used, strict=True)]
    return Given(replies, items.kept(served, records, outcome))


def _scored(state: State, served: Served, items: Items) -> list[Reply]:
    about, scorer = served.champion.about, _scorer(served)
    batch = _Batch.of(items.good, [part.moment.as_of.at for part in items.owner_of_good], about.attributes)
    rows = _rows(served, batch, (*scorer.columns, *READ))
    inputs = rows.only(scorer.columns)
    value = _clv(state, batch) if about.family == "churn" else _conversion_values(state, rows)
    scale = state.scale(about.model)
    answered = answer_rows(about.family, rows, scorer.predictions(inputs), scale, value, served.horizon_days)
    records = _records(items.good, answered)
    _explain(served, inputs, items, records)
    return records


def value(state: State, asked: Sequence[Asked]) -> Given:
    """Answer requests for CLV, from purchases or from summaries, all at once: each gets what it would get alone."""
    served = state.model("clv")
    items = Items.of(asked, state.source.timezone, None)
    rows = _customers(served, items)
    terms = [(part.asked.request.horizon_days, part.asked.request.discount_rate) for part in items.owner_of_good]
    records = _records(items.good, _valued(served, rows, terms)) if terms else []
    answers = items.checked.answered(records)
    horizons = {part.asked.request.horizon_days for part in items.parts}
    beside = {days: {"track_record": beside_scores(state, "clv", days)} for days in horizons}
    replies = [_reply("predictions", answers, part, [served], beside[part.asked.request.horizon_days]) for part in items.parts]
    return Given(replies, items.kept(served, records, Outcome("expected_purchases", lambda request: float(request.horizon_days))))


def _reply(name: str, answers: Sequence[Reply], part: Part, used: Sequence[Served], beside: Reply) -> Reply:
    models = [served.document() for served in used]
    return {name: answers[part.places], "as_of": part.moment.told, "models": models, **beside}


def journey(store: Store, request: JourneyRequest) -> Reply:
    """Share the conversion of one journey over its touches."""
    served = store.state().model("attribution")
    model: Any = served.champion.model
    touches = [{"channel": touch.channel, "occurred_at": touch.occurred_at} for touch in request.touchpoints]
    credit = journey_credit(model, touches, request.value, request.method)
    return {**credit, "as_of": served.champion.about.trained_as_of, "models": [served.document()]}


def _scorer(served: Served) -> Any:
    """Give the model, which predicts from tables: a model of the protocol at least does so from frames."""
    return served.champion.model


@dataclass(frozen=True)
class _Batch:
    """Contacts of one request or of several as tables, each under a key of its own, with its as_of."""

    keys: Sequence[str]
    as_of: Sequence[datetime]
    tables: Mapping[str, Any]

    @classmethod
    def of(cls, contacts: Sequence[Any], as_of: Sequence[datetime], attributes: Mapping[str, str]) -> Self:
        keys = [str(number) for number in range(len(contacts))]
        return cls(keys, as_of, tables_of(contacts, keys, attributes))


def _rows(served: Served, batch: _Batch, columns: Collection[str]) -> Table:
    if served.rows is None:
        message = f"{served.champion.about.model} is not scored from requests"
        raise TypeError(message)
    deadline.check()
    return served.rows.rows(batch.keys, batch.as_of, batch.tables, columns)


def _conversion_values(state: State, rows: Table) -> Array | None:
    return None if state.conversion_value is None else state.conversion_value.of_rows(rows)


def _clv(state: State, batch: _Batch) -> Array | None:
    """Give each contact's CLV, NaN for those who bought nothing; None where no model tells it."""
    if "clv" not in state.served or not batch.tables["transactions"]:
        return None
    served = state.served["clv"]
    rows, told = _summaries(served, batch)
    values = np.full(len(batch.keys), np.nan)
    values[told] = _scorer(served).predictions(rows)["clv"]
    return values


def _summaries(served: Served, batch: _Batch) -> tuple[Table, Places]:
    """Give the inputs of CLV for those of whom a purchase is known, and their places in the batch."""
    columns = served.champion.model.columns
    rows = _rows(served, batch, columns)
    known = [~np.isnan(rows[name]) for name, kind in columns.items() if kind == "number"]
    told = np.flatnonzero(np.logical_and.reduce(known))
    return rows.at(told), told


def _customers(served: Served, items: Items) -> Table:
    """Give the rows of the good items in their order; whose purchases tell no value fails alone."""
    columns, good = served.champion.model.columns, items.checked.good
    summaries = [place for place, item in good.items() if is_summary(item)]
    rows = _of_summaries([good[place] for place in summaries], columns)
    bought = [place for place, item in good.items() if not is_summary(item)]
    if not bought:
        return rows
    as_of = [items.owners[place].moment.as_of.at for place in bought]
    found, told = _summaries(served, _Batch.of([good[place] for place in bought], as_of, {}))
    for number in sorted(set(range(len(bought))) - set(told.tolist())):
        name = good[bought[number]].contact_id
        items.checked.fail(bought[number], name, "transactions: no purchase with an amount of 0 or more, so no value can be told.")
    order = np.argsort([*summaries, *(bought[number] for number in told.tolist())])
    both = {name: np.concatenate([rows[name], found[name]]) for name in columns}
    return Table(both, len(rows) + len(found)).at(order)


def _of_summaries(items: Sequence[Any], columns: Mapping[str, str]) -> Table:
    types = {"number": np.float64, "category": object}
    return Table({name: np.array([getattr(item, name) for item in items], types[kind]) for name, kind in columns.items()}, len(items))


def _valued(served: Served, rows: Table, terms: Sequence[tuple[float, float]]) -> dict[str, Array]:
    """Predict each row by the terms, horizon and discount rate, that it was asked for."""
    model, groups = _scorer(served), dict.fromkeys(terms)
    if len(groups) == 1:
        return dict(model.predictions(rows, *terms[0]))
    places = [np.array([place for place, those in enumerate(terms) if those == one]) for one in groups]
    predicted = [model.predictions(rows.at(those), *one) for those, one in zip(places, groups, strict=True)]
    order = np.argsort(np.concatenate(places))
    return {name: np.concatenate([some[name] for some in predicted])[order] for name in predicted[0]}


def _explain(served: Served, inputs: Table, items: Items, records: Sequence[Reply]) -> None:
    """Put the reasons that a request asks for into its answers."""
    for record in records:
        record["reasons"] = []
    for part in items.parts:
        request: ScoreRequest = part.asked.request
        if request.explain:
            numbers = [number for number, owner in enumerate(items.owner_of_good) if owner is part]
            for number, told in zip(numbers, _reasons(served, inputs.at(np.array(numbers, np.int64)), request), strict=True):
                records[number]["reasons"] = told


def _reasons(served: Served, inputs: Table, request: ScoreRequest) -> list[list[Json]]:
    frame, found = pd.DataFrame(inputs.columns, range(len(inputs))), list[list[Json]]()
    for first in range(0, len(frame), _EXPLAINED_AT_ONCE):
        deadline.check()
        explained = _scorer(served).explain(frame.iloc[first : first + _EXPLAINED_AT_ONCE], request.explain, request.lang)
        found += [[reason.document() for reason in reasons] for reasons in explained]
    return found


def _records(items: Sequence[Any], answers: Mapping[str, Array]) -> list[Reply]:
    deadline.check()
    names, columns = ("contact_id", *answers), [_plain_column(column) for column in answers.values()]
    rows = zip([item.contact_id for item in items], *columns, strict=True)
    records = [dict(zip(names, row, strict=True)) for row in rows]
    return [_with_chances(record) for record in records] if NEXT_COLUMNS[0] in answers else records


def _plain_column(values: Array) -> list[Any]:
    """Give a column as JSON holds it; null where there is no value."""
    if values.dtype == object:
        return list(values.tolist())
    plain: list[Any] = values.astype(np.float64, copy=False).tolist()
    return plain if all(map(math.isfinite, plain)) else [value if math.isfinite(value) else None for value in plain]


def plain_record(row: Mapping[Any, Any]) -> Reply:
    """Give a row of a table as JSON holds it; the chances of the next states are one object, null where they aren't known."""
    plain = {str(name): plain_value(value) for name, value in row.items()}
    return _with_chances(plain) if NEXT_COLUMNS[0] in plain else plain


def _with_chances(plain: Reply) -> Reply:
    chances = {state: plain.pop(column) for state, column in zip(STATES, NEXT_COLUMNS, strict=True)}
    return {**plain, "channel_next": None if None in chances.values() else chances}


def plain_value(value: Any) -> Any:
    """Give a value of a table as JSON holds it; null where there is none."""
    if value is None or isinstance(value, str | bool):
        return value
    number = float(value)
    return number if math.isfinite(number) else None
