"""One scheduled job at a time, with the holder named."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from funnelcast.errors import UsageError


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Hold a lock while the block runs; the system lets go of it when the process ends, however it ends.

    Raises
    ------
    UsageError
        Another process holds it; names its id.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise UsageError(reason=f"Process {holder} is already at it ({path.name}); wait for it to end.") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
