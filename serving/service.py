"""The BentoML service: it runs the workers and gives the metrics; every route is the application's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from funnelcast.settings import Settings

SOURCE = "FUNNELCAST_SOURCE"
"""The environment variable that names the source.toml of the company to serve."""
KEYLESS = "FUNNELCAST_KEYLESS"
"""The environment variable that is ``1`` where the service listens on loopback alone, so that it may do without keys."""
WORKERS = "FUNNELCAST_WORKERS"
"""The environment variable that says how many processes serve."""


class Front:
    """Hands every request to our application, so that none of BentoML's open pages is reached; /metrics is its Prometheus page."""

    def __init__(self, app: ASGIApp) -> None:
        from serving.app import build_app  # noqa: PLC0415 (BentoML's parent process reads this file too, and answers nothing)

        settings = Settings.read()
        self._bento = app
        source = Path(os.environ.get(SOURCE) or settings.demo)
        self._ours = build_app(settings, source, metrics=app, keyless=os.environ.get(KEYLESS) == "1")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        # start-up and shut-down stay BentoML's
        await (self._bento if scope["type"] == "lifespan" else self._ours)(scope, receive, send)


@bentoml.service(name="funnelcast", traffic={"timeout": 10}, workers=int(os.environ.get(WORKERS) or 1))
class FunnelcastService:
    """Predictions and forecasts of one company."""


Service: Any = FunnelcastService
Service.add_asgi_middleware(Front)
