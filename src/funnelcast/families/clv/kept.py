"""What was found before is looked up: customers of one day share few numbers of purchases and ages, and so do those who ask one by one."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Values by key, the newest of them.

    Parameters
    ----------
    most
        How many are kept, and as many again while there is room.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._new: dict[Hashable, Value] = {}
        self._old: dict[Hashable, Value] = {}

    def of(self, keys: Sequence[Hashable], find: Callable[[list[int]], Sequence[Value]]) -> list[Value]:
        """Give the value of each key.

        Parameters
        ----------
        find
            Gives the values at some places of ``keys``, all at once.
        """
        new, old = self._new, self._old  # several threads may ask
        found = {place: value for place, key in enumerate(keys) if (value := new.get(key, old.get(key))) is not None}
        missing = [place for place in range(len(keys)) if place not in found]
        if missing:
            found.update(zip(missing, find(missing), strict=True))
        if len(new) > self._most:
            self._old, self._new = new, {}
        self._new.update((key, found[place]) for place, key in enumerate(keys))
        return [found[place] for place in range(len(keys))]
