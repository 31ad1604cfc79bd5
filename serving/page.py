"""The dashboard's page and its files, all served from here."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

_FOLDER = Path(__file__).parent / "dashboard"


async def page(_: Request) -> Response:
    """Give the page; its script asks the API for every figure."""
    return FileResponse(_FOLDER / "index.html", media_type="text/html")


def assets() -> StaticFiles:
    """Serve script and style."""
    return StaticFiles(directory=_FOLDER)
