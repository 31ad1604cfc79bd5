"""A person is forgotten: the service answers 404, numbers stay without a name, and what is left to do is said."""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, cast

import pandas as pd
import pytest
from anyio.from_thread import BlockingPortal

from funnelcast.cli import main
from funnelcast.errors import Busy, NotFound, UsageError
from funnelcast.forecast import projection
from funnelcast.forecast.projection import Ask
from funnelcast.monitor.track_record import Answer, TrackRecord
from funnelcast.settings import Settings
from funnelcast.snapshots import latest
from funnelcast.tracking import Tracker, Version
from serving.app import build_app
from serving.store import State, Store
from tests.service.conftest import Client, Served
from training.forget import forget
from training.lock import alone

E_MAIL = "c{number}@exemple.fr"


class Registry:
    """Two versions of one company, and one of another, as MLflow would list them."""

    trained: ClassVar[dict[str, str]] = {"early": "2010-01-01T00:00:00+01:00", "late": "2030-01-01T00:00:00+01:00"}

    def versions(self) -> list[Version]:
        names = (("demo.churn", "late", ("champion",)), ("demo.churn", "early", ()), ("other.churn", "late", ("champion",)))
        return [Version(name, place, run, datetime.now(UTC), aliases, {}) for place, (name, run, aliases) in enumerate(names, start=1)]

    def parameter(self, run_id: str, _: str) -> str:
        return self.trained[run_id]


@pytest.fixture
def home(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A home of its own, whose service looks before each answer."""

    def looked(store: Store) -> State:
        store.look()
        return store._state

    monkeypatch.setattr(Store, "state", looked)
    return served.copied(tmp_path, ("churn", "clv"))


@pytest.fixture
def forgotten(home: Settings, served: Served) -> Callable[[str], dict[str, Any]]:
    def call(contact: str) -> dict[str, Any]:
        return forget(home, served.facts, contact, progress=lambda _: None, tracker=cast("Tracker", Registry()))

    return call


def held(settings: Settings, path: str) -> pd.DataFrame:
    return pd.read_parquet(io.BytesIO(latest(settings, "demo").files[path]))


def busy(settings: Settings) -> str:
    """Name a contact with an open deal or invoice and scores."""
    owing = held(settings, "forecast/cash/receivables.parquet")["contact_id"]
    return str(owing[owing.isin(held(settings, "scores/clv.parquet")["contact_id"])].iloc[0])


def answered(contact: str) -> Answer:
    return Answer("r", "churn", 1, "2025-12-01T00:00:00", 90.0, contact, 0.25, 0.2, 0.3, "cafe1234")


def test_the_service_knows_the_person_no_more_and_all_others_still(
    home: Settings, served: Served, portal: BlockingPortal, forgotten: Callable[[str], dict[str, Any]]
) -> None:
    service, person = Client(build_app(home, served.source, keyless=True), portal), busy(home)
    other = next(name for name in held(home, "scores/clv.parquet")["contact_id"] if name != person)
    before = service.answer(f"/v1/contacts/{other}")["scores"]
    assert service.get(f"/v1/contacts/{person}").status_code == 200
    told = forgotten(person)
    assert service.get(f"/v1/contacts/{person}").status_code == 404
    assert service.answer(f"/v1/contacts/{other}")["scores"] == before
    assert len(told["snapshots"]) == 1
    assert told["snapshots"][0]["snapshot"] == latest(home, "demo").name
    names = [*told["identities"], person]
    for path, content in latest(home, "demo").files.items():
        cells = held(home, path).to_numpy().ravel() if path.endswith(".parquet") else re.findall(r'"([^"]*)"', content.decode())
        assert not {str(cell) for cell in cells} & set(names), path


def test_what_is_owed_stays_without_the_name(home: Settings, forgotten: Callable[[str], dict[str, Any]]) -> None:
    def cash() -> dict[str, Any]:
        found: Any = projection.rebuild(latest(home, "demo").folder("forecast")).document(Ask("cash", count=4))
        return dict(found["total"])

    person, owed, before = busy(home), held(home, "forecast/cash/receivables.parquet"), cash()
    forgotten(person)
    after = held(home, "forecast/cash/receivables.parquet")
    assert after["amount"].tolist() == owed["amount"].tolist()
    assert not after["contact_id"].isin([person]).any()
    assert cash()["parts"]["receivables"] == pytest.approx(before["parts"]["receivables"])
    assert cash()["mean"] == pytest.approx(before["mean"], rel=0.02)  # a deal's luck goes by its name


def test_answers_stay_as_numbers(home: Settings, forgotten: Callable[[str], dict[str, Any]]) -> None:
    record, person = TrackRecord(home.track_record("demo")), busy(home)
    alias = E_MAIL.format(number=person[1:]).upper()
    record.append([answered(person), answered("someone else")])
    record.append([answered(alias)])
    assert forgotten(person)["answers"] == 2
    kept = record.answers()
    assert len(kept) == 3
    assert kept["predicted"].tolist() == [0.25] * 3
    assert set(kept["contact_id"].dropna()) == {"someone else"}
    assert sorted(kept["facts_sha256"]) == ["", "", "cafe1234"]  # whoever holds the facts could hash them again
    # read by another process: whoever closes the file drops all the locks that SQLite holds on it in this one
    files = sorted(home.track_record("demo").parent.iterdir())
    content = subprocess.run(["cat", *files], capture_output=True, check=True).stdout
    assert b"someone else" in content
    assert person.encode() not in content
    assert alias.encode() not in content


def test_asked_by_an_e_mail_the_contact_behind_it_is_forgotten(home: Settings, forgotten: Callable[[str], dict[str, Any]]) -> None:
    person = busy(home)
    told = forgotten(E_MAIL.format(number=person[1:]).upper())
    assert person in told["identities"]
    assert person not in set(held(home, "scores/clv.parquet")["contact_id"])


def test_a_second_time_finds_nothing_more(home: Settings, forgotten: Callable[[str], dict[str, Any]]) -> None:
    person = busy(home)
    assert forgotten(person)["snapshots"]
    name = latest(home, "demo").name
    again = forgotten(person)
    assert (again["snapshots"], again["answers"]) == ([], 0)
    assert latest(home, "demo").name == name


def test_what_is_left_to_do_is_said(home: Settings, served: Served, forgotten: Callable[[str], dict[str, Any]]) -> None:
    person = busy(home)
    named = home.home / "logs.txt"
    named.write_text(f"GET /v1/contacts/{person} 200\n")
    told = forgotten(person)
    assert [(one["model"], one["version"], one["aliases"]) for one in told["retrain"]] == [
        ("churn", 1, ["champion"])
    ]  # the early one didn't know
    transactions = served.facts.table("transactions").execute()
    assert told["sources"]["transactions"] == (transactions["contact_id"] == person).sum()
    assert told["artefacts"]["holding"] == ["logs.txt"]
    assert told["artefacts"]["scanned"] > 10
    said = "\n".join(told["todo"])
    for words in (
        "own sources: contacts (1)",
        "every refresh and training reads them again",
        "churn were trained after",
        "logs.txt",
        "--out",
    ):
        assert words in said


def test_no_artefact_names_anybody(served: Served) -> None:
    files = [path for path in served.settings.champions.rglob("*") if path.is_file()]
    assert len(files) > 10
    for path in files:
        assert not re.search(rb"\bC\d{7}\b|@exemple\.fr", path.read_bytes()), path


def test_whom_nobody_knows_is_refused_with_what_to_do(
    home: Settings,
    served: Served,
    forgotten: Callable[[str], dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(NotFound, match="check its spelling"):
        forgotten("nobody-1")
    monkeypatch.setenv("FUNNELCAST_HOME", str(home.home))
    assert main(["forget", "nobody-1", "--source", str(served.source)]) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert "There is no contact 'nobody-1'" in said.err


def test_who_left_the_sources_before_is_forgotten_all_the_same(home: Settings, served: Served) -> None:
    person = busy(home)
    facts = served.facts
    tables = {
        name: table.filter(table.contact_id.isnull() | (table.contact_id != person)) if "contact_id" in table.columns else table
        for name, table in facts.tables.items()
    }
    told: Any = forget(home, facts.with_tables(tables, None), person, progress=lambda _: None, tracker=cast("Tracker", Registry()))
    assert told["sources"] == {}
    assert told["snapshots"][0]["removed"] > 1
    assert [one["version"] for one in told["retrain"]] == [1, 2]  # since when they were known can't be told any more


def test_a_damaged_snapshot_is_named_and_the_others_are_done(home: Settings, forgotten: Callable[[str], dict[str, Any]]) -> None:
    person, record = busy(home), TrackRecord(home.track_record("demo"))
    record.append([answered(person)])
    scales = home.snapshots / "demo" / latest(home, "demo").name / "scales.json"
    scales.write_text("{}")
    with pytest.raises(UsageError, match=re.escape(f"Nobody can be taken out of {scales.parent.name}")):
        forgotten(person)
    assert record.answers()["contact_id"].isna().all()


def test_nobody_is_forgotten_while_the_scheduled_job_writes(home: Settings, forgotten: Callable[[str], dict[str, Any]]) -> None:
    person, name = busy(home), latest(home, "demo").name
    with alone(home, "demo", "refresh"), ThreadPoolExecutor(1) as another, pytest.raises(Busy, match="`funnelcast refresh`"):
        another.submit(forgotten, person).result()
    assert latest(home, "demo").name == name


def test_the_document_is_json(home: Settings, forgotten: Callable[[str], dict[str, Any]]) -> None:
    assert json.loads(json.dumps(forgotten(busy(home)), allow_nan=False))["contact_id"]
