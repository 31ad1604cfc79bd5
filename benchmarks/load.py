"""Ask a server over and over: some connections that stay open, each with one request at a time."""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle

import numpy as np

CLIENTS = 8
_READ_BYTES = 1 << 20


@dataclass(frozen=True)
class Load:
    """What one spell of asking gave: seconds of each answer, of the whole, and of this process's own work."""

    latencies: Sequence[float]
    seconds: float
    own_seconds: float

    @property
    def per_second(self) -> float:
        """Give the requests answered in a second."""
        return len(self.latencies) / self.seconds

    def quantile(self, level: float) -> float:
        """Give the seconds within which so many answers came."""
        return float(np.quantile(self.latencies, level))


def request(port: int, path: str, body: bytes) -> bytes:
    """Write a POST of JSON."""
    head = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def ask(port: int, requests: Sequence[bytes], *, seconds: float = float("inf"), count: float = float("inf")) -> Load:
    """Ask for a while, or so many times.

    Raises
    ------
    AssertionError
        An answer's status isn't 200.
    """
    latencies: list[float] = []
    turns = cycle(requests)
    with selectors.DefaultSelector() as selector, ExitStack() as opened:
        started, worked = time.perf_counter(), time.process_time()
        for _ in range(CLIENTS):
            client = _Client(port)
            opened.enter_context(client.socket)
            selector.register(client.socket, selectors.EVENT_READ, client)
            client.send(next(turns))
        asked, open_clients = CLIENTS, CLIENTS
        while open_clients:
            for key, _ in selector.select():
                if not key.data.read():
                    continue
                latencies.append(time.perf_counter() - key.data.sent)
                if asked < count and time.perf_counter() - started < seconds:
                    key.data.send(next(turns))
                    asked += 1
                else:
                    selector.unregister(key.data.socket)
                    open_clients -= 1
    return Load(latencies, time.perf_counter() - started, time.process_time() - worked)


def once(port: int, sent: bytes) -> bytes:
    """Ask once; gives the body of the answer."""
    client = _Client(port)
    with client.socket:
        client.send(sent)
        while not client.read():
            pass
        return client.body


class _Client:
    """One connection."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.body, self._found, self.sent = b"", b"", 0.0

    def send(self, asked: bytes) -> None:
        self.sent = time.perf_counter()
        self.socket.sendall(asked)

    def read(self) -> bool:
        """Take what has come; True once the answer is whole."""
        came = self.socket.recv(_READ_BYTES)
        assert came, "the server closed the connection"  # noqa: S101
        self._found += came
        head, found, body = self._found.partition(b"\r\n\r\n")
        if not found:
            return False
        length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
        if len(body) < int(length[15:]):
            return False
        assert head.startswith(b"HTTP/1.1 200"), self._found[:500]  # noqa: S101
        self.body, self._found = body, b""
        return True
