"""The limits of one worker: how they are read, how buckets fill, and what is done with more work than there is room for."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import anyio
import anyio.from_thread
import pytest
from anyio.from_thread import BlockingPortal
from hypothesis import given
from hypothesis import strategies as st

from funnelcast import deadline
from funnelcast.errors import OutOfTime, UsageError
from funnelcast.settings import CHECKOUT
from serving import limits as limits_module
from serving.app import build_app
from serving.limits import Buckets, Limits
from serving.problems import Refused
from serving.run import serve
from serving.work import Work
from tests.service.conftest import Client, Served, home_at


def test_limits_come_from_the_environment() -> None:
    assert Limits.read({}) == Limits()
    found = Limits.read(
        {"FUNNELCAST_RATE_LIMIT": "2.5", "FUNNELCAST_TIME_LIMIT": "7", "FUNNELCAST_BODY_LIMIT": "", "FUNNELCAST_WAITING": "9"}
    )
    assert found == Limits(rate_limit=2.5, time_limit=7.0, waiting=9)


@pytest.mark.parametrize(("name", "text"), [
    ("RATE_LIMIT", "0"), ("RATE_LIMIT", "nan"), ("RATE_LIMIT", "inf"), ("TIME_LIMIT", "-1"), ("TIME_LIMIT", "soon"),
    ("SERVING_THREADS", "1.5"), ("BODY_LIMIT", "16MB"),
])  # fmt: skip
def test_a_limit_that_is_none_is_refused(name: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"FUNNELCAST_{name} is '{text}': give a"):
        Limits.read({f"FUNNELCAST_{name}": text})


def test_a_service_with_such_a_limit_doesn_t_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FUNNELCAST_TIME_LIMIT", "never")
    with pytest.raises(UsageError, match="FUNNELCAST_TIME_LIMIT is 'never'"):
        serve(home_at(tmp_path), Path("nowhere.toml"), host="127.0.0.1", port=0, workers=1, progress=lambda _: None)


def test_the_readme_names_every_limit_with_its_default() -> None:
    readme = (CHECKOUT / "README.md").read_text()
    for limit in fields(Limits):
        assert re.search(rf"\n\| `FUNNELCAST_{limit.name.upper()}` \|.*\| {limit.default:.0f} \|\n", readme), limit.name


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_bucket_empties_and_fills() -> None:
    clock = Clock()
    buckets = Buckets(2.0, 3.0, clock)
    assert [buckets.take("crm") for _ in range(4)] == [0, 0, 0, 0.5]
    assert buckets.take("planner") == 0
    clock.now += 0.25
    assert buckets.wait("crm") == pytest.approx(0.25)
    clock.now += 0.25
    assert buckets.take("crm") == 0
    clock.now += 1_000
    assert [buckets.take("crm") for _ in range(4)] == [0, 0, 0, 0.5]


@given(st.floats(0.1, 50), st.floats(1, 20), st.lists(st.floats(0, 2), max_size=60))
def test_never_more_than_the_rate_and_a_full_bucket(rate: float, size: float, pauses: list[float]) -> None:
    clock = Clock()
    buckets = Buckets(rate, size, clock)
    taken = 0
    for pause in pauses:
        clock.now += pause
        promised = buckets.wait("one")
        waited = buckets.take("one")
        assert waited == promised
        taken += waited == 0
    assert taken <= size + rate * sum(pauses) + 1e-6


def test_names_are_forgotten_from_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "_MOST_BUCKETS", 3)
    buckets = Buckets(0.001, 1.0, Clock())
    for name in "abcd":
        assert buckets.take(name) == 0
    assert [buckets.take(name) > 0 for name in "bcd"] == [True] * 3
    assert buckets.take("a") == 0


def run(work: Work, tasks: list[Callable[[], object]]) -> list[object]:
    """Run some work at once and give what each came to, errors as themselves."""
    found: list[object] = [None] * len(tasks)

    async def one(place: int) -> None:
        try:
            found[place] = await work.run(tasks[place])
        except (Refused, OutOfTime) as error:
            found[place] = error

    async def everyone() -> None:
        async with anyio.create_task_group() as group:
            for place in range(len(tasks)):
                group.start_soon(one, place)

    anyio.run(everyone)
    return found


def test_beyond_threads_and_queue_work_is_refused_at_once() -> None:
    everyone_came = threading.Event()
    at_work, most, lock = 0, 0, threading.Lock()

    def busy() -> str:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        everyone_came.wait(10)
        with lock:
            at_work -= 1
        return "done"

    work = Work(threads=2, waiting=3, seconds=60)
    found: list[object] = []

    async def overfill() -> None:
        async def one() -> None:
            try:
                found.append(await work.run(busy))
            except Refused as error:
                found.append((error.status, error.kind, dict(error.headers or {})))

        async with anyio.create_task_group() as group:
            for _ in range(7):
                group.start_soon(one)
            while len(found) < 2 or most < 2:  # two are sent away while two are at work and the others wait
                await anyio.sleep(0.001)
            everyone_came.set()

    anyio.run(overfill)
    sent_away = [(503, "too-busy", {"retry-after": str(seconds)}) for seconds in (1, 2, 3)]
    assert [one in sent_away for one in found[:2]] == [True, True]
    assert found[2:] == ["done"] * 5
    assert most == 2
    assert run(work, [lambda: 3]) == [3]


def test_long_work_ends_and_leaves_its_thread() -> None:
    def endless() -> None:
        while True:
            deadline.check()
            time.sleep(0.001)

    work = Work(threads=1, waiting=5, seconds=0.05)
    found = run(work, [endless, endless, lambda: "waited too long"])
    assert [type(one) for one in found] == [OutOfTime] * 3
    assert run(work, [lambda: 3]) == [3]


def test_a_request_that_takes_too_long_ends_and_the_next_is_answered(served: Served, portal: BlockingPortal) -> None:
    client = Client(build_app(served.settings, served.source, keyless=True, limits=Limits(time_limit=0.1)), portal)
    facts = [{"occurred_at": f"2025-01-{day:02d}T10:00:00Z", "amount": 1} for day in range(1, 4)]
    refused = client.post(
        "/v1/churn/score", {"contacts": [{"contact_id": f"c{n}", "transactions": facts} for n in range(10_000)], "explain": 10}
    )
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:funnelcast:problem:out-of-time")
    assert int(refused.headers["retry-after"]) > 0
    summary = {"contact_id": "a", "frequency": 1, "recency": 5, "T": 9, "monetary_value": 30}
    assert client.post("/v1/clv/predict", {"contacts": [summary]}).status_code == 200
