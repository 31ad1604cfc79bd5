"""Clients whose requests come at constant intervals, whatever became of those before: latency counts from when a request was due."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_USES = 100
"""So many requests go over one connection, as load balancers do: a worker that is new gets its share."""
_IDLE_SECONDS = 30.0
"""The service keeps a connection for longer."""
_GIVE_UP_SECONDS = 60.0
_REQUEST_ID = re.compile(rb'"request_id":"[0-9a-f]+"')


@dataclass(frozen=True)
class Request:
    """What is asked over and over.

    Parameters
    ----------
    right
        The right answers, without the request's id, each with the version that gives it.
    """

    path: str
    body: bytes
    right: Mapping[bytes, int]

    def written(self, port: int) -> bytes:
        """Write it as HTTP."""
        head = f"POST {self.path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\ncontent-type: application/json\r\n"
        return f"{head}content-length: {len(self.body)}\r\n\r\n".encode() + self.body


@dataclass
class Seen:
    """What the clients saw.

    Parameters
    ----------
    latencies
        When each answered request was due, and how long after that its answer was there, in seconds.
    faults
        How often something came that must not.
    cut
        The clients' ports of connections that ended without an answer.
    came_back
        How often a client was sent away (503) and came back when it was told to.
    last
        By version, when the last request was sent that it answered.
    """

    latencies: list[tuple[float, float]] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    cut: list[int] = field(default_factory=list)
    came_back: int = 0
    last: dict[int, float] = field(default_factory=dict)


class Clients:
    """Asks one service."""

    def __init__(self, port: int, requests: Sequence[Request]) -> None:
        self.seen = Seen()
        self._port, self._requests, self._turn = port, [(one, one.written(port)) for one in requests], 0
        self._idle: list[_Connection] = []

    async def closed_loop(self, clients: int, seconds: float) -> float:
        """Let some clients each wait for their answer before they ask again; gives answers per second."""
        until = time.monotonic() + seconds

        async def client() -> int:
            answered = 0
            while time.monotonic() < until:
                await self.ask(time.monotonic())
                answered += 1
            return answered

        return sum(await asyncio.gather(*(client() for _ in range(clients)))) / seconds

    async def open_loop(self, per_second: float, seconds: float) -> None:
        """Ask at constant intervals, and wait for the last answers."""
        started = time.monotonic()
        asking: set[asyncio.Task[None]] = set()
        for number in range(int(per_second * seconds)):
            due = started + number / per_second
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            task = asyncio.create_task(self.ask(due))
            asking.add(task)
            task.add_done_callback(asking.discard)
        await asyncio.gather(*asking)

    async def ask(self, due: float) -> None:
        """Ask once, and again where the service asks to come back; hold the answer against the right ones."""
        self._turn += 1
        request, written = self._requests[self._turn % len(self._requests)]
        while time.monotonic() < due + _GIVE_UP_SECONDS:
            try:
                connection = await self._connection()
            except OSError as error:
                self.seen.faults[f"no connection ({type(error).__name__})"] += 1
                return
            sent = time.monotonic()
            try:
                status, back, body = await connection.ask(written)
            except (OSError, asyncio.IncompleteReadError):
                self.seen.cut.append(connection.port)
                await connection.close()
                return
            if connection.ends:
                await connection.close()
            else:
                self._idle.append(connection)
            if status != 503:
                self._judge(request, status, body, due, sent)
                return
            self.seen.came_back += 1
            await asyncio.sleep(back)
        self.seen.faults[f"no answer within {_GIVE_UP_SECONDS:.0f} s"] += 1

    async def close(self) -> None:
        """Close the connections."""
        for connection in self._idle:
            await connection.close()

    def _judge(self, request: Request, status: int, body: bytes, due: float, sent: float) -> None:
        self.seen.latencies.append((due, time.monotonic() - due))
        version = request.right.get(plain(body))
        if status != 200:
            self.seen.faults[f"status {status}"] += 1
        elif version is None:
            self.seen.faults["an answer that no version gives"] += 1
        else:
            self.seen.last[version] = max(sent, self.seen.last.get(version, sent))

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.uses < _USES and time.monotonic() - connection.used < _IDLE_SECONDS:
                return connection
            await connection.close()
        return _Connection(*await asyncio.open_connection("127.0.0.1", self._port))


class _Connection:
    """One connection, which carries a request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.port = int(writer.get_extra_info("sockname")[1])
        self.uses, self.used, self.ends = 0, time.monotonic(), False

    async def ask(self, written: bytes) -> tuple[int, float, bytes]:
        """Give the status, after how long to come back, and the body."""
        self._writer.write(written)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        body = await self._reader.readexactly(int(fields[b"content-length"]))
        self.uses, self.used, self.ends = self.uses + 1, time.monotonic(), fields.get(b"connection") == b"close"
        return int(head.split(b" ", 2)[1]), float(fields.get(b"retry-after", 1)), body

    async def close(self) -> None:
        """Close it."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


def plain(answer: bytes) -> bytes:
    """Leave out what is another in each answer: the request's id."""
    return _REQUEST_ID.sub(b"", answer)
