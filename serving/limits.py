"""How much one worker takes on: the limits that the environment may set, and the token buckets that hold callers to a rate."""

from __future__ import annotations

import math
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Self

from funnelcast.errors import UsageError

LARGEST_HEAD = 64 * 2**10
"""Bytes of a request's line and headers."""
_MOST_BUCKETS = 10_000


@dataclass(frozen=True)
class Limits:
    """The limits, each set by ``FUNNELCAST_`` and its name in capitals.

    Parameters
    ----------
    body_limit
        Bytes of a request's body.
    rate_limit
        Requests per second and key, over all workers; as many again may come at once.
    time_limit
        Seconds in which a request's head arrives, its body, and its answer is given: each.
    serving_threads
        How many large requests a worker computes at once: one is quickest, a second keeps a long forecast from holding up everything.
    waiting
        How many more may wait for one of those threads.
    """

    body_limit: int = 16 * 2**20
    rate_limit: float = 1_000.0
    time_limit: float = 30.0
    serving_threads: int = 2
    waiting: int = 64

    @classmethod
    def read(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the limits.

        Raises
        ------
        UsageError
            A variable holds no number above 0.
        """
        given = os.environ if environment is None else environment
        return cls(**{limit.name: _number(given, limit.name, limit.default) for limit in fields(cls)})


def _number(given: Mapping[str, str], name: str, default: Any) -> Any:
    variable, kind = f"FUNNELCAST_{name.upper()}", type(default)
    text = given.get(variable) or str(default)
    try:
        number = kind(text)
    except ValueError:
        number = 0
    if not 0 < number < math.inf:
        raise UsageError(reason=f"{variable} is {text!r}: give {'a whole number' if kind is int else 'a number'} above 0.")
    return number


class Buckets:
    """Token buckets by name: each fills at a rate up to its size, and every request takes a token.

    Parameters
    ----------
    rate
        Tokens per second.
    size
        How many a full bucket holds.
    """

    def __init__(self, rate: float, size: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._size, self._clock = rate, max(size, 1.0), clock
        self._held: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait(self, name: Hashable) -> float:
        """Give the seconds until the bucket holds a token; 0 where it does."""
        return max(0.0, (1.0 - self._tokens(name, self._clock())) / self._rate)

    def take(self, name: Hashable) -> float:
        """Take a token, and give 0; where there is none, give the seconds until there is one."""
        now = self._clock()
        tokens = self._tokens(name, now)
        if tokens < 1.0:
            return (1.0 - tokens) / self._rate
        self._held[name] = (tokens - 1.0, now)
        self._held.move_to_end(name)
        if len(self._held) > _MOST_BUCKETS:
            self._held.popitem(last=False)  # the one that was left alone the longest: it is the fullest
        return 0.0

    def _tokens(self, name: Hashable, now: float) -> float:
        tokens, since = self._held.get(name, (self._size, now))
        return min(self._size, tokens + (now - since) * self._rate)
