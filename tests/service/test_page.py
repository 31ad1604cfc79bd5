"""The dashboard's page as it is served: its files, what a browser may do with them, and the chart library."""

from __future__ import annotations

import asyncio
import re
from importlib import metadata
from pathlib import Path

import httpx
import pytest

from serving import page
from tests.service.conftest import Client


class Browser:
    """Asks an application in process for the page's files, with a browser's headers."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self._client.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as asking:
                return await asking.get(path, headers=headers)

        return asyncio.run(ask())


@pytest.fixture
def browser(client: Client) -> Browser:
    return Browser(client)


def test_the_page_asks_nobody_else(browser: Browser) -> None:
    folder = Path(page.__file__).parent / "dashboard"
    files = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*") if path.name != "index.html")
    assert "main.js" in files
    assert browser.get("/").headers["content-type"].startswith("text/html")
    for path in ("/", *(f"/assets/{name}" for name in files)):
        served = browser.get(path)
        assert served.status_code == 200
        assert "default-src 'self'" in served.headers["content-security-policy"]
        assert served.headers["cache-control"] == "no-cache"  # the files of two releases never mix
        outside = [word for word in served.text.split() if "//" in word and not word.startswith("//")]
        assert outside == [], path


def test_only_the_page_lets_its_chart_library_style_it(browser: Browser) -> None:
    policy = browser.get("/").headers["content-security-policy"]
    assert "style-src 'self' 'unsafe-inline'" in policy
    assert "script-src" not in policy  # so that scripts come from here alone, by default-src
    assert "unsafe" not in browser.get("/assets/main.js").headers["content-security-policy"]
    assert "unsafe" not in browser.get("/readyz").headers["content-security-policy"]


def test_the_chart_library_is_the_installed_one_packed_where_the_browser_unpacks(browser: Browser) -> None:
    address = re.search(r'"(/assets/plotly[^"]+)"', browser.get("/").text)
    assert address is not None
    assert address[1].endswith(f"?v={metadata.version('plotly')}")
    packed, plain = (browser.get(address[1], headers={"accept-encoding": coding}) for coding in ("gzip, br", "identity"))
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.text == plain.text
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    for answer in (packed, plain):
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "accept-encoding"
