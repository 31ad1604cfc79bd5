"""The shapes of requests: what is wrong with an envelope refuses it, what is wrong inside an item fails that item alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    Strict,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import core_schema

from funnelcast.families.attribution.answer import METHODS
from funnelcast.forecast.past import LONGEST
from funnelcast.forecast.periods import Every
from funnelcast.forecast.projection import LONGEST_MONTHS, LONGEST_WEEKS, By

LARGEST_LIST = 10_000
LONGEST_JOURNEY = 1_000
LONGEST_DAYS = 36_525
LARGEST_AMOUNT = 1e12
"""Of one fact, in the source's currency."""
LARGEST_TURNOVER = 1e14
"""Of one contact: sums are exact, in ten-thousandths, up to here."""
LONGEST_TEXT = 500
LARGEST_NUMBER = 1.7976931348623157e308
"""That is finite."""

_INSTANT = re.compile(r"(19|20|21)\d\d-\d\d-\d\d[T ]\d\d:\d\d.*([Zz]|[+-]\d\d(:?\d\d)?)")
_DAY = re.compile(r"(19|20|21)\d\d-\d\d-\d\d")
_CENTURIES = "^(19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}"
_INSTANT_SCHEMA: Any = {"type": "string", "format": "date-time", "pattern": f"{_CENTURIES}T"}
_DAY_SCHEMA: Any = {"type": "string", "format": "date", "pattern": f"{_CENTURIES}$"}


def _written_as_instant(_: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
    """Let a text be read as a time stamp only where it is written as one: all in pydantic's core, which thousands of facts go through."""
    text = core_schema.str_schema(strict=True, pattern=f"^(?:{_INSTANT.pattern})$")
    said = "give a time stamp with its offset, between 1900 and 2199, such as 2025-02-01T10:00:00+01:00"
    return core_schema.chain_schema([core_schema.custom_error_schema(text, "instant", custom_error_message=said), handler(AwareDatetime)])


def _moment(value: object) -> object:
    if isinstance(value, str) and _DAY.fullmatch(value):
        return date.fromisoformat(value)
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):  # without its offset midnight would pass for a day
        message = "give a day such as 2025-02-01, or a time stamp with its offset"
        raise ValueError(message)
    return datetime.fromisoformat(value)


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        message = "give a number"
        raise ValueError(message)
    return value


def _whole(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        message = "give a whole number"
        raise ValueError(message)
    return value


def _method(value: str) -> str:
    if value not in METHODS:
        message = f"there is no attribution method {value!r}; give one of {', '.join(METHODS)}"
        raise ValueError(message)
    return value


def _attribute(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            message = f"give a text of at most {LONGEST_TEXT} characters"
            raise ValueError(message)
        return value
    number = _number(value)
    if not abs(number) <= LARGEST_NUMBER:  # type: ignore[arg-type]
        message = "give a number that is finite"
        raise ValueError(message)
    return number


Instant = Annotated[AwareDatetime, GetPydanticSchema(_written_as_instant), WithJsonSchema(_INSTANT_SCHEMA)]
Moment = Annotated[date | AwareDatetime, BeforeValidator(_moment), WithJsonSchema({"anyOf": [_DAY_SCHEMA, _INSTANT_SCHEMA]})]
"""An instant, or a day that stands for its 00:00 in the source's time zone."""
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Whole = Annotated[int, BeforeValidator(_whole)]
NonNegative = Annotated[Number, Field(ge=0)]
Amount = Annotated[Number, Field(ge=-LARGEST_AMOUNT, le=LARGEST_AMOUNT)]
NonNegativeAmount = Annotated[Number, Field(ge=0, le=LARGEST_AMOUNT)]
Identifier = Annotated[str, Field(min_length=1, max_length=200)]
Word = Annotated[str, Field(max_length=LONGEST_TEXT)]
Method = Annotated[Word, AfterValidator(_method), Field(json_schema_extra={"enum": list(METHODS)})]
Attribute = Annotated[Any, BeforeValidator(_attribute), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})]


class Shape(BaseModel):
    """Unknown fields and numbers that aren't finite are refused."""

    model_config = ConfigDict(extra="forbid", strict=False, str_strip_whitespace=False)


class Transaction(Shape):
    """One purchase; a negative amount is a refund."""

    occurred_at: Instant
    amount: Amount
    margin: Amount | None = None
    channel: Word | None = None
    transaction_id: Word | None = None
    known_at: Instant | None = None


class Touchpoint(Shape):
    """One touch, online or in person."""

    occurred_at: Instant
    channel: Word
    kind: Word | None = None
    campaign: Word | None = None
    duration_minutes: Annotated[NonNegative, Field(le=1e6)] | None = None
    score: Annotated[NonNegative, Field(le=1e6)] | None = None
    known_at: Instant | None = None


class Subscription(Shape):
    """One subscription."""

    started_at: Instant
    ended_at: Instant | None = None
    monthly_amount: NonNegativeAmount | None = None
    known_at: Instant | None = None


class Invoice(Shape):
    """One invoice."""

    invoice_id: Word | None = None
    issued_at: Instant
    due_at: Instant
    amount: Amount
    paid_at: Instant | None = None
    known_at: Instant | None = None


class Deal(Shape):
    """One deal."""

    deal_id: Word | None = None
    opened_at: Instant
    amount: NonNegativeAmount | None = None
    owner: Word | None = None
    channel: Word | None = None
    closed_at: Instant | None = None
    outcome: Word | None = None
    closed_amount: NonNegativeAmount | None = None
    known_at: Instant | None = None


CLOCKS = {
    "transactions": "occurred_at",
    "touchpoints": "occurred_at",
    "subscriptions": "started_at",
    "invoices": "issued_at",
    "deals": "opened_at",
}
"""The lists of facts in an item, each with the field that says when a fact happened."""
FACTS: dict[str, type[Shape]] = {
    "transactions": Transaction,
    "touchpoints": Touchpoint,
    "subscriptions": Subscription,
    "invoices": Invoice,
    "deals": Deal,
}
"""The same lists, each with the shape of its facts."""


def bounded_turnover(item: Any) -> Any:
    """Give an item back whose purchases sum exactly."""
    if sum(abs(bought.amount) for bought in item.transactions) > LARGEST_TURNOVER:
        message = f"transactions: together they exceed {LARGEST_TURNOVER:g}"
        raise ValueError(message)
    return item


class Contact(Shape):
    """One contact with its raw facts, all that the company knows of it before as_of."""

    contact_id: Identifier
    created_at: Instant | None = None
    source_channel: Word | None = None
    became_customer_at: Instant | None = None
    disqualified_at: Instant | None = None
    opted_out_at: Instant | None = None
    attributes: dict[Word, Attribute] = Field(default_factory=dict)
    transactions: list[Transaction] = Field(default_factory=list)
    touchpoints: list[Touchpoint] = Field(default_factory=list)
    subscriptions: list[Subscription] = Field(default_factory=list)
    invoices: list[Invoice] = Field(default_factory=list)
    deals: list[Deal] = Field(default_factory=list)

    _sums_exactly = model_validator(mode="after")(bounded_turnover)


class Purchaser(Shape):
    """One customer by its purchases."""

    contact_id: Identifier
    transactions: Annotated[list[Transaction], Field(min_length=1)]

    _sums_exactly = model_validator(mode="after")(bounded_turnover)


def coherent_summary(item: Any) -> Any:
    """Give a summary back whose numbers can be of one customer."""
    if item.recency > item.T:
        message = f"recency {item.recency:g} lies beyond T {item.T:g}"
        raise ValueError(message)
    if item.frequency > item.recency + 1:
        message = f"frequency {item.frequency} exceeds recency {item.recency:g}: it counts days with a purchase, recency is in days"
        raise ValueError(message)
    if item.frequency == 0 and item.recency > 0:
        message = "recency is 0 where frequency is 0: it counts from the first purchase to the last"
        raise ValueError(message)
    return item


class Summary(Shape):
    """One customer by frequency (repeat purchase days), recency and T in days, and the mean value of a repeat purchase.

    What the first purchase was worth may be left out, as may how the customer was won: the model then knows a little less.
    """

    contact_id: Identifier
    frequency: Annotated[int, BeforeValidator(_number), Field(ge=0, le=LONGEST_DAYS)]
    recency: Annotated[NonNegative, Field(le=LONGEST_DAYS)]
    T: Annotated[NonNegative, Field(le=LONGEST_DAYS)]
    monetary_value: NonNegativeAmount
    first_value: NonNegativeAmount = 0.0
    acquisition_channel: Word | None = None
    journey_type: Word | None = None

    _hangs_together = model_validator(mode="after")(coherent_summary)


AGREEMENTS: dict[type[Shape], Callable[[Any], Any]] = {Contact: bounded_turnover, Purchaser: bounded_turnover, Summary: coherent_summary}
"""What must hold between the fields of each kind of item."""
INSTANTS: dict[type[Shape], tuple[str, ...]] = {
    shape: tuple(name for name in shape.model_fields if name.endswith("_at"))
    for shape in (Contact, Purchaser, Summary, Transaction, Touchpoint, Subscription, Invoice, Deal)
}
"""The fields of each shape that hold an instant."""

Rows = Annotated[list[Any], Field(min_length=1, max_length=LARGEST_LIST)]


class ScoreRequest(Shape):
    """Contacts to score by churn or lead scoring."""

    contacts: Rows
    as_of: Moment | None = None
    explain: Annotated[Whole, Field(ge=0, le=10)] = 0
    lang: Literal["fr", "en"] = "en"


class ClvRequest(Shape):
    """Customers to value, each by its purchases or by its summary."""

    contacts: Rows
    as_of: Moment | None = None
    horizon_days: Annotated[Number, Field(gt=0, le=3650)] = 365.0
    discount_rate: Annotated[Number, Field(ge=0, le=10)] = 0.10


class JourneyRequest(Shape):
    """One journey whose conversion is to be shared."""

    touchpoints: Annotated[list[Touchpoint], Field(min_length=1, max_length=LONGEST_JOURNEY)]
    value: Amount | None = None
    method: Method | None = None


class ForecastRequest(Shape):
    """How far to forecast, in which parts, what is changed against the plan, and how many past periods come along.

    ``weeks`` counts where ``every`` is week, ``periods`` where it is month; of the past 104 weeks or 36 months are kept at most.
    """

    weeks: Annotated[Whole, Field(ge=1, le=LONGEST_WEEKS)] = 13
    every: Every = "week"
    periods: Annotated[Whole, Field(ge=1, le=LONGEST_MONTHS)] = 6
    by: By | None = None
    past: Annotated[Whole, Field(ge=0, le=max(LONGEST.values()))] = 0
    scenario: dict[str, Any] | None = None


class ListQuery(Shape):
    """Which rows of a list, as what, and in which language."""

    channel: Word | None = None
    owner: Word | None = None
    segment: Word | None = None
    lang: Literal["fr", "en"] = "en"
    format: Literal["json", "csv"] = "json"
