"""The OpenAPI document, assembled from the shapes that the endpoints read, with examples that validate."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from funnelcast.families.attribution.answer import ALL, METHODS
from funnelcast.forecast import scenario
from funnelcast.forecast.projection import PARTS
from serving.answer_schemas import answer_schemas
from serving.lists import FILTERS, LISTS
from serving.metrics import CONTENT_TYPE
from serving.paths import needs_key, scope_of
from serving.problems import MEDIA_TYPE
from serving.reading.contracts import ClvRequest, Contact, ForecastRequest, JourneyRequest, Purchaser, ScoreRequest, Summary


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_PERSON = {
    "contact_id": "c-1042",
    "created_at": "2025-01-10T00:00:00+01:00",
    "touchpoints": [{"occurred_at": "2025-02-01T10:00:00+01:00", "channel": "email", "kind": "email_open"}],
    "transactions": [{"occurred_at": "2025-02-03T10:00:00+01:00", "amount": 80.0, "channel": "store"}],
}
_SUMMARY = {"contact_id": "c-7", "frequency": 2, "recency": 213.0, "T": 272.0, "monetary_value": 35.0}
_JOURNEY = {
    "touchpoints": [
        {"occurred_at": "2025-02-01T10:00:00+01:00", "channel": "search"},
        {"occurred_at": "2025-02-03T10:00:00+01:00", "channel": "store"},
    ],
    "value": 100.0,
}
_DELAYED = {"payment_delay_days": 10}

_POSTS: tuple[tuple[str, str, dict[str, Any], str], ...] = (
    (
        "/v1/churn/score",
        "ScoreRequest",
        {"contacts": [_PERSON], "explain": 3, "lang": "fr"},
        "The probability that each customer leaves, and where those who stay will buy",
    ),
    ("/v1/leads/score", "ScoreRequest", {"contacts": [{**_PERSON, "transactions": []}]}, "The probability that each lead buys"),
    ("/v1/clv/predict", "ClvRequest", {"contacts": [_SUMMARY], "horizon_days": 365}, "What each customer will be worth"),
    ("/v1/attribution/journey", "JourneyRequest", _JOURNEY, "The credit of each touch of one journey"),
    ("/v1/forecast/sales", "SalesRequest", {"weeks": 13}, "Revenue by week and channel"),
    ("/v1/forecast/pipeline", "PipelineRequest", {"weeks": 13, "scenario": {"win_rate": {"*": 0.9}}}, "Won amounts by week"),
    ("/v1/forecast/cash", "CashRequest", {"weeks": 13, "scenario": _DELAYED}, "Cash by week and the balance"),
)
_GETS: tuple[tuple[str, str], ...] = (
    ("/v1/contacts/{contact_id}", "Every current score of one contact"),
    ("/v1/attribution", "The credit of every channel"),
    ("/v1/economics", "CAC, ROAS, margins, CLV/CAC, payback, retention by channel and period"),
    ("/v1/alerts", "What deviates"),
    ("/v1/track-record", "How often we were right"),
    ("/v1/models", "What is served and since when"),
    ("/v1/models/{name}/card", "What one served model is for, and how it did"),
    ("/v1/access", "Who asks and what they may; the company, its currency and its offline channels"),
    ("/v1/lists/churn", "Which customers to contact first, with reasons; as a table with format=csv"),
    ("/v1/lists/leads", "Which leads to contact first, with reasons; as a table with format=csv"),
    ("/v1/lists/invoices", "Which open invoices move the risk of a shortfall most; as a table with format=csv"),
    ("/v1/lists/deals", "Which deals move the risk of a shortfall most; as a table with format=csv"),
    ("/v1/overview", "The figures to look at first, each with interval, trend and target"),
    ("/v1/journeys", "The flow of journeys from channel to channel, touch by touch, to their end"),
    ("/v1/drift", "Which facts that models read changed against a quarter ago"),
    ("/v1/segments", "What customers are worth by how they were won and how many channels they use"),
    ("/v1/channel-moves", "Where customers will buy: expected moves between online, offline and neither"),
    ("/", "The dashboard"),
    ("/livez", "Whether the process lives"),
    ("/readyz", "Whether it can answer"),
    ("/metrics", "Prometheus metrics"),
    ("/openapi.json", "This document"),
)
_LIST_PARAMETERS: list[dict[str, Any]] = [
    *({"name": name, "in": "query", "required": False, "schema": {"type": "string", "maxLength": 500}} for name in FILTERS),
    {"name": "lang", "in": "query", "required": False, "schema": {"type": "string", "enum": ["fr", "en"], "default": "en"}},
    {"name": "format", "in": "query", "required": False, "schema": {"type": "string", "enum": ["json", "csv"], "default": "json"}},
]
_PARAMETERS: dict[str, list[dict[str, Any]]] = {
    **{f"/v1/lists/{name}": _LIST_PARAMETERS for name in LISTS},
    "/v1/contacts/{contact_id}": [{"name": "contact_id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}],
    "/v1/models/{name}/card": [
        {"name": "name", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[^/]+$"}, "example": "churn"}
    ],
    "/v1/attribution": [{"name": "method", "in": "query", "required": False, "schema": {"type": "string", "enum": [*METHODS, ALL]}}],
}
_BOUNDS = {"ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum"}
_JSON = {"application/json": {"schema": {"type": "object"}}}
_CONTENT: dict[str, dict[str, Any]] = {
    **{f"/v1/lists/{name}": {**_JSON, "text/csv": {"schema": {"type": "string"}}} for name in LISTS},
    "/v1/churn/score": {"application/json": {"schema": _reference("Scores")}},
    "/v1/leads/score": {"application/json": {"schema": _reference("Scores")}},
    "/v1/clv/predict": {"application/json": {"schema": _reference("Values")}},
    "/": {"text/html": {"schema": {"type": "string"}}},
    "/metrics": {CONTENT_TYPE: {"schema": {"type": "string"}}},
}
_DESCRIPTION = (
    "An unknown or wrong field of the envelope refuses the request with a problem document (RFC 9457); a fault inside an item fails that "
    "item alone: its slot holds contact_id and error, and the status stays 200. Without keys the service listens on loopback alone and "
    "asks for none."
)
_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string", "description": "Stable: urn:funnelcast:problem: and a kind, such as unknown-field."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What was wrong, and what would be right."},
        "field": {"type": "string", "description": "The path of the field to blame, such as contacts[3].contact_id."},
        "request_id": {"type": "string", "description": "By which the service's logs know the request."},
    },
}
_RETRY = {"description": "Seconds until the request may be sent again.", "schema": {"type": "integer"}}
_REFUSALS: dict[int, tuple[str, dict[str, Any]]] = {
    400: ("The body is no JSON, or the request can't be carried out.", {}),
    401: ("No key, or a wrong one.", {"WWW-Authenticate": {"required": True, "schema": {"type": "string"}}}),
    403: ("The key's scope is another.", {}),
    404: ("There is no such thing.", {}),
    405: ("Another method.", {"Allow": {"required": True, "schema": {"type": "string"}}}),
    408: ("The body came too slowly.", {}),
    413: ("The body is too large.", {}),
    415: ("The body is not application/json, or it is compressed.", {}),
    421: ("Without keys, another name than this machine's own.", {}),
    422: ("A field of the envelope is wrong.", {}),
    431: ("The request's line and headers are too large.", {}),
    429: ("More requests than the key's rate, or too many without a right key.", {"Retry-After": {**_RETRY, "required": True}}),
    500: ("Something of ours broke; the log has it under the request's id.", {}),
    503: ("Nothing is promoted yet, there is too much to do, or it took too long.", {"Retry-After": _RETRY}),
}
_OF_ALL, _OF_KNOWN, _OF_BODIES = (405, 408, 413, 431, 500), (401, 403, 404, 421, 429, 503), (400, 415, 422)


@cache
def openapi() -> dict[str, Any]:
    """Give the document; it never changes while the service runs."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "funnelcast", "version": version("funnelcast"), "description": _DESCRIPTION},
        "paths": {
            **{path: {"post": _post(path, shape, example, summary)} for path, shape, example, summary in _POSTS},
            **{path: {"get": _get(path, summary)} for path, summary in _GETS},
        },
        "components": {"schemas": _schemas(), "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _schemas() -> dict[str, Any]:
    shapes: list[Any] = [
        (shape, "validation") for shape in (ScoreRequest, ClvRequest, JourneyRequest, ForecastRequest, Contact, Purchaser, Summary)
    ]
    _, definitions = models_json_schema(shapes, ref_template=_reference("{model}")["$ref"])
    schemas: dict[str, Any] = _standard(definitions["$defs"])
    schemas["ScoreRequest"]["properties"]["contacts"]["items"] = _item("Contact")
    schemas["ClvRequest"]["properties"]["contacts"]["items"] = _item("Purchaser", "Summary")
    forecast = schemas.pop("ForecastRequest")
    forecast["properties"]["scenario"] = {"anyOf": [_reference("Scenario"), {"type": "null"}], "default": None}
    for quantity, parts in PARTS.items():
        by = {"enum": [*parts, None], "default": None}
        name = f"{quantity.capitalize()}Request"
        schemas[name] = {**forecast, "title": name, "properties": {**forecast["properties"], "by": by}}
    return {**schemas, **answer_schemas(_reference), "Scenario": scenario.schema(), "Problem": _PROBLEM}


def _standard(schema: Any) -> Any:
    """Give JSON Schema's own names to the bounds that pydantic leaves as they are behind a validator."""
    if isinstance(schema, dict):
        return {_BOUNDS.get(name, name): _standard(part) for name, part in schema.items()}
    return [_standard(part) for part in schema] if isinstance(schema, list) else schema


def _item(*names: str) -> dict[str, Any]:
    """Describe an item of a list: whatever else it is doesn't refuse the request."""
    return {"anyOf": [*map(_reference, names), {"description": "Anything else fails alone: its slot in the answer says why."}]}


def _post(path: str, shape: str, example: dict[str, Any], summary: str) -> dict[str, Any]:
    body = {"required": True, "content": {"application/json": {"schema": _reference(shape), "example": example}}}
    responses = _responses(path, *_OF_ALL, *_OF_KNOWN, *_OF_BODIES)
    return {"summary": summary, "security": [{"key": [scope_of(path)]}], "requestBody": body, "responses": responses}


def _get(path: str, summary: str) -> dict[str, Any]:
    known = needs_key(path)
    security = {"security": [{"key": [scope_of(path)]}]} if known else {}
    responses = _responses(path, *_OF_ALL, *(_OF_KNOWN if known else ()), *((422,) if path.startswith("/v1/lists/") else ()))
    if path == "/readyz":
        responses["503"] = {"description": "Nothing can be answered yet; missing says which commands to run.", "content": _JSON}
    return {"summary": summary, **security, "parameters": _PARAMETERS.get(path, []), "responses": responses}


def _responses(path: str, *refusals: int) -> dict[str, Any]:
    found = {"200": {"description": "answered", "content": _CONTENT.get(path, _JSON)}}
    for status in sorted(refusals):
        description, headers = _REFUSALS[status]
        found[str(status)] = {"description": description, "headers": headers, "content": {MEDIA_TYPE: {"schema": _reference("Problem")}}}
    return found
