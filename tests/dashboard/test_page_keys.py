"""A key is asked for once, kept for the session, and shows what it may and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from serving import auth
from tests.dashboard.conftest import Open, serving
from tests.dashboard.watched import VIEWS, Watched

if TYPE_CHECKING:
    from tests.service.conftest import Served

MAY = {
    "score": ("/v1/access", "/v1/lists/churn", "/v1/lists/leads", "/v1/models", "/v1/track-record", "/v1/alerts"),
    "forecast": ("/v1/access", "/v1/overview", "/v1/forecast/", "/v1/lists/invoices", "/v1/lists/deals", "/v1/attribution", "/v1/economics",
                 "/v1/segments", "/v1/journeys", "/v1/channel-moves", "/v1/track-record", "/v1/drift", "/v1/alerts", "/v1/models"),
}  # fmt: skip
SEES = {"score": ["people", "record", "alerts"], "forecast": list(VIEWS), "admin": list(VIEWS)}


@pytest.fixture(scope="module")
def keys(chromium: str, served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The same company behind keys: its address, and a key of each scope."""
    settings = served.copied(tmp_path_factory.mktemp("keyed"), tuple(pointer.stem for pointer in _pointers(served)))
    made = {scope: auth.add(settings.keys, f"the-{scope}", scope) for scope in auth.SCOPES}
    with serving(settings.home, served.source) as address:
        yield address, made


def _pointers(served: Served) -> list[Path]:
    return list((served.settings.champions / served.facts.source.name).glob("*.json"))


def give(watched: Watched, key: str) -> None:
    watched.page.locator("#key").fill(key)
    watched.page.keyboard.press("Enter")


@pytest.mark.parametrize("scope", auth.SCOPES)
def test_a_key_is_asked_for_once_and_shows_what_it_may(opened: Open, keys: tuple[str, dict[str, str]], scope: str) -> None:
    address, made = keys
    with opened("en", at=address) as watched:
        give(watched, made[scope])
        watched.settle()
        watched.page.reload()
        watched.settle()
        assert not watched.page.locator("#key").is_visible()
        seen = [link.get_attribute("href") for link in watched.page.locator("nav a[href^='#/']").all() if link.is_visible()]
        assert seen == [f"#/{view}" for view in SEES[scope]]
        for view in SEES[scope]:
            watched.show(view)
            assert len(watched.texts()) > 300
        assert 403 not in {status for status, _, _ in watched.answers}
        answered = {path for status, _, path in watched.answers if status == 200 and path.startswith("/v1/")}
        allowed = MAY.get(scope, ("/v1/",))
        assert [path for path in answered if not path.startswith(allowed)] == []
        assert len(answered) >= 3
        assert all(made[scope] not in url for url in watched.urls)
        assert [said for said in watched.complaints if "401" not in said] == []


def test_the_key_ends_with_the_window(opened: Open, keys: tuple[str, dict[str, str]]) -> None:
    address, made = keys
    with opened("en", at=address) as watched:
        give(watched, made["admin"])
        watched.settle()
        assert watched.page.evaluate("[localStorage.length, document.cookie]") == [0, ""]
    with opened("en", at=address) as watched:
        watched.page.locator("#key").wait_for(state="visible")


@pytest.mark.parametrize(("lang", "word"), [("en", "isn’t accepted"), ("fr", "pas acceptée")])
def test_a_wrong_key_gets_a_word_and_another_try(opened: Open, keys: tuple[str, dict[str, str]], lang: str, word: str) -> None:
    address, made = keys
    with opened(lang, at=address) as watched:
        give(watched, "the-admin.wrong")
        watched.page.get_by_text(word).wait_for(state="visible")
        assert watched.page.locator("#key").is_visible()
        give(watched, made["admin"])
        watched.settle()
        assert len(watched.figures()) == 7
        assert not watched.page.get_by_text(word).is_visible()
