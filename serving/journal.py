"""What became of each request, told to the log, the audit log and the metrics: never a path, a body or anything else about a person."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from serving.audit import AuditLog
from serving.logs import stamp
from serving.metrics import Ended, Metrics
from serving.paths import needs_key, template_of

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_PROBES = ("/livez", "/readyz", "/metrics")
_encode = msgspec.json.Encoder().encode


class Told(NamedTuple):
    """What an answer held: the versions of the models that gave it, how many items, and how many of them failed."""

    models: Mapping[str, int]
    items: int = 0
    failed: int = 0

    @classmethod
    def of(cls, reply: Mapping[str, Any]) -> Told:
        """Read it from a reply."""
        models = {model["name"]: model["version"] for model in reply.get("models", ())}
        items: Sequence[Mapping[str, Any]] = reply.get("scores") or reply.get("predictions") or ()
        return cls(models, len(items), sum(["error" in item for item in items]))


_NOTHING = Told({})


class Journal:
    """The outermost layer: gives each request its id, and tells what became of it.

    Requests that end in the same turn of the loop are told of together, as soon as it is over.

    Parameters
    ----------
    log
        Takes some lines.
    """

    def __init__(self, app: ASGIApp, *, log: Callable[[str], object], audit: AuditLog, metrics: Metrics) -> None:
        self._app, self._log, self._audit, self._metrics = app, log, audit, metrics
        self._ended, self._lines, self._audited = list[Ended](), list[bytes](), list[bytes]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Have a request answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        scope.setdefault("state", {})["request_id"] = os.urandom(16).hex()
        try:
            await self._app(scope, receive, send)
        finally:
            self._tell(scope, time.perf_counter() - started)

    def _tell(self, scope: Scope, seconds: float) -> None:
        state, route = scope["state"], template_of(scope["path"])
        status: int = state.get("status", 0)
        method = scope["method"] if scope["method"] in _METHODS else "other"
        told: Told = state.get("told", _NOTHING)
        if not self._ended:
            asyncio.get_running_loop().call_soon(self._write)
        self._ended.append(Ended(route, method, status, seconds, told.models, told.items, told.failed))
        if route in _PROBES and status == HTTPStatus.OK:
            return
        caller = state.get("caller")
        line = _encode({
            "time": stamp(time.time()),
            "message": "request",
            "request_id": state["request_id"],
            "key": caller.name if caller else None,
            "method": method,
            "route": route,
            "status": status,
            "ms": round(1_000 * seconds, 3),
            "models": told.models,
            "items": told.items,
            "failed": told.failed,
        })  # fmt: skip
        self._lines.append(line)
        # what is refused for its rate is left out: a flood of it would push everything else out of the files
        if needs_key(route) and status != HTTPStatus.TOO_MANY_REQUESTS:
            self._audited.append(line)

    def _write(self) -> None:
        ended, lines, audited = self._ended, self._lines, self._audited
        self._ended, self._lines, self._audited = [], [], []
        self._metrics.count(ended)
        if lines:
            self._log(b"".join([line + b"\n" for line in lines]).decode())
        if audited:
            self._audit.append(audited)
