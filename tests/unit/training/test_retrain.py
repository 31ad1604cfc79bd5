"""The scheduled job: when it retrains and why, that nothing blocks the rest, and that a change of what drives outcomes is met."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from funnelcast import champions
from funnelcast.cli import main
from funnelcast.errors import SpecError, TooFewRows
from funnelcast.families.churn import FAMILY as CHURN
from funnelcast.families.family import Options
from funnelcast.families.scoring import account
from funnelcast.families.scoring.model import ScoringModel
from funnelcast.monitor.drift import Drift
from funnelcast.settings import CHECKOUT, Settings
from funnelcast.simulate import company
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec, names, read
from funnelcast.terms import AsOf, Json
from tests.planted import TURN_DAYS, buying_in_turns
from training import retrain as job
from training.performance import known_at
from training.retrain import Decision, decide, retrain
from training.train import Request, train
from training.waiting import AGED_PER_DAY, Part, Rules, Waiting

SPEC = read(CHECKOUT / "models", "churn")


@cache
def facts() -> Facts:
    """A company in which nothing changes."""
    return company(1800, seed=4).facts()


@cache
def turned() -> Facts:
    """The same until an instant, from which on purchases come in turns."""
    return buying_in_turns(facts(), changed())


def end() -> AsOf:
    until = facts().observed_until
    assert until is not None
    return until


def now() -> AsOf:
    """When the job runs; the quarter after it is left to judge by."""
    return end().plus(-TURN_DAYS)


def changed() -> AsOf:
    return now().plus(-3 * TURN_DAYS)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A champion that knows the facts from before the change."""
    settings = Settings.read({"FUNNELCAST_HOME": str(tmp_path_factory.mktemp("home")), "FUNNELCAST_THREADS": "1"})
    train(settings, known_at(facts(), changed()), Request("churn", options=Options(trials=1)))
    return settings


def waiting(settings: Settings, facts: Facts, as_of: AsOf) -> Waiting:
    return Waiting(settings, facts, champions.load(settings, facts.source.name, "churn"), as_of)


def test_where_nothing_changed_little_is_missed(home: Settings) -> None:
    parts = waiting(home, known_at(facts(), now()), now()).parts
    assert parts["aged"].share == pytest.approx(3 * TURN_DAYS * AGED_PER_DAY)
    assert parts["missed"].share is not None
    assert parts["missed"].share < 0.03


def test_a_change_of_what_drives_outcomes_is_seen_and_a_better_model_is_promoted(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = champions.load(home, facts().source.name, "churn")
    monkeypatch.setattr(job, "trainable", lambda _: ("churn",))
    monkeypatch.setattr(job, "refresh", lambda *_, **__: {"snapshot": "left out"})
    document: Any = retrain(home, known_at(turned(), now()), progress=lambda _: None, trials=2)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    (decision,), (row,) = document["decisions"], document["summary"]
    assert decision["retrain"]
    assert decision["parts"]["missed"]["share"] > 0.2
    assert decision["parts"]["missed"]["share"] > 10 * decision["parts"]["aged"]["share"]
    assert "missed" in decision["reason"]
    assert "above the tolerated 1.00 %" in decision["reason"]
    assert row["outcome"] == f"promoted v{before.version + 1}"
    assert document["failed"] == []
    after = champions.load(home, facts().source.name, "churn")
    later = CHURN.matured(turned(), SPEC, now())  # what neither has seen
    assert later is not None
    old, new = (float(CHURN.losses(champion.model, later).mean()) for champion in (before, after))
    assert new < 0.9 * old  # measured: 0.50 against 0.62
    again: Any = retrain(home, known_at(turned(), now()), progress=lambda _: None)
    assert [one["retrain"] for one in again["decisions"]] == [False]
    assert "within the cool-down of 6 days" in again["decisions"][0]["reason"]
    assert again["refresh"] == {"snapshot": "left out"}


def test_what_moved_counts_by_what_it_weighs_and_by_the_skill_that_it_may_cost(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    champion = waiting(home, facts(), now()).champion
    rows = _few(facts())[list(champion.model.columns)]
    sample = SimpleNamespace(rows=pd.concat([rows, rows.head(50)]), block=np.repeat([1, 0], [len(rows), 50]))
    drifts = [Drift("days_since_purchase", 0.4, 0.001, 0.001), Drift("score", 0.9, 0.001, 0.001), Drift("tenure_days", 0.5, 0.5, 0.5)]

    def moved(found: list[Drift], skill: float | None = 0.2) -> Part:
        monkeypatch.setattr("training.waiting.inputs_of", lambda *_: SimpleNamespace(champion=champion, sample=sample, found=found))
        known = replace(champion, about=replace(champion.about, skill=skill))
        return Waiting(home, known_at(facts(), changed()), known, changed())._moved()

    strength = account.contributions(cast("ScoringModel", champion.model), rows).abs().mean()
    weighs = float(strength["days_since_purchase"] / strength.sum())
    assert 0.01 < weighs < 1
    part = moved(drifts)
    assert part.share == pytest.approx(0.5 * 0.4 * weighs * 0.2)  # neither what didn't drift nor what is no input counts
    assert "days_since_purchase" in part.text
    assert moved(drifts[1:]).share == 0.0
    assert moved(drifts, skill=-0.1).share == 0.0
    assert moved(drifts, skill=None).share is None  # nothing came since that would tell it


class Stub:
    """A champion's waiting, with the parts made up."""

    def __init__(
        self,
        age: float,
        parts: dict[str, float | None],
        refused: str | None = None,
        untried: tuple[str, ...] = (),
        role: str = "challenger",
    ) -> None:
        self.champion = SimpleNamespace(about=SimpleNamespace(role=role))
        self.age_days, self.rules = age, Rules()
        self.parts = {name: Part(share, "") for name, share in parts.items()}
        self.total = sum(share or 0.0 for share in parts.values())
        self.outdated = lambda: refused
        self.untried = lambda: list(untried)
        self.document: Any = lambda: {"parts": {}}
        self.money: Any = lambda: {"at_stake": -100.0, "cost": 1.0}


@pytest.mark.parametrize(
    ("stub", "needed", "said"),
    [
        (Stub(30, {"aged": 0.004, "moved": 0.003, "missed": None}), False, "aged 0.40 %, moved 0.30 %, missed unknown), within"),
        (Stub(30, {"aged": 0.004, "moved": 0.003, "missed": 0.004}), True, "waiting costs 1.10 %"),
        (Stub(5, {"aged": 0.0, "moved": 0.0, "missed": 0.049}), False, "within the cool-down of 6 days"),
        (Stub(5, {"aged": 0.0, "moved": 0.0, "missed": 0.051}), True, "the cool-down doesn't hold"),
        (Stub(0, {"aged": 0.0, "moved": 0.0, "missed": None}, refused="the service refuses it"), True, "the service refuses it"),
        (Stub(30, {"aged": 0.0}, untried=("a", "b", "c", "d")), True, "never given: a, b, c and 1 more"),
        (Stub(3, {"aged": 0.0}, untried=("a",)), False, "within the cool-down"),
        (Stub(7, {"aged": 0.0}, role="baseline"), True, "the simple rule serves"),
        (Stub(3, {"aged": 0.0}, role="baseline"), False, "within the cool-down"),
    ],
)
def test_it_is_retrained_where_waiting_costs_more_than_is_tolerated(stub: Any, needed: bool, said: str) -> None:
    found, reason, told = job._weighed(stub)
    assert found is needed
    assert said in reason
    assert ("cost" in told) == (stub.age_days > 6)


def test_what_a_champion_was_never_given_is_named(home: Settings) -> None:
    fewer = replace(facts(), tables={name: table for name, table in facts().tables.items() if name != "touchpoints"})
    assert waiting(home, facts(), now()).untried() == []
    champion = replace(waiting(home, facts(), now()).champion, model=CHURN.fit_baseline(_few(fewer), SPEC))
    untried = Waiting(home, facts(), champion, now()).untried()
    assert untried
    assert all(name not in champion.model.columns for name in untried)


def _few(known: Facts) -> Any:
    rows = CHURN.matured(known, SPEC, now())
    assert rows is not None
    return rows


def test_features_computed_otherwise_are_refused_by_the_service_and_so_retrained(home: Settings) -> None:
    champion = waiting(home, facts(), now()).champion
    assert Waiting(home, facts(), champion, now()).outdated() is None
    other_code = replace(champion, about=replace(champion.about, code="another"))
    assert Waiting(home, facts(), other_code, now()).outdated() is None  # the same features all the same
    changed_features = replace(champion, about=replace(champion.about, code="another", features="another"))
    assert "the service refuses it" in str(Waiting(home, facts(), changed_features, now()).outdated())


def test_a_model_without_champion_is_trained_and_one_without_its_tables_is_left(tmp_path: Path) -> None:
    settings = Settings.read({"FUNNELCAST_HOME": str(tmp_path)})
    fewer = replace(facts(), tables={"transactions": facts().table("transactions")})
    missing, absent = decide(settings, fewer, "payment_delay", now()), decide(settings, facts(), "churn", now())
    assert (missing.retrain, missing.possible) == (False, False)
    assert "invoices" in missing.reason
    assert (absent.retrain, absent.version) == (True, None)
    assert absent.reason.startswith("no champion")


def test_what_cannot_be_looked_at_is_retrained_and_blocks_nobody(home: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(_: object) -> None:
        raise ZeroDivisionError("by zero")  # noqa: EM101

    monkeypatch.setattr(job, "_weighed", breaks)
    found = decide(home, facts(), "churn", now())
    assert found.retrain
    assert "ZeroDivisionError: by zero" in found.reason


@pytest.fixture
def staged(home: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Models of which one breaks, one fails, one is promoted, one refused, one left, one young and one without its tables."""

    def trained(_: Settings, __: Facts, request: Request, ___: object) -> dict[str, Json]:
        if request.model == "breaks":
            raise ZeroDivisionError("by zero")  # noqa: EM101
        if request.model in {"fails", "young"}:
            raise TooFewRows(model="fails", found=0, what="rows", needed=1, advice="Bring some.")
        promoted: Json = {"version": 2, "role": "baseline"} if request.model == "better" else None
        gates: Json = [{"name": "no_leak", "passed": False}, {"name": "finite", "passed": True}]
        return {"model": request.model, "version": 5, "promoted": promoted, "verdict": "its verdict", "gates": gates}

    staged = ("better", "breaks", "fails", "left", "refused", "without", "young")
    monkeypatch.setattr(job, "trainable", lambda _: staged)
    monkeypatch.setattr(
        job,
        "decide",
        lambda _, __, name, ___: Decision(
            name, name not in {"left", "without"}, f"why {name}", None if name == "young" else 4, possible=name != "without"
        ),
    )
    monkeypatch.setattr("training.train.train", trained)
    return home


def test_one_that_fails_blocks_neither_the_others_nor_the_refresh(staged: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "refresh", lambda *_, **__: {"snapshot": "new"})
    document: Any = retrain(staged, facts(), progress=lambda _: None)
    assert [one["model"] for one in document["trained"]] == ["better", "refused"]
    assert {one["model"]: one["outcome"] for one in document["summary"]} == {
        "better": "promoted v2 (baseline)",
        "breaks": "failed",
        "fails": "failed",
        "left": "kept v4",
        "refused": "kept v4: v5 refused by no_leak",
        "without": "not possible",
        "young": "not possible",
    }
    reasons = {one["model"]: one["reason"] for one in document["failed"]}
    assert "ZeroDivisionError: by zero" in reasons["breaks"]
    assert "Bring some." in reasons["fails"]
    assert document["refresh"] == {"snapshot": "new"}


@pytest.mark.parametrize(
    ("document", "status"),
    [
        ({"summary": [{"outcome": "kept v1"}, {"outcome": "not possible"}], "refresh": {"snapshot": "a"}}, 0),
        ({"summary": [{"outcome": "promoted v2"}, {"outcome": "failed"}], "refresh": {"snapshot": "a"}}, 1),
        ({"summary": [], "refresh": {"failed": "the disc is full"}}, 1),
    ],
)
def test_the_exit_status_says_whether_anything_failed(
    document: dict[str, Any], status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("funnelcast.commands._facts", lambda *_: None)
    monkeypatch.setattr(job, "retrain", lambda *_, **__: document)
    assert main(["retrain", "--json"]) == status
    assert json.loads(capsys.readouterr().out) == document


def test_a_refresh_that_fails_is_told_beside_what_was_promoted(staged: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError("the disc is full")  # noqa: EM101

    monkeypatch.setattr(job, "refresh", full)
    document: Any = retrain(staged, facts(), progress=lambda _: None)
    assert "the disc is full" in document["refresh"]["failed"]
    assert len(document["trained"]) == 2


def spec_with(**rules: object) -> Spec:
    return replace(SPEC, retrain=rules)


def test_rules_come_from_the_spec_and_a_wrong_key_names_the_nearest() -> None:
    assert Rules.of(spec_with()) == Rules(0.01, 6.0)
    assert Rules.of(spec_with(tolerated=0, cool_down_days=13)) == Rules(0.0, 13.0)
    with pytest.raises(SpecError, match=r"\[retrain\] has no key 'tolerate'; did you mean 'tolerated'"):
        Rules.of(spec_with(tolerate=0.1))
    for value in (-0.1, "much", True, float("nan")):
        with pytest.raises(SpecError, match="tolerated must be a number of 0 or more"):
            Rules.of(spec_with(tolerated=value))


def test_a_section_of_another_name_is_refused_with_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "churn").mkdir()
    (tmp_path / "churn" / "spec.toml").write_text('family = "churn"\n[retrian]\ntolerated = 0.1\n')
    with pytest.raises(SpecError, match="did you mean 'retrain'"):
        read(tmp_path, "churn")


def test_every_spec_states_rules_that_are_read() -> None:
    for name in names(CHECKOUT / "models"):
        assert Rules.of(read(CHECKOUT / "models", name)) == Rules()
