"""Documents as people read them in the terminal."""

from __future__ import annotations

from typing import Any

import pytest

from funnelcast.terminal import show

TRAINED: dict[str, Any] = {
    "model": "lead_scoring",
    "version": 1,
    "as_of": "2026-01-01",
    "rows": 10,
    "promoted": None,
    "metrics": {"roc_auc": 0.9},
    "baseline": {"roc_auc": 0.6},
    "gates": [{"name": "no_leak", "passed": True}],
}
BRIDGE = {
    "metrics": {"rule": {"roc_auc": 0.61}, "model": {"roc_auc": 0.93}},
    "points": [
        {"kind": "webinar", "rule": 10.0, "learned": 17, "low": 12, "high": 22, "touches": 400},
        {"kind": "demo [new]", "rule": None, "learned": 4, "low": 0, "high": 9, "touches": 12, "note": "too few to say: 12 touches"},
    ],
    "sentences": {"en": ["a webinar is worth 17 (12 to 22), not 10"], "fr": []},
    "scale": "Points on the rule's own scale.",
}


def test_the_bridge_of_lead_scoring_is_shown_after_training(capsys: pytest.CaptureFixture[str]) -> None:
    show("train", TRAINED | {"bridge": BRIDGE})
    said = capsys.readouterr().out
    for words in ("0.61", "0.93", "demo [new]", "too few to say", "a webinar is worth 17 (12 to 22), not 10", "on the rule's own scale"):
        assert words.casefold() in said.casefold()


def test_why_there_is_no_bridge(capsys: pytest.CaptureFixture[str]) -> None:
    show("train", TRAINED | {"bridge": {"missing": "7 conversions are too few"}})
    assert "7 conversions are too few" in capsys.readouterr().out


def credited(channel: str, rank: int, **more: Any) -> dict[str, Any]:
    figures = {"conversions": 30.0, "value": 900.0, "share": 0.6, "low": 25.5, "high": 33.25, "removal_effect": None, "rank": rank}
    return {"channel": channel, **figures, "rank_low": 1, "rank_high": 1, "probability_first": 0.97, **more}


def test_credits_are_shown_with_intervals_ranks_and_what_they_say(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [credited("store", 1), credited("web", 2, rank_low=1, rank_high=3, probability_first=0.02)]
    said = {"en": ["store is credited with more than web (probability 97 %)."], "fr": ["…"]}
    shown = {"method": "shapley", "order": None, "question": "predictive", "conversions": 50.0, "value": 1500.0, "level": 0.9}
    show("attribute", {**shown, "credits": rows, "sentences": said})
    lines = capsys.readouterr().out.splitlines()
    assert "shapley, predictive: 50 conversions, value 1,500" in lines[0]
    store, web = (next(line for line in lines if f" {name} " in line and "│" in line) for name in ("store", "web"))
    assert [cell.strip() for cell in store.strip("│").split("│")] == ["1", "store", "30", "25.5 to 33.25", "900", "60.0%", "1", "97%"]
    assert "1 to 3" in web
    assert said["en"][0] in lines


def test_what_is_lost_without_a_channel_is_shown_where_a_method_says_it(capsys: pytest.CaptureFixture[str]) -> None:
    row = credited("store", 1, removal_effect=0.25, probability_first=None)
    shown = {"method": "markov", "order": 2, "question": "predictive", "conversions": 50.0, "value": None, "level": 0.9}
    show("attribute", [{**shown, "credits": [row], "sentences": {"en": [], "fr": []}}])
    said = capsys.readouterr().out
    assert "markov of order 2" in said
    assert "lost without it" in said
    assert "25.0%" in said


def test_a_back_test_shows_the_forecast_beside_every_baseline(capsys: pytest.CaptureFixture[str]) -> None:
    def figures(pinball: float, bias: float | None = 1.5) -> dict[str, Any]:
        return {"pinball": pinball, "crps": 2 * pinball, "coverage_50": 0.5, "coverage_80": 0.75, "coverage_90": 0.875, "bias_pct": bias}

    document = {
        "quantity": "pipeline",
        "unit": "EUR",
        "origins": ["2025-01-06", "2025-02-03"],
        "weeks": 4,
        **figures(30.0),
        "total": figures(90.0),
        "baselines": {"last_period": {**figures(40.0), "total": figures(100.0, None)}},
        "notes": ["2 origins of 4 periods: [little]"],
        "run_id": "abc",
    }
    show("backtest", document)
    said = capsys.readouterr().out
    lines = [[cell.strip() for cell in line.strip("│").split("│")] for line in said.splitlines() if line.startswith("│")]
    assert lines == [
        ["forecast", "30", "1.00", "60", "50 %", "75 %", "88 %", "1.5"],
        ["last_period", "40", "0.75", "80", "50 %", "75 %", "88 %", "1.5"],
        ["forecast", "90", "1.00", "180", "50 %", "75 %", "88 %", "1.5"],
        ["last_period", "100", "0.90", "200", "50 %", "75 %", "88 %", "–"],
    ]
    assert "2 origins from 2025-01-06 to 2025-02-03, in EUR" in said
    assert "[little]" in said
    assert "MLflow run abc" in said


def test_a_back_test_of_a_model_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show("backtest", {"model": "churn", "origins": 2, "mean": {"roc_auc": 0.8}, "by_origin": []})
    assert "churn" in capsys.readouterr().out


def test_a_forecast_tells_its_parts_and_what_hangs_on_whom(capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"p10": 1_000.0, "p50": 2_000.0, "p90": 3_000.0, "mean": 2_100.0}
    period = {"start": "2026-01-05T00:00:00+01:00", "end": "2026-01-12T00:00:00+01:00", **figures, "parts": {"open_deals": 2_100.0}}
    head = {"as_of": "2026-01-05", "draws": 10, "unit": "EUR", "periods": [period], "total": figures, "missing": []}
    series = [{"series": "fair", "periods": [period], "total": {**figures, "p90": 7_777.0}, "stale": False}]
    dead = {"deals": 2, "of": 9, "amount": 50.0, "largest": ["d7"]}
    told = {"concentration": {"largest": ["d1"], "with": figures, "without": {**figures, "p50": 1_234.0}}, "dead_weight": dead}
    difference = {"total": {**figures, "mean": -55.0}, "periods": [], "shortfall": {"probability": 0.04, "probability_below_floor": 0.1}}
    lever = {"id": "i3", "kind": "invoice", "amount": 900.0, "effect": 0.125}
    risk = {"probability": 0.2, "first_week_p50": "2026-02-02T00:00:00+01:00", "levers": [lever]}
    show("forecast", {**head, "series": series, **told, "shortfall": risk, "difference": difference})
    said = " ".join(capsys.readouterr().out.split())  # lines may be broken
    for part in ("7,777", "1,234 without d1", "2 of 9 open deals: d7, …", "20.0%; first week at the median: 2026-02-02"):
        assert part in said
    for part in ("12.5 points less if invoice i3 (900) were paid now", "by -55 on average", "by +4.0 points"):
        assert part in said


def test_the_track_record_is_a_table_of_what_was_expected_and_came(capsys: pytest.CaptureFixture[str]) -> None:
    judged = {
        "judged": 412,
        "predicted": 0.09,
        "observed": 0.1,
        "low": 0.076,
        "high": 0.127,
        "brier": 0.08,
        "bins_agreeing": 9,
        "bins": [{}] * 10,
    }
    answers = [
        {"model": "churn", "version": 1, "horizon_days": 90.0, "answers": 500, "waiting": 88, **judged},
        {"model": "churn", "version": 2, "horizon_days": 90.0, "answers": 5, "waiting": 5, "judged": 0},
    ]
    lead = {"judged": 6, "coverage_50": 0.5, "coverage_80": 0.75, "coverage_90": 0.875, "coverage_80_interval": [0.4, 0.95]}
    sales = {"quantity": "sales", **lead, "by_lead": [{"lead": 3, **lead}], "text": {"en": "80 % bands held 75 % of 6 times."}}
    receipts = {"quantity": "receipts", "judged": 0, "by_lead": [], "text": {"en": "No forecast can be judged yet."}}
    models = [{"model": "churn", "text": {"en": "Of 412 answers …"}}]
    record = {"level": 0.9, "answers": answers, "models": models, "forecasts": [sales, receipts], "missing": {"clv": "no [table]"}}
    show("monitor", {"drift": {}, "alerts": [], "track_record": record, "performance": {}})
    lines = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if "│" in line]
    assert ["churn", "1", "90", "500", "88", "412", "0.09", "0.1", "0.076 to 0.127", "9 of 10", "0.08"] in cells
    assert ["churn", "2", "90", "5", "5", "0", "–", "–", "–", "–", "–"] in cells
    assert ["sales", "3", "6", "50%", "75%", "88%", "40% to 95%"] in cells
    assert ["receipts", "all", "0", "–", "–", "–", "–"] in cells
    assert "churn: Of 412 answers …" in lines
    assert "sales: 80 % bands held 75 % of 6 times." in lines
    assert "clv can't be judged: no [table]" in lines


def test_what_was_forgotten_and_what_is_left_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    retrain = [{"model": "churn", "version": 3, "aliases": ["champion"], "trained_as_of": "2026-01-01"}]
    snapshots = [{"snapshot": "2026-01-01-ab", "removed": 4}, {"snapshot": "2026-01-08-cd", "removed": 3}]
    document = {
        "contact_id": "[ann]",
        "identities": ["[ann]", "ann@home.example"],
        "snapshots": snapshots,
        "answers": 5,
        "retrain": retrain,
    }
    show("forget", {**document, "artefacts": {"scanned": 90, "holding": []}, "todo": ["Remove their rows from contacts (1)."]})
    said = " ".join(capsys.readouterr().out.split())
    assert "[ann] ([ann], ann@home.example): 7 rows and names are gone from 2 snapshots; 5 answers" in said
    assert "│ churn │ 3 │ champion │ 2026-01-01 │" in said
    assert "90 other files of the home were searched, 0 name the person" in said
    assert said.endswith("Remove their rows from contacts (1).")


EMPTY_RECORD: dict[str, Any] = {"level": 0.9, "answers": [], "models": [], "forecasts": [], "missing": {}}


def test_what_a_champion_expects_and_what_came_stand_beside_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    came = {"rows": 444, "loss": 0.4, "loss_se": 0.01, "skill": 0.21, "skill_se": 0.02, "trained_skill": 0.25}
    off = {"name": "[store]", "expected": 0.3, "observed": 0.5, "agrees": False}
    told = {
        "churn": {"expected": {"rows": 321, "brier": 0.125}, "realised": came, "by_channel": [off], "by_segment": [], "missing": {}},
        "clv": {"expected": None, "realised": None, "by_channel": [], "by_segment": [], "missing": {"realised": "from [2026-04-01] on"}},
    }
    show("monitor", {"drift": {}, "alerts": [], "track_record": EMPTY_RECORD, "performance": told})
    said = capsys.readouterr().out
    for part in ("321", "brier 0.125", "444", "0.4000 ± 0.0100", "0.210 ± 0.020", "[store]", "clv, realised: from [2026-04-01] on"):
        assert part in said


def test_the_scheduled_job_says_what_was_promoted_kept_and_failed_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    shares = {"aged": 0.004, "moved": 0.0, "missed": 0.123}
    rows = [
        {"model": "churn", "retrained": True, "decision": "waiting costs 12.70 %", **shares, "outcome": "promoted v3", "why": "all gates"},
        {"model": "clv", "retrained": False, "decision": "within the cool-down", "outcome": "kept v1", "why": "within the cool-down"},
        {"model": "deals", "retrained": True, "decision": "no champion", "outcome": "failed", "why": "no [rows]"},
    ]
    show("retrain", {"summary": rows, "refresh": {"snapshot": "2026-01-01-abc"}})
    said = capsys.readouterr().out
    for part in ("promoted v3", "kept v1", "failed", "12.30 %", "0.40 %", "all gates", "no [rows]", "snapshot 2026-01-01-abc"):
        assert part in said
    assert said.count("within the cool-down") == 1
    show("retrain", {"summary": [], "refresh": {"failed": "a [disc] is full"}})
    assert "not refreshed: a [disc] is full" in capsys.readouterr().out


def test_the_registry_is_told_with_who_serves_and_how_good_each_version_is(capsys: pytest.CaptureFixture[str]) -> None:
    version = {"name": "acme.churn", "version": 3, "aliases": ["champion"], "role": "challenger", "age_days": 4.5, "run_id": "f" * 32}
    old = {**version, "version": 2, "aliases": ["previous"], "metrics": {"log_loss": 0.5}, "verdict": "rolled back"}
    new = {**version, "metrics": {"roc_auc": 0.83, "skill": 0.21}, "verdict": "forced against the gates [no_leak]"}
    show("models", {"models": [new, old]})
    told = capsys.readouterr().out
    for what in ("champion", "previous", "roc_auc 0.83", "0.21", "log_loss 0.5", "[no_leak]", "rolled back"):
        assert what in told
