"""What the gate says of facts that were damaged between two trainings, of what it compares, and what it leaves in the registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from funnelcast import champions
from funnelcast.champions import Champion
from funnelcast.evaluate.gate import Gate
from funnelcast.families.family import Options
from funnelcast.families.registry import family_of
from funnelcast.settings import Settings
from funnelcast.simulate import company
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf
from funnelcast.tracking import Tracker
from training.gates import facts_gates
from training.history import HISTORY, history_gate
from training.judging import Bench, judge_development
from training.promote import promote, rollback
from training.recording import Fitted
from training.train import Request, fit, train

MODEL = "churn"
QUICK = Options(trials=1)


@dataclass
class Trained:
    """A company whose churn model was trained a week before its facts end, and again on purchases that were dealt out to anybody."""

    settings: Settings
    tracker: Tracker
    facts: Facts
    until: AsOf
    first: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.facts.source.name}.{MODEL}"

    @property
    def champion(self) -> Champion:
        return champions.load(self.settings, self.facts.source.name, MODEL)

    @cached_property
    def again(self) -> Fitted:
        """Fitted on the week that came since."""
        return self.fitted(self.facts)

    @cached_property
    def refused(self) -> dict[str, Any]:
        return train(self.settings, with_rows(self.facts, "transactions", shuffled), Request(MODEL, options=QUICK), self.tracker)

    def fitted(self, facts: Facts, as_of: AsOf | None = None) -> Fitted:
        return fit(self.settings, facts, Request(MODEL, as_of=as_of, options=QUICK), lambda: self.tracker)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    settings = Settings.read({"FUNNELCAST_HOME": str(tmp_path_factory.mktemp("home"))})
    facts, tracker = company(1_500, seed=8).facts(), Tracker(settings)
    assert facts.observed_until is not None
    week_before = facts.observed_until.plus(-7)
    first: Any = train(settings, known_until(facts, week_before), Request(MODEL, options=QUICK), tracker)
    return Trained(settings, tracker, facts, facts.observed_until, first)


def known_until(facts: Facts, until: AsOf) -> Facts:
    """The same company as its export looked on an earlier day."""
    dated = {name: table for name, table in facts.tables.items() if "known_at" in table.columns}
    before = {name: table.filter(table.known_at < ibis.literal(until.at)) for name, table in dated.items()}
    return facts.with_tables({**facts.tables, **before}, None).with_observation(until)


def with_rows(facts: Facts, name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Facts:
    """The same company with one table changed."""
    held = facts.backend.create_table(f"changed_{change.__name__}", change(facts.table(name).execute()), schema=facts.table(name).schema())
    return facts.with_tables({**facts.tables, name: held}, None)


def failed(gates: Sequence[Gate]) -> dict[str, str]:
    return {gate.name: gate.reason for gate in gates if not gate.passed}


def shuffled(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(contact_id=np.random.default_rng(1).permutation(rows["contact_id"].to_numpy()))


def cut_short(rows: pd.DataFrame) -> pd.DataFrame:
    recent = rows["occurred_at"] >= rows["occurred_at"].max() - pd.Timedelta(days=85)
    return pd.DataFrame(rows[~recent])


def tripled(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([rows] * 3)


def in_cents(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(amount=rows["amount"] * 100)


def corrected(rows: pd.DataFrame) -> pd.DataFrame:
    one_in_ten = np.arange(len(rows)) % 10 == 0
    return rows.assign(amount=np.where(one_in_ten, rows["amount"] + 1, rows["amount"]))


def test_a_retrain_on_a_week_more_is_judged_beside_a_twin_that_saw_none_of_the_fold(trained: Trained) -> None:
    assert trained.first["alias"] == "champion"
    gates = {gate.name: gate for gate in trained.again.verdict.gates}
    assert failed([*gates.values()]) == {}
    assert {"schema", "facts_kept", "history_kept", "outcome_rate", "no_leak", "rebuilds", "latency"} < set(gates)
    assert {"better_than_baseline", "no_worse_than_champion", "stable_by_channel", "skill_kept"} < set(gates)
    assert "was fitted on these rows" not in gates["no_worse_than_champion"].reason
    start, twin = trained.again.development.judged_as_of, trained.tracker.twin(trained.name, trained.first["version"])
    assert start is not None
    assert twin is not None
    assert AsOf.parse(champions.read_about(twin).trained_as_of, start.timezone) <= start
    assert AsOf.parse(trained.champion.about.trained_as_of, start.timezone) > start


def test_without_the_twin_the_gate_says_that_the_champion_saw_the_fold(trained: Trained) -> None:
    bench = Bench.of(trained.settings, trained.facts.source.name, trained.again.spec, trained.again.family, tracker=None)
    verdict, losses = judge_development(bench, trained.facts, trained.again.development, trained.again.offered, trained.again.as_of)
    assert losses.seen
    assert "was fitted on these rows" in next(gate.reason for gate in verdict.gates if gate.name == "no_worse_than_champion")


def test_a_twin_that_cannot_be_read_is_as_none_was_kept(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Tracker, "twin", lambda *_: {"about.json": b"{}"})
    bench = Bench.of(trained.settings, trained.facts.source.name, trained.again.spec, trained.again.family, lambda: trained.tracker)
    assert bench.twin() is None


def test_a_retrain_on_scrambled_purchases_is_refused_with_the_reason(trained: Trained) -> None:
    assert trained.refused["alias"] is None
    assert trained.refused["promoted"] is None
    assert trained.refused["verdict"].startswith("champion: failed history_kept")
    reason = next(gate["reason"] for gate in trained.refused["gates"] if gate["name"] == "history_kept")
    assert "transactions: 0%" in reason
    assert "promote with --force" in reason
    assert trained.champion.version == trained.first["version"]


@pytest.mark.parametrize(("change", "said"), [(in_cents, "transactions: 0%"), (tripled, "transactions: 33%"), (corrected, None)])
def test_the_past_that_was_rewritten_is_told_from_one_that_was_corrected(
    trained: Trained, change: Callable[[pd.DataFrame], pd.DataFrame], said: str | None
) -> None:
    kept = trained.tracker.file(trained.name, trained.first["version"], HISTORY)
    assert kept is not None
    (gate,) = history_gate(with_rows(trained.facts, "transactions", change), kept)
    assert gate.passed == (said is None)
    assert said is None or said in gate.reason
    if said is None:
        assert gate.value == pytest.approx(0.9 / 1.1, abs=0.06)


def test_an_export_that_was_cut_short_makes_nobody_leave(trained: Trained) -> None:
    verdict = trained.fitted(with_rows(trained.facts, "transactions", cut_short)).verdict
    assert "of the newest rows" in failed(verdict.gates)["outcome_rate"]
    assert verdict.winner == "champion"


def test_what_went_since_the_champion_was_trained_is_named(trained: Trained) -> None:
    about = trained.champion.about
    tables = {name: columns for name, columns in about.brought.items() if name != "touchpoints"}
    attributes = {name: kind for name, kind in about.attributes.items() if name != "region"} | {"distance_km": "category"}
    offered = replace(about, brought=tables, attributes=attributes, rows=about.rows // 3)
    found = failed([*facts_gates(offered, trained.champion, trained.until)])
    for what in ("table touchpoints is gone", "attribute region is gone", "attribute distance_km was a number and is a category"):
        assert what in found["schema"]
    assert f"the champion's run had {about.rows}" in found["facts_kept"]
    more = replace(about, brought={**about.brought, "surveys": ["score"]}, attributes={**about.attributes, "new": "number"})
    assert failed([*facts_gates(more, trained.champion, trained.until)]) == {}


def test_force_is_recorded_and_rolled_back_in_one_step(trained: Trained) -> None:
    source, version = trained.facts.source.name, trained.refused["version"]
    assert promote(trained.settings, source, MODEL, version=version)["alias"] is None
    assert promote(trained.settings, source, MODEL, version=version, force=True)["forced"]
    tags = trained.tracker.version(trained.name, version).tags
    assert tags["promoted"].startswith("forced against the gates (champion: failed history_kept")
    assert tags["promoted_at"]
    assert trained.champion.version == version
    assert rollback(trained.settings, source, MODEL)["version"] == trained.first["version"]
    reasons = [event["reason"] for event in trained.tracker.history(trained.name)]
    assert reasons == ["rolled back", tags["promoted"], "challenger: every gate passed"]
    assert trained.champion.version == trained.first["version"]


def test_the_registry_shows_the_gates_and_the_promotions(trained: Trained) -> None:
    from mlflow import MlflowClient  # noqa: PLC0415 (what its own page reads)

    client = MlflowClient(tracking_uri=trained.settings.tracking_uri, registry_uri=trained.settings.tracking_uri)
    shown = str(client.get_model_version(trained.name, str(trained.first["version"])).description)
    assert "| better_than_baseline | passed |" in shown
    assert "| promoted at | version | by | reason |" in str(client.get_registered_model(trained.name).description)
    files = {file.path for folder in ("", "plots") for file in client.list_artifacts(trained.first["run_id"], folder)}
    assert {"card.md", "gates.md", "evidence.json", HISTORY, "plots/gate.png"} <= files


def test_the_card_of_a_version_travels_with_it(trained: Trained) -> None:
    card, about = trained.champion.card, trained.champion.about
    assert card.startswith(f"# {MODEL}\n")
    for heading in ("## This version", "## Figures", "## By channel, on the newest fold", "## Gates", "## Limits", "## Hashes"):
        assert heading in card
    for what in ("facts known from", "data_hash", "spec_sha256", "came true (90% interval)", "| store |"):
        assert what in card
    assert about.rows == trained.first["rows"]
    assert about.skill == pytest.approx(1 - trained.first["metrics"]["log_loss"] / trained.first["baseline"]["log_loss"])
    assert not any(f" {contact} " in card for contact in trained.facts.table("contacts").contact_id.execute())


def test_what_came_after_as_of_judges_and_is_never_fitted_on(trained: Trained) -> None:
    early = trained.until.plus(-120)
    fitted = trained.fitted(trained.facts, early)
    assert fitted.development.judged_as_of == early
    assert fitted.development.model is fitted.development.judged
    last = fitted.development.earlier["as_of"].max().to_pydatetime()
    assert AsOf(last).plus(read(trained.settings.models, MODEL).horizon_days) <= AsOf(early.at)
    assert family_of("churn").losses(fitted.development.model, fitted.development.newest).mean() < np.log(2)
