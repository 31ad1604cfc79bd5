"""No process of the service outlives the one that started it, however that one ended.

Workers watch BentoML's process, which watches ``funnelcast serve``: killed with -9 neither can stop those below it, and a worker left
behind would hold the port and answer without anybody looking after it.
"""

from __future__ import annotations

import os
import signal
import threading
import time

PARENT = "FUNNELCAST_PARENT"
"""The environment variable that holds the process id of the one that started this one, even where that one ended since."""
STOP_SECONDS = 10
"""So long may requests in flight take after the service was told to stop."""
_LOOK_SECONDS = 0.5


def end_with_parent() -> None:
    """Stop this process, as SIGTERM does, once its parent is gone; one that doesn't stop in time is killed."""
    parent = int(os.environ.get(PARENT) or os.getppid())
    os.environ[PARENT] = str(os.getpid())  # for the processes that this one starts
    threading.Thread(target=_watch, args=(parent,), name="parent", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
