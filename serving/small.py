"""The layer that answers small scoring requests, without the routes behind it: a CRM sends them by the thousand."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Receive, Scope, Send

from serving.body import json_body
from serving.replies import MEDIA_TYPE
from serving.scoring import Scoring
from serving.together import SMALL_BODY, Together


class SmallRequests:
    """Answers what is small, and lets everything else pass.

    Parameters
    ----------
    scorings
        What is answered here, by path.
    """

    def __init__(self, app: ASGIApp, *, together: Together, scorings: Mapping[str, Scoring]) -> None:
        self._app, self._together, self._scorings = app, together, scorings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let it pass."""
        scoring = self._scorings.get(scope.get("path", ""))
        if scoring is None or scope.get("method") != "POST" or len(scope["state"]["body"]) > SMALL_BODY:
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        body = json_body(state)
        self._together.require_room()
        document, state["told"] = await self._together.ask(scoring, body, state["request_id"])
        headers = [(b"content-length", b"%d" % len(document)), (b"content-type", MEDIA_TYPE.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": document})
