"""The log of a worker: one JSON object a line on stderr, of everything that any library says there."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from functools import lru_cache

_OF_PATHS = ("bentoml.access", "uvicorn.access")
"""They would hold paths, and with them ids of contacts: without anybody who reads them nothing is written."""
_TOO_TALKATIVE = ("bentoml", "uvicorn", "uvicorn.error", "circus", *_OF_PATHS)
"""They bring handlers of their own."""


class JsonLines(logging.Formatter):
    """Writes a record with what stands in its ``entry``."""

    def format(self, record: logging.LogRecord) -> str:
        """Give one line."""
        said = {"time": stamp(record.created), "level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        failed = {"traceback": self.formatException(record.exc_info)} if record.exc_info else {}
        return json.dumps({**said, **getattr(record, "entry", {}), **failed}, ensure_ascii=False, default=str)


def to_stderr() -> None:
    """Send every log of this process to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in _TOO_TALKATIVE:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = name not in _OF_PATHS
    logging.getLogger("funnelcast").setLevel(logging.INFO)


def stamp(seconds: float) -> str:
    """Give an instant in UTC, to the millisecond."""
    return _stamp(int(1_000 * seconds))


@lru_cache(1)
def _stamp(milliseconds: int) -> str:
    # the requests of one turn end in the same millisecond
    return datetime.fromtimestamp(milliseconds / 1_000, UTC).isoformat(timespec="milliseconds")
