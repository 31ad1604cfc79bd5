"""One writer of a company's champions and snapshots at a time, with the holder named."""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from funnelcast.errors import Busy
from funnelcast.settings import Settings

_HELD: ContextVar[frozenset[Path]] = ContextVar("held", default=frozenset())


def path_of(settings: Settings, source: str) -> Path:
    """Give the file whose lock the writer of a source holds."""
    return settings.home / "locks" / f"{source}.lock"


@contextmanager
def alone(settings: Settings, source: str, doing: str) -> Iterator[None]:
    """Be the only one who writes champions or snapshots of a source while the block runs; within it, the same may be asked again.

    The system lets go of the lock when the process ends, however it ends; a name that a killed holder left behind locks nobody out.

    Parameters
    ----------
    doing
        The command, without its arguments: whoever is turned away reads it, and a person's id has no place there.

    Raises
    ------
    Busy
        Another process is at work; names it.
    """
    path = path_of(settings, source)
    if path in _HELD.get():
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        _take(file, source)
        token = _HELD.set(_HELD.get() | {path})
        try:
            _sign(file, {"doing": doing, "process": os.getpid(), "host": socket.gethostname(), "since": _now()})
            yield
        finally:
            _HELD.reset(token)
            _sign(file, None)


def _take(file: TextIO, source: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.seek(0)
        raise Busy(source=source, holder=_named(file.read())) from error


def _sign(file: TextIO, holder: dict[str, str | int] | None) -> None:
    file.seek(0)
    file.truncate()
    file.write(json.dumps(holder) if holder else "")
    file.flush()


def _named(content: str) -> str:
    try:
        holder = json.loads(content)
        return f"`funnelcast {holder['doing']}` (process {holder['process']} on {holder['host']}, since {holder['since']})"
    except (ValueError, KeyError, TypeError):
        return "another process"  # it holds the lock since a moment ago, and hasn't said yet who it is


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
