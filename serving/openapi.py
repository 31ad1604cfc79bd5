"""The OpenAPI document, assembled from the shapes that the endpoints read, with examples that validate."""

from __future__ import annotations

from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from serving.contracts import ClvRequest, Contact, ForecastRequest, JourneyRequest, Purchaser, ScoreRequest, Shape, Summary

_REFERENCE = "#/components/schemas/{model}"
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

_POSTS: tuple[tuple[str, str, type[Shape], dict[str, Any], str], ...] = (
    (
        "/v1/churn/score",
        "score",
        ScoreRequest,
        {"contacts": [_PERSON], "explain": 3, "lang": "fr"},
        "The probability that each customer leaves, and where those who stay will buy",
    ),
    ("/v1/leads/score", "score", ScoreRequest, {"contacts": [{**_PERSON, "transactions": []}]}, "The probability that each lead buys"),
    ("/v1/clv/predict", "score", ClvRequest, {"contacts": [_SUMMARY], "horizon_days": 365}, "What each customer will be worth"),
    ("/v1/attribution/journey", "score", JourneyRequest, _JOURNEY, "The credit of each touch of one journey"),
    ("/v1/forecast/sales", "forecast", ForecastRequest, {"weeks": 13}, "Revenue by week and channel"),
    ("/v1/forecast/pipeline", "forecast", ForecastRequest, {"weeks": 13, "scenario": {"win_rate": {"*": 0.9}}}, "Won amounts by week"),
    (
        "/v1/forecast/cash",
        "forecast",
        ForecastRequest,
        {"weeks": 13, "scenario": {"payment_delay_days": 10}},
        "Cash by week and the balance",
    ),
)
_GETS: tuple[tuple[str, str, str], ...] = (
    ("/v1/contacts/{contact_id}", "score", "Every current score of one contact"),
    ("/v1/attribution", "forecast", "The credit of every channel"),
    ("/v1/economics", "forecast", "CAC, ROAS, margins, CLV/CAC, payback, retention by channel and period"),
    ("/v1/alerts", "forecast", "What deviates"),
    ("/v1/track-record", "forecast", "How often we were right"),
    ("/v1/models", "score", "What is served and since when"),
    ("/", "", "The dashboard"),
    ("/livez", "", "Whether the process lives"),
    ("/readyz", "", "Whether it can answer"),
    ("/metrics", "admin", "Prometheus metrics"),
    ("/openapi.json", "admin", "This document"),
)


@cache
def openapi() -> dict[str, Any]:
    """Give the document; it never changes while the service runs."""
    shapes: list[Any] = [
        (shape, "validation") for shape in (ScoreRequest, ClvRequest, JourneyRequest, ForecastRequest, Contact, Purchaser, Summary)
    ]
    _, definitions = models_json_schema(shapes, ref_template=_REFERENCE)
    schemas: dict[str, Any] = definitions["$defs"]
    schemas["ScoreRequest"]["properties"]["contacts"]["items"] = {"$ref": _REFERENCE.format(model="Contact")}
    items = [{"$ref": _REFERENCE.format(model=name)} for name in ("Purchaser", "Summary")]
    schemas["ClvRequest"]["properties"]["contacts"]["items"] = {"anyOf": items}
    schemas["Problem"] = _PROBLEM
    return {
        "openapi": "3.1.0",
        "info": {"title": "funnelcast", "version": version("funnelcast"), "description": _DESCRIPTION},
        "paths": {
            **{path: {"post": _post(scope, shape, example, summary)} for path, scope, shape, example, summary in _POSTS},
            **{path: {"get": _get(path, scope, summary)} for path, scope, summary in _GETS},
        },
        "components": {"schemas": schemas, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
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
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "field": {"type": "string"},
        "request_id": {"type": "string"},
    },
}


def _post(scope: str, shape: type[Shape], example: dict[str, Any], summary: str) -> dict[str, Any]:
    schema = {"$ref": _REFERENCE.format(model=shape.__name__)}
    body = {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}
    return {"summary": summary, "security": [{"key": [scope]}], "requestBody": body, "responses": _responses(400, 408, 413, 415, 422)}


def _get(path: str, scope: str, summary: str) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = []
    if "{contact_id}" in path:
        parameters = [{"name": "contact_id", "in": "path", "required": True, "schema": {"type": "string"}}]
    if path == "/v1/attribution":
        parameters = [{"name": "method", "in": "query", "required": False, "schema": {"type": "string"}}]
    security = {"security": [{"key": [scope]}]} if scope else {}
    return {"summary": summary, **security, "parameters": parameters, "responses": _responses()}


def _responses(*refusals: int) -> dict[str, Any]:
    problem = {"content": {"application/problem+json": {"schema": {"$ref": _REFERENCE.format(model="Problem")}}}}
    common = {str(status): {"description": "refused", **problem} for status in (401, 403, 404, 405, 503, *refusals)}
    return {"200": {"description": "answered", "content": {"application/json": {"schema": {"type": "object"}}}}, **common}
