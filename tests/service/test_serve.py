"""`funnelcast serve` for real: on a free port of loopback, until a signal ends it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from funnelcast.errors import BadSourceFile, UsageError
from funnelcast.settings import Settings
from serving import auth
from serving.run import serve
from tests.service.conftest import Served, home_at

COMMAND = [sys.executable, "-m", "funnelcast.cli", "serve"]


def environment(home: Path) -> dict[str, str]:
    return {**os.environ, "FUNNELCAST_HOME": str(home), "PYTHONUNBUFFERED": "1"}


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def running(served: Served, port: int, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, started from another folder, and the address that it printed."""
    with started(served.settings.home, served.source, port, tmp_path) as found:
        yield found


@contextmanager
def started(home: Path, source: Path, port: int, folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start the command in a folder, which gets its log; wait for its address, and stop it in the end."""
    command = [*COMMAND, "--port", str(port), "--source", str(source)]
    log = (folder / "serve.log").open("w")
    with log, subprocess.Popen(
        command, cwd=folder, env=environment(home), stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True
    ) as process:  # fmt: skip
        assert process.stdout is not None
        address = next((line.strip() for line in process.stdout if line.startswith("http://")), "")
        try:
            yield process, address
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.read()


def post(address: str, path: str, body: bytes) -> tuple[int, Any]:
    request = urllib.request.Request(address + path, body, {"content-type": "application/json"})  # noqa: S310 (our own address)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def test_it_starts_answers_refuses_and_stops(running: tuple[subprocess.Popen[str], str], port: int, person: dict[str, Any]) -> None:
    process, address = running
    assert address == f"http://127.0.0.1:{port}"
    status, answer = post(address, "/v1/churn/score", json.dumps({"contacts": [person]}).encode())
    assert status == 200
    assert 0 < answer["scores"][0]["probability"] < 1
    status, problem = post(address, "/v1/churn/score", b'{"contacts":[]' + b" " * 60_000_000 + b"}")
    assert (status, problem["type"]) == (413, "urn:funnelcast:problem:body-too-large")
    with urllib.request.urlopen(f"{address}/metrics", timeout=10) as metrics:  # noqa: S310
        assert "funnelcast_requests_total" in metrics.read().decode()
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        urllib.request.urlopen(f"{address}/docs.json", timeout=10)  # noqa: S310
    refused.value.close()
    with ThreadPoolExecutor(1) as caller:
        many = {"contacts": [{**person, "contact_id": f"x{number}"} for number in range(3_000)], "explain": 10}
        slow = caller.submit(post, address, "/v1/churn/score", json.dumps(many).encode())
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        assert not slow.done()
        status, answer = slow.result()
        assert (status, len(answer["scores"])) == (200, 3_000)
    assert process.wait(30) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_where_no_champion_loads_it_says_so_and_waits_for_the_next(served: Served, port: int, tmp_path: Path) -> None:
    settings = home_at(tmp_path / "home")
    shutil.copytree(served.settings.champions, settings.champions)
    damaged = {path: path.read_bytes() for path in settings.champions.rglob("about.json")}
    for path in damaged:
        path.write_bytes(b"{}")
    with started(settings.home, served.source, port, tmp_path) as (_, address):
        assert f"serving {served.facts.source.name}, but no model of it loads (attribution, churn" in (tmp_path / "serve.log").read_text()
        with pytest.raises(urllib.error.HTTPError, match="503") as unready:
            urllib.request.urlopen(f"{address}/readyz", timeout=10)  # noqa: S310
        unready.value.close()
        for path, content in damaged.items():
            path.write_bytes(content)
        assert any(_ready(address) for _ in range(100))


def _ready(address: str) -> bool:
    time.sleep(0.1)
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=10) as answer:  # noqa: S310
            return bool(json.load(answer)["ready"])
    except urllib.error.HTTPError as error:
        error.close()
        return False


def refusal(settings: Settings, source: Path, *, host: str = "127.0.0.1", port: int = 0) -> str:
    with pytest.raises(UsageError) as refused:
        serve(settings, source, host=host, port=port, workers=1, progress=lambda _: None)
    return str(refused.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", "127.0.0.1.example.com", ""])  # noqa: S104 (refused)
def test_another_host_without_keys_is_refused_before_anything_else(tmp_path: Path, host: str) -> None:
    said = refusal(home_at(tmp_path), Path("nowhere.toml"), host=host)
    assert "funnelcast keys add" in said
    assert "nowhere" not in said


def test_the_command_says_so_without_a_traceback(tmp_path: Path) -> None:
    command = [*COMMAND, "--host", "0.0.0.0", "--source", "nowhere.toml"]  # noqa: S104 (refused)
    done = subprocess.run(command, env=environment(tmp_path), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("funnelcast: Without an API key")
    assert "Traceback" not in done.stderr


def test_with_a_key_another_host_passes_to_the_next_rule(tmp_path: Path) -> None:
    settings = home_at(tmp_path)
    auth.add(settings.keys, "crm", "score")
    with pytest.raises(BadSourceFile, match=r"nowhere\.toml"):
        serve(settings, Path("nowhere.toml"), host="0.0.0.0", port=0, workers=1, progress=lambda _: None)  # noqa: S104


def test_what_is_missing_is_named(served: Served, tmp_path: Path) -> None:
    assert f"funnelcast train all --source {served.source}" in refusal(home_at(tmp_path), served.source)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        assert f"127.0.0.1:{port} can't be listened on" in refusal(served.settings, served.source, port=port)
