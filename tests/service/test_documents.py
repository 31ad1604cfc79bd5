"""What the dashboard reads as it stands: who may what, the company, documents of the snapshot, and the cards of models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from anyio.from_thread import BlockingPortal

from funnelcast.settings import CHECKOUT
from serving import auth
from serving.app import build_app
from serving.documents import DOCUMENTS
from tests.service.conftest import Client, Served


@pytest.fixture
def keyed(served: Served, portal: BlockingPortal, tmp_path: Path) -> dict[str, Client]:
    """The service of the company as each scope sees it."""
    home = served.copied(tmp_path, ("churn",))
    client = Client(build_app(home, served.source), portal)
    return {scope: client.with_key(auth.add(home.keys, f"a-{scope}", scope)) for scope in auth.SCOPES}


@pytest.mark.parametrize(("scope", "scopes"), [("score", ["score"]), ("forecast", ["forecast"]), ("admin", ["score", "forecast", "admin"])])
def test_every_key_is_told_what_it_may_and_of_which_company(
    keyed: dict[str, Client], served: Served, scope: str, scopes: list[str]
) -> None:
    answer = keyed[scope].answer("/v1/access")
    assert (answer["caller"], answer["scopes"]) == (f"a-{scope}", scopes)
    assert (answer["company"], answer["currency"], answer["country"], answer["timezone"]) == ("demo", "EUR", "FR", "Europe/Paris")
    assert answer["offline"] == ["event", "phone", "store"]
    assert answer["as_of"] == served.as_of
    assert answer["request_id"]


def test_without_a_key_nobody_is_told_anything(keyed: dict[str, Client]) -> None:
    stranger = keyed["score"].with_key("")
    assert stranger.get("/v1/access").status_code == 401


@pytest.mark.parametrize("path", ["/v1/segments", "/v1/channel-moves", "/v1/overview", "/v1/journeys", "/v1/drift"])
def test_documents_of_the_snapshot_are_for_planners(keyed: dict[str, Client], path: str) -> None:
    assert keyed["score"].get(path).status_code == 403
    assert keyed["forecast"].get(path).status_code == 200


def test_documents_are_those_of_the_snapshot(client: Client, served: Served) -> None:
    for path, name in DOCUMENTS.items():
        stored = served.snapshot().document(name)
        answer = client.answer(f"/v1/{path}")
        assert {key: answer[key] for key in stored} == stored
        assert answer["models"] == served.snapshot().about["models"]


def test_a_document_that_the_facts_don_t_allow_says_why(served: Served, portal: BlockingPortal, tmp_path: Path) -> None:
    home = served.copied(tmp_path, ("churn",))
    app = build_app(home, served.source, keyless=True)
    planned = app.state.store.state().planned()
    reason = "Needs transactions."
    about = {**planned.about, "missing": {"clv_segments": reason}}
    files = {
        **{path: content for path, content in planned.files.items() if path != "clv_segments.json"},
        "about.json": json.dumps(about).encode(),
    }
    object.__setattr__(planned, "files", files)
    planned.__dict__.pop("about", None)
    response = Client(app, portal).get("/v1/segments")
    assert response.status_code == 404
    assert reason in response.json()["detail"]
    access = Client(app, portal).answer("/v1/access")
    assert "segments" not in access["available"]["documents"]
    assert access["missing"] == {"segments": reason}


def test_what_is_said_to_be_available_is_answered_and_nothing_else(client: Client, served: Served) -> None:
    access = client.answer("/v1/access")
    asked = {
        **{name: client.post(f"/v1/forecast/{name}", {"weeks": 2}) for name in ("sales", "pipeline", "cash")},
        **{name: client.get(f"/v1/lists/{name}") for name in ("churn", "leads", "invoices", "deals")},
        **{name: client.get(f"/v1/{name}") for name in ("attribution", "economics", *DOCUMENTS)},
    }
    available = {name for names in access["available"].values() for name in names}
    assert {name for name, answer in asked.items() if answer.status_code == 200} == available
    assert not available & {*access["missing"]}
    assert len(available) > 10


def test_a_card_is_the_one_that_its_version_s_run_wrote(client: Client, served: Served) -> None:
    answer = client.answer("/v1/models/churn/card")
    assert answer["card"] == served.champion("churn").card
    by_hand = (CHECKOUT / "models" / "churn" / "card.md").read_text(encoding="utf-8").rstrip()
    assert answer["card"].startswith(by_hand)
    assert "\n## Gates\n" in answer["card"]
    assert answer["metrics"] == dict(served.champion("churn").about.metrics)
    assert answer["version"] == served.champion("churn").version


@pytest.mark.parametrize("name", ["nothing", "..%2Fchurn", "%2e%2e", "churn%00", "card.md", "x" * 5_000])
def test_no_other_file_than_a_served_model_s_card_is_read(client: Client, name: str) -> None:
    response = client.get(f"/v1/models/{name}/card")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
