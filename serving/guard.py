"""What stands before every endpoint: who may come in, limits on head and body, security headers, and the last resort."""

from __future__ import annotations

import logging
import traceback
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.access import Access
from serving.body import Bodies, Body
from serving.limits import LARGEST_HEAD
from serving.problems import CLOSES, Refused, problem, refusal

POLICY = "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
"""What a browser may load from an answer: only what lies here. An endpoint may state its own; the page does."""
SECURITY_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
}
_OPEN = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]
_PRIVATE = [*_OPEN, (b"cache-control", b"no-store")]
_log = logging.getLogger("funnelcast.serving")


class Guard:
    """Lets a request pass to the endpoints, or refuses it; its headers and its body, and the status of its answer, stand in its state.

    Parameters
    ----------
    access
        Who may ask what.
    bodies
        Reads what is sent.
    """

    def __init__(self, app: ASGIApp, access: Access, bodies: Bodies) -> None:
        self._app, self._access, self._bodies = app, access, bodies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state, body = scope["state"], Body()
        answer = _Answer(send, state, private=scope["path"].startswith("/v1/"))
        try:
            _require_small_head(scope)
            state["headers"] = headers = dict(reversed(scope["headers"]))  # of several by one name the first counts
            self._access.admit(scope, headers)
            await self._bodies.read(body, headers, receive)
            state["body"] = body.taken()
            await self._app(scope, receive, answer.send)
        except Exception as error:  # noqa: BLE001 (the last resort: whatever broke, the caller gets a problem)
            if not answer.begun:
                refused = refusal(error, answer.request_id) or _broken(error, answer.request_id)
                await refused(scope, receive, answer.send)
            else:
                _broken(error, answer.request_id)
        finally:
            self._bodies.release(body)
            for name in ("body", "headers"):
                state.pop(name, None)  # a connection that stays open keeps its last request's state


class _Answer:
    """Marks an answer with the request's id and the security headers."""

    def __init__(self, send: Send, state: dict[str, Any], *, private: bool) -> None:
        self._send, self._state, self.request_id = send, state, state["request_id"]
        self._always = _PRIVATE if private else _OPEN
        self.begun = False

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun, self._state["status"] = True, message["status"]
            given = message["headers"]
            own = {name for name, _ in given}
            more = [pair for pair in self._always if pair[0] not in own]
            message["headers"] = [*given, *more, (b"x-request-id", self.request_id.encode())]
        await self._send(message)


def _require_small_head(scope: Scope) -> None:
    size = len(scope.get("raw_path", b"")) + len(scope["query_string"]) + sum([len(name) + len(value) for name, value in scope["headers"]])
    if size > LARGEST_HEAD:
        raise Refused(431, "head-too-large", f"The request's line and headers are larger than {LARGEST_HEAD} bytes.", headers=CLOSES)


def _broken(error: Exception, request_id: str) -> ASGIApp:
    """Tell the log, and give the answer to what is no fault of the caller's."""
    _log.error("something of ours broke", extra={"entry": {"request_id": request_id, "error": _without_values(error)}})
    return problem(500, "internal", f"Something of ours broke; the log has it under {request_id}.", request_id)


def _without_values(error: BaseException) -> dict[str, object]:
    """Say what broke and where, and leave out the message: it may quote what a caller sent about a person."""
    frames = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__)]
    return {"type": type(error).__name__, "frames": frames}
