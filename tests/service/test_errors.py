"""What is wrong with an envelope refuses it; what is wrong inside an item fails that item alone; nothing of ours ever shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.service.conftest import Client

PURCHASE = {"occurred_at": "2025-01-01T00:00:00Z", "amount": 1}
TOUCH = {"occurred_at": "2025-01-01T00:00:00Z", "channel": "email"}
BUYER = {"contact_id": "a", "transactions": [PURCHASE]}
TOLD = {"contact_id": "b", "frequency": 0, "recency": 0, "T": 1, "monetary_value": 0}
CLV = "/v1/clv/predict"
CHURN = "/v1/churn/score"


def refused(client: Client, path: str, body: bytes, status: int, kind: str, field: str | None = None, word: str = "") -> None:
    response = client.call("POST", path, body)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["type"] == f"urn:funnelcast:problem:{kind}"
    assert document["status"] == status
    assert document["request_id"] == response.headers["x-request-id"]
    assert document.get("field") == field
    assert word in document["detail"]
    clean(response.text)


def clean(text: str) -> None:
    """No traceback, no path of this machine."""
    for inside in ("Traceback", "/home", "/root", "/tmp", "site-packages", ".py", "pydantic", "duckdb"):  # noqa: S108 (looked for)
        assert inside not in text


@pytest.mark.parametrize(("body", "status", "kind", "field", "word"), [
    (b"{", 400, "not-json", None, "line 1"),
    (b"", 400, "not-json", None, ""),
    (b'{"contacts":[{"contact_id":"\xff\xfe"}]}', 400, "not-json", None, "UTF-8"),
    (rb'{"contacts":[{"contact_id":"\ud800"}]}', 400, "not-json", None, "no character"),
    (b'{"contacts":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "too-deep", None, "nested"),
    (b'{"contacts":[{"contact_id":' + b"9" * 5_000 + b"}]}", 400, "not-json", None, "too long"),
    (b'{"contacts":[],"contacts":[]}', 400, "not-json", None, "'contacts' stands twice"),
    (b'{"contacts":[{"contact_id":"a","contact_id":"b"}]}', 400, "not-json", None, "'contact_id' stands twice"),
    (b"3", 422, "wrong-type", None, "a number"),
    (b"null", 422, "wrong-type", None, "null"),
    (b"[]", 422, "wrong-type", None, "a list"),
    (b"{}", 422, "invalid", "contacts", "is required"),
    (b'{"contacts":[]}', 422, "invalid", "contacts", "at least 1"),
    (b'{"contacts":"a"}', 422, "invalid", "contacts", "list"),
    (json.dumps({"contacts": [BUYER], "surprise": 1}).encode(), 422, "unknown-field", "surprise", "known"),
    (json.dumps({"contacts": [BUYER], "horizon_days": "a year"}).encode(), 422, "invalid", "horizon_days", "number"),
    (json.dumps({"contacts": [BUYER], "discount_rate": -1}).encode(), 422, "invalid", "discount_rate", "greater than or equal to 0"),
    (b'{"contacts":[1],"horizon_days":NaN}', 422, "invalid", "horizon_days", "finite"),
    (json.dumps({"contacts": [BUYER], "as_of": "2025-02-01T00:00:00"}).encode(), 422, "invalid", "as_of", ""),
    (json.dumps({"contacts": [BUYER, TOLD, BUYER]}).encode(), 422, "duplicate-id", "contacts[2].contact_id", "0 and at 2"),
    (json.dumps({"contacts": [{"contact_id": str(n)} for n in range(10_001)]}).encode(), 422, "invalid", "contacts", "10000"),
])  # fmt: skip
def test_a_wrong_envelope_is_refused(client: Client, body: bytes, status: int, kind: str, field: str | None, word: str) -> None:
    refused(client, CLV, body, status, kind, field, word)
    assert client.post(CLV, {"contacts": [BUYER]}).status_code == 200


@pytest.mark.parametrize(("path", "body", "field"), [
    (CHURN, {"contacts": [BUYER], "explain": 11}, "explain"),
    (CHURN, {"contacts": [BUYER], "explain": True}, "explain"),
    (CHURN, {"contacts": [BUYER], "explain": 1.5}, "explain"),
    (CHURN, {"contacts": [BUYER], "lang": "de"}, "lang"),
    ("/v1/attribution/journey", {"touchpoints": [TOUCH], "method": "magic"}, "method"),
    ("/v1/forecast/cash", {"weeks": "many"}, "weeks"),
    ("/v1/forecast/cash", {"weeks": 0}, "weeks"),
    ("/v1/attribution/journey", {"touchpoints": []}, "touchpoints"),
    ("/v1/attribution/journey", {"touchpoints": [{"channel": "email"}]}, "touchpoints[0].occurred_at"),
])  # fmt: skip
def test_each_endpoint_names_the_field(client: Client, path: str, body: dict[str, Any], field: str) -> None:
    refused(client, path, json.dumps(body).encode(), 422, "invalid", field)


@pytest.mark.parametrize(("scenario", "field"), [
    ({"surprise": 1}, "scenario.surprise"),
    ({"win_rate": {"web": -1}}, "scenario.win_rate.web"),
    ({"cash_items": [{"date": "soon", "amount": 1}]}, "scenario.cash_items[0].date"),
])  # fmt: skip
def test_a_wrong_scenario_is_refused(client: Client, scenario: dict[str, Any], field: str) -> None:
    refused(client, "/v1/forecast/pipeline", json.dumps({"scenario": scenario}).encode(), 422, "invalid", field, field)


def test_a_deep_scenario_is_refused(client: Client) -> None:
    response = client.call("POST", "/v1/forecast/cash", b'{"scenario":{"win_rate":' + b"[" * 900 + b"]" * 900 + b"}}")
    assert response.status_code in {400, 422}
    clean(response.text)


@pytest.mark.parametrize(("item", "word"), [
    ({**TOLD, "surprise": 1}, "surprise"),
    ({**TOLD, "frequency": float("nan")}, "frequency"),
    ({**TOLD, "monetary_value": float("inf")}, "monetary_value"),
    ({**TOLD, "monetary_value": 10**400}, "monetary_value"),
    ({**TOLD, "frequency": -1}, "frequency"),
    ({**TOLD, "frequency": 1.5}, "frequency"),
    ({**TOLD, "frequency": True}, "frequency"),
    ({**TOLD, "T": "1"}, "T: give a number"),
    ({**TOLD, "frequency": 2, "recency": 9, "monetary_value": 1}, "recency 9 lies beyond T 1"),
    ({**TOLD, "frequency": 40, "recency": 20, "T": 90}, "frequency 40 exceeds recency 20"),
    ({**TOLD, "transactions": [PURCHASE]}, "frequency"),
    ({"contact_id": "x"}, "is required"),
    ({"contact_id": "x", "transactions": []}, "transactions"),
    ({"contact_id": "x", "transactions": [{**PURCHASE, "occurred_at": "2025-01-01T00:00:00"}]}, "transactions[0].occurred_at"),
    ({"contact_id": "x", "transactions": [{**PURCHASE, "occurred_at": "1735689600"}]}, "transactions[0].occurred_at"),
    ({"contact_id": "x", "transactions": [{**PURCHASE, "occurred_at": "0001-01-01T00:00:00+14:00"}]}, "transactions[0].occurred_at"),
    ({"contact_id": "x", "transactions": [{**PURCHASE, "occurred_at": "2101-01-01T00:00:00Z"}]}, "not before as_of"),
    ({"contact_id": "x", "transactions": [{**PURCHASE, "amount": 1e300}]}, "transactions[0].amount"),
    ({"contact_id": "x", "transactions": [{**PURCHASE, "amount": 1e12}] * 101}, "together they exceed"),
    (None, ""),
    ("x", ""),
    ({"contact_id": 3, "transactions": [PURCHASE]}, "contact_id"),
    ({"contact_id": ""}, "contact_id"),
])  # fmt: skip
def test_a_wrong_item_fails_alone(client: Client, item: Any, word: str) -> None:
    good = {**TOLD, "contact_id": "good"}
    body = json.dumps({"contacts": [BUYER, item, good]}).encode()
    response = client.call("POST", CLV, body)
    assert response.status_code == 200
    first, failed, last = response.json()["predictions"]
    assert set(failed) == {"contact_id", "error"}
    name = item.get("contact_id") if isinstance(item, dict) else None
    assert failed["contact_id"] == (name if isinstance(name, str) else None)
    assert word in failed["error"]
    assert first["contact_id"] == "a"
    assert last["contact_id"] == "good"
    assert last["p_alive"] == 1.0
    clean(response.text)


@pytest.mark.parametrize(("change", "word"), [
    ({"attributes": {"shoe_size": 43}}, "attributes.shoe_size: not known"),
    ({"attributes": {"distance_km": "far"}}, "attributes.distance_km"),
    ({"attributes": {"distance_km": float("nan")}}, "attributes.distance_km"),
    ({"attributes": {"distance_km": 10**400}}, "attributes.distance_km: give a number that is finite"),
    ({"attributes": {"region": ["north"]}}, "attributes.region"),
    ({"touchpoints": [{"occurred_at": "2025-01-01T00:00:00Z"}]}, "touchpoints[0].channel"),
    ({"touchpoints": [{"occurred_at": "2025-07-01T00:00:00Z", "channel": "web"}]}, "touchpoints[0].occurred_at"),
    ({"subscriptions": [{"started_at": "2025-06-01T00:00:00+02:00"}]}, "subscriptions[0].started_at"),
    ({"created_at": "2025-08-01T00:00:00Z"}, "created_at"),
    ({"deals": [{"opened_at": "2025-01-01T00:00:00Z", "amount": -1}]}, "deals[0].amount"),
])  # fmt: skip
def test_a_wrong_contact_fails_alone(client: Client, person: dict[str, Any], change: dict[str, Any], word: str) -> None:
    wrong = {**person, "contact_id": "wrong", **change}
    body = json.dumps({"contacts": [wrong, person], "as_of": "2025-06-01"}).encode()
    failed, good = client.call("POST", CHURN, body).json()["scores"]
    assert word in failed["error"]
    assert 0 < good["probability"] < 1


def test_when_every_item_fails_the_slots_say_why(client: Client) -> None:
    scores = client.answer(CHURN, {"contacts": [{"contact_id": "a", "x": 1}, 5]})["scores"]
    assert [set(score) for score in scores] == [{"contact_id", "error"}] * 2


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/vnd.bentoml+pickle", "multipart/form-data", "text/plain", ""])
def test_only_json_is_read(client: Client, kind: str) -> None:
    response = client.call("POST", CLV, b"x", kind=kind)
    assert response.status_code == 415
    assert response.json()["type"].endswith(":media-type")


def test_the_largest_numbers_are_answered(client: Client) -> None:
    huge = {"contact_id": "huge", "frequency": 36_525, "recency": 36_525, "T": 36_525, "monetary_value": 1e12}
    (prediction,) = client.answer(CLV, {"contacts": [huge], "horizon_days": 3650, "discount_rate": 0})["predictions"]
    assert prediction["clv"] > 1e12
    rich = {"contact_id": "rich", "transactions": [{**PURCHASE, "amount": 1e12}] * 100}
    (score,) = client.answer(CHURN, {"contacts": [rich]})["scores"]
    assert 0 < score["probability"] < 1


@pytest.mark.parametrize(("method", "path", "status"), [
    ("GET", CLV, 405), ("PUT", CLV, 405), ("DELETE", "/v1/models", 405), ("POST", "/v1/economics", 405),
    ("GET", "/v1/nothing", 404), ("GET", "/docs.json", 404), ("GET", "/assets/../run.py", 404), ("GET", "/assets/%2e%2e/run.py", 404),
    ("GET", "/v1/contacts/nobody", 404), ("GET", "/v1/contacts/..%2f..%2fkeys.json", 404), ("GET", "/v1/attribution?method=magic", 404),
    ("GET", "/v1/attribution?method=", 404), ("GET", "/v1/models/", 404),
])  # fmt: skip
def test_wrong_methods_and_paths_are_problems(client: Client, method: str, path: str, status: int) -> None:
    response = client.call(method, path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert (status != 405) or response.headers["allow"]
    clean(response.text.replace("run.py", ""))
