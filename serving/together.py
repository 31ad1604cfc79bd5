"""Small requests, answered together: whichever wait at the same moment share what an answer costs whatever its size.

They are answered on the event loop itself, since to hand one to a thread and back costs as much as to answer it. Only what is kept of the
answers is written in a thread, and nobody gets an answer before it is kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from funnelcast.monitor.track_record import Answer
from serving.scoring import Asked, Given
from serving.store import State, Store
from serving.work import require_room

SMALL_BODY = 16 * 2**10
"""Bytes up to which a request is small: some hundred facts, answered within milliseconds."""
_BYTES_AT_ONCE = 2 * SMALL_BODY
"""So much is answered at once, and then whoever else waits for the loop has a turn."""
_MOST_WAITING = 1_000
"""About a second of answers. With fewer, more of those who come while a worker is missing are sent away."""
_QUIET_TURNS = 6
"""After so many turns of the loop, a tenth of a millisecond, in which nobody asked, those who wait are answered."""

Reply = dict[str, Any]
Scorer = Callable[[State, Sequence[Asked]], Given]


@dataclass(frozen=True)
class _Waiting:
    """A request, its size in bytes, and what its caller waits for."""

    asked: Asked
    size: int
    given: asyncio.Future[Reply]


class Together:
    """The small requests of one worker."""

    def __init__(self, store: Store) -> None:
        self._store, self._busy = store, False
        self._waiting: dict[Scorer, deque[_Waiting]] = {}
        self._writer = ThreadPoolExecutor(1, "track-record")

    def require_room(self) -> None:
        """Send a request away before anything is done for it: those who come back again and again must not be a load of their own.

        Raises
        ------
        Refused
            503: too many wait.
        """
        require_room(self._count(), _MOST_WAITING)

    async def ask(self, scorer: Scorer, asked: Asked, size: int) -> Reply:
        """Have a request of so many bytes answered, with those that come at the same time or while earlier ones are at work."""
        loop = asyncio.get_running_loop()
        given: asyncio.Future[Reply] = loop.create_future()
        self._waiting.setdefault(scorer, deque()).append(_Waiting(asked, size, given))
        if not self._busy:
            self._busy = True
            loop.call_soon(self._gather, 0, 0)
        return await given

    def _gather(self, before: int, quiet: int) -> None:
        """Wait while more come: those who were answered a moment ago ask again within the next."""
        count = self._count()
        quiet = 0 if count > before else quiet + 1
        if quiet < _QUIET_TURNS:
            asyncio.get_running_loop().call_soon(self._gather, count, quiet)
        else:
            self._turn()

    def _count(self) -> int:
        return sum(len(waiting) for waiting in self._waiting.values())

    def _turn(self) -> None:
        """Answer those who wait for one scorer; the others have the next turns."""
        scorer = next((scorer for scorer, waiting in self._waiting.items() if waiting), None)
        if scorer is None:
            self._busy = False
            return
        waiting = self._waiting[scorer] = self._waiting.pop(scorer)  # from now on the last to be looked at
        now, size = [waiting.popleft()], 0
        while waiting and (size := size + now[-1].size) < _BYTES_AT_ONCE:
            now.append(waiting.popleft())
        given, kept = self._answers(scorer, now)
        written = asyncio.get_running_loop().run_in_executor(self._writer, self._store.remember, kept)
        written.add_done_callback(partial(self._hand_out, now, given))

    def _answers(self, scorer: Scorer, waiting: Sequence[_Waiting]) -> tuple[list[Reply | Exception], list[Answer]]:
        """Give each its reply or the fault of its own request, and what is to be kept."""
        try:
            given = scorer(self._store.state(), [one.asked for one in waiting])
        except Exception as error:  # noqa: BLE001 (it is handed to the caller)
            if len(waiting) == 1:
                return [error], []
            alone = [self._answers(scorer, [one]) for one in waiting]
            return [reply for replies, _ in alone for reply in replies], [answer for _, kept in alone for answer in kept]
        return list(given.replies), list(given.kept)

    def _hand_out(self, waiting: Sequence[_Waiting], given: Sequence[Reply | Exception], written: asyncio.Future[None]) -> None:
        for one, reply in zip(waiting, given, strict=True):
            _settle(one.given, written.exception() or reply)
        self._gather(0, 0)


def _settle(given: asyncio.Future[Reply], what: Reply | BaseException) -> None:
    if given.done():
        return  # the caller has gone
    if isinstance(what, BaseException):
        given.set_exception(what)
    else:
        given.set_result(what)
