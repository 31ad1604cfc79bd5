from __future__ import annotations

import pickletools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from funnelcast import champions
from funnelcast.champions import About
from funnelcast.errors import NotFound
from funnelcast.settings import Settings
from funnelcast.tracking import Record, Tracker
from training import promote

FILES = {"model.json": b'{"r": 0.243}\n', "about.json": b"{}\n"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.read({"FUNNELCAST_HOME": str(tmp_path_factory.mktemp("home"))})


@pytest.fixture(scope="module")
def tracker(settings: Settings) -> Tracker:
    return Tracker(settings)


def registered(tracker: Tracker, name: str, role: str = "challenger", files: Mapping[str, bytes] = FILES) -> int:
    run_id = tracker.start(name)
    tracker.log(run_id, Record({"seed": 1}, {"bias_pct": -12.0}, [{"bias_pct": -9.0}], {"family": "clv"}, {"card.md": b"# clv\n"}))
    version = tracker.register(name, run_id, files, {"role": role})
    tracker.finish(run_id)
    return version


def test_a_version_gives_back_its_artefact_and_its_newest_metrics(tracker: Tracker) -> None:
    version = registered(tracker, "acme.clv")
    assert tracker.files("acme.clv", version) == FILES
    assert tracker.metrics(tracker.version("acme.clv", version).run_id) == {"bias_pct": -12.0}


def test_the_old_champion_becomes_the_previous_one(tracker: Tracker) -> None:
    first, second = registered(tracker, "acme.churn"), registered(tracker, "acme.churn", "baseline")
    assert tracker.champion("acme.churn") is None
    tracker.promote("acme.churn", first, "every gate passed")
    assert tracker.previous("acme.churn") is None
    tracker.promote("acme.churn", second, "the baseline is better")
    champion, previous = tracker.champion("acme.churn"), tracker.previous("acme.churn")
    assert champion is not None
    assert previous is not None
    assert (champion.version, previous.version) == (second, first)
    assert champion.tags["promoted"] == "the baseline is better"


def test_a_promotion_that_was_killed_before_the_alias_moved_is_completed(tracker: Tracker, settings: Settings) -> None:
    about = About("acme", "value", "clv", "challenger", "0" * 32, "2026-01-01", "", {}, {}, {}, [])
    first, second = (registered(tracker, "acme.value", files={"about.json": about.content()}) for _ in range(2))
    for version in (first, second):
        champions.export(settings, tracker.files("acme.value", version), version)
        if version == first:
            tracker.promote("acme.value", version, "every gate passed")
    listed: list[Any] = promote.registered(settings)
    held = {one["version"]: one["aliases"] for one in listed if one["name"] == "acme.value"}
    assert held == {first: ["previous"], second: ["champion"]}
    assert promote.rollback(settings, "acme", "value")["version"] == first
    assert champions.targets(settings, "acme", "value")[0].version == first


def test_the_database_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "hardlink_to", ended)
    with pytest.raises(KeyboardInterrupt):
        Tracker(Settings.read({"FUNNELCAST_HOME": str(tmp_path)}))
    assert list(tmp_path.iterdir()) == []


def test_two_companies_never_meet(tracker: Tracker) -> None:
    registered(tracker, "here.clv")
    registered(tracker, "there.clv")
    tracker.promote("here.clv", 1, "")
    assert tracker.champion("there.clv") is None


def test_a_version_that_is_not_there_is_named(tracker: Tracker) -> None:
    with pytest.raises(NotFound, match=r"acme\.nothing 7"):
        tracker.files("acme.nothing", 7)


def test_nothing_that_is_stored_can_be_unpickled(tracker: Tracker, settings: Settings) -> None:
    registered(tracker, "acme.scan")
    stored = [path for path in settings.artefacts.rglob("*") if path.is_file()]
    assert stored
    for path in stored:
        assert path.suffix in {".json", ".txt", ".md", ".png"}, path.name
        assert not unpickles(path), path.name


def unpickles(path: Path) -> bool:
    try:
        return any(code.name in {"GLOBAL", "STACK_GLOBAL", "REDUCE"} for code, _, _ in pickletools.genops(path.read_bytes()))
    except ValueError:
        return False
