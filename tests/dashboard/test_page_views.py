"""Every view in both languages and at both widths: whole, quiet, at home, and readable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dashboard.conftest import Open
from tests.dashboard.drawn import Chart
from tests.dashboard.watched import BROKEN, LANGS, VIEWS, WIDTHS, Watched

HEADINGS = {
    "en": {"forecast": "Forecast", "people": "Who to call", "channels": "What earns", "record": "How right we were", "alerts": "Alerts"},
    "fr": {
        "forecast": "Prévision",
        "people": "Qui appeler",
        "channels": "Ce qui rapporte",
        "record": "Avions-nous raison\u202f?",
        "alerts": "Alertes",
    },
}
CHARTS = {
    "forecast": {"sales", "sales-parts", "pipeline", "pipeline-parts", "cash", "cash-parts", "balance"},
    "people": {"profit"},
    "channels": {"credits", "segments", "journeys"},
    "record": {"coverage", "calibration"},
    "alerts": set[str](),
}


@pytest.fixture(scope="module", params=[(lang, width) for width in WIDTHS for lang in LANGS], ids=lambda found: f"{found[0]}-{found[1]}")
def window(request: pytest.FixtureRequest, opened: Open) -> Iterator[Watched]:
    lang, width = request.param
    with opened(lang, width) as watched:
        yield watched


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_stands_whole_and_nothing_is_wrong(window: Watched, view: str) -> None:
    window.show(view)
    charts = window.charts()
    window.picture(view)
    assert window.heading() == HEADINGS[window.lang][view]
    assert len(window.figures()) == 7
    assert {chart.name for chart in charts} >= CHARTS[view]
    texts = window.texts()
    assert len(window.page.locator("main").inner_text()) > 500
    assert BROKEN.findall(texts) == []
    assert window.complaints == []
    assert {status for status, _, _ in window.answers} <= {200, 304}
    assert window.hosts == {window.address.removeprefix("http://")}
    assert window.too_wide() == []
    assert window.spilled() == []
    for chart in charts:
        require_readable(chart)


def require_readable(chart: Chart) -> None:
    assert chart.marks, f"{chart.name} is empty"
    assert len(chart.labels) >= 3, chart.name
    assert chart.overlapping() == [], chart.name
    assert chart.cut_off() == [], chart.name
    assert chart.untitled() == [], chart.name


@pytest.mark.parametrize("name", ["leads", "invoices", "deals"])
def test_every_list_stands_whole(window: Watched, name: str) -> None:
    window.show("people")
    window.press("pick", name)
    window.charts()
    window.picture(f"people-{name}")
    assert window.page.locator("main tbody tr[data-id]").count() > 3
    assert BROKEN.findall(window.texts()) == []
    assert window.complaints == []
    assert window.too_wide() == []
    assert window.spilled() == []
