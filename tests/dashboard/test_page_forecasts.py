"""Fans that continue their past, sliders that say what the service says, weeks and months."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.dashboard.conftest import Open
from tests.dashboard.drawn import Chart
from tests.dashboard.formats import day_in_words, money
from tests.dashboard.watched import BROKEN, LANGS, Watched

AHEAD: dict[str, dict[str, Any]] = {"week": {"weeks": 13}, "month": {"every": "month", "periods": 6}}
PAST = {"week": 26, "month": 12}
QUANTITIES = ("sales", "pipeline", "cash")


@pytest.fixture(scope="module", params=LANGS)
def window(request: pytest.FixtureRequest, opened: Open) -> Iterator[Watched]:
    with opened(request.param) as watched:
        watched.show("forecast")
        yield watched


def asked(window: Watched, quantity: str, **request: Any) -> dict[str, Any]:
    """Ask the service itself."""
    answer = httpx.post(f"{window.address}/v1/forecast/{quantity}", json=request, timeout=60)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def fans(window: Watched) -> dict[str, Chart]:
    """Give the fans of sales, pipeline and cash."""
    return {chart.name: chart for chart in window.charts(*QUANTITIES)}


@pytest.mark.parametrize("every", ["week", "month"])
def test_the_totals_are_those_of_the_service(window: Watched, every: str) -> None:
    window.press("every", every)
    assert BROKEN.findall(window.texts()) == []
    for quantity, chart in fans(window).items():
        total = asked(window, quantity, **AHEAD[every])["total"]
        for level in ("p50", "p10", "p90"):
            assert money(total[level], window.lang) in chart.said


@pytest.mark.parametrize("every", ["week", "month"])
def test_axes_name_their_unit(window: Watched, every: str) -> None:
    window.press("every", every)
    titles = {(chart.name, axis): title for chart in window.charts() for axis, _, title in chart.titled}
    amounts = [title for (name, axis), title in titles.items() if axis == "yaxis"]
    assert len(amounts) == 7
    assert all("€" in title for title in amounts)
    assert titles["balance", "yaxis2"] == {"en": "probability", "fr": "probabilité"}[window.lang]


@pytest.mark.parametrize("every", ["week", "month"])
def test_history_and_fan_are_joined(window: Watched, every: str) -> None:
    window.press("every", every)
    for quantity, chart in fans(window).items():
        past = asked(window, quantity, **AHEAD[every], past=PAST[every])["past"]
        whole = [period for period in past if not period["partial"]]
        assert len(whole) >= 12
        _require_joined(chart, [(period["start"][:10], period["amount"]) for period in whole], every)


def _require_joined(chart: Chart, past: list[tuple[str, float]], every: str) -> None:
    lines = [list(zip(trace["x"], trace["y"], strict=True)) for trace in chart.traces if not trace["fill"]]
    (history,) = [line for line in lines if line == past]
    bands = [list(zip(trace["x"], trace["y"], strict=True)) for trace in chart.traces if trace["fill"]]
    assert len(bands) == 3
    for band in bands:  # up along the higher edge and back along the lower one: it begins and ends where history ends
        assert band[0] == band[-1] == history[-1]
        starts = [date.fromisoformat(at) for at, _ in band[: len(band) // 2]]
        assert all(_periods_between(one, other, every) == 1 for one, other in pairwise(starts))
    median = next(line for line in lines if len(line) > 2 and line[0][0] == bands[0][1][0])
    assert [history[-1], median[0]] in lines


def _periods_between(one: date, other: date, every: str) -> float:
    return (other - one).days / 7 if every == "week" else 12 * (other.year - one.year) + other.month - one.month


SLIDERS: dict[str, tuple[str, int, dict[str, Any], tuple[str, ...]]] = {
    "win_rate": ("ArrowRight", 4, {"win_rate": {"*": 1.2}}, ("pipeline", "cash")),
    "new_deals": ("ArrowLeft", 2, {"new_deals": {"*": 0.9}}, ("pipeline", "cash")),
    "payment_delay_days": ("ArrowRight", 14, {"payment_delay_days": 14}, ("cash",)),
    "spend": ("ArrowRight", 5, {"spend": {"*": 1.5}}, ("pipeline", "cash")),
}


@pytest.mark.parametrize("name", SLIDERS)
def test_a_slider_moved_by_keys_says_what_the_service_says(window: Watched, name: str) -> None:
    if window.lang == "fr" and name != "win_rate":
        pytest.skip("in French one slider is enough")
    key, times, scenario, moved = SLIDERS[name]
    window.press("every", "week")
    slider = window.page.locator(f"input[type=range][name={name}]")
    before = [chart.traces for chart in fans(window).values()]
    slider.focus()
    for _ in range(times):
        slider.press(key)
    window.settle("forecast")
    for quantity in moved:
        answer = asked(window, quantity, **AHEAD["week"], scenario=scenario)
        plan = asked(window, quantity, **AHEAD["week"])
        difference = answer["total"]["mean"] - plan["total"]["mean"]
        assert abs(difference) > 1
        said = window.page.locator(f"[data-difference={quantity}]").inner_text()
        assert money(difference, window.lang, sign=True) in said
        assert money(answer["difference"]["total"]["p10"], window.lang, sign=True) in said
        assert money(answer["difference"]["total"]["p90"], window.lang, sign=True) in said
    assert window.page.locator("[data-difference]").count() == len(moved)
    _require_drawn(window, scenario, moved)
    window.page.locator(".sliders .reset").click()
    window.settle("forecast")
    assert window.page.locator("[data-difference]").count() == 0
    assert [chart.traces for chart in fans(window).values()] == before
    assert window.complaints == []


def _require_drawn(window: Watched, scenario: dict[str, Any], moved: tuple[str, ...]) -> None:
    """Require the medians of the scenario in the charts of the quantities that it moves, and nowhere else."""
    for quantity, chart in fans(window).items():
        answer = asked(window, quantity, **AHEAD["week"], scenario=scenario)
        medians = [period["p50"] for period in answer["periods"] if not period["partial"]]
        drawn = any(trace["y"][-len(medians) :] == medians for trace in chart.traces if not trace["fill"])
        assert drawn or quantity not in moved, quantity
        assert len(chart.traces) == (9 if quantity in moved else 6), quantity


def test_the_day_of_the_facts_stands_on_the_page(window: Watched) -> None:
    assert day_in_words(asked(window, "sales", weeks=1)["as_of"], window.lang) in window.texts()
