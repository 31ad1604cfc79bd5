"""What must come within a time: looked for now and then, since a timer of each request's own costs as much as a good part of its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
_LOOKS = 10
"""So often within the time it is looked."""


class Overdue(Generic[Key]):
    """Ends what takes too long, up to a tenth of its time late.

    Parameters
    ----------
    seconds
        The time.
    end
        What is done, once, to what didn't come within it.
    """

    def __init__(self, seconds: float, end: Callable[[Key], object]) -> None:
        self._seconds, self._end, self._looking = seconds, end, False
        self._due: dict[Key, float] = {}

    def expect(self, key: Key) -> None:
        """Count the time from now on, unless it is counted already."""
        loop = asyncio.get_running_loop()
        self._due.setdefault(key, loop.time() + self._seconds)
        if not self._looking:
            self._looking = True
            loop.call_later(self._seconds / _LOOKS, self._look, loop)

    def came(self, key: Key) -> None:
        """Count it no longer."""
        self._due.pop(key, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        now = loop.time()
        for key in [key for key, due in self._due.items() if due <= now]:
            self.came(key)
            self._end(key)
        self._looking = bool(self._due)
        if self._looking:
            loop.call_later(self._seconds / _LOOKS, self._look, loop)
