"""Refusals as RFC 9457 problem documents: a stable type, a status, a sentence and the path of the field."""

from __future__ import annotations

from http import HTTPStatus

from starlette.responses import Response

from funnelcast.artefacts import to_json
from funnelcast.errors import FunnelcastError

MEDIA_TYPE = "application/problem+json"


class Refused(Exception):
    """A request that can't be answered as it stands.

    Parameters
    ----------
    status
        4xx.
    kind
        The stable end of the problem's type, say ``unknown-field``.
    detail
        A sentence: what is wrong and what would be right.
    field
        The path of the field, say ``contacts[3].contact_id``; empty for the body as a whole.
    """

    def __init__(self, status: int, kind: str, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail, self.field = status, kind, detail, field


def problem(status: int, kind: str, detail: str, request_id: str, field: str = "") -> Response:
    """Give the answer for a refusal."""
    document = {"type": f"urn:funnelcast:problem:{kind}", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    named = {"field": field} if field else {}
    headers = {"www-authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    return Response(to_json({**document, **named, "request_id": request_id}), status, headers, MEDIA_TYPE)


def of_error(error: FunnelcastError, request_id: str) -> Response:
    """Give the answer for one of our own errors, by the status of its class."""
    words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in type(error).__name__).lstrip("-")
    return problem(error.status, words, str(error), request_id)
