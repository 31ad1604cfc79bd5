"""A promotion or refresh is picked up without a restart; what can't be served is kept out, and the last good goes on."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal

from funnelcast import champions, snapshots
from funnelcast.artefacts import read_folder
from funnelcast.champions import ABOUT, read_about
from funnelcast.settings import Settings
from serving import store
from serving.app import build_app
from tests.service.conftest import Client, Served, home_at

SUMMARY = {"contact_id": "a", "frequency": 3, "recency": 80, "T": 100, "monetary_value": 50}


@pytest.fixture
def home(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setattr(store, "LOOK_SECONDS", -1.0)
    return served.copied(tmp_path, ("attribution", "clv"))


@pytest.fixture
def service(home: Settings, served: Served, portal: BlockingPortal) -> Client:
    return Client(build_app(home, served.source, keyless=True), portal)


def promote(home: Settings, model: str, version: int, features: str | None = None, scale: float = 1.0) -> Path:
    """Promote the champion again as another version, maybe with other features or another mean spend."""
    folder = home.champions / "demo" / champions.load(home, "demo", model).folder
    files = read_folder(folder)
    about = read_about(files)
    files[ABOUT] = replace(about, features=features or about.features).content()
    if scale != 1.0:
        document = json.loads(files["model.json"])
        document["terms"]["margin"] *= scale
        files["model.json"] = json.dumps(document).encode()
    return champions.export(home, files, version)


def clv_of(service: Client) -> tuple[float, int]:
    answer = service.answer("/v1/clv/predict", {"contacts": [SUMMARY]})
    return answer["predictions"][0]["clv"], answer["models"][0]["version"]


def test_a_promotion_is_served_without_a_restart(service: Client, home: Settings) -> None:
    value, version = clv_of(service)
    promote(home, "clv", version + 1, scale=0.5)
    halved, newer = clv_of(service)
    assert newer == version + 1
    assert halved == pytest.approx(value / 2)


def test_a_damaged_champion_is_refused_and_the_last_good_serves(service: Client, home: Settings) -> None:
    good = clv_of(service)
    folder = promote(home, "clv", good[1] + 1)
    (folder / "model.json").write_text("{}")
    assert clv_of(service) == good
    assert service.answer("/readyz")["refused"] == ["clv"]
    first = service.answer("/v1/alerts")["alerts"][0]
    assert (first["kind"], first["subject"], first["severity"]) == ("champion_refused", "clv", "error")
    assert "SHA-256" in service.answer("/v1/models")["refused"]["clv"]
    promote_sound(home, folder, good[1] + 2)
    assert clv_of(service) == (good[0], good[1] + 2)
    assert service.answer("/readyz")["refused"] == []


def promote_sound(home: Settings, damaged: Path, version: int) -> None:
    sound = next(path for path in sorted(damaged.parent.glob("clv-v*")) if path != damaged)
    champions.export(home, read_folder(sound), version)


def test_a_champion_of_other_features_is_refused(service: Client, home: Settings) -> None:
    good = clv_of(service)
    promote(home, "clv", good[1] + 1, features="0" * 64)
    assert clv_of(service) == good
    assert "feature set 000000000000" in service.answer("/v1/models")["refused"]["clv"]


def test_a_champion_that_makes_no_sense_is_refused(service: Client, home: Settings) -> None:
    good = clv_of(service)
    champions.export(home, {ABOUT: promoted_about(home), "model.json": b"[]"}, good[1] + 1)
    assert clv_of(service) == good
    assert service.answer("/readyz")["refused"] == ["clv"]


def promoted_about(home: Settings) -> bytes:
    return champions.load(home, "demo", "clv").about.content()


def test_a_refresh_is_served_without_a_restart_and_a_damaged_one_is_not(service: Client, home: Settings) -> None:
    before = service.answer("/v1/economics")
    snapshot = snapshots.latest(home, "demo")
    later = {**snapshot.about, "as_of": "2026-01-02T00:00:00+01:00"}
    name = snapshots.write(home, "demo", later, {path: content for path, content in snapshot.files.items() if path != "about.json"})
    assert service.answer("/v1/economics")["as_of"] == later["as_of"] != before["as_of"]
    (home.snapshots / "demo" / name / "economics.json").write_text("{}")
    pointer = home.snapshots / "demo" / "latest.json"
    pointer.write_bytes(pointer.read_bytes())
    assert service.answer("/v1/economics")["channels"] == before["channels"]


def test_without_a_snapshot_planners_are_told_what_to_run(home: Settings, served: Served, portal: BlockingPortal) -> None:
    (home.snapshots / "demo" / "latest.json").unlink()
    service = Client(build_app(home, served.source, keyless=True), portal)
    assert clv_of(service)[0] > 0
    for path in ("/v1/economics", "/v1/alerts", "/v1/attribution", "/v1/contacts/C0000001"):
        response = service.get(path)
        assert response.status_code == 404
        assert "funnelcast refresh" in response.json()["detail"]
    assert service.answer("/readyz")["missing"] == ["no snapshot: run `funnelcast refresh`"]
    assert service.answer("/v1/track-record")["as_of"]


def test_forecasts_of_another_version_ask_for_a_refresh(service: Client, home: Settings) -> None:
    snapshot = snapshots.latest(home, "demo")
    changed = {path: b"{}" if path == "forecast/projection.json" else content for path, content in snapshot.files.items()}
    snapshots.write(home, "demo", snapshot.about, {path: content for path, content in changed.items() if path != "about.json"})
    response = service.post("/v1/forecast/sales", {})
    assert response.status_code == 404
    assert "funnelcast refresh" in response.json()["detail"]
    assert service.get("/v1/economics").status_code == 200


def test_without_champions_it_is_not_ready(served: Served, tmp_path: Path, portal: BlockingPortal) -> None:
    service = Client(build_app(home_at(tmp_path), served.source, keyless=True), portal)
    ready = service.get("/readyz")
    assert ready.status_code == 503
    assert "funnelcast train all" in ready.text
    response = service.post("/v1/clv/predict", {"contacts": [SUMMARY]})
    assert response.status_code == 503
    assert "funnelcast train clv --source source.toml" in response.json()["detail"]
    assert str(served.source.parent) not in response.text


def test_a_model_that_isnt_there_says_how_to_make_it(service: Client) -> None:
    response = service.post("/v1/churn/score", {"contacts": [{"contact_id": "a"}]})
    assert response.status_code == 503
    assert "funnelcast train churn" in response.json()["detail"]
    assert clv_of(service)[0] > 0
