"""Connections that bring no request: uvicorn reads the head of one as long as a caller likes to send it, so they are let go here."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from serving.limits import LARGEST_HEAD


def limit_heads(seconds: float) -> None:
    """Have every connection closed whose next head is too large or doesn't arrive in time, however slowly its bytes drip.

    BentoML starts uvicorn without a say in its protocol, so that the class itself is given these two steps more.
    """
    protocol: Any = AutoHTTPProtocol
    made, received = protocol.connection_made, protocol.data_received

    def connection_made(self: Any, transport: asyncio.Transport) -> None:
        made(self, transport)
        self.head_size, self.head_timer = 0, self.loop.call_later(seconds, transport.close)

    def data_received(self: Any, data: bytes) -> None:
        received(self, data)
        if self.cycle is not None and not self.cycle.response_complete:  # the head is there, and being answered
            if self.head_timer is not None:
                self.head_timer.cancel()
            self.head_size, self.head_timer = 0, None
            return
        self.head_size += len(data)
        if self.head_size > LARGEST_HEAD and not self.transport.is_closing():
            self.send_400_response("The request's head is too large.")
        elif self.head_timer is None:
            self.head_timer = self.loop.call_later(seconds, self.transport.close)

    protocol.connection_made, protocol.data_received = connection_made, data_received
