"""The Python client against the service: every call is answered, and refusals are told."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, get_type_hints

import httpx
import pytest

from funnelcast import client as client_module
from funnelcast.client import Refused, Score, Service, Value
from funnelcast.forecast.projection import Ask, rebuild
from funnelcast.forecast.scenario import Scenario
from funnelcast.settings import CHECKOUT
from serving.openapi import openapi
from tests.service.conftest import Client, Served


class InProcess(httpx.BaseTransport):
    """Carries requests to the application in this process, and keeps their paths."""

    def __init__(self, client: Client) -> None:
        self._client, self.paths = client, list[str]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.path)
        answer = self._client.call(request.method, request.url.raw_path.decode(), request.read() or None)
        return httpx.Response(answer.status_code, headers={"content-type": answer.headers["content-type"]}, content=answer.content)


@pytest.fixture
def transport(client: Client) -> InProcess:
    return InProcess(client)


@pytest.fixture
def service(transport: InProcess) -> Service:
    return Service(transport=transport)


def known_to(shape: type[Any], answer: Mapping[str, Any]) -> bool:
    """Say whether the type names every field of an answer."""
    return set(answer) <= set(get_type_hints(shape))


def test_scores_come_back_in_order_and_typed(service: Service, person: dict[str, Any]) -> None:
    when = datetime(2025, 6, 1, tzinfo=UTC)
    people = [person, {**person, "contact_id": "x2", "transactions": [{"occurred_at": datetime(2025, 5, 3, tzinfo=UTC), "amount": 10.0}]}]
    for ask in (service.score_churn, service.score_leads):
        answer = ask(people, as_of=when, explain=2, lang="fr")
        assert [score["contact_id"] for score in answer["scores"]] == ["x1", "x2"]
        assert all(0 < score["low"] <= score["probability"] <= score["high"] < 1 for score in answer["scores"])
        assert all(known_to(Score, score) and len(score["reasons"]) == 2 for score in answer["scores"])
        assert answer["as_of"].startswith("2025-06-01")


def test_what_is_wrong_with_one_contact_is_in_its_place(service: Service, person: dict[str, Any]) -> None:
    answer = service.score_churn([{**person, "contact_id": "bad", "color": "blue"}, person], as_of=date(2025, 6, 1))
    bad, good = answer["scores"]
    assert "color" in bad["error"]
    assert "error" not in good


def test_values_come_from_purchases_or_summaries(service: Service, person: dict[str, Any]) -> None:
    asked = [
        {"contact_id": "x1", "transactions": person["transactions"]},
        {"contact_id": "x2", "frequency": 2, "recency": 213, "T": 272, "monetary_value": 35.0},
    ]
    answer = service.predict_clv(asked, as_of=date(2025, 6, 1), horizon_days=90)
    assert all(known_to(Value, value) and value["clv"] > 0 for value in answer["predictions"])
    longer = service.predict_clv(asked, as_of=date(2025, 6, 1), horizon_days=365, discount_rate=0.0)
    assert all(more["clv"] > less["clv"] for more, less in zip(longer["predictions"], answer["predictions"], strict=True))


def test_a_scenario_is_the_projection_s(service: Service, served: Served) -> None:
    answer = service.forecast("cash", weeks=3, scenario={"payment_delay_days": 20})
    expected = rebuild(served.snapshot().folder("forecast")).document(Ask("cash", count=3, scenario=Scenario(payment_delay_days=20.0)))
    assert answer["periods"] == expected["periods"]
    assert answer["difference"] == expected["difference"]


def test_every_endpoint_of_the_contract_has_a_call(service: Service, transport: InProcess, person: dict[str, Any]) -> None:
    touches = [{"occurred_at": "2025-02-01T10:00:00Z", "channel": "search"}, {"occurred_at": "2025-02-03T10:00:00Z", "channel": "store"}]
    service.score_churn([person])
    service.score_leads([person])
    service.predict_clv([{"contact_id": "x1", "transactions": person["transactions"]}])
    assert [touch["credit"] for touch in service.credit_journey(touches, value=100.0, method="last")["touchpoints"]] == [0.0, 1.0]
    assert service.attribution("last")["method"] == "last"
    planner = (service.attribution, service.economics, service.alerts, service.track_record, service.segments, service.channel_moves)
    for ask in (*planner, service.overview, service.journeys, service.drift, service.models, service.access):
        assert ask()["as_of"]
    for quantity in ("sales", "pipeline", "cash"):
        assert service.forecast(quantity, weeks=2)["periods"]
    for name in ("churn", "leads", "invoices", "deals"):
        assert service.worklist(name, channel="store")["total"] >= 0
    assert service.worklist_csv("churn").startswith('"contact_id",')
    assert service.card("churn")["card"].startswith("# churn")
    with pytest.raises(Refused, match="404"):
        service.contact("nobody")
    asked = {path.replace("nobody", "{contact_id}").replace("models/churn", "models/{name}") for path in transport.paths}
    assert asked == {path for path in openapi()["paths"] if path.startswith("/v1/")}


def test_a_refusal_says_what_was_wrong_and_where(service: Service, person: dict[str, Any]) -> None:
    with pytest.raises(Refused, match="422") as refused:
        service.score_churn([person, person])
    assert refused.value.field == "contacts[1].contact_id"
    assert refused.value.kind.startswith("urn:funnelcast:problem:")
    assert refused.value.request_id
    with pytest.raises(Refused) as missing:
        service.contact("no/such contact")
    assert missing.value.status == 404


def test_a_time_stamp_without_its_zone_is_not_sent(service: Service, person: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="time zone"):
        service.score_churn([{**person, "created_at": datetime(2025, 1, 1)}])  # noqa: DTZ001
    with pytest.raises(ValueError, match="JSON"):
        service.score_churn([{**person, "attributes": {"age": float("nan")}}])


def test_what_is_no_problem_document_is_a_refusal_all_the_same() -> None:
    answering = httpx.MockTransport(lambda _: httpx.Response(502, text="<html>bad gateway</html>"))
    with pytest.raises(Refused, match="502: Bad Gateway"):
        Service(transport=answering).models()


def busy(kind: str, *after: str) -> tuple[httpx.MockTransport, list[int]]:
    """Refuse with these Retry-After headers one after the other, then answer; the list tells how often was asked."""
    asked, waits = [0], list(after)

    def answer(_: httpx.Request) -> httpx.Response:
        asked[0] += 1
        if not waits:
            return httpx.Response(200, json={"models": []})
        return httpx.Response(429, json={"type": f"urn:funnelcast:problem:{kind}"}, headers={"retry-after": waits.pop(0)})

    return httpx.MockTransport(answer), asked


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


@pytest.mark.parametrize("kind", ["too-many-requests", "too-busy"])
def test_who_is_asked_to_come_back_comes_back(kind: str, slept: list[float]) -> None:
    transport, asked = busy(kind, "2", "1")
    assert Service(transport=transport).models() == {"models": []}
    assert (asked, slept) == ([3], [2.0, 1.0])


@pytest.mark.parametrize(("kind", "after", "tried"), [
    ("too-busy", ("4", "4", "4", "4"), 3), ("too-busy", ("11",), 1), ("too-busy", ("",), 1), ("too-busy", ("soon",), 1),
    ("too-busy", ("0",) * 9, 1), ("out-of-time", ("1",), 1), ("no-champion", ("1",), 1),
])  # fmt: skip
def test_patience_has_an_end(kind: str, after: tuple[str, ...], tried: int, slept: list[float]) -> None:
    transport, asked = busy(kind, *after)
    with pytest.raises(Refused) as refused:
        Service(transport=transport, patience=10.0).models()
    assert asked == [tried]
    assert sum(slept) <= 10
    assert refused.value.retry_after == (float(after[0]) if after[0].isdecimal() and after[0] != "0" else None)


def test_the_readme_s_lines_run(transport: InProcess, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    found = re.search(r"<!-- client -->\n```python\n(.*?)```", (CHECKOUT / "README.md").read_text(), re.DOTALL)
    assert found
    monkeypatch.setattr(client_module, "Service", lambda address: Service(address, transport=transport))
    exec(found.group(1), {})  # noqa: S102
    assert "'probability'" in capsys.readouterr().out
