"""From facts to a judged challenger: dates, hold-out, what is missing, and the figures."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from funnelcast.errors import MissingTable, SpecError, TooFewRows
from funnelcast.evaluate.metrics import roc_auc
from funnelcast.families.churn import FAMILY as CHURN
from funnelcast.families.family import Development, Options
from funnelcast.families.lead_scoring import FAMILY as LEADS
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Label, Source
from funnelcast.terms import AsOf
from tests.unit.families.battery import spec_of

SPEC = spec_of("churn", label={"horizon_days": 60}, folds={"spacing_days": 60, "history_days": 60, "count": 2}, search={"trials": 2})
QUICK = Options(trials=1)


@cache
def shop() -> Facts:
    """Buyers of two speeds over two years, half of whom leave."""
    rng = np.random.default_rng(5)
    rows = []
    for contact in range(240):
        pause, left = rng.choice([12.0, 50.0]), rng.uniform(100, 1300)
        when = np.cumsum(rng.exponential(pause, 90)) + rng.uniform(0, 100)
        rows += [(f"c{contact}", day) for day in when[when < min(left, 730)]]
    start = pd.Timestamp("2023-01-01")
    frame = pd.DataFrame(rows, columns=["contact_id", "day"])
    sales = pd.DataFrame(
        {
            "contact_id": frame["contact_id"],
            "occurred_at": (start + pd.to_timedelta(frame["day"], unit="D")).astype("datetime64[us]"),
            "amount": 20.0,
        }
    )
    return from_frames(Source("shop"), {"transactions": sales}).with_observation(AsOf.parse("2025-01-01", "UTC"))


@cache
def developed(as_of: str) -> Development:
    return CHURN.develop(shop(), SPEC, AsOf.parse(as_of, "UTC"), QUICK)


def test_the_newest_date_has_a_whole_label_window_and_was_never_fitted() -> None:
    found = developed("2025-01-01")
    assert found.newest["as_of"].unique().tolist() == [pd.Timestamp("2024-11-02")]
    assert found.details["as_of_dates"][-2:] == ["2024-09-03", "2024-11-02"]  # type: ignore[index]
    assert found.rows > len(found.newest) > 50
    assert found.judged is not found.model


def test_with_an_earlier_as_of_later_facts_are_the_hold_out_alone() -> None:
    found = developed("2024-10-01")
    assert found.newest["as_of"].unique().tolist() == [pd.Timestamp("2024-10-01")]
    dates = found.details["as_of_dates"]
    assert dates == [
        "2023-06-09",
        "2023-08-08",
        "2023-10-07",
        "2023-12-06",
        "2024-02-04",
        "2024-04-04",
        "2024-06-03",
        "2024-08-02",
    ]
    lately = shop().table("transactions").occurred_at >= ibis.timestamp("2024-10-01")
    sales = shop().table("transactions").mutate(amount=ibis.ifelse(lately, -1.0, shop().table("transactions").amount))
    poisoned = CHURN.develop(shop().with_tables({"transactions": sales}, None), SPEC, AsOf.parse("2024-10-01", "UTC"), QUICK)
    assert poisoned.judged.files() == found.judged.files()  # what comes after as_of is never fitted on
    assert poisoned.model.files() == found.model.files()
    assert poisoned.baseline.files() == found.baseline.files()
    assert poisoned.newest["label"].mean() == 1.0  # but it is the hold-out: refunds are no purchase


def test_it_beats_recency_alone_and_says_what_it_is() -> None:
    found = developed("2025-01-01")
    assert found.metrics["log_loss"] < found.baseline_metrics["log_loss"]
    assert set(found.metrics) == {
        "roc_auc", "pr_auc", "brier", "log_loss", "calibration_slope", "calibration_intercept", "ece", "lift_at_10pct"
    }  # fmt: skip
    assert found.details["member"] in {"blend", "boosted_trees", "logistic_regression"}
    assert found.details["leak_suspects"] == []
    assert dict(found.baseline.columns) == {"days_since_purchase": "number"}
    gates: Any = found.details["gates"]
    assert [(gate["name"], gate["passed"]) for gate in gates] == [("no_leak", True)]


def test_figures_are_drawn_when_asked() -> None:
    found = developed("2025-01-01")
    assert sorted(found.plots) == ["contributions", "gain", "lift", "precision_recall", "reliability", "roc"]
    shown = found.plots["contributions"]().axes[0].get_yticklabels()
    assert [label.get_text() for label in shown] == list(found.details["contributions"])[: len(shown)]  # type: ignore[arg-type]
    precision = found.plots["precision_recall"]().axes[0].get_lines()[0].get_ydata()
    assert precision[-1] == pytest.approx(found.newest["label"].mean())  # whoever calls everyone is as often right as the base rate
    labels = [text.get_text() for text in found.plots["roc"]().axes[0].get_legend().get_texts()]
    assert labels == [f"model: {found.metrics['roc_auc']:.3f}", f"baseline: {found.baseline_metrics['roc_auc']:.3f}"]


def test_the_card_lists_what_is_read_and_what_is_left_out() -> None:
    found = developed("2025-01-01")
    card = "\n".join(found.sections)
    for name in found.details["left_out"]:  # type: ignore[union-attr]
        assert f"| {name} |" in card
    assert "## What moves the score" in card
    assert "Learned from" in card


@pytest.mark.parametrize("threads", [1, 2])
def test_the_same_facts_and_seed_give_the_same_figures(threads: int) -> None:
    again = CHURN.develop(shop(), SPEC, AsOf.parse("2025-01-01", "UTC"), replace(QUICK, threads=threads))
    assert again.metrics == developed("2025-01-01").metrics
    assert again.model.files() == developed("2025-01-01").model.files()


def test_a_search_is_kept_and_not_repeated_on_the_same_facts(tmp_path: Path) -> None:
    options = Options(trials=3, studies=tmp_path)
    first, again = (CHURN.develop(shop(), SPEC, AsOf.parse("2025-01-01", "UTC"), options) for _ in range(2))
    searches: list[Any] = [first.details["search"], again.details["search"]]
    assert [search["resumed"] for search in searches] == [0, 3]
    assert searches[0]["settings"] == searches[1]["settings"]
    assert first.metrics == again.metrics
    assert len(list(tmp_path.glob("churn-*.json"))) == 1
    CHURN.develop(shop(), SPEC, AsOf.parse("2024-11-01", "UTC"), options)  # other rows: another search
    assert len(list(tmp_path.glob("churn-*.json"))) == 2


def test_whoever_is_in_question_is_scored() -> None:
    as_of = AsOf.parse("2025-01-01", "UTC")
    rows = CHURN.candidates(shop(), SPEC, None, as_of).order_by("contact_id").execute()
    model = developed("2025-01-01").model
    predicted = model.predict(rows[list(model.columns)])
    assert len(rows) == len(predicted) > 100
    assert predicted["probability"].between(0, 1).all()


def test_the_end_of_subscriptions_where_there_are_no_purchases() -> None:
    rng = np.random.default_rng(3)
    started = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 500, 300), unit="D")
    ended = started + pd.to_timedelta(rng.exponential(400, 300) + 1, unit="D")
    frame = pd.DataFrame(
        {
            "contact_id": [f"c{number}" for number in range(300)],
            "started_at": started.astype("datetime64[us]"),
            "ended_at": ended.where(ended < pd.Timestamp("2025-01-01")).astype("datetime64[us]"),
            "monthly_amount": rng.choice([10.0, 20.0], 300),
        }
    )
    facts = from_frames(Source("box"), {"subscriptions": frame}).with_observation(AsOf.parse("2025-01-01", "UTC"))
    found = CHURN.develop(facts, SPEC, AsOf.parse("2025-01-01", "UTC"), QUICK)
    assert found.details["label"] == "history of subscriptions"
    assert 0.05 < float(found.details["base_rate"]) < 0.3  # type: ignore[arg-type]
    assert dict(found.baseline.columns) == {}  # no recency: the base rate


def test_what_is_missing_is_said() -> None:
    contacts = from_frames(Source("bare"), {"contacts": pd.DataFrame({"contact_id": ["a"], "size": ["small"]})})
    now = AsOf.parse("2025-01-01", "UTC")
    with pytest.raises(MissingTable, match=r"\[labels\.churn\].*transactions"):
        CHURN.develop(contacts, SPEC, now, QUICK)
    with pytest.raises(MissingTable, match=r"\[labels\.churn\].*created_at"):
        LEADS.develop(contacts, SPEC, now, QUICK)
    with pytest.raises(TooFewRows, match="as-of dates with a whole label window"):
        CHURN.develop(shop(), replace(SPEC, label={"horizon_days": 400}, folds={}), now, QUICK)
    with pytest.raises(SpecError, match="'visit' is none of"):
        CHURN.develop(shop(), replace(SPEC, label={"horizon_days": 60, "basis": "visit"}), now, QUICK)


def test_a_given_column_is_judged_out_of_fold_and_its_leak_is_excluded() -> None:
    rng = np.random.default_rng(9)
    outcome = rng.random(600) < 0.4
    frame = pd.DataFrame(
        {
            "contact_id": [f"c{number}" for number in range(600)],
            "Converted": np.where(outcome, "1", "0"),
            "visits": rng.normal(size=600) + outcome,
            "closing code": np.where(outcome, "ok", "ko"),
        }
    )
    facts = from_frames(Source("flat", labels={"lead_scoring": Label("Converted", "1")}), {"contacts": frame})
    found = LEADS.develop(facts, spec_of("lead_scoring", label={"horizon_days": 60}), AsOf.parse("2025-01-01", "UTC"), QUICK)
    listed: Any = found.details["leak_suspects"]
    assert [suspect["name"] for suspect in listed] == ["closing code"]
    assert list(found.model.columns) == ["visits"]
    assert found.metrics["roc_auc"] == pytest.approx(roc_auc(outcome.astype(float), frame["visits"].to_numpy()), abs=0.03)
    assert found.details["evaluation"] == "out-of-fold cross-validation by contact"
