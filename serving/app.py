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

import logging
import os
from collections.abc import Callable
from functools import partial
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
from serving import planning, scoring
from serving.contracts import ClvRequest, ForecastRequest, JourneyRequest, ScoreRequest, parse
from serving.guard import Guard
from serving.page import assets, page
from serving.problems import Refused, of_error, problem
from serving.store import Store

BODY_LIMIT = 16 * 2**20
_SCORING = ("/v1/churn", "/v1/leads", "/v1/clv", "/v1/attribution/journey", "/v1/contacts", "/v1/models")
_log = logging.getLogger("funnelcast.serving")

Work = Callable[[], dict[str, Any]]


def build_app(settings: Settings, source: Path, metrics: ASGIApp | None = None) -> Starlette:
    """Build the application of one company; ``metrics`` answers /metrics."""
    store = Store(settings, source)
    limit = int(os.environ.get("FUNNELCAST_BODY_LIMIT") or BODY_LIMIT)
    guard = Middleware(Guard, keys=settings.keys, body_limit=limit, scope_of=scope_of)
    app = Starlette(routes=_routes(metrics), middleware=[guard], exception_handlers=_HANDLERS)
    app.state.store = store
    return app


def scope_of(path: str) -> str:
    """Give the scope that a path needs."""
    if path.startswith(_SCORING):
        return "score"
    return "forecast" if path.startswith("/v1/") else "admin"


def _routes(metrics: ASGIApp | None) -> list[Route | Mount]:
    from serving.openapi import openapi  # noqa: PLC0415 (it lists these very routes)

    def planned(name: str) -> Any:
        return _get(lambda store, _: planning.document(store.state(), name))

    forecasts = [
        Route(f"/v1/forecast/{quantity}", _post(ForecastRequest, partial(_forecast, quantity)), methods=["POST"])
        for quantity in ("sales", "pipeline", "cash")
    ]
    return [
        Route("/v1/churn/score", _post(ScoreRequest, partial(_score, "churn")), methods=["POST"]),
        Route("/v1/leads/score", _post(ScoreRequest, partial(_score, "lead_scoring")), methods=["POST"]),
        Route("/v1/clv/predict", _post(ClvRequest, _value), methods=["POST"]),
        Route(
            "/v1/attribution/journey", _post(JourneyRequest, lambda store, body, _: scoring.journey(store.state(), body)), methods=["POST"]
        ),
        *forecasts,
        Route(
            "/v1/contacts/{contact_id:path}",
            _get(lambda store, request: planning.contact(store.state(), request.path_params["contact_id"])),
        ),
        Route("/v1/attribution", _get(lambda store, request: planning.attribution(store.state(), request.query_params.get("method")))),
        Route("/v1/economics", planned("economics")),
        Route("/v1/alerts", planned("alerts")),
        Route("/v1/track-record", _get(lambda store, _: planning.track_record(store, store.state()))),
        Route("/v1/models", _get(lambda store, _: planning.models(store.state()))),
        Route("/openapi.json", _get(lambda _, __: openapi())),
        Route("/livez", _get(lambda _, __: {"status": "alive"})),
        Route("/readyz", _ready),
        Route("/", page),
        Mount("/assets", assets()),
        *([Route("/metrics", metrics)] if metrics else []),
    ]


def _score(model: str, store: Store, body: ScoreRequest, request_id: str) -> dict[str, Any]:
    return scoring.score(store, store.state(), model, body, request_id)


def _value(store: Store, body: ClvRequest, request_id: str) -> dict[str, Any]:
    return scoring.value(store, store.state(), body, request_id)


def _forecast(quantity: str, store: Store, body: ForecastRequest, _: str) -> dict[str, Any]:
    return planning.forecast(store.state(), quantity, body)


def _post(shape: Any, answer: Callable[..., dict[str, Any]]) -> Any:
    async def endpoint(request: Request) -> Response:
        media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if media != "application/json":
            raise Refused(415, "media-type", f"Send application/json, not {media or 'a body without a content type'}.")
        body = parse(await request.body(), shape)
        return await _answered(request, lambda: answer(request.app.state.store, body, request.state.request_id))

    return endpoint


def _get(answer: Callable[[Store, Request], dict[str, Any]]) -> Any:
    async def endpoint(request: Request) -> Response:
        return await _answered(request, lambda: answer(request.app.state.store, request))

    return endpoint


async def _ready(request: Request) -> Response:
    state = request.app.state.store.state()
    waits = [] if state.served else ["no champion: run `funnelcast train all`"]
    waits += [] if state.snapshot else ["no snapshot: run `funnelcast refresh`"]
    document = {"ready": bool(state.served), "models": sorted(state.served), "refused": dict(state.refused), "missing": waits}
    return Response(to_json(document), 200 if state.served else 503, media_type="application/json")


async def _answered(request: Request, work: Work) -> Response:
    document = await anyio.to_thread.run_sync(work)
    if request.url.path.startswith("/v1/"):
        document = {**document, "request_id": request.state.request_id}
    return Response(to_json(document), media_type="application/json")


async def _refused(request: Request, error: Exception) -> Response:
    request_id = getattr(request.state, "request_id", "")
    if isinstance(error, Refused):
        return problem(error.status, error.kind, error.detail, request_id, error.field)
    if isinstance(error, FunnelcastError) and error.status != 500:
        return of_error(error, request_id)
    if isinstance(error, HTTPException):
        kind = {404: "not-found", 405: "wrong-method"}.get(error.status_code, "refused")
        return problem(error.status_code, kind, f"{request.method} {request.url.path}: {error.detail}.", request_id)
    _log.exception("request %s failed", request_id, exc_info=error)
    detail = f"Something of ours broke; the log has it under {request_id}."
    return problem(500, "internal", detail, request_id)


_HANDLERS: dict[Any, Any] = {Refused: _refused, FunnelcastError: _refused, HTTPException: _refused, Exception: _refused}
