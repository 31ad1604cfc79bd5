"""Fitting, blending, explaining and the little-data fall-backs, on made-up contacts."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from funnelcast.errors import TooFewRows
from funnelcast.families.churn import FAMILY
from funnelcast.families.scoring.fitting import fit_scoring
from funnelcast.families.scoring.folds import contact_folds, inner_folds
from funnelcast.families.scoring.model import ScoringModel
from funnelcast.families.scoring.prepared import Recipe, prepare
from funnelcast.families.scoring.reasons import Wording, reason
from tests.unit.families.battery import spec_of

SPEC = spec_of("churn", label={"horizon_days": 90}, folds={"inner": 3})


def contacts(count: int, seed: int, base: float = -1.0) -> pd.DataFrame:
    """A line in one number, a bend in another, an interaction of levels, and noise."""
    rng = np.random.default_rng(seed)
    tenure, visits = rng.exponential(20, count), rng.normal(0, 1, count)
    plan, city = rng.choice(["Basic", "Plus", "Pro"], count), rng.choice(["Lyon", "Nice", "Paris"], count)
    score = base - 0.05 * (tenure - 20) + visits**2 - 1 + 1.5 * ((plan == "Basic") ^ (city == "Nice"))
    return pd.DataFrame(
        {
            "contact_id": [f"secret-{seed}-{number}" for number in range(count)],
            "tenure": np.where(rng.random(count) < 0.1, np.nan, tenure),
            "visits": visits,
            "plan": plan,
            "ville d'achat": city,
            "label": (rng.random(count) < 1 / (1 + np.exp(-score))).astype(float),
        }
    )


@cache
def fitted() -> ScoringModel:
    return FAMILY.fit(contacts(3000, 1), SPEC)


def test_both_members_are_blended_where_both_help() -> None:
    assert fitted().member in {"blend", "boosted_trees"}  # the interaction is beyond the linear member
    assert dict(fitted().columns) == {"tenure": "number", "visits": "number", "plan": "category", "ville d'achat": "category"}


def test_contributions_of_each_column_add_up_to_the_raw_score() -> None:
    rows = contacts(500, 2)
    found = fitted().contributions(rows)
    assert list(found.parts.columns) == ["tenure", "visits", "plan", "ville d'achat"]
    np.testing.assert_allclose(found.parts.sum(axis=1) + found.base, fitted().scores(rows), atol=1e-9)


def test_reasons_are_the_strongest_contributions_in_words() -> None:
    rows = contacts(20, 3).iloc[[0]].assign(tenure=95.0)
    (found,) = fitted().explain(rows, 2, "fr")
    parts = fitted().contributions(rows).parts.iloc[0]
    assert [reason.feature for reason in found] == parts.abs().sort_values(ascending=False).index[:2].tolist()
    assert [reason.effect for reason in found] == [pytest.approx(parts[reason.feature]) for reason in found]
    assert found[0].text == "tenure : 95 (diminue le risque de départ)"


@pytest.mark.parametrize(
    ("value", "lang", "text"),
    [
        (1234.0, "en", "spend: 1,234 (raises the score)"),
        (1234.0, "fr", "dépenses : 1\u202f234 (augmente le score)"),
        (0.125, "fr", "dépenses : 0,125 (augmente le score)"),
        (None, "fr", "dépenses : inconnu (augmente le score)"),
        (float("nan"), "en", "spend: not known (raises the score)"),
        ("Web", "en", "spend: Web (raises the score)"),
    ],
)
def test_sentences(value: object, lang: str, text: str) -> None:
    assert reason("spend", value, 0.5, Wording({"spend": {"en": "spend", "fr": "dépenses"}}), lang).text == text


def test_the_number_of_threads_changes_no_byte() -> None:
    rows = contacts(1500, 4)
    names = ["tenure", "visits", "plan", "ville d'achat"]
    made = []
    for threads in (1, 2):
        recipe = Recipe("churn", seed=3, threads=threads)
        prepared = prepare(rows, rows["label"].to_numpy(), names, recipe)
        made.append(fit_scoring(prepared, inner_folds(rows, SPEC), recipe).model.files())
    assert made[0] == made[1]


def test_a_monotone_column_never_turns() -> None:
    rows = contacts(3000, 5)
    recipe = Recipe("churn", seed=3, monotone={"tenure": -1})
    prepared = prepare(rows, rows["label"].to_numpy(), ["tenure", "visits", "plan", "ville d'achat"], recipe)
    trees = fit_scoring(prepared, inner_folds(rows, SPEC), recipe).model.trees
    assert trees is not None
    line = rows.iloc[[0] * 200].assign(tenure=np.linspace(0, 150, 200))
    assert (np.diff(trees.scores(prepared.columns.matrix(line))) <= 1e-12).all()


def test_excluded_columns_may_be_there_and_change_nothing() -> None:
    rows = contacts(800, 6)
    recipe = Recipe("churn", seed=3, excluded={"tenure": "leak suspect: it knows"})
    prepared = prepare(rows, rows["label"].to_numpy(), ["tenure", "visits", "plan", "ville d'achat"], recipe)
    model = fit_scoring(prepared, inner_folds(rows, SPEC), recipe).model
    assert model.read.left_out["tenure"] == "leak suspect: it knows"
    pd.testing.assert_frame_equal(model.predict(rows), model.predict(rows.drop(columns="tenure")))


def test_under_a_hundred_positives_the_linear_member_goes_alone() -> None:
    rows = contacts(400, 7, base=-3.0)
    assert 10 < rows["label"].sum() < 100
    assert FAMILY.fit(rows, SPEC).member == "logistic_regression"


def test_next_to_no_positives_are_the_base_rate_with_its_interval() -> None:
    rows = contacts(60, 8).assign(label=[1.0] * 3 + [0.0] * 57)
    model = FAMILY.fit(rows, SPEC)
    predicted = model.predict(rows)
    assert model.member == "base_rate"
    assert predicted["probability"].unique() == pytest.approx([3.5 / 61])
    low, high = beta.ppf(np.array([0.05, 0.95]), 3.5, 57.5).tolist()  # Jeffreys' 90 % interval of 3 in 60
    assert predicted["low"].iloc[0] == pytest.approx(low, rel=1e-6)
    assert predicted["high"].iloc[0] == pytest.approx(high, rel=1e-6)


def test_without_rows_there_is_nothing_to_fit() -> None:
    with pytest.raises(TooFewRows, match="0 rows with a known outcome"):
        FAMILY.fit(contacts(10, 9).iloc[:0], SPEC)


def test_exact_duplicates_stay_in_one_fold() -> None:
    rows = contacts(120, 10)
    twins = pd.concat([rows, rows.assign(contact_id=[f"twin-{number}" for number in range(120)])], ignore_index=True)
    for fold in contact_folds(twins, 4, seed=1):
        assert {number % 120 for number in fold.fit.tolist()} & {number % 120 for number in fold.judge.tolist()} == set()


def test_rows_of_one_contact_stay_in_one_fold() -> None:
    rows = pd.concat([contacts(90, 11)] * 2, ignore_index=True).assign(visits=range(180))
    for fold in contact_folds(rows, 3, seed=1):
        assert {number % 90 for number in fold.fit.tolist()} & {number % 90 for number in fold.judge.tolist()} == set()


def test_later_dates_judge_earlier_ones_where_there_is_time() -> None:
    rows = pd.concat([contacts(150, number).assign(as_of=pd.Timestamp(f"2024-0{number}-01")) for number in range(1, 8)], ignore_index=True)
    folds = inner_folds(rows, spec_of("churn", label={"horizon_days": 60}, folds={"count": 2}))
    assert [str(fold.judge_date)[:10] for fold in folds] == ["2024-06-01", "2024-07-01"]
    assert [str(fold.fit_dates[-1])[:10] for fold in folds] == ["2024-04-01", "2024-05-01"]
