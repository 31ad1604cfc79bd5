"""Schemathesis with all its checks on the OpenAPI document: examples, edges and random requests, right and wrong ones."""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy, deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from starlette.applications import Starlette

from serving import access as access_module
from serving import app as app_module
from serving import auth
from serving.app import build_app
from serving.limits import Limits
from serving.openapi import openapi
from serving.store import Store
from tests.service.conftest import Client, Served, home_at

FEW_DRAWS = 20
SAID_IN_WORDS = (b"urn:funnelcast:problem:duplicate-id", b"Ask for fewer weeks")
"""Ids of contacts are distinct; forecasts reach as far as they were fitted."""


def test_the_service_keeps_to_its_document(client: Client, served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "_GUESSES_AT_ONCE", 1e6)
    monkeypatch.setattr(app_module, "Store", lambda *_: quick(cast("Starlette", client.app).state.store))
    home = home_at(tmp_path)
    key = auth.add(home.keys, "judge", "admin")
    app = build_app(home, served.source, limits=Limits(rate_limit=1e6))
    cases, failures = 0, list[str]()
    for recorder in recorders(app, key):
        cases += len(recorder.cases)
        failures += told(recorder)
    assert not failures, "\n\n".join(failures)
    assert cases > 500


def quick(store: Store) -> Store:
    """Give what is in service with forecasts of few draws: what an answer looks like doesn't hang on them."""
    found, state = copy(store), replace(store.state())
    object.__setattr__(state.planned().projection, "draws", FEW_DRAWS)
    found._state = state
    return found


def recorders(app: Starlette, key: str) -> Iterator[Any]:
    """Give what was sent, answered and checked, an operation and phase at a time."""
    config = SchemathesisConfig.from_dict({
        "headers": {"Authorization": f"Bearer {key}"},
        "generation": {"max-examples": 5, "deterministic": True, "database": "none"},
        "continue-on-failure": True,
    })  # fmt: skip
    document = deepcopy(openapi())
    for shape in ("ScoreRequest", "ClvRequest"):
        del document["components"]["schemas"][shape]["properties"]["contacts"]["maxItems"]  # 10,000 have a test of their own
    schema = schemathesis.openapi.from_dict(document, config=config)
    schema.app = app
    for event in from_schema(schema).execute():
        assert not isinstance(event, events.NonFatalError | events.FatalError), event
        if isinstance(event, events.ScenarioFinished):
            yield event.recorder


def told(recorder: Any) -> list[str]:
    """Give what failed, but for the rules that are said in words, since JSON Schema can't say them."""
    return [
        f"{recorder.label}: {check.name}: {check.failure_info.failure}\n{check.failure_info.code_sample[:600]}"
        for case_id, checks in recorder.checks.items()
        for check in checks
        if check.failure_info is not None and not any(rule in recorder.interactions[case_id].response.content for rule in SAID_IN_WORDS)
    ]
