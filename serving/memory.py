"""Memory that a burst of requests needed is given back to the system, instead of being held for the next one."""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable

_EVERY_SECONDS = 20.0


def give_back_now_and_then() -> None:
    """Do it in a thread of its own, where the C library can (glibc)."""
    trim: Callable[[int], object] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        threading.Thread(target=_give_back, args=(trim,), name="memory", daemon=True).start()


def _give_back(trim: Callable[[int], object]) -> None:
    while True:
        time.sleep(_EVERY_SECONDS)
        trim(0)
