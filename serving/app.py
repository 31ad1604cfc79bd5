"""The application: every route of the contract, each a few lines over scoring and planning.

POST /v1/churn/score, /v1/leads/score, /v1/clv/predict, /v1/attribution/journey    scope score
GET  /v1/contacts/{id}                                                             scope score
GET  /v1/attribution, /v1/economics, /v1/alerts, /v1/track-record                  scope forecast
POST /v1/forecast/sales, /v1/forecast/pipeline, /v1/forecast/cash                  scope forecast
GET  /v1/models                                                                    scope score
GET  /, /assets/…, /livez, /readyz                                                 open
GET  /openapi.json, /metrics                                                       scope admin
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from funnelcast.artefacts import to_json
from funnelcast.errors import FunnelcastError
from funnelcast.settings import Settings
from funnelcast.terms import QUANTITIES
from serving import planning, scoring
from serving.contracts import ClvRequest, ForecastRequest, JourneyRequest, ScoreRequest, Shape
from serving.envelope import parse
from serving.guard import Guard
from serving.openapi import openapi
from serving.page import assets, page
from serving.problems import Refused, problem, refusal
from serving.store import Store

BODY_LIMIT = 16 * 2**20
_SCORING = ("/v1/churn", "/v1/leads", "/v1/clv", "/v1/attribution/journey", "/v1/contacts", "/v1/models")
_KINDS = {404: "not-found", 405: "wrong-method"}

Reply = dict[str, Any]


def build_app(settings: Settings, source: Path, metrics: ASGIApp | None = None, *, keyless: bool = False) -> Starlette:
    """Build the application of one company.

    Parameters
    ----------
    metrics
        Answers /metrics.
    keyless
        Whether everyone may everything while there is no key; only for a service that listens on loopback alone.
    """
    limit = int(os.environ.get("FUNNELCAST_BODY_LIMIT") or BODY_LIMIT)
    guard = Middleware(Guard, keys=settings.keys, keyless=keyless, body_limit=limit, scope_of=scope_of)
    app = Starlette(routes=_routes(metrics), middleware=[guard], exception_handlers=_HANDLERS)
    app.state.store = Store(settings, source)
    return app


def scope_of(path: str) -> str:
    """Give the scope that a path needs."""
    if path.startswith(_SCORING):
        return "score"
    return "forecast" if path.startswith("/v1/") else "admin"


def _routes(metrics: ASGIApp | None) -> list[Route | Mount]:
    return [
        _post("/v1/churn/score", ScoreRequest, partial(scoring.score, "churn")),
        _post("/v1/leads/score", ScoreRequest, partial(scoring.score, "lead_scoring")),
        _post("/v1/clv/predict", ClvRequest, scoring.value),
        _post("/v1/attribution/journey", JourneyRequest, scoring.journey),
        *(_post(f"/v1/forecast/{quantity}", ForecastRequest, partial(planning.forecast, quantity)) for quantity in QUANTITIES),
        _get("/v1/contacts/{contact_id:path}", lambda store, request: planning.contact(store.state(), request.path_params["contact_id"])),
        _get("/v1/attribution", lambda store, request: planning.attribution(store.state(), request.query_params.get("method"))),
        _get("/v1/economics", lambda store, _: planning.economics(store.state())),
        _get("/v1/alerts", lambda store, _: planning.alerts(store.state())),
        _get("/v1/track-record", lambda store, _: planning.track_record(store.record, store.state())),
        _get("/v1/models", lambda store, _: planning.models(store.state())),
        _get("/openapi.json", lambda *_: openapi()),
        _get("/livez", lambda *_: {"status": "alive"}),
        Route("/readyz", _ready),
        Route("/", page),
        Mount("/assets", assets()),
        *([Route("/metrics", metrics)] if metrics else []),
    ]


def _post(path: str, shape: type[Shape], answer: Callable[[Store, Any, str], Reply]) -> Route:
    async def endpoint(request: Request) -> Response:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json":
            raise Refused(415, "media-type", f"Send application/json, not {media or 'a body without a content type'}.")
        body = await request.body()
        return await _answered(request, lambda: answer(request.app.state.store, parse(body, shape), request.state.request_id))

    return Route(path, endpoint, methods=["POST"])


def _get(path: str, answer: Callable[[Store, Request], Reply]) -> Route:
    async def endpoint(request: Request) -> Response:
        return await _answered(request, lambda: answer(request.app.state.store, request))

    return Route(path, endpoint)


async def _ready(request: Request) -> Response:
    document = planning.readiness(request.app.state.store.state())
    return Response(to_json(document), 200 if document["ready"] else 503, media_type="application/json")


async def _answered(request: Request, work: Callable[[], Reply]) -> Response:
    """Work in a thread, so that one long request doesn't hold up the others."""

    def content() -> bytes:
        mark = {"request_id": request.state.request_id} if request.url.path.startswith("/v1/") else {}
        return to_json({**work(), **mark})

    return Response(await anyio.to_thread.run_sync(content), media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    request_id = request.state.request_id
    if isinstance(error, HTTPException):
        detail = f"{request.method} {request.url.path}: {error.detail}."
        return problem(error.status_code, _KINDS.get(error.status_code, "refused"), detail, request_id, headers=error.headers)
    if isinstance(error, RecursionError):
        return problem(400, "too-deep", "The body is nested too deeply.", request_id)
    if isinstance(error, Refused) or (isinstance(error, FunnelcastError) and error.status != HTTPStatus.INTERNAL_SERVER_ERROR):
        return refusal(error, request_id)
    raise error  # ours: the guard answers


_HANDLERS: dict[Any, Any] = dict.fromkeys((Refused, FunnelcastError, HTTPException, RecursionError), _refused)
