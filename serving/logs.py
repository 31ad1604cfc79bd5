"""The log of a worker: one JSON object a line on stderr, of everything that any library says there."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

_TOO_TALKATIVE = ("bentoml", "bentoml.access", "uvicorn", "uvicorn.access", "uvicorn.error", "circus")
"""They bring handlers of their own; the access logs among them would also hold paths, and with them ids of contacts."""


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
        logging.getLogger(name).propagate = True
    for name in ("bentoml.access", "uvicorn.access"):
        logging.getLogger(name).disabled = True
    logging.getLogger("funnelcast").setLevel(logging.INFO)


def stamp(seconds: float) -> str:
    """Give an instant in UTC, to the millisecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
