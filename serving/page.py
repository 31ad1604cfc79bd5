"""The dashboard's page and its files, all served from here: the page's own, and the chart library of the installed plotly."""

from __future__ import annotations

import gzip
from functools import cache
from importlib import metadata
from pathlib import Path

import anyio.to_thread
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from serving.guard import POLICY

_FOLDER = Path(__file__).parent / "dashboard"
_LIBRARY = "/plotly.min.js"
_PAGE_POLICY = f"{POLICY}; style-src 'self' 'unsafe-inline'"
"""Plotly writes style elements and attributes of its own; scripts stay those that lie here."""
_YEAR = "public, max-age=31536000, immutable"
_ASK_AGAIN = {"cache-control": "no-cache"}
"""The files of the page belong together: a browser never mixes those of two releases."""


async def page(_: Request) -> Response:
    """Give the page; its script asks the API for every figure."""
    return Response(_shell(), media_type="text/html", headers={**_ASK_AGAIN, "content-security-policy": _PAGE_POLICY})


def assets() -> Router:
    """Serve scripts and styles."""
    return Router([Route(_LIBRARY, _library), Mount("/", GZipMiddleware(_Files(directory=_FOLDER)))])


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        """Give a file that the browser asks for anew each time; most often it hears that nothing changed."""
        response = await super().get_response(path, scope)
        response.headers.update(_ASK_AGAIN)
        return response


async def _library(request: Request) -> Response:
    """Give the chart library: its address names the version, so that it may be kept for a year."""
    headers = {"cache-control": _YEAR, "vary": "accept-encoding"}
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(await anyio.to_thread.run_sync(_script), media_type="text/javascript", headers=headers)
    packed = await anyio.to_thread.run_sync(_packed)  # a tenth of a second, once
    return Response(packed, media_type="text/javascript", headers={**headers, "content-encoding": "gzip"})


def _shell() -> str:
    return (_FOLDER / "index.html").read_text(encoding="utf-8").replace("{plotly}", metadata.version("plotly"))


def _script() -> bytes:
    # by the list of installed files: importing plotly itself would take a tenth of a second more
    return Path(str(metadata.distribution("plotly").locate_file("plotly/package_data/plotly.min.js"))).read_bytes()


@cache
def _packed() -> bytes:
    return gzip.compress(_script(), mtime=0)
