"""What stands before every endpoint: who may come in, a limit on the body and on its time, security headers, and the last resort."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from dataclasses import dataclass, field

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from funnelcast.errors import AccessError
from serving.access import Access
from serving.limits import LARGEST_HEAD
from serving.problems import CLOSES, Refused, come_back, problem, refusal

POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
"""What a browser may load from an answer: only what lies here. An endpoint may state its own; the page does."""
SECURITY_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
_BODIES_AT_ONCE = 16
"""So many bodies of the largest size are in memory at once, whether they still arrive, wait or are worked on."""
_DISCARDED_BYTES = 64 * 2**20
_DISCARDED_SECONDS = 5.0
_log = logging.getLogger("funnelcast.serving")


class Guard:
    """Lets a request pass to the endpoints, or refuses it.

    Parameters
    ----------
    access
        Who may ask what.
    body_limit
        The largest body in bytes; a longer one is read away, up to 64 MiB or 5 s, and answered 413.
    seconds
        Within which the body arrives.
    """

    def __init__(self, app: ASGIApp, access: Access, *, body_limit: int, seconds: float) -> None:
        self._app, self._access, self._body_limit, self._seconds = app, access, body_limit, seconds
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, scope["state"]["request_id"], private=scope["path"].startswith("/v1/"))
        body = _Body()
        try:
            _require_small_head(scope)
            self._access.admit(scope)
            await self._read(body, scope, receive)
            await self._app(scope, _replayed(body.taken(), receive), answer.send)
        except (AccessError, Refused) as error:
            await refusal(error, answer.request_id)(scope, receive, answer.send)
        except Exception as error:  # noqa: BLE001 (the last resort: whatever broke, the caller gets a problem)
            _log.error("something of ours broke", extra={"entry": {"request_id": answer.request_id, "error": _without_values(error)}})
            if not answer.begun:
                detail = f"Something of ours broke; the log has it under {answer.request_id}."
                await problem(500, "internal", detail, answer.request_id)(scope, receive, answer.send)
        finally:
            self._release(body)

    async def _read(self, body: _Body, scope: Scope, receive: Receive) -> None:
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._body_limit:
            await _discard(receive, more=True)
            raise self._too_large()
        more = True
        try:
            async with asyncio.timeout(self._seconds):
                while more and body.size <= self._body_limit and self._held <= _BODIES_AT_ONCE * self._body_limit:
                    message = await receive()
                    self._held += body.add(message.get("body", b""))
                    more = message["type"] == "http.request" and message.get("more_body", False)
        except TimeoutError as error:
            raise Refused(408, "body-too-slow", f"The body didn't arrive within {self._seconds:g} s.", headers=CLOSES) from error
        if body.size > self._body_limit:
            self._release(body)
            await _discard(receive, more=more)
            raise self._too_large()
        if self._held > _BODIES_AT_ONCE * self._body_limit:
            self._release(body)  # nobody else is refused for what is read away
            await _discard(receive, more=more)
            detail = "The requests at work or waiting are as large as the service takes at once. Come back in 1 s."
            raise Refused(503, "too-busy", detail, headers={**come_back(1), **CLOSES})

    def _release(self, body: _Body) -> None:
        self._held -= body.size
        body.parts, body.size = [], 0

    def _too_large(self) -> Refused:
        return Refused(413, "body-too-large", f"The body is larger than {self._body_limit} bytes: send fewer items.", headers=CLOSES)


@dataclass
class _Body:
    """What has come of a body."""

    parts: list[bytes] = field(default_factory=list)
    size: int = 0

    def add(self, part: bytes) -> int:
        """Add a part, and give its size."""
        self.parts.append(part)
        self.size += len(part)
        return len(part)

    def taken(self) -> bytes:
        """Give the whole, without keeping its parts beside it."""
        whole = b"".join(self.parts)
        self.parts.clear()
        return whole


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


def _require_small_head(scope: Scope) -> None:
    size = len(scope.get("raw_path", b"")) + len(scope["query_string"]) + sum(len(name) + len(value) for name, value in scope["headers"])
    if size > LARGEST_HEAD:
        raise Refused(431, "head-too-large", f"The request's line and headers are larger than {LARGEST_HEAD} bytes.", headers=CLOSES)


def _without_values(error: BaseException) -> dict[str, object]:
    """Say what broke and where, and leave out the message: it may quote what a caller sent about a person."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return {"type": type(error).__name__, "frames": frames}


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _discard(receive: Receive, *, more: bool) -> None:
    """Read the rest away, so that a caller who writes before it reads gets the answer instead of a reset connection."""
    if not more:
        return
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
