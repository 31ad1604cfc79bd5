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
