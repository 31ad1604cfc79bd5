"""What uvicorn leaves open in its connections: heads that never end, and answers that go out in two pieces.

BentoML starts uvicorn without a say in its protocol, so that the class itself is given these steps more.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from serving.limits import LARGEST_HEAD
from serving.overdue import Overdue


def mend_connections(seconds: float) -> None:
    """Have every connection closed whose next head is too large or doesn't arrive in time, and every answer sent as one piece.

    Parameters
    ----------
    seconds
        Within which a head arrives, however slowly its bytes drip.
    """
    protocol: Any = AutoHTTPProtocol
    made, lost, received = protocol.connection_made, protocol.connection_lost, protocol.data_received
    heads = Overdue[Any](seconds, lambda connection: connection.transport.close())

    def connection_made(self: Any, transport: asyncio.Transport) -> None:
        made(self, _Whole(transport, self.loop))
        self.head_size = 0
        heads.expect(self)

    def connection_lost(self: Any, error: Exception | None) -> None:
        heads.came(self)
        lost(self, error)

    def data_received(self: Any, data: bytes) -> None:
        received(self, data)
        if self.cycle is not None and not self.cycle.response_complete:  # the head is there, and being answered
            self.head_size = 0
            heads.came(self)
            return
        self.head_size += len(data)
        if self.head_size > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")
        else:
            heads.expect(self)

    protocol.connection_made, protocol.connection_lost, protocol.data_received = connection_made, connection_lost, data_received


class _Whole:
    """A transport that sends in one piece what is written in one turn of the loop: uvicorn writes head and body apart."""

    __slots__ = ("_loop", "_parts", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send some bytes when this turn is over."""
        if not self._parts:
            self._loop.call_soon(self._send)
        self._parts.append(data)

    def close(self) -> None:
        """Send what was written, and close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
