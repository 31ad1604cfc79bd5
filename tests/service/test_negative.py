"""What nobody should send, to a service that really runs: it refuses, tells nothing of its insides, stays well and keeps its memory."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from serving import auth
from tests.service.conftest import Served

CLV = "/v1/clv/predict"
GOOD = json.dumps({"contacts": [{"contact_id": "a", "frequency": 2, "recency": 213, "T": 272, "monetary_value": 35}]}).encode()
INSIDES = (b"Traceback", b"/root", b"/home", b"/tmp", b"site-packages", b".py", b"pydantic", b"duckdb", b"Starlette", b"uvicorn")
LIMIT = 3_000_000
SECONDS = 1.0


@dataclass(frozen=True)
class Running:
    """The service on its port, with the key that opens it."""

    port: int
    key: str
    process: subprocess.Popen[str]
    log: Path
    home: Path

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Ask on a connection of its own, whatever the path and headers are."""
        given = {
            "host": "127.0.0.1", "authorization": f"Bearer {self.key}", "content-type": "application/json", "connection": "close",
            "content-length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()},
        }  # fmt: skip
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items() if value)]
        return answer(self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body))

    def send(self, *parts: bytes, pause: float = 0.0, wait: float = 20.0) -> bytes:
        """Send bytes as they are, and give what comes back until the connection closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=wait) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
                    time.sleep(pause)
                return b"".join(iter(lambda: connection.recv(65_536), b""))
            except (ConnectionResetError, BrokenPipeError):
                return b""  # refused before all was sent

    def workers(self) -> list[int]:
        """Give the processes below the command that answer."""
        parents = {int(stat.split("(")[0]): int(stat.rpartition(")")[2].split()[1]) for stat in _stats()}
        found, line = [], [self.process.pid]
        while line:
            children = [child for child, parent in parents.items() if parent in line]
            found += children
            line = children
        return found

    def resident(self) -> int:
        """Give their resident memory in bytes."""
        pages = [int(Path(f"/proc/{worker}/statm").read_text().split()[1]) for worker in self.workers()]
        return sum(pages) * os.sysconf("SC_PAGE_SIZE")


def _stats() -> Iterator[str]:
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            yield path.read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue


def answer(received: bytes) -> tuple[int, dict[str, str], bytes]:
    """Give status, headers and body of what came back first; status 0 where nothing did."""
    head, _, body = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]) if first else 0, headers, body[: int(headers.get("content-length", len(body)))]


@pytest.fixture(scope="module")
def running(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("negative")
    home = served.copied(folder / "home", ("clv", "churn")).home
    key = auth.add(home / "keys.json", "crm", "score")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    limits = {"FUNNELCAST_BODY_LIMIT": str(LIMIT), "FUNNELCAST_TIME_LIMIT": str(SECONDS), "FUNNELCAST_RATE_LIMIT": "100000"}
    command = [sys.executable, "-m", "funnelcast.cli", "serve", "--port", str(port), "--source", str(served.source)]
    log = folder / "serve.log"
    with log.open("w") as errors, subprocess.Popen(
        command, env={**os.environ, "FUNNELCAST_HOME": str(home), **limits}, stdout=subprocess.PIPE, stderr=errors, text=True
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert any(line.startswith("http://") for line in process.stdout), log.read_text()
        yield Running(port, key, process, log, home)
        process.send_signal(signal.SIGTERM)
        process.stdout.read()


@pytest.fixture(autouse=True)
def well(running: Running) -> Iterator[None]:
    """Whatever was sent, the next good request is answered."""
    yield
    status, _, body = running.ask("POST", CLV, GOOD)
    assert status == 200, body


def refused(received: tuple[int, dict[str, str], bytes], *statuses: int) -> None:
    status, headers, body = received
    assert status in statuses, received
    assert not any(inside in body for inside in INSIDES), body
    if headers.get("content-type") == "application/problem+json":
        assert json.loads(body)["request_id"] == headers["x-request-id"]


NESTED = b'{"contacts":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
BOMB = gzip.compress(b" " * 50_000_000)


@pytest.mark.parametrize(("body", "status"), [
    (NESTED, 400), (b'{"a":' * 150_000, 400), (b'{"contacts":[],"contacts":[]}', 400), (b"\xff\xfe\x00", 400), (b'"\\ud800"', 400),
    (b'{"contacts":[{"contact_id":"\xed\xa0\x80"}]}', 400), (pickle.dumps({"contacts": []}), 400), (BOMB, 400), (b"\x00" * 1_000, 400),
    (b"9" * 10_000, 400), (b"[1e999]", 422), (b"NaN", 422), (b'{"contacts":[],"__proto__":1}', 422), (b"", 400), (b"{", 400),
])  # fmt: skip
def test_a_bad_body_is_refused(running: Running, body: bytes, status: int) -> None:
    refused(running.ask("POST", CLV, body), status)


@pytest.mark.parametrize("headers", [
    {"content_type": "application/vnd.bentoml+pickle"}, {"content_type": "application/octet-stream"}, {"content_type": ""},
    {"content_type": "multipart/form-data; boundary=x"}, {"content_type": "application/json-patch+json"},
    {"content_encoding": "gzip"}, {"content_encoding": "br"}, {"content_encoding": "identity, gzip"},
])  # fmt: skip
def test_only_plain_json_is_read(running: Running, headers: dict[str, str]) -> None:
    refused(running.ask("POST", CLV, BOMB, **headers), 415)


def test_a_body_over_the_limit_is_refused(running: Running) -> None:
    large = b" " * (2 * LIMIT)
    status, headers, body = running.ask("POST", CLV, large)
    refused((status, headers, body), 413)
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in [b" " * 500_000] * 10) + b"0\r\n\r\n"
    head = f"POST {CLV} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {running.key}\r\n"
    head += "content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    refused(answer(running.send(head.encode() + chunked)), 413)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get"])
def test_another_method_is_refused(running: Running, method: str) -> None:
    received = running.ask(method, CLV)
    refused(received, 405, *([400] if method in {"BREW", "get"} else []))  # what HTTP doesn't know uvicorn refuses
    assert received[0] == 400 or received[1]["allow"] == "POST"


@pytest.mark.parametrize("path", [
    "/v1/contacts/..%2f..%2fkeys.json", "/v1/contacts/%2e%2e/%2e%2e/keys.json", "//v1//models", "/v1/models/", "/v1/contacts/%00",
    "/v1/contacts/%ff%fe", "/v1/contacts/" + "x" * 30_000, "/v1/contacts/%252e%252e", "/v1/contacts/a%0d%0aset-cookie:b=c",
    "/v1/contacts/", "/assets/../guard.py", "/assets/%2e%2e/guard.py", "/assets/..%2f..%2fguard.py", "/assets//etc/passwd",
    "/assets/%00", "/assets/" + "x" * 5_000, "/assets/..\\..\\guard.py", "/docs.json",
    "/schema.json", "/static_content/x", "http://127.0.0.1/v1/none", "*", "/v1/none?x=%00",
])  # fmt: skip
def test_a_path_that_is_none_leads_nowhere(running: Running, path: str) -> None:
    status, headers, body = running.ask("GET", path)
    assert status in {400, 403, 404}, (status, body)
    assert "set-cookie" not in headers
    sent = path.encode("latin-1")
    assert not any(inside in body and inside not in sent for inside in INSIDES), body


@pytest.mark.parametrize("garbage", [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\r\n\r\n\r\n" * 100 + b"x\r\n\r\n",
    b"POST / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", b"POST / HTTP/1.1\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nabcdef",
    b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n", b"GET /\x00 HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /\xc3\xa9 HTTP/1.1\r\nhost: a\r\n\r\n", b"GET / HTTP/1.1\r\nhost: a\r\nbad header\r\n\r\n",
    b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 50_000,
])  # fmt: skip
def test_what_isn_t_http_is_refused(running: Running, garbage: bytes) -> None:
    refused(answer(running.send(garbage, wait=5.0)), 0, 400, 401, 431)  # 0: the connection was reset with much of it unread


def test_requests_in_one_go_are_answered_in_their_order(running: Running) -> None:
    one = f"GET /v1/models HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {running.key}\r\n\r\n".encode()
    bad = f"POST {CLV} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {running.key}\r\ncontent-length: 3\r\n\r\nabc".encode()
    last = b"GET /livez HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"
    received = running.send(one + bad + one + last)
    statuses = [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]]
    assert statuses == [b"200", b"415", b"200", b"200"]


def test_a_web_socket_is_refused(running: Running) -> None:
    head = "GET /v1/models HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n"
    refused(answer(running.send(f"{head}sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode())), 403)


def test_a_head_without_an_end_is_refused(running: Running) -> None:
    status, _, _ = answer(running.send(b"GET / HTTP/1.1\r\n", *[b"x: " + b"y" * 1_000 + b"\r\n"] * 80, pause=0.001))
    assert status in {0, 400}


def test_without_the_right_key_nothing_is_read(running: Running) -> None:
    for authorization in ("", "Bearer", "Bearer crm.wrong", "Basic Y3JtOndyb25n", f"bearer  {running.key}x", "Bearer \xff.\xff"):
        refused(running.ask("POST", CLV, GOOD, authorization=authorization), 401)
    refused(running.ask("POST", "/v1/forecast/cash", b"{}"), 403)
    refused(running.ask("GET", "/metrics"), 403)


def test_slow_callers_are_let_go_and_hold_nobody_up(running: Running) -> None:
    head = f"POST {CLV} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {running.key}\r\ncontent-type: application/json\r\n"
    with ExitStack() as kept:
        slow = [kept.enter_context(socket.create_connection(("127.0.0.1", running.port), timeout=20)) for _ in range(50)]
        for connection in slow[:40]:  # the others send nothing at all
            connection.sendall(head.encode())
        began = time.monotonic()
        refused(answer(running.send(f"{head}content-length: 100\r\n\r\n".encode(), b'{"conta')), 408)
        assert time.monotonic() - began >= SECONDS
        assert running.ask("POST", CLV, GOOD)[0] == 200
        assert [connection.recv(1) for connection in slow] == [b""] * 50


def test_a_head_that_drips_is_let_go_and_one_in_two_pieces_is_answered(running: Running) -> None:
    head = f"GET /v1/models HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {running.key}\r\n"
    with socket.create_connection(("127.0.0.1", running.port), timeout=20) as connection:
        for _ in range(2):
            connection.sendall(head.encode())
            time.sleep(SECONDS / 4)
            connection.sendall(b"\r\n")
            status, headers, body = answer(connection.recv(65_536))
            assert status == 200
            while len(body) < int(headers["content-length"]):
                body += connection.recv(65_536)
        with pytest.raises((ConnectionResetError, BrokenPipeError)):  # noqa: PT012 (a write after the end is only told by a later one)
            for byte in head * 3:
                connection.sendall(byte.encode())
                time.sleep(SECONDS / 10)


def test_bursts_leave_the_service_well_and_its_memory_flat(running: Running) -> None:
    ways: list[Callable[[], Any]] = [
        lambda: running.ask("POST", CLV, NESTED), lambda: running.ask("POST", CLV, b'{"contacts":[{}],"x":1}'),
        lambda: running.ask("POST", CLV, BOMB, content_encoding="gzip"), lambda: running.ask("POST", CLV, b" " * (LIMIT + 1)),
        lambda: running.ask("POST", CLV, b'{"contacts":["x",{"contact_id":"jane@example.com"}]}'),
        lambda: running.ask("GET", f"/v1/contacts/jane-{time.monotonic_ns()}"), lambda: running.ask("BREW", f"/{time.monotonic_ns()}"),
        lambda: answer(running.send(b"nonsense\r\n\r\n")),
    ]  # fmt: skip

    def burst() -> set[int]:
        with ThreadPoolExecutor(16) as pool:
            return {received[0] for received in pool.map(lambda number: ways[number % len(ways)](), range(200))}

    assert burst() <= {0, 200, 400, 403, 404, 405, 413, 415, 422}
    burst()
    before, workers = running.resident(), running.workers()
    for _ in range(3):
        burst()
    assert running.workers() == workers
    assert running.resident() < 1.1 * before + 20 * 2**20


def test_a_rotated_key_is_taken_up_by_the_running_service(running: Running) -> None:
    second = auth.add(running.home / "keys.json", "other", "score")
    assert running.ask("POST", CLV, GOOD, authorization=f"Bearer {second}")[0] == 200
    third = auth.add(running.home / "keys.json", "other", "score")
    assert running.ask("POST", CLV, GOOD, authorization=f"Bearer {second}")[0] == 401
    assert running.ask("POST", CLV, GOOD, authorization=f"Bearer {third}")[0] == 200


def test_the_logs_are_json_and_hold_nothing_of_a_person(running: Running) -> None:
    running.ask("GET", "/v1/contacts/jane@example.com?mail=jane@example.com")
    audit = running.home / "audit" / "audit.jsonl"
    deadline = time.monotonic() + 5
    while "{contact_id}" not in audit.read_text().splitlines()[-1]:  # it is written as soon as the answer is out
        assert time.monotonic() < deadline
        time.sleep(0.01)
    audited = [json.loads(line) for line in audit.read_text().splitlines()]
    logged = [json.loads(line) for line in running.log.read_text().splitlines() if not line.startswith("· ")]
    for entries in (logged, audited):
        assert entries[-1]["route"] == "/v1/contacts/{contact_id}"
        assert entries[-1]["key"] == "crm"
    everything = running.log.read_text() + json.dumps(audited)
    assert "jane" not in everything
    assert running.key.partition(".")[2] not in everything
