"""For everyone: axe-core's rules in light and dark, contrast in charts, the keyboard alone, and paper."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.dashboard.conftest import Open
from tests.dashboard.watched import VIEWS, Watched

LEAST_CONTRAST = 4.5


@pytest.fixture(scope="module", params=["light", "dark"])
def window(request: pytest.FixtureRequest, opened: Open) -> Iterator[Watched]:
    with opened("en", color_scheme=request.param) as watched:
        yield watched


@pytest.mark.parametrize("view", VIEWS)
def test_no_rule_of_axe_is_broken_seriously(window: Watched, view: str) -> None:
    window.show(view)
    window.charts()
    window.page.evaluate("looking.unfold()")
    result: dict[str, Any] = Axe().run(window.page, options={"resultTypes": ["violations", "passes"]}).response
    assert {"color-contrast", "document-title", "html-has-lang"} <= {rule["id"] for rule in result["passes"]}
    serious = [rule for rule in result["violations"] if rule["impact"] in {"serious", "critical"}]
    assert [(rule["id"], [node["html"][:160] for node in rule["nodes"]]) for rule in serious] == []


@pytest.mark.parametrize("view", ["forecast", "channels"])
def test_labels_of_charts_stand_out(window: Watched, view: str) -> None:
    window.show(view)
    window.charts()
    contrasts = window.page.evaluate("looking.contrasts()")
    assert len(contrasts) > 20
    assert [found for found in contrasts if found[1] < LEAST_CONTRAST] == []


@pytest.mark.parametrize("view", ["forecast", "people"])
def test_the_keyboard_reaches_everything_in_its_order_and_shows_where_it_is(opened: Open, view: str) -> None:
    with opened("en") as watched:
        watched.show(view)
        watched.charts()
        watched.page.reload()
        watched.settle(view)
        count = watched.page.evaluate("looking.numbered()")
        assert count > 15
        reached = []
        for _ in range(count + 5):
            watched.page.keyboard.press("Tab")
            found = watched.page.evaluate("looking.focused()")
            if found is None:
                break
            reached.append(found)
        assert [place for place, _, _ in reached] == list(range(count))
        assert [said for _, seen, said in reached if not seen] == []


def test_the_skip_link_leads_to_what_matters(opened: Open) -> None:
    with opened("en") as watched:
        watched.settle("forecast")
        watched.page.keyboard.press("Tab")
        assert "skip" in watched.page.evaluate("document.activeElement.textContent").lower()
        watched.page.keyboard.press("Enter")
        assert watched.page.evaluate("document.activeElement.closest('main, #view') !== null")
        watched.settle("forecast")


@pytest.fixture(scope="module")
def reader(opened: Open) -> Iterator[Watched]:
    with opened("fr") as watched:
        yield watched


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_needed_is_left_off_the_paper(reader: Watched, view: str) -> None:
    reader.page.emulate_media(media="screen")
    reader.show(view)
    on_screen = len(reader.page.locator("main").inner_text())
    assert on_screen > 500
    reader.page.emulate_media(media="print")
    reader.charts()
    assert reader.page.evaluate("looking.hidden()") == []
    assert reader.too_wide() == []
    assert len(reader.page.locator("main").inner_text()) > 0.7 * on_screen
    assert not reader.page.locator("nav").first.is_visible()
