"""The application: every route of the contract, each a few lines over scoring and planning.

POST /v1/churn/score, /v1/leads/score, /v1/clv/predict, /v1/attribution/journey    scope score
GET  /v1/contacts/{id}                                                             scope score
GET  /v1/attribution, /v1/economics                                                scope forecast
POST /v1/forecast/sales, /v1/forecast/pipeline, /v1/forecast/cash                  scope forecast
GET  /v1/lists/churn, /v1/lists/leads                                              scope score
GET  /v1/lists/invoices, /v1/lists/deals                                           scope forecast
GET  /v1/overview, /v1/segments, /v1/channel-moves, /v1/journeys, /v1/drift        scope forecast
GET  /v1/alerts, /v1/track-record, /v1/models, /v1/models/{name}/card, /v1/access  any scope
GET  /, /assets/…, /livez, /readyz                                                 open
GET  /openapi.json, /metrics                                                       scope admin
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio.to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from funnelcast.artefacts import to_json
from funnelcast.settings import Settings
from funnelcast.terms import QUANTITIES
from serving import documents, lists, planning, scoring
from serving.access import Access
from serving.audit import AuditLog
from serving.body import Bodies, json_body
from serving.guard import Guard
from serving.journal import Journal
from serving.limits import Limits
from serving.metrics import CONTENT_TYPE, Metrics
from serving.openapi import openapi
from serving.page import assets, page
from serving.paths import scope_of
from serving.problems import problem
from serving.reading.contracts import ClvRequest, ForecastRequest, JourneyRequest, ListQuery, ScoreRequest, Shape
from serving.reading.envelope import parse, parse_query
from serving.replies import MEDIA_TYPE, Answered, Reply, encode
from serving.scoring import Scoring
from serving.small import SmallRequests
from serving.store import Store
from serving.together import Together
from serving.work import Work

SCORINGS: Mapping[str, Scoring] = {
    "/v1/churn/score": Scoring(ScoreRequest, partial(scoring.score, "churn")),
    "/v1/leads/score": Scoring(ScoreRequest, partial(scoring.score, "lead_scoring")),
    "/v1/clv/predict": Scoring(ClvRequest, scoring.value),
}
_KINDS = {404: "not-found", 405: "wrong-method"}


def build_app(
    settings: Settings,
    source: Path,
    *,
    keyless: bool = False,
    limits: Limits | None = None,
    workers: int = 1,
    log: Callable[[str], object] = str,
) -> Starlette:
    """Build the application of one company.

    Parameters
    ----------
    keyless
        Whether everyone may everything while there is no key; only for a service that listens on loopback alone.
    limits
        How much it takes on; by default what the environment says.
    workers
        How many processes share the rate of a key.
    log
        Takes lines, one of each request; by default nobody reads them.
    """
    limits, metrics, store = limits or Limits.read(), Metrics(), Store(settings, source)
    access = Access(settings.keys, keyless=keyless, scope_of=scope_of, rate=limits.rate_limit / workers)
    app = Starlette(routes=_routes())
    routes = ExceptionMiddleware(app.router, {HTTPException: _no_route})
    small = SmallRequests(routes, together=Together(store), scorings=SCORINGS)
    guard = Guard(small, access, Bodies(limits.body_limit, limits.time_limit))
    app.middleware_stack = Journal(guard, log=log, audit=AuditLog(settings.audit), metrics=metrics)  # the guard answers what breaks
    app.router.redirect_slashes = False  # an address that isn't in the contract leads nowhere
    app.state.store, app.state.metrics, app.state.models = store, metrics, settings.models
    app.state.work = Work(threads=limits.serving_threads, waiting=limits.waiting, seconds=limits.time_limit)
    return app


def _routes() -> list[Route | Mount]:
    return [
        *(_score(path, kind) for path, kind in SCORINGS.items()),
        _post("/v1/attribution/journey", JourneyRequest, lambda request, asked: scoring.journey(request.app.state.store, asked)),
        *(_post(f"/v1/forecast/{quantity}", ForecastRequest, partial(_forecast, quantity)) for quantity in QUANTITIES),
        _get("/v1/contacts/{contact_id:path}", lambda store, request: planning.contact(store.state(), request.path_params["contact_id"])),
        _get("/v1/attribution", lambda store, request: planning.attribution(store.state(), request.query_params.get("method"))),
        _get("/v1/economics", lambda store, _: planning.economics(store.state())),
        _get("/v1/alerts", lambda store, request: planning.alerts(store.state(), request.scope["state"]["caller"])),
        _get(
            "/v1/track-record",
            lambda store, request: planning.track_record(store.record, store.state(), request.scope["state"]["caller"]),
        ),
        _get("/v1/models", lambda store, _: planning.models(store.state())),
        _get(
            "/v1/models/{name}/card",
            lambda store, request: documents.card(request.app.state.models, store.state(), request.path_params["name"]),
        ),
        _get("/v1/access", lambda store, request: documents.access(store.state(), request.scope["state"]["caller"])),
        *(_get(f"/v1/{path}", partial(_document, name)) for path, name in documents.DOCUMENTS.items()),
        *(_get(f"/v1/lists/{name}", partial(_list, name)) for name in lists.LISTS),
        _get("/openapi.json", lambda *_: openapi()),
        Route("/livez", _alive),
        Route("/readyz", _ready),
        Route("/", page),
        Mount("/assets", assets()),
        Route("/metrics", _metrics),
    ]


def _score(path: str, kind: Scoring) -> Route:
    """Answer the large requests; the small ones don't come this far."""

    async def endpoint(request: Request) -> Response:
        body = json_body(request.scope["state"])

        def work() -> Reply:
            store: Store = request.app.state.store
            given = kind.score(store.state(), [kind.read(body, request.state.request_id)])
            store.remember(given.kept)
            return dict(given.replies[0])

        return await _answered(request, work)

    return Route(path, endpoint, methods=["POST"])


def _post(path: str, shape: type[Shape], answer: Callable[[Request, Any], Reply]) -> Route:
    async def endpoint(request: Request) -> Response:
        body = json_body(request.scope["state"])
        return await _answered(request, lambda: answer(request, parse(body, shape)))

    return Route(path, endpoint, methods=["POST"])


def _forecast(quantity: str, request: Request, asked: ForecastRequest) -> Reply:
    document, known = planning.forecast(quantity, request.app.state.store.state(), asked)
    request.app.state.metrics.count_forecast(quantity, known=known)
    return document


def _get(path: str, answer: Callable[[Store, Request], Reply | Response]) -> Route:
    async def endpoint(request: Request) -> Response:
        return await _answered(request, lambda: answer(request.app.state.store, request))

    return Route(path, endpoint)


def _list(name: str, store: Store, request: Request) -> Reply | Response:
    query, state = parse_query(request.query_params.multi_items(), ListQuery), store.state()
    document = lists.filtered(name, state, query)
    if query.format == "json":
        return document
    attached = {"content-disposition": f'attachment; filename="{lists.file_name(name, state)}"'}
    return Response(lists.as_csv(name, document, query.lang), media_type="text/csv", headers=attached)


def _document(name: str, store: Store, _: Request) -> Reply:
    return documents.document(store.state(), name)


async def _alive(_: Request) -> Response:
    return Response(to_json({"status": "alive"}), media_type="application/json")


async def _ready(request: Request) -> Response:
    """Look in a thread of its own kind, so that the answer doesn't wait for the work of others."""
    state = await anyio.to_thread.run_sync(request.app.state.store.state)
    document = planning.readiness(state)
    return Response(to_json(document), 200 if document["ready"] else 503, media_type="application/json")


async def _metrics(request: Request) -> Response:
    return Response(await anyio.to_thread.run_sync(request.app.state.metrics.page), media_type=CONTENT_TYPE)


async def _answered(request: Request, work: Callable[[], Reply | Response]) -> Response:
    return await request.app.state.work.run(lambda: _response(request, work()))  # type: ignore[no-any-return]


def _response(request: Request, reply: Reply | Response) -> Response:
    if isinstance(reply, Response):
        return reply
    if not request.scope["path"].startswith("/v1/"):
        return Response(encode(reply), media_type=MEDIA_TYPE)
    document, request.state.told = Answered.of(reply, request.state.request_id)
    return Response(document, media_type=MEDIA_TYPE)


async def _no_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 (what Starlette calls this for)
    detail = f"{request.method} {request.url.path}: {error.detail}."
    kind = _KINDS.get(error.status_code, "refused")
    return problem(error.status_code, kind, detail, request.state.request_id, headers=error.headers)
