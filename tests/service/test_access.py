"""Who may come in and how often, and what is told of them, held against a small application of its own."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal
from starlette.types import Receive, Scope, Send

from serving import access as access_module
from serving import auth
from serving.access import Access
from serving.audit import AuditLog
from serving.body import Bodies
from serving.guard import Guard
from serving.journal import Journal, Told
from serving.limits import Buckets
from serving.logs import JsonLines
from serving.metrics import Metrics
from serving.paths import scope_of
from tests.service.conftest import Client

TOLD = Told({"churn": 3, "clv": 8}, items=5, failed=2)


async def scoring(scope: Scope, receive: Receive, send: Send) -> None:
    scope["state"]["told"] = TOLD
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Door:
    """The layers before the endpoints, with a clock that stands still."""

    def __init__(self, home: Path, portal: BlockingPortal) -> None:
        self.keys, self.folder, self.metrics, self.clock = home / "keys.json", home / "audit", Metrics(), Clock()
        access = Access(self.keys, keyless=False, scope_of=scope_of, rate=3)
        access._rates = Buckets(3, 3, self.clock)
        access._guesses = Buckets(access_module._GUESSES_PER_SECOND, access_module._GUESSES_AT_ONCE, self.clock)
        self.log: list[str] = []
        layers = Guard(scoring, access, Bodies(100, 5))
        app = Journal(layers, log=self.log.append, audit=AuditLog(self.folder), metrics=self.metrics)
        self.client = Client(app, portal)

    def statuses(self, key: str, count: int, path: str = "/v1/models") -> list[int]:
        return [self.client.with_key(key).get(path).status_code for _ in range(count)]

    def audited(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "audit.jsonl").read_text().splitlines()]


@pytest.fixture
def door(tmp_path: Path, portal: BlockingPortal) -> Door:
    return Door(tmp_path, portal)


def test_each_key_has_a_rate_of_its_own(door: Door) -> None:
    crm, planner = auth.add(door.keys, "crm", "score"), auth.add(door.keys, "planner", "admin")
    assert door.statuses(crm, 4) == [200, 200, 200, 429]
    refused = door.client.with_key(crm).get("/v1/models")
    assert refused.headers["retry-after"] == "1"
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["type"] == "urn:funnelcast:problem:too-many-requests"
    assert "'crm'" in refused.json()["detail"]
    assert door.statuses(planner, 3) == [200] * 3
    door.clock.now += 0.34
    assert door.statuses(crm, 2) == [200, 429]


def test_what_the_scope_forbids_counts_too(door: Door) -> None:
    crm = auth.add(door.keys, "crm", "score")
    assert door.statuses(crm, 4, "/v1/economics") == [403, 403, 403, 429]


def test_guessing_a_key_is_slow_and_the_right_guess_isn_t_told(door: Door) -> None:
    right = auth.add(door.keys, "crm", "score")
    assert door.statuses("crm.wrong", 21) == [401] * 20 + [429]
    assert door.statuses(right, 1) == [429]
    door.clock.now += 2.0
    assert door.statuses("crm.wrong", 2) == [401, 429]
    door.clock.now += 2.0
    assert door.statuses(right, 3) == [200] * 3


def test_who_guesses_doesn_t_shut_others_out(door: Door) -> None:
    auth.add(door.keys, "crm", "score")
    planner = auth.add(door.keys, "planner", "admin")
    door.statuses("crm.wrong", 60)
    assert door.statuses("another.wrong", 1) == [429]
    assert door.statuses(planner, 1) == [200]
    assert door.client.get("/v1/models").status_code == 401
    assert door.client.get("/livez").status_code == 200


def test_without_any_key_the_rate_is_that_of_a_key(door: Door) -> None:
    crm = auth.add(door.keys, "crm", "score")
    assert [door.client.get("/v1/models").status_code for _ in range(4)] == [401, 401, 401, 429]
    assert door.statuses(crm, 1) == [200]
    door.clock.now += 0.34
    assert door.client.get("/v1/models").status_code == 401


def test_long_names_cost_no_memory(door: Door) -> None:
    auth.add(door.keys, "crm", "score")
    assert auth.claimed_name(f"Bearer {'x' * 9_000}.secret") == "x" * 64


def test_a_rotated_key_is_taken_up_and_the_old_one_refused(door: Door) -> None:
    first = auth.add(door.keys, "crm", "score")
    assert door.statuses(first, 1) == [200]
    second = auth.add(door.keys, "crm", "score")
    assert door.statuses(first, 1) == [401]
    assert door.statuses(second, 1) == [200]
    auth.revoke(door.keys, "crm")
    assert door.statuses(second, 1) == [401]


def test_log_audit_and_metrics_tell_no_path_and_no_query(door: Door) -> None:
    crm = auth.add(door.keys, "crm", "score")
    answered = door.client.with_key(crm).get("/v1/contacts/jane@example.com?method=secret")
    door.client.with_key("crm.wrong").get("/v1/economics")
    door.client.with_key(crm).call("JANE", "/v1/nobody/jane@example.com")
    door.client.get("/livez")
    logged = [json.loads(line) for line in door.log]
    assert all(line.endswith("}\n") for line in door.log)
    expected = {
        "key": "crm", "method": "GET", "route": "/v1/contacts/{contact_id}", "status": 200, "models": {"churn": 3, "clv": 8},
        "items": 5, "failed": 2, "request_id": answered.headers["x-request-id"],
    }  # fmt: skip
    assert [entry["route"] for entry in logged] == ["/v1/contacts/{contact_id}", "/v1/economics", "unmatched"]
    assert [entry["method"] for entry in logged] == ["GET", "GET", "other"]
    assert [entry["key"] for entry in logged] == ["crm", None, "crm"]
    audited = door.audited()
    assert [entry["status"] for entry in audited] == [200, 401]
    for entry in (logged[0], audited[0]):
        assert expected.items() <= entry.items()
        assert entry["time"].endswith("+00:00")
        assert 0 < entry["ms"] < 60_000
    page = door.metrics.page().decode()
    for line in (
        'funnelcast_requests_total{method="GET",route="/v1/contacts/{contact_id}",status="200"} 1.0',
        'funnelcast_requests_total{method="GET",route="/v1/economics",status="401"} 1.0',
        'funnelcast_request_seconds_count{route="/v1/contacts/{contact_id}"} 1.0',
        'funnelcast_answers_total{model="churn",route="/v1/contacts/{contact_id}",version="3"} 1.0',
        'funnelcast_items_total{outcome="answered",route="/v1/contacts/{contact_id}"} 3.0',
        'funnelcast_items_total{outcome="failed",route="/v1/contacts/{contact_id}"} 2.0',
    ):
        assert line in page
    everything = page + json.dumps([logged, audited])
    assert "jane" not in everything.lower()
    assert "secret" not in everything


def test_what_else_is_logged_is_a_line_of_json_too() -> None:
    try:
        Path("nowhere").read_text()
    except OSError as error:
        record = logging.getLogger("serving").makeRecord(
            "serving", logging.ERROR, "f.py", 1, "%d\nfailed", (2,), (type(error), error, error.__traceback__), extra={"entry": {"a": 1}}
        )
    line = JsonLines().format(record)
    assert "\n" not in line
    told = json.loads(line)
    assert (told["message"], told["level"], told["a"]) == ("2\nfailed", "error", 1)
    assert "FileNotFoundError" in told["traceback"]


def test_what_is_refused_for_its_rate_isn_t_audited(door: Door) -> None:
    auth.add(door.keys, "crm", "score")
    door.statuses("crm.wrong", 60)
    assert [entry["status"] for entry in door.audited()] == [401] * 20


def test_a_damaged_file_of_keys_lets_nobody_in(door: Door) -> None:
    crm = auth.add(door.keys, "crm", "score")
    door.keys.write_text("{")
    assert door.statuses(crm, 1) == [500]
    door.keys.unlink()
    assert door.statuses("crm.any", 1) == [401]
