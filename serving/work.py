"""The work of requests: in a few threads, with a bounded queue before them and a limit on the time of each."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio
import anyio.to_thread

from funnelcast import deadline
from serving.problems import too_busy

Result = TypeVar("Result")


def require_room(inside: int, most: int) -> None:
    """Send a request away where so many are at work or waiting already.

    Raises
    ------
    Refused
        503.
    """
    if inside >= most:
        why = f"{most} requests are at work or waiting already."
        raise too_busy(why)


class Work:
    """The threads of one worker.

    Parameters
    ----------
    threads
        How many requests are computed at once.
    waiting
        How many more may wait; whoever comes then is sent away at once instead of waiting for ever.
    seconds
        From a request's arrival here to its answer; work that takes longer ends at its next step.
    """

    def __init__(self, *, threads: int, waiting: int, seconds: float) -> None:
        self._limiter = anyio.CapacityLimiter(threads)
        self._most, self._inside, self._seconds = threads + waiting, 0, seconds

    async def run(self, work: Callable[[], Result]) -> Result:
        """Work in a thread, so that one long request doesn't hold up the others.

        Raises
        ------
        Refused
            503: too many requests are at work or waiting.
        OutOfTime
            It took too long.
        """
        require_room(self._inside, self._most)

        def in_time() -> Result:
            deadline.check()  # it may have waited too long
            return work()

        self._inside += 1
        try:
            with deadline.within(self._seconds):
                return await anyio.to_thread.run_sync(in_time, limiter=self._limiter)
        finally:
            self._inside -= 1
