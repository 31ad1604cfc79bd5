"""Small requests, answered together: whichever wait at the same moment share what an answer costs whatever its size.

They are answered on the event loop itself, since to hand one to a thread and back costs as much as to answer it. What is kept of the
answers is written there too where that needs no waiting, and in a thread where it does; nobody gets an answer before it is kept. A request
waits as the bytes that came.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from funnelcast.monitor.track_record import Answer
from serving.items import Asked
from serving.replies import Answered
from serving.scoring import Scoring
from serving.store import Store
from serving.work import require_room

SMALL_BODY = 16 * 2**10
"""Bytes up to which a request is small: some hundred facts, answered within milliseconds."""
_BYTES_AT_ONCE = 2 * SMALL_BODY
"""So much is answered at once, and then whoever else waits for the loop has a turn."""
_MOST_WAITING = 600
"""Some tenths of a second of answers. With fewer, more of those who come while a worker is missing are sent away; more of them, each with a
connection of its own, leave a worker a twentieth larger."""
_QUIET_TURNS = 20
"""After so many turns of the loop, a hundredth of a millisecond, in which nobody asked, those who wait are answered."""

_PATIENT_TURNS = 100
"""So often two turns in a row write in the thread, where they may wait: the first folds the record's log back where that is due, and the
second begins it anew; both wait for the disk."""

Found = Answered | Exception


class _Waiting(NamedTuple):
    """A request, and what its caller waits for."""

    body: bytes
    request_id: str
    given: asyncio.Future[Answered]


class Together:
    """The small requests of one worker."""

    def __init__(self, store: Store) -> None:
        self._store, self._busy, self._count, self._expected, self._turns = store, False, 0, 0, 0
        self._waiting: dict[Scoring, deque[_Waiting]] = {}
        self._writer = ThreadPoolExecutor(1, "track-record")

    def require_room(self) -> None:
        """Send a request away before anything is done for it: those who come back again and again must not be a load of their own.

        Raises
        ------
        Refused
            503: too many wait.
        """
        require_room(self._count, _MOST_WAITING)

    async def ask(self, scoring: Scoring, body: bytes, request_id: str) -> Answered:
        """Have a request answered with those that come at the same time or while earlier ones are at work."""
        loop = asyncio.get_running_loop()
        given: asyncio.Future[Answered] = loop.create_future()
        self._waiting.setdefault(scoring, deque()).append(_Waiting(body, request_id, given))
        self._count += 1
        if not self._busy:
            self._busy = True
            loop.call_soon(self._gather, 0, 0)
        return await given

    def _gather(self, before: int, quiet: int) -> None:
        """Wait while more come: whoever was answered a moment ago may ask again within the next, so that all who ask share one turn.

        Without it they may fall into two halves that wait out each other's turns.
        """
        quiet = 0 if self._count > before else quiet + 1
        if quiet < (_QUIET_TURNS if self._count < self._expected else 1):
            asyncio.get_running_loop().call_soon(self._gather, self._count, quiet)
        else:
            self._turn()

    def _turn(self) -> None:
        """Answer those who wait for one kind of score; the others have the next turns."""
        scoring = next((scoring for scoring, waiting in self._waiting.items() if waiting), None)
        if scoring is None:
            self._busy = False
            return
        waiting = self._waiting[scoring] = self._waiting.pop(scoring)  # from now on the last to be looked at
        now, size = [waiting.popleft()], 0
        while waiting and (size := size + len(now[-1].body)) < _BYTES_AT_ONCE:
            now.append(waiting.popleft())
        self._count -= len(now)
        try:
            found, kept = self._answers(scoring, now)
            if self._kept_at_once(kept):
                self._hand_out(now, found)
                return
        except Exception as error:  # noqa: BLE001 (whatever broke, nobody may wait for ever)
            self._hand_out(now, [error] * len(now))
            return
        written = asyncio.get_running_loop().run_in_executor(self._writer, self._store.remember, kept)
        written.add_done_callback(partial(self._hand_out, now, found))

    def _kept_at_once(self, kept: Sequence[Answer]) -> bool:
        self._turns += 1
        return self._turns % _PATIENT_TURNS > 1 and self._store.remember_at_once(kept)

    def _answers(self, scoring: Scoring, waiting: Sequence[_Waiting]) -> tuple[list[Found], list[Answer]]:
        """Give each its answer or the fault of its own request, and what is to be kept."""
        read = [_read(scoring, one) for one in waiting]
        asked = [one for one in read if isinstance(one, Asked)]
        found, kept = self._scored(scoring, asked) if asked else ([], [])
        answers = iter(found)
        return [next(answers) if isinstance(one, Asked) else one for one in read], kept

    def _scored(self, scoring: Scoring, asked: Sequence[Asked]) -> tuple[list[Found], list[Answer]]:
        """Give each its answer, and what is to be kept; where the whole fails each is answered alone, and its fault is its own."""
        try:
            given = scoring.score(self._store.state(), asked)
        except Exception as error:  # noqa: BLE001 (it is handed to the caller)
            if len(asked) == 1:
                return [error], []
            alone = [self._scored(scoring, [one]) for one in asked]
            return [answer for found, _ in alone for answer in found], [answer for _, kept in alone for answer in kept]
        return [Answered.of(reply, one.request_id) for one, reply in zip(asked, given.replies, strict=True)], list(given.kept)

    def _hand_out(self, waiting: Sequence[_Waiting], found: Sequence[Found], written: asyncio.Future[None] | None = None) -> None:
        fault = written.exception() if written is not None else None
        for one, answer in zip(waiting, found, strict=True):
            _settle(one.given, fault or answer)
        self._expected = len(waiting) + self._count
        self._gather(0, 0)


def _read(scoring: Scoring, waiting: _Waiting) -> Asked | Exception:
    try:
        return scoring.read(waiting.body, waiting.request_id)
    except Exception as error:  # noqa: BLE001 (it is handed to the caller)
        return error


def _settle(given: asyncio.Future[Answered], what: Answered | BaseException) -> None:
    if given.done():
        return  # the caller has gone
    if isinstance(what, BaseException):
        given.set_exception(what)
    else:
        given.set_result(what)
