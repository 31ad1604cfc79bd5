"""How well a champion does: what it expects of itself, judged by counting every possible pair, and what came of it, group by group."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from funnelcast.champions import About, Champion
from funnelcast.evaluate.metrics import log_losses, roc_auc
from funnelcast.families.churn import FAMILY as CHURN
from funnelcast.families.family import Model, Options
from funnelcast.families.registry import family_of
from funnelcast.labels import LABEL
from funnelcast.monitor.performance import Unseen, expected, expected_auc, standard_error
from funnelcast.settings import CHECKOUT, Settings
from funnelcast.simulate import company
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf
from training.performance import Performance, known_at

SPEC = read(CHECKOUT / "models", "churn")
PROBABILITIES = st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]), min_size=1, max_size=12)


@given(PROBABILITIES)
def test_the_expected_area_counts_every_pair(given: list[float]) -> None:
    p = np.array(given)
    pairs = [(i, j) for i in range(p.size) for j in range(p.size) if i != j]
    weights = sum(p[i] * (1 - p[j]) for i, j in pairs)
    ranked = sum(p[i] * (1 - p[j]) * ((p[i] > p[j]) + 0.5 * (p[i] == p[j])) for i, j in pairs)
    found = expected_auc(p)
    if weights > 1e-9:
        assert found == pytest.approx(ranked / weights)
    else:
        assert np.isnan(found)


def test_what_is_expected_is_what_comes_on_average_where_probabilities_are_right() -> None:
    generator = np.random.default_rng(5)
    p = generator.beta(0.6, 1.4, 4000)
    outcomes = (generator.random((200, p.size)) < p).astype(np.float64)
    came = {
        "positives": outcomes.sum(axis=1).mean(),
        "log_loss": np.mean([log_losses(outcome, p).mean() for outcome in outcomes]),
        "brier": ((p - outcomes) ** 2).mean(),
        "roc_auc": np.mean([roc_auc(outcome, p) for outcome in outcomes]),
        "lift_at_10pct": np.mean(outcomes[:, np.argsort(-p)[:400]].mean(axis=1) / outcomes.mean(axis=1)),
    }
    found = expected(pd.DataFrame({"probability": p}))
    assert found["rows"] == 4000
    for name, value in came.items():
        assert found[name] == pytest.approx(value, rel=0.005), name


def test_a_model_of_amounts_expects_their_sums_and_nobody_expects_nothing() -> None:
    assert expected(pd.DataFrame({"expected_purchases": [1.0, 2.5], "clv": [3.0, 4.0]})) == {"rows": 2, "expected_purchases": 3.5}
    assert expected(pd.DataFrame({"probability": []})) == {"rows": 0}
    assert expected(pd.DataFrame({"probability": [1.0, 1.0]}))["roc_auc"] is None


def test_the_standard_error_is_the_textbooks_without_clusters_and_grows_with_what_they_share() -> None:
    values = np.random.default_rng(3).normal(size=50)
    assert standard_error(values, np.arange(50)) == pytest.approx(values.std(ddof=1) / np.sqrt(50))
    twice = standard_error(np.repeat(values, 2), np.repeat(np.arange(50), 2))
    assert twice == pytest.approx(standard_error(values, np.arange(50)))
    assert np.isnan(standard_error(values, np.zeros(50, dtype=np.int64)))


class Said:
    """A stand-in for a model: it says what the rows say it says."""

    columns = {"said": "number"}  # noqa: RUF012 (a stand-in)

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rows.rename(columns={"said": "probability"})

    def files(self) -> dict[str, bytes]:
        return {}


def grouped(*groups: tuple[str | None, int, float, float]) -> pd.DataFrame:
    """Rows by group: name, size, what was said, and the share of outcomes that came."""
    parts = [
        pd.DataFrame({"source_channel": name, "said": said, LABEL: (np.arange(size) < round(size * came)).astype(np.float64)})
        for name, size, said, came in groups
    ]
    return pd.concat(parts, ignore_index=True)


def by_channel(rows: pd.DataFrame) -> dict[str, Any]:
    groups: Any = Unseen(CHURN, SPEC, Said(), rows).by(("source_channel", "owner"))
    return {group["name"]: group for group in groups}


def test_only_groups_of_thirty_rows_or_more_are_told_and_the_one_that_is_off_is_named() -> None:
    rows = grouped(("web", 400, 0.3, 0.3), ("store", 200, 0.3, 0.6), ("event", 29, 0.3, 1.0), (None, 30, 0.2, 0.2))
    found = by_channel(rows)
    assert set(found) == {"web", "store", "unknown"}
    assert {name: group["agrees"] for name, group in found.items()} == {"web": True, "store": False, "unknown": True}
    store = found["store"]
    assert (store["rows"], store["expected"], store["observed"]) == (200, pytest.approx(0.3), pytest.approx(0.6))
    assert store["low"] < 0.6 < store["high"]
    assert store["p_value"] < 1e-15
    assert store["loss"] == pytest.approx(-(0.6 * np.log(0.3) + 0.4 * np.log(0.7)))


def test_where_all_is_right_hardly_any_group_is_called_wrong() -> None:
    generator = np.random.default_rng(8)
    wrong = 0
    for _ in range(200):
        said = generator.beta(1, 3, 600)
        rows = pd.DataFrame({"said": said, LABEL: (generator.random(600) < said) * 1.0, "source_channel": np.arange(600) % 6})
        wrong += any(not group["agrees"] for group in by_channel(rows).values())
    assert wrong <= 20  # 5 % of 200 are expected; 20 or fewer come in 99.9 % of cases


@cache
def facts() -> Facts:
    return company(2000, seed=11).facts()


def now() -> AsOf:
    until = facts().observed_until
    assert until is not None
    return until


def champion(name: str, age: int) -> Champion:
    """A champion trained on what was known so many days ago, as promotion would leave it."""
    about = About(
        source=facts().source.name,
        model=name,
        family=name,
        role="challenger",
        run_id="0" * 32,
        trained_as_of=now().plus(-age).isoformat(),
        features="",
        metrics={},
        brought={},
        attributes={},
        scale=[],
        skill=0.25,
    )
    return Champion(about, 1, fitted(name), "folder")


@cache
def fitted(name: str) -> Model:
    """What was learned 100 days ago."""
    family, spec, trained = family_of(name), read(CHECKOUT / "models", name), now().plus(-100)
    known = known_at(facts(), trained)
    if name == "churn":
        return family.develop(known, spec, trained, Options(trials=1)).model
    rows = family.matured(known, spec, trained)
    assert rows is not None
    return family.fit(rows, spec)


def document(folder: Path, name: str, age: int) -> Any:
    settings = Settings.read({"FUNNELCAST_HOME": str(folder)})
    return json.loads(json.dumps(Performance(settings, facts(), champion(name, age), now()).document(), allow_nan=False))


def test_rows_that_came_after_the_training_are_judged_in_all_and_by_group(tmp_path: Path) -> None:
    found = document(tmp_path, "churn", 100)
    came = found["realised"]
    assert came["since"] == now().plus(-90).isoformat()
    assert came["clusters"] == came["rows"] > 300
    assert came["skill"] == pytest.approx(1 - came["loss"] / came["baseline_loss"])
    assert came["skill"] > 3 * came["skill_se"] > 0
    assert came["metrics"]["log_loss"] == pytest.approx(came["loss"])
    assert came["trained_skill"] == 0.25
    assert {group["column"] for group in found["by_channel"]} == {"source_channel"}
    assert {group["column"] for group in found["by_segment"]} == {"channel_state"}
    assert {group["name"] for group in found["by_segment"]} <= {"online", "offline", "both", "dormant"}
    assert sum(group["rows"] for group in found["by_channel"]) <= came["rows"]
    # what it expects of those in question now isn't far from what came of those of a quarter ago
    assert found["expected"]["log_loss"] == pytest.approx(came["loss"], abs=0.06)
    assert found["missing"] == {}


def test_before_labels_mature_only_what_is_expected_is_told_and_until_when(tmp_path: Path) -> None:
    found = document(tmp_path, "churn", 10)
    assert found["realised"] is None
    assert found["expected"]["rows"] > 300
    assert now().plus(80).at.date().isoformat() in found["missing"]["realised"]


def test_purchases_after_the_training_count_from_its_very_day(tmp_path: Path) -> None:
    came = document(tmp_path, "clv", 60)["realised"]
    assert came["since"] == now().plus(-60).isoformat()
    assert came["metrics"]["holdout_days"] == 60


def test_facts_without_dates_say_so() -> None:
    known, model = facts(), champion("churn", 100)
    undated = replace(known, tables={"contacts": known.table("contacts")})
    found = Performance(Settings.read({}), undated, model, now()).document()
    missing: Any = found["missing"]
    assert found["realised"] is None
    assert "transactions" in missing["realised"]
