"""What stands before every endpoint, held against a small application of its own."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from funnelcast.errors import NotFound, UsageError
from serving import auth
from serving import body as body_module
from serving.access import Access
from serving.auth import Keys
from serving.body import Bodies
from serving.guard import Guard
from serving.paths import scope_of
from tests.service.conftest import Client, Served

LIMIT = 1_000
ADDING = """
import sys
from pathlib import Path
from serving import auth

for number in range(30):
    auth.add(Path(sys.argv[1]), f"{sys.argv[2]}{number}", "score")
"""


async def echo(scope: Scope, _: Receive, send: Send) -> None:
    if scope["path"] == "/v1/broken":
        message = "the secret of /srv/company"
        raise RuntimeError(message)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(len(scope["state"]["body"])).encode()})


def ask(
    keys: Path,
    path: str = "/v1/models",
    *,
    keyless: bool = True,
    parts: list[bytes] | None = None,
    headers: dict[str, str] | None = None,
    pause: float = 0.0,
) -> tuple[int, dict[str, str], bytes, int]:
    """Give status, headers and body of the answer, and how many parts of the body were read."""
    waiting = list(parts or [b""])
    read = 0
    sent: list[Message] = []

    async def receive() -> Message:
        nonlocal read
        read += 1
        await asyncio.sleep(pause)
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        sent.append(message)

    given = {"host": "127.0.0.1:3000", **(headers or {})}
    raw = [(name.encode(), value.encode()) for name, value in given.items()]
    scope: dict[str, Any] = {
        "type": "http", "method": "POST", "path": path, "headers": raw, "query_string": b"", "state": {"request_id": "r7"},
    }  # fmt: skip
    access = Access(keys, keyless=keyless, scope_of=scope_of, rate=100)
    asyncio.run(Guard(echo, access, Bodies(LIMIT, 0.05))(scope, receive, send))
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, b"".join(message.get("body", b"") for message in sent[1:]), read


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_a_body_up_to_the_limit_passes(keys: Path) -> None:
    assert ask(keys, parts=[b"x" * 600, b"x" * 400])[2] == b"1000"


@pytest.mark.parametrize("headers", [{}, {"content-length": "3000"}])
def test_a_longer_body_is_read_away_and_refused(keys: Path, headers: dict[str, str]) -> None:
    status, answered, body, read = ask(keys, parts=[b"x" * 600] * 5, headers=headers)
    assert status == 413
    assert b"body-too-large" in body
    assert answered["connection"] == "close"
    assert read == 5


def test_reading_away_ends_at_its_limit(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "_DISCARDED_BYTES", 1_200)
    status, _, _, read = ask(keys, parts=[b"x" * 600] * 50)
    assert status == 413
    assert read < 6


def test_so_many_large_bodies_are_held_at_once(keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_module, "_BODIES_AT_ONCE", 1)
    inside, leave, sent = asyncio.Event(), asyncio.Event(), defaultdict[str, list[Message]](list)

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        inside.set()
        await leave.wait()
        await echo(scope, receive, send)

    guard = Guard(slow, Access(keys, keyless=True, scope_of=scope_of, rate=100), Bodies(LIMIT, 5))

    async def post(name: str, size: int) -> None:
        async def receive() -> Message:
            if name != "too much":
                return {"type": "http.request", "body": b"x" * size}
            if inside.is_set():  # the first part; the rest is slow
                inside.clear()
                return {"type": "http.request", "body": b"x" * size, "more_body": True}
            await leave.wait()
            return {"type": "http.request", "body": b""}

        async def send(message: Message) -> None:
            sent[name].append(message)

        scope: dict[str, Any] = {
            "type": "http", "method": "POST", "path": "/v1/models", "headers": [(b"host", b"127.0.0.1:3000")], "query_string": b"",
            "state": {"request_id": "r7"},
        }  # fmt: skip
        await guard(scope, receive, send)

    async def story() -> None:
        first = asyncio.create_task(post("first", LIMIT - 10))
        await inside.wait()
        too_much = asyncio.create_task(post("too much", 20))
        await asyncio.sleep(0)
        probe = asyncio.create_task(post("probe", 0))
        little = asyncio.create_task(post("little", 10))
        await asyncio.sleep(0)
        leave.set()
        await asyncio.gather(first, too_much, probe, little)
        await post("afterwards", LIMIT)

    asyncio.run(story())
    statuses = {name: messages[0]["status"] for name, messages in sent.items()}
    assert statuses == {"first": 200, "too much": 503, "probe": 200, "little": 200, "afterwards": 200}
    assert dict(sent["too much"][0]["headers"])[b"retry-after"] in {b"1", b"2", b"3"}


def test_a_large_head_is_refused(keys: Path) -> None:
    assert ask(keys, headers={"x": "y" * 60_000})[0] == 200
    assert ask(keys, headers={"x": "y" * 66_000})[0] == 431


def test_a_body_that_comes_too_slowly_is_refused(keys: Path) -> None:
    status, answered, body, _ = ask(keys, parts=[b"x", b""], pause=1.0)
    assert status == 408
    assert b"body-too-slow" in body
    assert answered["connection"] == "close"


def test_what_breaks_is_a_problem_without_insides(keys: Path, caplog: pytest.LogCaptureFixture) -> None:
    status, headers, body, _ = ask(keys, "/v1/broken")
    assert status == 500
    assert b"secret" not in body
    assert headers["x-request-id"].encode() in body
    (record,) = caplog.records
    told = record.__dict__["entry"]
    assert told["request_id"] == headers["x-request-id"]
    assert told["error"]["type"] == "RuntimeError"
    assert "echo" in told["error"]["frames"][-1]
    assert "secret" not in caplog.text + str(told)


def test_every_answer_carries_the_security_headers(keys: Path) -> None:
    for path in ("/v1/models", "/v1/broken"):
        headers = ask(keys, path)[1]
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["attacker.example", "10.0.0.3:3000", "127.0.0.1.attacker.example:80", "", "[", "[::1"])
def test_without_keys_other_names_of_this_machine_are_refused(keys: Path, host: str) -> None:
    expected = 421
    assert ask(keys, headers={"host": host})[0] == expected


@pytest.mark.parametrize("host", ["localhost", "localhost:3000", "127.0.0.1:3000", "[::1]:3000", "[::1]"])
def test_without_keys_loopback_is_answered(keys: Path, host: str) -> None:
    assert ask(keys, headers={"host": host})[0] == 200


def test_without_keys_nobody_is_answered_beyond_loopback(keys: Path) -> None:
    assert ask(keys, keyless=False)[0] == 401


def test_a_service_whose_last_key_is_revoked_stays_shut(keys: Path) -> None:
    key = auth.add(keys, "crm", "score")
    assert ask(keys, keyless=False, headers={"authorization": f"Bearer {key}"})[0] == 200
    auth.revoke(keys, "crm")
    assert ask(keys, keyless=False, headers={"authorization": f"Bearer {key}"})[0] == 401


@pytest.mark.parametrize(("scope", "open_to"), [
    ("score", {"/v1/churn/score", "/v1/leads/score", "/v1/clv/predict", "/v1/attribution/journey", "/v1/contacts/c"}),
    ("forecast", {"/v1/forecast/sales", "/v1/forecast/pipeline", "/v1/forecast/cash", "/v1/attribution", "/v1/economics"}),
    ("admin", {"/metrics", "/openapi.json"}),
])  # fmt: skip
def test_a_scope_opens_its_own_endpoints_alone(keys: Path, scope: str, open_to: set[str]) -> None:
    everything = {
        "/v1/churn/score", "/v1/leads/score", "/v1/clv/predict", "/v1/attribution/journey", "/v1/contacts/c", "/v1/models",
        "/v1/forecast/sales", "/v1/forecast/pipeline", "/v1/forecast/cash", "/v1/attribution", "/v1/economics", "/v1/alerts",
        "/v1/track-record", "/v1/models/churn/card", "/metrics", "/openapi.json",
    }  # fmt: skip
    open_to = open_to | {"/v1/models", "/v1/models/churn/card", "/v1/alerts", "/v1/track-record"}
    key = auth.add(keys, "one", scope)
    statuses = {path: ask(keys, path, headers={"authorization": f"Bearer {key}"})[0] for path in everything}
    reached = everything if scope == "admin" else open_to
    assert statuses == {path: 200 if path in reached else 403 for path in everything}


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer planner.wrong", "Bearer nobody.secret", "Basic b25lOnNlY3JldA==", "one"])
def test_a_wrong_key_is_refused_alike(keys: Path, authorization: str) -> None:
    auth.add(keys, "planner", "admin")
    status, headers, body, _ = ask(keys, headers={"authorization": authorization} if authorization else {})
    assert status == 401
    assert headers["www-authenticate"] == "Bearer"
    assert b"planner" not in body


def test_keys_are_hashed_rotated_and_revoked(keys: Path) -> None:
    first = auth.add(keys, "crm", "score")
    second = auth.add(keys, "crm", "forecast")
    assert auth.listed(keys) == [{"name": "crm", "scope": "forecast"}]
    for key in (first, second):
        assert key.partition(".")[2] not in keys.read_text()
    assert Keys.read(keys).caller(f"Bearer {second}").scope == "forecast"
    assert ask(keys, headers={"authorization": f"Bearer {first}"})[0] == 401
    auth.revoke(keys, "crm")
    assert auth.listed(keys) == []
    with pytest.raises(NotFound, match="keys list"):
        auth.revoke(keys, "crm")


def test_keys_that_are_added_at_once_are_all_there(keys: Path) -> None:
    adding = [subprocess.Popen([sys.executable, "-c", ADDING, str(keys), name]) for name in "ab"]
    assert [process.wait(60) for process in adding] == [0, 0]
    assert len(auth.listed(keys)) == 60


@pytest.mark.parametrize(("name", "scope"), [("", "score"), ("a b", "score"), ("a.b", "score"), ("crm", "root"), ("x" * 65, "admin")])
def test_a_key_needs_a_plain_name_and_a_known_scope(keys: Path, name: str, scope: str) -> None:
    with pytest.raises(UsageError, match="score, forecast, admin"):
        auth.add(keys, name, scope)
    assert not keys.exists()


def test_the_whole_service_asks_for_keys_once_there_is_one(served: Served, client: Client) -> None:
    path = served.settings.keys
    scoring, planning = auth.add(path, "crm", "score"), auth.add(path, "planner", "forecast")
    try:
        assert client.get("/v1/models").status_code == 401
        assert client.get("/").status_code == 200
        assert client.get("/readyz").status_code == 200
        crm, planner = client.with_key(scoring), client.with_key(planning)
        assert crm.get("/v1/models").status_code == planner.get("/v1/models").status_code == 200
        told = {one["kind"] for one in planner.get("/v1/alerts").json()["alerts"]}
        assert told > {one["kind"] for one in crm.get("/v1/alerts").json()["alerts"]}
        assert not {"cash", "outside_band", "data_quality"} & {one["kind"] for one in crm.get("/v1/alerts").json()["alerts"]}
        assert len(planner.get("/v1/track-record").json()["forecasts"]) > len(crm.get("/v1/track-record").json()["forecasts"]) == 0
        assert crm.post("/v1/forecast/cash", {"weeks": 2}).status_code == 403
        assert planner.post("/v1/forecast/cash", {"weeks": 2}).status_code == 200
        assert planner.get("/metrics").status_code == 403
    finally:
        path.unlink()
    assert client.get("/v1/models").status_code == 200
