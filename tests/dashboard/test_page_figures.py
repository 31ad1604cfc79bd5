"""The figures at the top: those of the service, in its order, each with interval, trend and target, and a way to more."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Route

from tests.dashboard.conftest import Open
from tests.dashboard.formats import money
from tests.dashboard.watched import LANGS

ORDER = ["sales", "pipeline", "cash", "cac", "clv_cac", "churn", "velocity"]


def overview(address: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{address}/v1/overview", timeout=60).json()["figures"]
    return found


@pytest.mark.parametrize("lang", LANGS)
def test_figures_are_those_of_the_service(opened: Open, address: str, lang: str) -> None:
    figures = overview(address)
    with opened(lang) as watched:
        watched.settle("forecast")
        shown = watched.figures()
    assert list(shown) == [figure["name"] for figure in figures] == ORDER
    for figure in figures:
        said = shown[figure["name"]]
        assert figure["title"][lang] in said
        values = [figure[name] for name in ("value", "low", "high")] + [figure["trend"]["value"]] * bool(figure["trend"])
        if figure["unit"].startswith("EUR"):
            assert [money(value, lang) for value in values if money(value, lang) not in said] == []
        elif figure["unit"] == "ratio":
            assert [value for value in values if f"{value:.2f}".replace(".", "," if lang == "fr" else ".") not in said] == []


def test_a_figure_shows_its_target_and_how_likely_it_is_met(opened: Open) -> None:
    def with_targets(route: Route) -> None:
        answer = route.fetch()
        document = answer.json()
        document["figures"][0] |= {"target": 123_456.0, "on_target": 0.37}
        route.fulfill(response=answer, json=document)

    with opened("fr") as watched:
        watched.settle("forecast")
        assert money(123_456, "fr") not in watched.texts()
        watched.page.route("**/v1/overview", with_targets)
        watched.page.reload()
        watched.settle("forecast")
        said = watched.figures()["sales"]
        assert money(123_456, "fr") in said
        assert "37\u00a0%" in said


def test_a_figure_leads_to_its_view(opened: Open, address: str) -> None:
    with opened("en") as watched:
        watched.settle("forecast")
        for figure in overview(address):
            watched.page.locator(f"[data-figure={figure['name']}]").click()
            watched.settle(figure["view"])
