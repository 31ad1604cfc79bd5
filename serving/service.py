"""The BentoML service: it runs the workers; every route is the application's own."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import Any

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from funnelcast.settings import Settings
from serving.connections import mend_connections
from serving.limits import Limits
from serving.logs import to_stderr
from serving.memory import give_back_now_and_then
from serving.parent import end_with_parent

SOURCE = "FUNNELCAST_SOURCE"
"""The environment variable that names the source.toml of the company to serve."""
KEYLESS = "FUNNELCAST_KEYLESS"
"""The environment variable that is ``1`` where the service listens on loopback alone, so that it may do without keys."""
WORKERS = "FUNNELCAST_WORKERS"
"""The environment variable that says how many processes serve."""

_SWITCH_SECONDS = 0.0005
"""How long a thread that computes a large request may keep the small ones waiting: Python's 5 ms halves what is answered beside it."""


class Front:
    """Hands every request to our application, so that none of BentoML's open pages is reached.

    BentoML's own layers are passed by: their access log and metrics name every path (which may hold the id of a contact, and would each be
    a series of its own), and their time limit keeps every request in memory until it is over.
    """

    def __init__(self, app: ASGIApp) -> None:
        # what is loaded from here on stays: to look through it again and again would take a fifth of the start, and make some answers late
        gc.disable()
        from serving.app import build_app  # noqa: PLC0415 (BentoML's parent process reads this file too, and answers nothing)

        end_with_parent()
        to_stderr()
        mend_connections(Limits.read().time_limit)
        settings = Settings.read()
        self._bento = app
        source = Path(os.environ.get(SOURCE) or settings.demo)
        keyless = os.environ.get(KEYLESS) == "1"
        self._ours = build_app(settings, source, keyless=keyless, workers=_workers(), log=sys.stderr.write)
        self._ours.state.store.follow()
        give_back_now_and_then()
        gc.freeze()
        gc.enable()
        sys.setswitchinterval(_SWITCH_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "lifespan":
            await self._ours(scope, receive, send)
            return
        scope["app"].middleware_stack = self  # from here on requests come to us first
        await self._bento(scope, receive, send)  # start-up and shut-down stay BentoML's


def _workers() -> int:
    return int(os.environ.get(WORKERS) or 1)


@bentoml.service(name="funnelcast", workers=_workers())
class FunnelcastService:
    """Predictions and forecasts of one company."""


Service: Any = FunnelcastService
Service.add_asgi_middleware(Front)
