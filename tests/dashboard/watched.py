"""A window on the page that notes all that the page asks for, says and breaks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, expect

from funnelcast.settings import CHECKOUT
from tests.dashboard.drawn import Chart

VIEWS = ("forecast", "people", "channels", "record", "alerts")
LANGS = ("en", "fr")
WIDTHS = (1280, 360)
BROKEN = re.compile(r"undefined|NaN|\[object|Infinity|\bnull\b|\bNone\b|\bnan\b|\{\w*\}|Invalid Date")
SCREENSHOTS = CHECKOUT / ".funnelcast" / "screenshots"
_LOOKING = Path(__file__).with_name("looking.js")
_LOCALES = {"en": "en-GB", "fr": "fr-FR"}
_PATIENCE = 60_000
"""Milliseconds: what takes longer is broken, even on a busy machine."""


@dataclass
class Watched:
    """The page in one window."""

    page: Page
    address: str
    lang: str
    width: int
    complaints: list[str] = field(default_factory=list)
    """Console messages, errors of scripts, and requests that failed."""
    answers: list[tuple[int, str, str]] = field(default_factory=list)
    """Status, method and path of every answer."""
    urls: list[str] = field(default_factory=list)
    """All that was asked for."""

    @property
    def hosts(self) -> set[str]:
        """Name the hosts that were asked for something."""
        return {urlsplit(url).netloc for url in self.urls if urlsplit(url).scheme not in {"data", "blob"}}

    def show(self, view: str) -> None:
        """Turn to a view by its tab."""
        self.page.locator(f"nav a[href='#/{view}']").click()
        self.settle(view)

    def settle(self, view: str | None = None) -> None:
        """Wait until the view stands."""
        self.page.evaluate("new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")  # what was pressed has been heard
        shown = f"main[data-view={view}]" if view else "main[data-view]"
        expect(self.page.locator(f"{shown}[aria-busy=false]")).to_be_attached(timeout=_PATIENCE)

    def press(self, kind: str, value: str) -> None:
        """Press one of a group of buttons: ``every`` week or month, ``pick`` a list."""
        button = self.page.locator(f"button[data-{kind}={value}]")
        button.click()
        self.settle()
        expect(button).to_have_attribute("aria-pressed", "true")

    def heading(self) -> str:
        """Give the view's own heading."""
        return self.page.locator("main h2").first.inner_text()

    def figures(self) -> dict[str, str]:
        """Give the texts of the figures at the top by their names."""
        return {one.get_attribute("data-figure") or "": one.inner_text() for one in self.page.locator("[data-figure]").all()}

    def charts(self, *names: str) -> list[Chart]:
        """Scroll to every chart, or to some, so that they are drawn, and read them; in the order of the page."""
        wanted = ", ".join(f"main .plot[data-chart={name}]:visible" for name in names) or "main .plot:visible"
        plots = self.page.locator(wanted).all()
        for plot in plots:
            plot.scroll_into_view_if_needed()
            expect(plot).to_have_attribute("data-drawn", "true", timeout=_PATIENCE)
        self.page.evaluate("scrollTo(0, 0)")
        return [Chart.read(plot) for plot in plots]

    def texts(self) -> str:
        """Give every text that somebody can read or hear."""
        found: str = self.page.evaluate("looking.texts()")
        return found

    def too_wide(self) -> list[str]:
        """Give what makes the page scroll sideways."""
        found: list[str] = self.page.evaluate("looking.tooWide()")
        return found

    def spilled(self) -> list[str]:
        """Give texts that leave their card or section."""
        found: list[str] = self.page.evaluate("looking.spilled()")
        return found

    def picture(self, name: str) -> None:
        """Keep what the page looks like, to be looked at."""
        self.page.screenshot(path=SCREENSHOTS / f"{name}-{self.lang}-{self.width}.png", full_page=True)

    def listen(self, context: BrowserContext) -> None:
        """Note what happens from now on."""
        context.on("console", self._message)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", lambda request: self.urls.append(request.url))
        context.on("requestfailed", self._failure)
        context.on("response", self._answer)

    def _message(self, message: ConsoleMessage) -> None:
        self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")

    def _failure(self, request: Request) -> None:
        if request.failure != "net::ERR_ABORTED":  # what was under way when the page was left
            self.complaints.append(f"{request.url}: {request.failure}")

    def _answer(self, answer: Response) -> None:
        self.answers.append((answer.status, answer.request.method, urlsplit(answer.url).path))


@contextmanager
def watching(browser: Browser, address: str, lang: str, width: int, **options: Any) -> Iterator[Watched]:
    """Open the page in a new window, with an empty profile."""
    context = browser.new_context(locale=_LOCALES[lang], viewport={"width": width, "height": 800}, **options)
    context.set_default_timeout(_PATIENCE)
    context.add_init_script(path=_LOOKING)
    try:
        watched = Watched(context.new_page(), address, lang, width)
        watched.listen(context)
        watched.page.goto(address)
        yield watched
    finally:
        context.close()
