"""Refusals as RFC 9457 problem documents: a stable type, a status, a sentence and the path of the field."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from funnelcast.artefacts import to_json
from funnelcast.errors import FunnelcastError, NoKey, OutOfTime

MEDIA_TYPE = "application/problem+json"
_LONGEST_DETAIL = 500
_AFTER_LONG_WORK = 10.0
_COME_BACK_SECONDS = 3
_PATH = re.compile(r"(?<![\w/:])(?:/[^\s/'\"`,;:()]+)+/([^\s/'\"`,;:()]+)")


class Refused(Exception):
    """A request that can't be answered as it stands.

    Parameters
    ----------
    status
        4xx, or 503 where there is more to do than can be done.
    kind
        The stable end of the problem's type, say ``unknown-field``.
    detail
        A sentence: what is wrong and what would be right.
    field
        The path of the field, say ``contacts[3].contact_id``; empty for the body as a whole.
    headers
        Of the answer, say CLOSES or when to come back.
    """

    def __init__(self, status: int, kind: str, detail: str, field: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.field, self.headers = status, kind, detail, field, headers


CLOSES = {"connection": "close"}
"""Not all of the request was read, so that the connection ends with the answer."""


def come_back(seconds: float) -> dict[str, str]:
    """Say after how many seconds the same request may be sent again."""
    return {"retry-after": str(max(1, math.ceil(seconds)))}


def too_busy(why: str, headers: Mapping[str, str] | None = None) -> Refused:
    """Give what sends a request away where there is more to do than can be done: not all come back at the same moment."""
    seconds = random.randint(1, _COME_BACK_SECONDS)  # noqa: S311 (nothing secret)
    return Refused(503, "too-busy", f"{why} Come back in {seconds} s.", headers={**come_back(seconds), **(headers or {})})


def problem(status: int, kind: str, detail: str, request_id: str, field: str = "", headers: Mapping[str, str] | None = None) -> Response:
    """Give the answer for a refusal."""
    said = detail if len(detail) <= _LONGEST_DETAIL else f"{detail[:_LONGEST_DETAIL]}…"
    document = {"type": f"urn:funnelcast:problem:{kind}", "title": HTTPStatus(status).phrase, "status": status, "detail": said}
    named = {"field": field[:_LONGEST_DETAIL]} if field else {}
    return Response(to_json({**document, **named, "request_id": request_id}), status, headers, MEDIA_TYPE)


def refusal(error: Exception, request_id: str) -> Response | None:
    """Give the answer to what a caller can mend or wait for: a refusal, or an error of ours whose class knows its status; else None."""
    if isinstance(error, Refused):
        return problem(error.status, error.kind, error.detail, request_id, error.field, error.headers)
    if isinstance(error, RecursionError):
        return problem(400, "too-deep", "The body is nested too deeply.", request_id)
    if not isinstance(error, FunnelcastError) or error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
        return None
    kind = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in type(error).__name__).lstrip("-")
    headers = {NoKey: {"www-authenticate": "Bearer"}, OutOfTime: come_back(_AFTER_LONG_WORK)}.get(type(error))
    return problem(error.status, kind, without_folders(str(error)), request_id, headers=headers)


def without_folders(text: str) -> str:
    """Shorten every path in a message to its last part: where files lie on this machine is nobody's business."""
    return _PATH.sub(r"\1", text)
