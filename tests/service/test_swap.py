"""A promotion or refresh is picked up without a restart; what can't be served is kept out, and the last good goes on."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anyio.from_thread import BlockingPortal

from funnelcast import champions, snapshots
from funnelcast.artefacts import read_folder, write_folder
from funnelcast.champions import ABOUT, read_about
from funnelcast.errors import ArtefactDamaged
from funnelcast.settings import Settings
from serving import store
from serving.app import build_app
from serving.store import State, Store
from tests.service.conftest import Client, Served, home_at

SUMMARY = {"contact_id": "a", "frequency": 3, "recency": 80, "T": 100, "monetary_value": 50}


def looked(one: Store) -> State:
    one.look()
    return one._state


@pytest.fixture
def home(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of its own; its services look before each answer, as they otherwise do every other second."""
    monkeypatch.setattr(Store, "state", looked)
    return served.copied(tmp_path, ("attribution", "clv"))


@pytest.fixture
def service(home: Settings, served: Served, portal: BlockingPortal) -> Client:
    return Client(build_app(home, served.source, keyless=True), portal)


def promote(home: Settings, model: str, version: int, features: str | None = None, scale: float = 1.0) -> Path:
    """Promote the champion again as another version, maybe with another mean spend, or features that other code computed."""
    folder = home.champions / "demo" / champions.load(home, "demo", model).folder
    files = read_folder(folder)
    about = read_about(files)
    if features is not None:
        files[ABOUT] = replace(about, features=features, code="0" * 64).content()
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
    ready = service.answer("/readyz")
    assert (ready["refused"], ready["versions"]["clv"]) == (["clv"], good[1])
    first = service.answer("/v1/alerts")["alerts"][0]
    assert (first["kind"], first["subject"], first["severity"]) == ("champion_refused", "clv", "error")
    assert "SHA-256" in service.answer("/v1/models")["refused"]["clv"]
    promote_sound(home, folder, good[1] + 2)
    assert clv_of(service) == (good[0], good[1] + 2)
    assert service.answer("/readyz")["refused"] == []


def test_a_worker_that_starts_while_the_newest_is_bad_serves_the_last_good(
    service: Client, home: Settings, served: Served, portal: BlockingPortal
) -> None:
    value, first = clv_of(service)
    promote(home, "clv", first + 1, scale=0.5)
    for folder in [promote(home, "clv", version) for version in (first + 2, first + 3)]:
        (folder / "model.json").write_text("{")
    restarted = Client(build_app(home, served.source, keyless=True), portal)
    for one in (service, restarted):
        halved, version = clv_of(one)
        assert halved == pytest.approx(value / 2)
        assert version == first + 1
        assert one.answer("/readyz")["refused"] == ["clv"]
        assert "v" + str(first + 3) in one.answer("/v1/models")["refused"]["clv"]


def test_a_refusal_is_logged_once(service: Client, home: Settings, caplog: pytest.LogCaptureFixture) -> None:
    version = clv_of(service)[1]
    (promote(home, "clv", version + 1) / "model.json").write_text("{}")
    clv_of(service)
    promote(home, "attribution", 99)
    assert {"name": "attribution", "version": 99} in [
        {"name": one["name"], "version": one["version"]} for one in service.answer("/v1/models")["models"]
    ]
    assert [record.message[:23] for record in caplog.records if "refused" in record.message] == ["champion of clv refused"]


def test_damage_in_place_is_noticed_and_mended_by_restoring_or_promoting_again(service: Client, home: Settings) -> None:
    good = clv_of(service)
    folder = home.champions / "demo" / champions.load(home, "demo", "clv").folder
    sound = read_folder(folder)
    content = (folder / "model.json").read_bytes()
    (folder / "model.json").write_bytes(content[:-7])
    assert service.answer("/readyz")["refused"] == ["clv"]
    assert clv_of(service) == good
    (folder / "model.json").write_bytes(content)
    assert service.answer("/readyz")["refused"] == []
    (folder / "about.json").unlink()
    assert service.answer("/readyz")["refused"] == ["clv"]
    champions.export(home, sound, good[1])
    assert service.answer("/readyz")["refused"] == []


def test_a_pointer_that_cant_be_read_leaves_the_last_good(service: Client, home: Settings) -> None:
    good = clv_of(service)
    pointer = home.champions / "demo" / "clv.json"
    pointer.write_bytes(pointer.read_bytes()[:20])
    assert clv_of(service) == good
    assert "pointer" in service.answer("/v1/models")["refused"]["clv"]


def test_a_champion_of_another_schema_is_damage_that_training_can_live_with(service: Client, home: Settings) -> None:
    good = clv_of(service)
    about = json.loads(promoted_about(home))
    del about["scale"]
    files = {**read_folder(home.champions / "demo" / champions.load(home, "demo", "clv").folder), ABOUT: json.dumps(about).encode()}
    write_folder(home.champions / "demo" / "clv-v9-other-challenger", files)
    target = {"folder": "clv-v9-other-challenger", "version": 9}
    (home.champions / "demo" / "clv.json").write_text(json.dumps({**target, "before": []}))
    assert clv_of(service) == good
    with pytest.raises(ArtefactDamaged, match="can't be read as this version of funnelcast writes them"):
        champions.load(home, "demo", "clv")


def promote_sound(home: Settings, damaged: Path, version: int) -> None:
    sound = next(path for path in sorted(damaged.parent.glob("clv-v*")) if path != damaged)
    champions.export(home, read_folder(sound), version)


def test_a_champion_of_other_features_is_refused(service: Client, home: Settings) -> None:
    good = clv_of(service)
    promote(home, "clv", good[1] + 1, features="0" * 64)
    assert clv_of(service) == good
    assert "feature set 000000000000" in service.answer("/v1/models")["refused"]["clv"]


def test_a_champion_of_other_code_with_the_same_features_serves(service: Client, home: Settings) -> None:
    good = clv_of(service)
    trained = champions.load(home, "demo", "clv").about
    assert trained.code == champions.code_digest()
    promote(home, "clv", good[1] + 1, features=trained.features)
    assert clv_of(service) == (good[0], good[1] + 1)


def test_a_champion_that_makes_no_sense_is_refused(service: Client, home: Settings) -> None:
    good = clv_of(service)
    champions.export(home, {ABOUT: promoted_about(home), "model.json": b"[]"}, good[1] + 1)
    assert clv_of(service) == good
    assert service.answer("/readyz")["refused"] == ["clv"]


def test_an_idle_service_looks_by_itself(home: Settings, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    idle, looked_once = Store(home, served.source), threading.Event()
    look = idle.look

    def look_and_rest() -> None:
        look()
        looked_once.set()
        threading.Event().wait()

    monkeypatch.setattr(idle, "look", look_and_rest)
    monkeypatch.setattr(store, "LOOK_SECONDS", 0.01)
    promote(home, "clv", 99)
    idle.follow()
    assert looked_once.wait(60)
    assert idle._state.model("clv").champion.version == 99


def promoted_about(home: Settings) -> bytes:
    return champions.load(home, "demo", "clv").about.content()


def test_a_refresh_is_served_without_a_restart_and_a_damaged_one_is_not(
    service: Client, home: Settings, served: Served, portal: BlockingPortal
) -> None:
    before = service.answer("/v1/economics")
    snapshot = snapshots.latest(home, "demo")
    later = {**snapshot.about, "as_of": "2026-01-02T00:00:00+01:00"}
    name = snapshots.write(home, "demo", later, {path: content for path, content in snapshot.files.items() if path != "about.json"})
    assert service.answer("/v1/economics")["as_of"] == later["as_of"] != before["as_of"]
    (home.snapshots / "demo" / name / "economics.json").write_text("{}")
    assert service.answer("/v1/economics")["channels"] == before["channels"]
    assert service.answer("/v1/alerts")["alerts"][0]["kind"] == "snapshot_refused"
    restarted = Client(build_app(home, served.source, keyless=True), portal)
    assert restarted.answer("/v1/economics")["as_of"] == before["as_of"]
    assert restarted.answer("/readyz")["refused"] == ["snapshot"]


def test_planners_are_told_the_models_of_the_snapshot(service: Client, home: Settings) -> None:
    before = service.answer("/v1/economics")["models"]
    promote(home, "clv", 99)
    assert {model["version"] for model in service.answer("/v1/models")["models"]} >= {99}
    assert service.answer("/v1/economics")["models"] == before
    assert service.answer("/v1/forecast/sales", {})["models"] == before


def test_a_churn_score_names_the_model_of_value_where_it_was_used(served: Served, client: Client, person: dict[str, Any]) -> None:
    names = {"churn", "clv"}
    answer = client.answer("/v1/churn/score", {"contacts": [person]})
    assert answer["scores"][0]["expected_loss"] > 0
    assert {model["name"] for model in answer["models"]} == names
    lead = client.answer("/v1/churn/score", {"contacts": [{**person, "transactions": []}]})
    assert [model["name"] for model in lead["models"]] == ["churn"]


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
    response = service.post("/v1/forecast/sales", {"weeks": 12})
    assert response.status_code == 404
    assert "funnelcast refresh" in response.json()["detail"]
    assert service.post("/v1/forecast/sales", {"weeks": 13}).status_code == 200  # the refresh drew it itself
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
