"""The shapes of requests: what is wrong with an envelope refuses it, what is wrong inside an item fails that item alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from serving.problems import Refused

LARGEST_LIST = 10_000


def _text_only(value: object) -> object:
    if not isinstance(value, str):
        message = "give a time stamp with its offset as text, say 2025-02-01T10:00:00+01:00"
        raise ValueError(message)
    return value


def _number_only(value: object) -> object:
    if isinstance(value, bool | str):
        message = "give a number"
        raise ValueError(message)
    return value


Instant = Annotated[AwareDatetime, BeforeValidator(_text_only)]
Number = Annotated[float, BeforeValidator(_number_only), Field(allow_inf_nan=False)]
Positive = Annotated[Number, Field(ge=0)]
Identifier = Annotated[str, Field(min_length=1, max_length=200)]
Word = Annotated[str, Field(max_length=500)]


class Shape(BaseModel):
    """Unknown fields and numbers that aren't finite are refused."""

    model_config = ConfigDict(extra="forbid", strict=False, str_strip_whitespace=False)


class Transaction(Shape):
    """One purchase; a negative amount is a refund."""

    occurred_at: Instant
    amount: Number
    margin: Number | None = None
    channel: Word | None = None
    transaction_id: Word | None = None
    known_at: Instant | None = None


class Touchpoint(Shape):
    """One touch, online or in person."""

    occurred_at: Instant
    channel: Word
    kind: Word | None = None
    campaign: Word | None = None
    duration_minutes: Positive | None = None
    score: Positive | None = None
    known_at: Instant | None = None


class Subscription(Shape):
    """One subscription."""

    started_at: Instant
    ended_at: Instant | None = None
    monthly_amount: Positive | None = None
    known_at: Instant | None = None


class Invoice(Shape):
    """One invoice."""

    invoice_id: Word | None = None
    issued_at: Instant
    due_at: Instant
    amount: Number
    paid_at: Instant | None = None
    known_at: Instant | None = None


class Deal(Shape):
    """One deal."""

    deal_id: Word | None = None
    opened_at: Instant
    amount: Positive | None = None
    owner: Word | None = None
    channel: Word | None = None
    closed_at: Instant | None = None
    outcome: Word | None = None
    closed_amount: Positive | None = None
    known_at: Instant | None = None


class Contact(Shape):
    """One contact with its raw facts, all that the company knows of it before as_of."""

    contact_id: Identifier
    created_at: Instant | None = None
    source_channel: Word | None = None
    became_customer_at: Instant | None = None
    disqualified_at: Instant | None = None
    opted_out_at: Instant | None = None
    attributes: dict[str, str | bool | Number | None] = Field(default_factory=dict)
    transactions: list[Transaction] = Field(default_factory=list)
    touchpoints: list[Touchpoint] = Field(default_factory=list)
    subscriptions: list[Subscription] = Field(default_factory=list)
    invoices: list[Invoice] = Field(default_factory=list)
    deals: list[Deal] = Field(default_factory=list)

    def facts(self) -> list[tuple[str, datetime]]:
        """Give the path and the instant of every fact, to be held against as_of."""
        clocks = {"transactions": "occurred_at", "touchpoints": "occurred_at", "subscriptions": "started_at"}
        clocks |= {"invoices": "issued_at", "deals": "opened_at"}
        found = [
            (f"{name}[{place}].{clock}", getattr(fact, clock))
            for name, clock in clocks.items()
            for place, fact in enumerate(getattr(self, name))
        ]
        return found + ([("created_at", self.created_at)] if self.created_at else [])


class Purchaser(Shape):
    """One customer by its purchases."""

    contact_id: Identifier
    transactions: Annotated[list[Transaction], Field(min_length=1)]

    def facts(self) -> list[tuple[str, datetime]]:
        """Give the path and the instant of every purchase."""
        return [(f"transactions[{place}].occurred_at", fact.occurred_at) for place, fact in enumerate(self.transactions)]


class Summary(Shape):
    """One customer by frequency (repeat purchase days), recency and T in days, and the mean value of a repeat purchase."""

    contact_id: Identifier
    frequency: Annotated[int, BeforeValidator(_number_only), Field(ge=0, le=1_000_000)]
    recency: Annotated[Positive, Field(le=100_000)]
    T: Annotated[Positive, Field(le=100_000)]
    monetary_value: Positive

    @model_validator(mode="after")
    def _hangs_together(self) -> Summary:
        if self.recency > self.T:
            message = f"recency {self.recency:g} lies beyond T {self.T:g}"
            raise ValueError(message)
        if self.frequency == 0 and self.recency > 0:
            message = "recency is 0 where frequency is 0: it counts from the first purchase to the last"
            raise ValueError(message)
        return self


Rows = Annotated[list[Any], Field(min_length=1, max_length=LARGEST_LIST)]


class ScoreRequest(Shape):
    """Contacts to score by churn or lead scoring."""

    contacts: Rows
    as_of: Instant | None = None
    explain: Annotated[int, Field(ge=0, le=10)] = 0
    lang: Literal["fr", "en"] = "en"


class ClvRequest(Shape):
    """Customers to value, each by its purchases or by its summary."""

    contacts: Rows
    as_of: Instant | None = None
    horizon_days: Annotated[Number, Field(gt=0, le=3650)] = 365.0
    discount_rate: Annotated[Number, Field(ge=0, le=10)] = 0.10


class JourneyRequest(Shape):
    """One journey whose conversion is to be shared."""

    touchpoints: Annotated[list[Touchpoint], Field(min_length=1, max_length=LARGEST_LIST)]
    value: Number | None = None
    method: Word | None = None


class ForecastRequest(Shape):
    """How far to forecast, and what is changed against the plan."""

    weeks: Annotated[int, Field(ge=1, le=52, strict=True)] = 13
    scenario: dict[str, Any] | None = None


Request = TypeVar("Request", bound=Shape)


def parse(body: bytes, shape: type[Request]) -> Request:
    """Read the envelope of a request.

    Raises
    ------
    Refused
        400 where the body is no JSON object, 422 where its fields are wrong; names the field.
    """
    document = _json(body)
    if not isinstance(document, dict):
        raise Refused(422, "wrong-type", f"The body is a JSON object; this one is {type(document).__name__}.")
    try:
        envelope = shape.model_validate(document)
    except ValidationError as error:
        field, sentence = first_fault(error)
        kind = "unknown-field" if error.errors()[0]["type"] == "extra_forbidden" else "invalid"
        raise Refused(422, kind, sentence, field) from error
    _distinct(getattr(envelope, "contacts", []))
    return envelope


def first_fault(error: ValidationError) -> tuple[str, str]:
    """Give the path of the first field that is wrong and a sentence that says why."""
    fault = error.errors(include_url=False)[0]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in fault["loc"]).lstrip(".")
    return path, f"{path or 'item'}: {fault['msg'].removeprefix('Value error, ')}."


def _json(body: bytes) -> Any:
    try:
        return json.loads(body.decode("utf-8"), object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, _Repeated | json.JSONDecodeError) else type(error).__name__
        raise Refused(400, "not-json", f"The body is not JSON in UTF-8: {reason}.") from error


class _Repeated(ValueError):
    """A key stands twice in one object."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        repeated = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        message = f"the key {repeated!r} stands twice in one object"
        raise _Repeated(message)
    return found


def _distinct(items: list[Any]) -> None:
    seen: dict[Any, int] = {}
    for place, item in enumerate(items):
        name = item.get("contact_id") if isinstance(item, Mapping) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            raise Refused(
                422, "duplicate-id", f"contact_id {name!r} stands at {seen[name]} and at {place}.", f"contacts[{place}].contact_id"
            )
        seen[name] = place
