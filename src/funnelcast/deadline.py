"""Until when a piece of work may go on.

Whoever starts the work says it once (``within``); long work asks between its steps (``check``). So what nobody waits for any more ends by
itself, and no caller has to hand a clock through. Outside ``within`` there is no limit.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import inf

from funnelcast.errors import OutOfTime


@dataclass(frozen=True)
class _Limit:
    seconds: float = inf
    until: float = inf


_limit: ContextVar[_Limit] = ContextVar("limit")
_NONE = _Limit()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give the work of this block, and of the threads that take this context along, so many seconds."""
    token = _limit.set(_Limit(seconds, time.monotonic() + seconds))
    try:
        yield
    finally:
        _limit.reset(token)


def check() -> None:
    """Go on, if there is time left.

    Raises
    ------
    OutOfTime
        There is none.
    """
    limit = _limit.get(_NONE)
    if time.monotonic() > limit.until:
        raise OutOfTime(seconds=limit.seconds)


@contextmanager
def interrupting(stop: Callable[[], None]) -> Iterator[None]:
    """Have work stopped from outside that can't ask by itself, such as a query in an engine.

    Parameters
    ----------
    stop
        Makes the work fail at once; called from another thread when the time is up.

    Raises
    ------
    OutOfTime
        Instead of whatever the stopped work raised.
    """
    limit = _limit.get(_NONE)
    if limit.until == inf:
        yield
        return
    check()
    timer = threading.Timer(limit.until - time.monotonic(), stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception:
        check()
        raise
    finally:
        timer.cancel()
