"""Hold a service under load while champions are promoted and workers killed: no answer may be lost, mixed or late to change.

``make soak`` (``python -m benchmarks.soak --minutes 10 --workers 2``). First the capacity is measured: what the service answers to clients
that each wait for their answer. Then requests come at four fifths of that. Every answer is held byte by byte against what an application at
rest answers with the version that it names; half of them name two models.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
import psutil

from benchmarks.open_loop import Clients, Request, plain
from funnelcast.settings import Settings
from funnelcast.sources import source_file
from serving.app import build_app

MODEL, AS_OF = "clv", "2026-01-01T00:00:00+01:00"
SHARE, CLIENTS = 0.8, 16
PICK_UP_SECONDS, GROWTH = 10.0, 0.05
_START_SECONDS = 120.0
_WARM_SECONDS, _SPAN_SECONDS = 30.0, 15.0
_LOADED = "Service funnelcast initialized"


@dataclass(frozen=True)
class Plan:
    """How long, and how often something happens, in seconds."""

    seconds: float
    promote_every: float
    kill_every: float
    capacity_seconds: float = 30.0
    workers: int = 2


@dataclass
class Report:
    """What came of it."""

    capacity: float
    rate: float
    answers: int = 0
    came_back: int = 0
    killed: int = 0
    cut_by_kills: int = 0
    restart_seconds: list[float] = field(default_factory=list)
    pick_up_seconds: list[float] = field(default_factory=list)
    growth: list[float] = field(default_factory=list)
    latency: dict[str, float] = field(default_factory=dict)
    breaches: list[str] = field(default_factory=list)

    def lines(self) -> Iterator[tuple[str, str]]:
        """Tell it as the rows of a table."""
        yield "capacity, closed loop", f"{self.capacity:.0f} answers a second"
        yield "asked, open loop", f"{self.rate:.0f} a second"
        yield "answers, each as its version gives it", f"{self.answers:,}"
        yield "sent away (503) and come back", f"{self.came_back:,}"
        yield "workers killed; requests on their connections", f"{self.killed}; {self.cut_by_kills}"
        yield "a killed worker replaced after", _range(self.restart_seconds, "s")
        yield "last answer of the old version after a promotion", _range(self.pick_up_seconds, "s")
        yield "growth of a worker's memory", _range([100 * one for one in self.growth], "%")
        yield "latency from when it was due", ", ".join(f"{name} {1000 * value:.0f} ms" for name, value in self.latency.items())
        yield "breaches", "; ".join(self.breaches) or "none"


def soak(settings: Settings, source: Path, plan: Plan, versions: Sequence[int], promote: Callable[[int], None]) -> Report:
    """Run the plan.

    Parameters
    ----------
    versions
        Two versions of CLV that answer differently.
    promote
        Makes one of them the champion.
    """
    requests = at_rest(settings, source, versions, promote)
    service = Service(settings, source, plan.workers)
    try:
        return asyncio.run(_Run(service, Clients(service.port, requests), plan, versions, promote).report())
    finally:
        service.stop()


def at_rest(settings: Settings, source: Path, versions: Sequence[int], promote: Callable[[int], None]) -> list[Request]:
    """Learn what is right: each version's answers by an application in this process that nothing happens to."""
    asked = list(kinds())
    right: list[dict[bytes, int]] = [{} for _ in asked]
    for version in versions:
        promote(version)
        for answers, answer in zip(right, asyncio.run(_answers(settings, source, asked)), strict=True):
            answers[plain(answer)] = version
    if any(len(answers) != len(versions) for answers in right):
        message = "the versions answer alike, so that nobody could tell them apart"
        raise ValueError(message)
    return [Request(path, json.dumps(document).encode(), answers) for (path, document), answers in zip(asked, right, strict=True)]


def kinds() -> Iterator[tuple[str, Any]]:
    """Give values from summaries, and churn from raw facts, whose expected loss is of two models."""
    summaries = [{"contact_id": f"a{n}", "frequency": n, "recency": 80.0 + n, "T": 200.0, "monetary_value": 50.0} for n in range(1, 4)]
    yield "/v1/clv/predict", {"contacts": summaries, "as_of": AS_OF}
    bought = [{"occurred_at": f"2025-0{month}-03T10:00:00Z", "amount": 80.0} for month in (2, 4, 9)]
    touches = [{"occurred_at": "2025-02-01T10:00:00Z", "channel": "email", "kind": "email_open"}]
    person = {"contact_id": "b", "created_at": "2025-01-10T00:00:00Z", "touchpoints": touches, "transactions": bought}
    yield "/v1/churn/score", {"contacts": [person], "as_of": AS_OF}


async def _answers(settings: Settings, source: Path, asked: Sequence[tuple[str, Any]]) -> list[bytes]:
    transport = httpx.ASGITransport(build_app(settings, source, keyless=True))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return [(await client.post(path, json=document)).raise_for_status().content for path, document in asked]


class Service:
    """`funnelcast serve` on a free port of loopback."""

    def __init__(self, settings: Settings, source: Path, workers: int) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._log = settings.home / f"serve-{self.port}.log"
        self.pointer = settings.champions / source_file.read(source).source.name / f"{MODEL}.json"
        command = [sys.executable, "-m", "funnelcast.cli", "serve", "--source", str(source), "--port", str(self.port)]
        environment = {"FUNNELCAST_HOME": str(settings.home), "FUNNELCAST_RATE_LIMIT": "1000000"}  # all clients are one caller here
        with self._log.open("w") as log:
            self._front = subprocess.Popen(
                [*command, "--workers", str(workers)], env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=log
            )
        deadline = time.monotonic() + _START_SECONDS
        while self.loaded() < workers:
            if time.monotonic() > deadline or self._front.poll() is not None:
                message = f"the service didn't start: {self._log.read_text()[-1000:]}"
                raise RuntimeError(message)
            time.sleep(0.1)

    def loaded(self) -> int:
        """Count the workers that came to answering, those that ended since included."""
        return self._log.read_text().count(_LOADED)

    def workers(self) -> list[psutil.Process]:
        """Name the workers, the oldest first."""
        found = [child for child in psutil.Process(self._front.pid).children(recursive=True) if _is_worker(child)]
        return sorted(found, key=lambda child: (child.create_time(), child.pid))

    def kill(self) -> frozenset[int]:
        """End the oldest worker with -9; gives the clients' ports of its connections."""
        victim = self.workers()[0]
        victim.suspend()
        ports = frozenset(int(one.raddr.port) for one in victim.net_connections("tcp") if one.raddr)
        victim.kill()
        return ports

    def kill_all(self) -> None:
        """End every process of it with -9."""
        for process in (psutil.Process(self._front.pid), *psutil.Process(self._front.pid).children(recursive=True)):
            process.kill()
        self._front.wait()

    def kill_front(self) -> list[int]:
        """End `funnelcast serve` itself with -9; gives what is still there of the others after a while."""
        others = psutil.Process(self._front.pid).children(recursive=True)
        self._front.kill()
        self._front.wait()
        return [process.pid for process in psutil.wait_procs(others, timeout=30)[1]]

    def stop(self) -> None:
        """Stop it as an operator does."""
        self._front.send_signal(signal.SIGTERM)
        self._front.wait(60)


def _is_worker(process: psutil.Process) -> bool:
    try:
        return "_bentoml_impl.worker.service" in process.cmdline()
    except psutil.Error:
        return False


class _Run:
    """One run of a plan."""

    def __init__(self, service: Service, clients: Clients, plan: Plan, versions: Sequence[int], promote: Callable[[int], None]) -> None:
        self._service, self._clients, self._plan, self._promote = service, clients, plan, promote
        self._versions, self._promoted = cycle(versions), versions[-1]
        self._ports: set[int] = set()
        self._memory: dict[int, list[tuple[float, int]]] = {}

    async def report(self) -> Report:
        """Measure the capacity, hold the load, and judge what was seen."""
        capacity = await self._clients.closed_loop(CLIENTS, self._plan.capacity_seconds)
        self._clients.seen.latencies.clear()
        self._report = Report(capacity, SHARE * capacity)
        beside = [
            asyncio.create_task(work)
            for work in (self._every(self._plan.promote_every, self._swap), self._every(self._plan.kill_every, self._kill), self._watch())
        ]
        await self._clients.open_loop(self._report.rate, self._plan.seconds)
        for task in beside:
            task.cancel()
        for ended in await asyncio.gather(*beside, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
        await self._clients.close()
        self._judge()
        return self._report

    async def _every(self, seconds: float, happens: Callable[[], Awaitable[None]]) -> None:
        """Let something happen at its times, but for the last: its consequences couldn't be seen."""
        started = time.monotonic()
        for number in range(1, int(np.ceil(self._plan.seconds / seconds))):
            await asyncio.sleep(max(0.0, started + number * seconds - time.monotonic()))
            await happens()

    async def _swap(self) -> None:
        old, self._promoted = self._promoted, next(self._versions)
        await asyncio.to_thread(self._promote, self._promoted)
        promoted = time.monotonic() - (time.time() - self._service.pointer.stat().st_mtime)
        await asyncio.sleep(min(PICK_UP_SECONDS + 5, 0.75 * self._plan.promote_every))
        self._report.pick_up_seconds.append(max(0.0, self._clients.seen.last[old] - promoted))
        if self._promoted not in self._clients.seen.last or self._clients.seen.last[self._promoted] < promoted:
            self._report.breaches.append(f"version {self._promoted} was not picked up")

    async def _kill(self) -> None:
        loaded, began = self._service.loaded(), time.monotonic()
        self._ports |= await asyncio.to_thread(self._service.kill)
        self._report.killed += 1
        while self._service.loaded() == loaded:
            await asyncio.sleep(0.1)
        self._report.restart_seconds.append(time.monotonic() - began)

    async def _watch(self) -> None:
        while True:
            for worker in await asyncio.to_thread(self._service.workers):
                try:
                    self._memory.setdefault(worker.pid, []).append((time.monotonic(), worker.memory_info().rss))
                except psutil.Error:
                    continue  # killed between the two
            await asyncio.sleep(1.0)

    def _judge(self) -> None:
        seen, report = self._clients.seen, self._report
        seconds = np.array([taken for _, taken in seen.latencies])
        report.answers, report.came_back = len(seconds), seen.came_back
        report.latency = {name: float(np.quantile(seconds, level)) for name, level in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))}
        report.cut_by_kills = sum(port in self._ports for port in seen.cut)
        report.growth = [growth for samples in self._memory.values() if (growth := _growth(samples)) is not None]
        report.breaches += [f"{count} times {what}" for what, count in seen.faults.items()]
        lost = [port for port in seen.cut if port not in self._ports]
        report.breaches += [f"{len(lost)} answers lost on connections that no kill cut"] if lost else []
        late = max(report.pick_up_seconds, default=0.0)
        report.breaches += [f"a promotion was picked up after {late:.1f} s"] if late > PICK_UP_SECONDS else []
        grown = max(report.growth, default=0.0)
        report.breaches += [f"a worker's memory grew by {grown:.1%}"] if grown > GROWTH else []


def _growth(samples: Sequence[tuple[float, int]]) -> float | None:
    """Compare a worker's memory at its end with that after it got warm; None where it didn't live long enough to tell."""
    begun, ended = samples[0][0] + _WARM_SECONDS, samples[-1][0]
    if ended - begun < 2 * _SPAN_SECONDS:
        return None
    first = median(size for at, size in samples if begun <= at < begun + _SPAN_SECONDS)
    last = median(size for at, size in samples if at > ended - _SPAN_SECONDS)
    return last / first - 1


def _range(values: Sequence[float], unit: str) -> str:
    return f"{min(values):.1f} to {max(values):.1f} {unit} ({len(values)})" if values else "-"


# ------------------------------------------------------------------------------------------------ by hand


def main() -> None:
    """Soak a small company's service, print the table, and end with 1 where something was breached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Load, promotions and kills at once.")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    plan = Plan(60 * options.minutes, promote_every=60, kill_every=120, workers=options.workers)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.read({"FUNNELCAST_HOME": folder})
        _funnelcast(settings, "simulate", "--out", str(settings.demo.parent), "--contacts", "1500")
        _funnelcast(settings, "train", "churn")
        for as_of in ("2025-09-01", "2026-01-01"):
            _funnelcast(settings, "train", MODEL, "--as-of", as_of)
        _funnelcast(settings, "refresh")

        def promote(version: int) -> None:
            _funnelcast(settings, "promote", MODEL, "--version", str(version), "--force")

        report = soak(settings, settings.demo, plan, (1, 2), promote)
    for name, said in report.lines():
        print(f"{name:50} {said}")
    sys.exit(int(bool(report.breaches)))


def _funnelcast(settings: Settings, *arguments: str) -> None:
    environment = {**os.environ, "FUNNELCAST_HOME": str(settings.home)}
    done = subprocess.run(
        [sys.executable, "-m", "funnelcast.cli", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        message = f"`funnelcast {' '.join(arguments)}`: {done.stderr[-1000:]}"
        raise RuntimeError(message)


if __name__ == "__main__":
    main()
