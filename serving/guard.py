"""What stands before every endpoint: a request id, security headers, keys and scopes, and a limit on the body."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from funnelcast.errors import AccessError
from serving.auth import Caller, Keys
from serving.problems import of_error, problem

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
_DISCARDED_BYTES = 64 * 2**20
_DISCARDED_SECONDS = 5.0
_OPEN = ("/livez", "/readyz", "/assets/")
_LOCAL = Caller("local", "admin")


class Guard:
    """The outermost layer of the application.

    Parameters
    ----------
    keys
        Where the hashed keys are; read again when the file changes.
    body_limit
        The largest body in bytes; a longer one is answered 413 and read away, up to 64 MiB or 5 s.
    scope_of
        Gives the scope that a path needs.
    """

    def __init__(self, app: ASGIApp, keys: Path, body_limit: int, scope_of: Callable[[str], str]) -> None:
        self._app, self._body_limit, self._scope_of = app, body_limit, scope_of
        self._path, self._seen, self._keys = keys, -1, Keys({})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id
        marked = _marked(send, request_id, private=scope["path"].startswith("/v1/"))
        try:
            scope["state"]["caller"] = self._caller(scope)
        except AccessError as error:
            await of_error(error, request_id)(scope, receive, marked)
            return
        body = await self._body(scope, receive)
        if body is None:
            detail = f"The body is larger than {self._body_limit} bytes: send fewer items at once."
            await problem(413, "body-too-large", detail, request_id)(scope, receive, marked)
            await _discard(receive)
            return
        await self._app(scope, _replayed(body, receive), marked)

    def _caller(self, scope: Scope) -> Caller:
        if scope["path"].startswith(_OPEN):
            return Caller("anyone", "")
        keys = self._current()
        if not len(keys):
            return _LOCAL  # without keys the service listens on loopback alone
        if scope["path"] == "/":
            return Caller("anyone", "")  # the page itself holds no figure; it asks for the key
        caller = keys.caller(Headers(scope=scope).get("authorization"))
        caller.require(self._scope_of(scope["path"]))
        return caller

    def _current(self) -> Keys:
        changed = self._path.stat().st_mtime_ns if self._path.exists() else 0
        if changed != self._seen:
            self._keys, self._seen = Keys.read(self._path), changed
        return self._keys

    async def _body(self, scope: Scope, receive: Receive) -> bytes | None:
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdigit() and int(announced) > self._body_limit:
            return None
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                break
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > self._body_limit:
                return None
            more = message.get("more_body", False)
        return b"".join(parts)


def _marked(send: Send, request_id: str, *, private: bool) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers["x-request-id"] = request_id
            if private:
                headers["cache-control"] = "no-store"
        await send(message)

    return marked


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _discard(receive: Receive) -> None:
    async def rest() -> None:
        size = 0
        while size < _DISCARDED_BYTES:
            message: Any = await receive()
            size += len(message.get("body", b""))
            if message["type"] != "http.request" or not message.get("more_body", False):
                return

    try:
        await asyncio.wait_for(rest(), _DISCARDED_SECONDS)
    except TimeoutError:
        return
