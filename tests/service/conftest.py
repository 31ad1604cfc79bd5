from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from starlette.types import ASGIApp

from funnelcast.champions import Champion, load
from funnelcast.families.family import Options
from funnelcast.settings import Settings
from funnelcast.simulate import simulate
from funnelcast.snapshots import Snapshot, latest
from funnelcast.sources.facts import Facts
from funnelcast.sources.open import open_source
from funnelcast.tracking import Tracker
from serving.app import build_app
from training.recording import register
from training.refresh import refresh
from training.train import Request, default_as_of, fit, trainable

Ask = Callable[..., httpx.Response]


class Ledger:
    """Counts versions where a registry would: what the service loads doesn't come from MLflow."""

    def __init__(self) -> None:
        self.versions = 0

    def register(self, *_: object, **__: object) -> int:
        self.versions += 1
        return self.versions

    def promote(self, *_: object) -> None:
        """Promotion is the export, which is real."""


@dataclass(frozen=True)
class Served:
    """A small company with its champions and its snapshot."""

    settings: Settings
    source: Path
    facts: Facts

    @property
    def as_of(self) -> str:
        return default_as_of(self.facts).isoformat()

    def champion(self, model: str) -> Champion:
        return load(self.settings, self.facts.source.name, model)

    def snapshot(self) -> Snapshot:
        return latest(self.settings, self.facts.source.name)

    def copied(self, home: Path, models: tuple[str, ...]) -> Settings:
        """Copy the snapshot and some champions to another home, for a test that changes them."""
        shutil.copytree(self.settings.snapshots, home / "snapshots")
        shutil.copytree(self.settings.champions, home / "champions")
        for pointer in (home / "champions" / self.facts.source.name).glob("*.json"):
            if pointer.stem not in models:
                pointer.unlink()
        return home_at(home)


class Client:
    """Asks an application in process, as over HTTP."""

    def __init__(self, app: ASGIApp, portal: BlockingPortal, key: str | None = None) -> None:
        self.app, self._portal = app, portal
        self._headers = {"authorization": f"Bearer {key}"} if key else {}

    def with_key(self, key: str) -> Client:
        return Client(self.app, self._portal, key)

    def call(
        self, method: str, path: str, body: bytes | None = None, *, host: str = "127.0.0.1", kind: str = "application/json"
    ) -> httpx.Response:
        async def call() -> httpx.Response:
            transport = httpx.ASGITransport(app=cast("Any", self.app), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}:3000", headers=self._headers) as client:
                return await client.request(method, path, content=body, headers={"content-type": kind} if kind else {})

        return self._portal.call(call)

    def get(self, path: str) -> httpx.Response:
        return self.call("GET", path)

    def post(self, path: str, document: object) -> httpx.Response:
        return self.call("POST", path, json.dumps(document).encode())

    def answer(self, path: str, document: object | None = None) -> dict[str, Any]:
        """Ask for what must be answered."""
        response = self.get(path) if document is None else self.post(path, document)
        assert response.status_code == 200, response.text
        found: dict[str, Any] = response.json()
        return found


def home_at(path: Path) -> Settings:
    return Settings.read({"FUNNELCAST_HOME": str(path), "FUNNELCAST_THREADS": "1"})


def trained(home: Path) -> Served:
    """Train, promote and refresh every model of a company of 1,500 contacts."""
    settings = home_at(home)
    source = simulate(settings.demo.parent, contacts=1_500, seed=1)
    facts = open_source(source, threads=settings.threads)
    ledger = Ledger()
    for model in trainable(settings):
        fitted = fit(settings, facts, Request(model, options=Options(trials=1, threads=settings.threads)))
        _, promoted = register(cast("Tracker", ledger), f"{model:0<8}", fitted, promote=True)
        assert promoted is not None, f"{model}: {fitted.verdict.reason}"
    refresh(settings, facts, as_of=None, progress=lambda _: None)
    return Served(settings, source, facts)


@pytest.fixture(scope="session")
def portal() -> Iterator[BlockingPortal]:
    with start_blocking_portal() as opened:
        yield opened


@pytest.fixture(scope="session")
def client(served: Served, portal: BlockingPortal) -> Client:
    """The service of the company on loopback, without keys."""
    return Client(build_app(served.settings, served.source, keyless=True), portal)


@pytest.fixture
def person() -> dict[str, Any]:
    """A contact as a CRM sends it."""
    return {
        "contact_id": "x1",
        "created_at": "2025-01-10T00:00:00Z",
        "attributes": {},
        "touchpoints": [{"occurred_at": "2025-02-01T10:00:00Z", "channel": "email", "kind": "email_open"}],
        "transactions": [{"occurred_at": "2025-02-03T10:00:00Z", "amount": 80.0}, {"occurred_at": "2025-04-03T10:00:00Z", "amount": 95.5}],
    }
