from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.dashboard.seasoned import seasoned
from tests.dashboard.watched import Watched, watching

if TYPE_CHECKING:
    from tests.service.conftest import Served

Open = Callable[..., AbstractContextManager[Watched]]


@contextmanager
def serving(home: Path, source: Path) -> Iterator[str]:
    """Serve a company by the command, on a free port of loopback; gives the address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    command = [sys.executable, "-m", "funnelcast.cli", "serve", "--port", port, "--source", str(source)]
    environment = {**os.environ, "FUNNELCAST_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    with (
        (home / "serve.log").open("w") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True) as process,
    ):
        assert process.stdout is not None
        address = next((line.strip() for line in process.stdout if line.startswith("http://")), "")
        try:
            assert address, (home / "serve.log").read_text()[-2000:]
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.read()


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the machine has its Chromium; without one nothing is trained and served either."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        pytest.skip("no Chromium on this machine")
    return found


@pytest.fixture(scope="session")
def address(chromium: str, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service of the company, without keys; it has a track record."""
    settings = seasoned(served, tmp_path_factory.mktemp("seasoned"))
    with serving(settings.home, served.source) as found:
        yield found


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Chromium, which ends with the module, since what drives it holds the thread's event loop."""
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def opened(browser: Browser, address: str) -> Open:
    """Open the page in a window of its own, with a profile of its own."""

    def opening(lang: str = "en", width: int = 1280, *, at: str = address, **options: Any) -> AbstractContextManager[Watched]:
        return watching(browser, at, lang, width, **options)

    return opening
