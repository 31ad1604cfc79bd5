"""Forecasts that were drawn before are answered at once, and say the same."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from funnelcast.forecast.ahead import asked_first, document_of
from funnelcast.forecast.pipeline import forecast_pipeline
from funnelcast.forecast.projection import Ask, rebuild
from funnelcast.forecast.scenario import Scenario
from funnelcast.terms import QUANTITIES
from serving.forecasts import Forecasts
from tests.service.conftest import Client, Served


def drawn(value: object, said: list[object]) -> Any:
    def draw() -> dict[str, Any]:
        said.append(value)
        return {"value": value}

    return draw


def test_what_was_drawn_is_not_drawn_again() -> None:
    kept, said = Forecasts(), list[object]()
    assert kept.answer("a", drawn(1, said)) == ({"value": 1}, False)
    assert kept.answer("a", drawn(2, said)) == ({"value": 1}, True)
    assert kept.answer("b", drawn(3, said)) == ({"value": 3}, False)
    assert said == [1, 3]


def test_an_answer_that_its_reader_changes_stays_as_it_was() -> None:
    kept = Forecasts()
    for _ in range(3):
        document, _ = kept.answer("a", lambda: {"periods": [1]})
        document["periods"].append(2)
        document["past"] = []
    assert kept.answer("a", dict)[0] == {"periods": [1]}


@pytest.mark.parametrize(("most", "most_bytes"), [(2, 10_000), (100, 2 * len('{"value": 1}'))])
def test_no_more_are_kept_than_fit_and_the_longest_unasked_go_first(most: int, most_bytes: int) -> None:
    kept, said = Forecasts(most, most_bytes), list[object]()
    for key in ("a", "b", "a", "c", "a", "b"):
        kept.answer(key, drawn(ord(key) % 10, said))
    assert said == [7, 8, 9, 8]
    assert len(kept) == 2


def test_one_that_is_larger_than_all_room_is_answered_and_not_kept() -> None:
    kept = Forecasts(10, 50)
    assert kept.answer("a", lambda: {"value": "x" * 100}) == ({"value": "x" * 100}, False)
    assert len(kept) == 0
    kept.answer("b", lambda: {"value": 1})
    assert kept.answer("b", dict)[1]


def test_who_asks_the_same_at_once_waits_for_the_first() -> None:
    kept, begun, said = Forecasts(), threading.Event(), list[object]()

    def slowly() -> dict[str, Any]:
        said.append(1)
        begun.wait(0.2)
        return {"value": 1}

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: kept.answer("a", slowly), range(8)))
    assert said == [1]
    assert sorted(known for _, known in answers) == [False] + [True] * 7


def test_what_failed_is_drawn_again() -> None:
    kept = Forecasts()

    def fails() -> dict[str, Any]:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        kept.answer("a", fails)
    assert kept.answer("a", lambda: {"value": 2}) == ({"value": 2}, False)


def counted(client: Client) -> dict[tuple[str, str], float]:
    found = re.findall(r'funnelcast_forecasts_total\{outcome="(\w+)",quantity="(\w+)"\} (\S+)', client.get("/metrics").text)
    return {(quantity, outcome): float(count) for outcome, quantity, count in found}


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_what_the_dashboard_asks_first_was_drawn_at_the_refresh(client: Client, served: Served, quantity: str) -> None:
    before = counted(client)
    projection = rebuild(served.snapshot().folder("forecast"))
    bodies: tuple[dict[str, Any], ...] = ({"weeks": 13, "past": 26}, {"every": "month", "periods": 6, "past": 12})
    for ask, body in zip(asked_first(quantity), bodies, strict=True):
        answer = client.answer(f"/v1/forecast/{quantity}", body)
        expected = projection.document(ask)
        assert {key: answer[key] for key in expected} == expected
        assert 0 < len(answer["past"]) <= body["past"]
    assert counted(client).get((quantity, "miss")) == before.get((quantity, "miss"))
    assert counted(client)[quantity, "hit"] == before.get((quantity, "hit"), 0) + 2


def test_a_scenario_is_drawn_once_and_each_answer_has_its_own_request(client: Client) -> None:
    before = counted(client)
    body = {"weeks": 2, "past": 3, "scenario": {"win_rate": {"*": 0.77}}}
    first, second = (client.answer("/v1/forecast/pipeline", body) for _ in range(2))
    assert first.pop("request_id") != second.pop("request_id")
    assert first == second
    after = counted(client)
    assert after["pipeline", "miss"] == before.get(("pipeline", "miss"), 0) + 1
    assert after["pipeline", "hit"] == before.get(("pipeline", "hit"), 0) + 1


def test_scenarios_of_one_quantity_share_the_plan_that_they_are_held_against(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    files, said = served.snapshot().folder("forecast"), list[bool]()

    def counted_drawing(*given: Any) -> Any:
        said.append(given[-1].neutral)
        return forecast_pipeline(*given)

    monkeypatch.setattr("funnelcast.forecast.projection.forecast_pipeline", counted_drawing)
    projection = rebuild(files)
    asks = [Ask("pipeline", count=count, scenario=Scenario(slip_weeks=slip)) for count, slip in ((3, 1), (3, 2), (4, 2), (3, 2))]
    answers = [projection.document(ask) for ask in asks]
    assert said == [False, True, False, False, True, False, True]  # the plan of other weeks is another
    assert answers == [rebuild(files).document(ask) for ask in asks]


def test_a_scenario_that_changes_nothing_is_the_plan(client: Client) -> None:
    first = client.answer("/v1/forecast/sales", {"weeks": 13})
    second = client.answer("/v1/forecast/sales", {"weeks": 13, "scenario": {"slip_weeks": 0}})
    assert {**first, "request_id": ""} == {**second, "request_id": ""}


def test_only_the_plan_by_the_dashboard_s_periods_is_drawn_ahead() -> None:
    assert document_of(Ask("cash")) == "ahead/cash_week"
    assert document_of(Ask("cash", "month", 6)) == "ahead/cash_month"
    assert document_of(Ask("cash", "month", 7)) is None
    assert document_of(Ask("sales", by="channel")) is None


def test_what_a_forecast_lacks_is_said_in_both_languages(client: Client) -> None:
    for quantity in QUANTITIES:
        answer = client.answer(f"/v1/forecast/{quantity}", {"weeks": 13})
        assert len(answer["missing_text"]) == len(answer["missing"])
        assert all({*text} == {"en", "fr"} for text in answer["missing_text"])
