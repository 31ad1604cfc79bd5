"""The forecasts that were answered from a snapshot: whoever asks the same again gets the same at once."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

MOST_FORECASTS = 256
MOST_BYTES = 16 * 2**20


class Forecasts:
    """The newest answers as JSON, at most so many and so many bytes; those that were asked for longest ago go first.

    They belong to one snapshot, whose models and draws never change: the next snapshot begins with none.
    """

    def __init__(self, most: int = MOST_FORECASTS, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes, self._bytes = most, most_bytes, 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._turns: WeakValueDictionary[str, threading.Lock] = WeakValueDictionary()

    def answer(self, key: str, draw: Callable[[], Mapping[str, Any]]) -> tuple[dict[str, Any], bool]:
        """Give the answer under a key, drawn once however many ask at the same moment, and whether it was there already."""
        key = hashlib.sha256(key.encode()).hexdigest()  # a scenario may be as long as a request
        with self._turn(key):
            found = self._find(key)
            if found is not None:
                return json.loads(found), True
            drawn = draw()
            self._keep(key, json.dumps(drawn, allow_nan=False).encode())
            return dict(drawn), False

    def __len__(self) -> int:
        return len(self._kept)

    def _find(self, key: str) -> bytes | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _keep(self, key: str, answer: bytes) -> None:
        with self._lock:
            self._kept[key] = answer
            self._bytes += len(answer)
            while len(self._kept) > self._most or self._bytes > self._most_bytes:
                self._bytes -= len(self._kept.popitem(last=False)[1])

    def _turn(self, key: str) -> threading.Lock:
        """Give the lock of whoever draws this forecast; it is forgotten when nobody waits for it any more."""
        with self._lock:
            turn = self._turns.get(key)
            if turn is None:
                turn = self._turns[key] = threading.Lock()
            return turn
