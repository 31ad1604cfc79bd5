from __future__ import annotations

import re
from typing import Any

from serving.app import build_app
from serving.openapi import openapi
from serving.paths import scope_of, template_of
from tests.service.conftest import Client, Served

CONTRACT = {
    ("post", "/v1/churn/score"), ("post", "/v1/leads/score"), ("post", "/v1/clv/predict"), ("get", "/v1/contacts/{contact_id}"),
    ("get", "/v1/attribution"), ("post", "/v1/attribution/journey"), ("get", "/v1/economics"), ("post", "/v1/forecast/sales"),
    ("post", "/v1/forecast/pipeline"), ("post", "/v1/forecast/cash"), ("get", "/v1/alerts"), ("get", "/v1/track-record"),
    ("get", "/v1/models"), ("get", "/v1/models/{name}/card"), ("get", "/v1/access"), ("get", "/v1/segments"), ("get", "/v1/channel-moves"),
    ("get", "/v1/overview"), ("get", "/v1/journeys"), ("get", "/v1/drift"),
    *(("get", f"/v1/lists/{name}") for name in ("churn", "leads", "invoices", "deals")),
    ("get", "/"), ("get", "/livez"), ("get", "/readyz"), ("get", "/metrics"), ("get", "/openapi.json"),
}  # fmt: skip


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): operation for path, methods in openapi()["paths"].items() for method, operation in methods.items()}


def filled(path: str) -> str:
    return path.replace("{contact_id}", "C0000001").replace("{name}", "churn")


def test_every_endpoint_of_the_contract_is_described_and_no_other() -> None:
    assert set(operations()) == CONTRACT


def test_every_route_is_described(served: Served) -> None:
    routes = build_app(served.settings, served.source).routes
    paths = {re.sub(":path}", "}", str(getattr(route, "path", ""))) for route in routes} - {"/assets"}
    assert paths == {path for _, path in CONTRACT}
    assert {template_of(filled(path)) for path in paths} == paths


def test_every_example_is_answered(client: Client) -> None:
    for (method, path), operation in operations().items():
        if method == "post":
            body = operation["requestBody"]["content"]["application/json"]["example"]
            answer = client.answer(path, body)
            items = answer.get("scores") or answer.get("predictions") or []
            assert not any("error" in item for item in items), path
        elif path not in {"/metrics", "/"}:
            assert client.get(filled(path)).status_code == 200, path


def test_every_reference_leads_somewhere_and_scopes_are_the_guards_own(client: Client) -> None:
    document = client.answer("/openapi.json")
    assert document["openapi"] == "3.1.0"
    named = set(re.findall(r"#/components/schemas/(\w+)", client.get("/openapi.json").text))
    assert named <= set(document["components"]["schemas"])
    for (_, path), operation in operations().items():
        if "security" in operation:
            assert operation["security"] == [{"key": [scope_of(path)]}]
        else:
            assert path in {"/", "/livez", "/readyz"}
