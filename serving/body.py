"""The body of a request: read within a limit on its size, its time and the memory of all of them, before anything looks into it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from starlette.types import Receive

from serving.overdue import Overdue
from serving.problems import CLOSES, Refused, too_busy

_BODIES_AT_ONCE = 16
"""So many bodies of the largest size are in memory at once, whether they still arrive, wait or are worked on."""
_DISCARDED_BYTES = 64 * 2**20
_DISCARDED_SECONDS = 5.0


@dataclass
class Body:
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
        whole = self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)
        self.parts.clear()
        return whole


class Bodies:
    """Reads the bodies of one worker.

    Parameters
    ----------
    limit
        The largest body in bytes; a longer one is read away, up to 64 MiB or 5 s, and answered 413.
    seconds
        Within which a body arrives.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit, self._seconds = limit, seconds
        self._held = 0
        self._slow = set[asyncio.Task[Any]]()
        self._overdue = Overdue[asyncio.Task[Any]](seconds, self._give_up)

    async def read(self, body: Body, headers: Mapping[bytes, bytes], receive: Receive) -> None:
        """Read a body to its end; its bytes count as held until it is released.

        Raises
        ------
        Refused
            413, 408 or 503: too large, too slow, or more than is taken at once.
        """
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > self._limit:
            await _discard(receive, more=True)
            raise self._too_large()
        more = await self._within_time(body, receive)
        if body.size > self._limit:
            self.release(body)
            await _discard(receive, more=more)
            raise self._too_large()
        if self._held > _BODIES_AT_ONCE * self._limit:
            self.release(body)  # nobody else is refused for what is read away
            await _discard(receive, more=more)
            why = "The requests at work or waiting are as large as the service takes at once."
            raise too_busy(why, CLOSES)

    async def _within_time(self, body: Body, receive: Receive) -> bool:
        """Take what comes, and say whether it breaks off at a limit."""
        task, more = cast("asyncio.Task[Any]", asyncio.current_task()), True
        self._overdue.expect(task)
        try:
            while more and body.size <= self._limit and self._held <= _BODIES_AT_ONCE * self._limit:
                message = await receive()
                self._held += body.add(message.get("body", b""))
                more = message["type"] == "http.request" and message.get("more_body", False)
        except asyncio.CancelledError:
            if task not in self._slow:
                raise
            self._slow.remove(task)
            task.uncancel()
            reason = f"The body didn't arrive within {self._seconds:g} s."
            raise Refused(408, "body-too-slow", reason, headers=CLOSES) from None
        finally:
            self._overdue.came(task)
        return more

    def _give_up(self, task: asyncio.Task[Any]) -> None:
        self._slow.add(task)
        task.cancel()

    def release(self, body: Body) -> None:
        """Count a body as held no longer."""
        self._held -= body.size
        body.parts, body.size = [], 0

    def _too_large(self) -> Refused:
        return Refused(413, "body-too-large", f"The body is larger than {self._limit} bytes: send fewer items.", headers=CLOSES)


def json_body(state: Mapping[str, Any]) -> bytes:
    """Give a request's body where it says that it is plain JSON.

    Raises
    ------
    Refused
        415.
    """
    headers: Mapping[bytes, bytes] = state["headers"]
    sent = headers.get(b"content-type", b"")
    if sent != b"application/json":
        media = sent.decode("latin-1").partition(";")[0].strip().lower()
        if media != "application/json":
            raise Refused(415, "media-type", f"Send application/json, not {media or 'a body without a content type'}.")
    coding = headers.get(b"content-encoding", b"identity").decode("latin-1").strip().lower()
    if coding != "identity":
        raise Refused(415, "content-encoding", f"Send the body as it is, not {coding}.", headers={"accept-encoding": "identity"})
    body: bytes = state["body"]
    return body


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
