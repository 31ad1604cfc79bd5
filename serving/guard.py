"""What stands before every endpoint: a request id, security headers, keys and scopes, a limit on the body, and the last resort."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from funnelcast.errors import AccessError
from serving.auth import Caller, Keys
from serving.loopback import loopback
from serving.problems import Refused, problem, refusal

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
_DISCARDED_BYTES = 64 * 2**20
_DISCARDED_SECONDS = 5.0
_BODY_SECONDS = 30.0
_OPEN = ("/livez", "/readyz", "/assets/")
_ANYONE, _LOCAL = Caller("anyone", ""), Caller("local", "admin")
_log = logging.getLogger("funnelcast.serving")


class Guard:
    """The outermost layer of the application.

    Parameters
    ----------
    keys
        Where the hashed keys are; read again when the file changes.
    keyless
        Whether everyone may everything while there is no key: only where the service listens on loopback alone.
    body_limit
        The largest body in bytes; a longer one is read away, up to 64 MiB or 5 s, and answered 413.
    scope_of
        Gives the scope that a path needs.
    """

    def __init__(self, app: ASGIApp, keys: Path, *, keyless: bool, body_limit: int, scope_of: Callable[[str], str]) -> None:
        self._app, self._keyless, self._body_limit, self._scope_of = app, keyless, body_limit, scope_of
        self._path, self._seen, self._keys = keys, -1, Keys({})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, uuid.uuid4().hex, private=scope["path"].startswith("/v1/"))
        scope.setdefault("state", {})["request_id"] = answer.request_id
        try:
            scope["state"]["caller"] = self._caller(scope)
            body = await self._body(scope, receive)
        except (AccessError, Refused) as error:
            await refusal(error, answer.request_id)(scope, receive, answer.send)
            return
        try:
            await self._app(scope, _replayed(body, receive), answer.send)
        except Exception:  # the last resort: whatever broke, the caller gets a problem and the log the traceback
            _log.exception("request %s failed", answer.request_id)
            if answer.begun:
                raise
            detail = f"Something of ours broke; the log has it under {answer.request_id}."
            await problem(500, "internal", detail, answer.request_id)(scope, receive, answer.send)

    def _caller(self, scope: Scope) -> Caller:
        if scope["path"].startswith(_OPEN):
            return _ANYONE
        keys, headers = self._current(), Headers(scope=scope)
        if self._keyless and not len(keys):
            _require_local_name(headers.get("host", ""))
            return _LOCAL
        if scope["path"] == "/":
            return _ANYONE  # the page itself holds no figure; it asks for the key
        caller = keys.caller(headers.get("authorization"))
        caller.require(self._scope_of(scope["path"]))
        return caller

    def _current(self) -> Keys:
        changed = self._path.stat().st_mtime_ns if self._path.exists() else 0
        if changed != self._seen:
            self._keys, self._seen = Keys.read(self._path), changed
        return self._keys

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdigit() and int(announced) > self._body_limit:
            await _discard(receive)
            raise self._too_large()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                parts, size, more = [], 0, True
                while more and size <= self._body_limit:
                    message = await receive()
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    more = message["type"] == "http.request" and message.get("more_body", False)
        except TimeoutError as error:
            raise Refused(408, "body-too-slow", f"The body didn't arrive within {_BODY_SECONDS:.0f} s.", closes=True) from error
        if size > self._body_limit:
            if more:
                await _discard(receive)
            raise self._too_large()
        return b"".join(parts)

    def _too_large(self) -> Refused:
        return Refused(413, "body-too-large", f"The body is larger than {self._body_limit} bytes: send fewer items at once.", closes=True)


class _Answer:
    """Marks an answer with the request's id and the security headers."""

    def __init__(self, send: Send, request_id: str, *, private: bool) -> None:
        self._send, self.request_id, self._private = send, request_id, private
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun = True
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers["x-request-id"] = self.request_id
            if self._private:
                headers["cache-control"] = "no-store"
        await self._send(message)


def _require_local_name(host: str) -> None:
    # a page of another site could otherwise have its own name resolved to this machine and read the answers
    name = urlsplit(f"//{host}").hostname or ""
    if not loopback(name):
        raise Refused(421, "other-host", "Without API keys only this machine's own names are answered, such as 127.0.0.1 and localhost.")


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
    """Read the rest away, so that a caller who writes before it reads gets the answer instead of a reset connection."""
    size, deadline = 0, time.monotonic() + _DISCARDED_SECONDS
    try:
        async with asyncio.timeout(_DISCARDED_SECONDS):
            while size < _DISCARDED_BYTES and time.monotonic() < deadline:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
    except TimeoutError:
        return
