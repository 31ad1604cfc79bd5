"""The scoring endpoints: raw facts in, one answer per item out, in the items' order.

Requests that wait at the same time are answered together: most of what a small one costs is the same for one row as for ten.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
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
from funnelcast.terms import AsOf, Json
from serving.reading.contracts import JourneyRequest, ScoreRequest, Shape, Summary
from serving.reading.envelope import parse
from serving.reading.request_facts import Checked, check, digest_of, tables_of
from serving.realised import beside_scores
from serving.replies import Reply
from serving.store import Served, State, Store

Places = npt.NDArray[np.int64]

_EXPLAINED_AT_ONCE = 1_000


@dataclass(frozen=True)
class Asked:
    """A request, and the id under which its answers are remembered."""

    request: Any
    request_id: str


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


@dataclass
class _Part:
    """One of the requests that are answered together: its items, and in the end the answers of the good ones in their order."""

    asked: Asked
    as_of: AsOf
    told_as_of: str
    checked: Checked
    answers: Sequence[Reply] = ()

    @classmethod
    def of_all(cls, asked: Sequence[Asked], timezone: str, attributes: Mapping[str, str] | None) -> list[Self]:
        """Check the items of some requests; those that name no as_of share the present instant."""
        now = AsOf.now(timezone)
        told_now, parts = now.isoformat(), list[Self]()
        for one in asked:
            as_of = _as_of(one.request.as_of, now)
            told = told_now if as_of is now else as_of.isoformat()
            parts.append(cls(one, as_of, told, check(one.request.contacts, as_of, attributes)))
        return parts

    def bought(self) -> bool:
        return any(item.transactions for item in self.checked.good.values())

    def reply(self, used: Sequence[Served], items: str, beside: Reply) -> Reply:
        models = [served.document() for served in used]
        return {items: self.checked.answered(self.answers), "as_of": self.told_as_of, "models": models, **beside}


def score(model: str, state: State, asked: Sequence[Asked]) -> Given:
    """Answer requests for churn or lead scores, all at once: each gets what it would get alone."""
    served = state.model(model)
    about, scorer = served.champion.about, _scorer(served)
    parts = _Part.of_all(asked, state.source.timezone, about.attributes)
    contacts = [contact for part in parts for contact in part.checked.good.values()]
    if contacts:
        batch = _Batch.of(contacts, [part.as_of.at for part in parts for _ in part.checked.good], about.attributes)
        rows = _rows(served, batch, (*scorer.columns, *READ))
        inputs = rows.only(scorer.columns)
        value = _clv(state, batch) if about.family == "churn" else _conversion_values(state, rows)
        answered = answer_rows(about.family, rows, scorer.predictions(inputs), state.scale(model), value, served.horizon_days)
        _share(parts, _records(contacts, answered))
        _explain(served, inputs, parts)
    outcome = _Outcome("probability", served.horizon_days, "low", "high")
    beside = {"data_sufficiency": scorer.sufficiency, "track_record": beside_scores(state, about.model, served.horizon_days)}
    valued = [state.served["clv"]] if about.family == "churn" and "clv" in state.served else []
    replies = [part.reply([served, *(valued if part.bought() else [])], "scores", beside) for part in parts]
    return Given(replies, [kept for part in parts for kept in _kept(served, part, outcome)])


def value(state: State, asked: Sequence[Asked]) -> Given:
    """Answer requests for CLV, from purchases or from summaries, all at once: each gets what it would get alone."""
    served = state.model("clv")
    parts = _Part.of_all(asked, state.source.timezone, None)
    rows = _customers(served, parts)
    if len(rows):
        items = [item for part in parts for item in part.checked.good.values()]
        terms = [(part.asked.request.horizon_days, part.asked.request.discount_rate) for part in parts for _ in part.checked.good]
        _share(parts, _records(items, _valued(served, rows, terms)))
    horizons = [part.asked.request.horizon_days for part in parts]
    beside = {days: {"track_record": beside_scores(state, "clv", days)} for days in set(horizons)}
    replies = [part.reply([served], "predictions", beside[days]) for part, days in zip(parts, horizons, strict=True)]
    kept = [_kept(served, part, _Outcome("expected_purchases", days)) for part, days in zip(parts, horizons, strict=True)]
    return Given(replies, [answer for of_part in kept for answer in of_part])


def journey(store: Store, request: JourneyRequest) -> Reply:
    """Share the conversion of one journey over its touches."""
    served = store.state().model("attribution")
    model: Any = served.champion.model
    touches = [{"channel": touch.channel, "occurred_at": touch.occurred_at} for touch in request.touchpoints]
    credit = journey_credit(model, touches, request.value, request.method)
    return {**credit, "as_of": served.champion.about.trained_as_of, "models": [served.document()]}


def _as_of(given: date | datetime | None, now: AsOf) -> AsOf:
    if given is None:
        return now
    return AsOf.of(given, now.timezone) if isinstance(given, datetime) else AsOf(datetime.combine(given, time()), now.timezone)


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


def _share(parts: Sequence[_Part], records: Sequence[Reply]) -> None:
    """Give each request the answers of its items."""
    start = 0
    for part in parts:
        part.answers = records[start : start + len(part.checked.good)]
        start += len(part.checked.good)


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


def _customers(served: Served, parts: Sequence[_Part]) -> Table:
    """Give the rows of the good items in their order; whose purchases tell no value fails alone."""
    columns = served.champion.model.columns
    items = [(part, place, item) for part in parts for place, item in part.checked.good.items()]
    summaries = [number for number, (_, _, item) in enumerate(items) if isinstance(item, Summary)]
    rows = _of_summaries([items[number][2] for number in summaries], columns)
    bought = [number for number, (_, _, item) in enumerate(items) if not isinstance(item, Summary)]
    if not bought:
        return rows
    purchasers, as_of = [items[number][2] for number in bought], [items[number][0].as_of.at for number in bought]
    found, told = _summaries(served, _Batch.of(purchasers, as_of, {}))
    for number in sorted(set(range(len(bought))) - set(told.tolist())):
        part, place, item = items[bought[number]]
        part.checked.fail(place, item.contact_id, "transactions: no purchase with an amount of 0 or more, so no value can be told.")
    order = np.argsort([*summaries, *(bought[number] for number in told.tolist())])
    both = {name: np.concatenate([rows[name], found[name]]) for name in columns}
    return Table(both, len(rows) + len(found)).at(order)


def _of_summaries(items: Sequence[Summary], columns: Mapping[str, str]) -> Table:
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


def _explain(served: Served, inputs: Table, parts: Sequence[_Part]) -> None:
    """Put the reasons that a request asks for into its answers."""
    start = 0
    for part in parts:
        end = start + len(part.answers)
        reasons = _reasons(served, inputs.at(np.arange(start, end)), part.asked.request)
        for answer, told in zip(part.answers, reasons, strict=True):
            answer["reasons"] = told
        start = end


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


def _kept(served: Served, part: _Part, outcome: _Outcome) -> list[Answer]:
    deadline.check()  # what nobody will be told isn't remembered either
    about, contacts, as_of = served.champion.about, part.asked.request.contacts, part.as_of.at.isoformat()
    return [
        Answer(
            part.asked.request_id,
            about.model,
            served.champion.version,
            as_of,
            outcome.horizon_days,
            answer["contact_id"],
            answer[outcome.predicted],
            answer.get(outcome.low),
            answer.get(outcome.high),
            digest_of(contacts[place]),
        )
        for place, answer in zip(part.checked.good, part.answers, strict=True)
        if answer[outcome.predicted] is not None
    ]


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
    numbers = values.astype(np.float64)
    known = np.isfinite(numbers)
    plain: list[Any] = numbers.tolist()
    return plain if known.all() else [value if there else None for value, there in zip(plain, known.tolist(), strict=True)]


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
