from __future__ import annotations

import copy
from html.parser import HTMLParser
from typing import Any

import pytest

from funnelcast.monitor.drift import Drift
from funnelcast.monitor.report import figures, report
from funnelcast.monitor.report_plots import plots

HOSTILE = '<script>alert("x")</script> & $\\frac{1}$'
SAID = {"en": f"{HOSTILE} Run `funnelcast retrain`.", "fr": f"{HOSTILE} Lancez `funnelcast retrain`."}
GROUP: dict[str, Any] = {
    "column": "source_channel",
    "name": HOSTILE,
    "rows": 40,
    "expected": 0.2,
    "observed": 0.4,
    "low": 0.3,
    "high": 0.5,
    "loss": 0.6,
    "p_value": 0.001,
    "q_value": 0.002,
    "agrees": False,
}
LEVEL = {"level": HOSTILE, "share_now": 1.0, "share_then": 1.0, "score_now": 0.3, "score_then": None}
DOCUMENT: dict[str, Any] = {
    "as_of": "2026-01-01T00:00:00+01:00",
    "compared": {"now": "2026-01-01T00:00:00+01:00", "then": "2025-10-09T00:00:00+02:00"},
    "drift": {
        "churn": [Drift(HOSTILE, 0.4, 0.001, 0.002).document(), Drift("young", 0.2, None, None).document()],
        "attribution": [],
    },
    "scores": {"churn": {"now": 0.3, "then": 0.25, "by": {"source_channel": [LEVEL]}}},
    "performance": {
        "churn": {
            "expected": {"rows": 40, "positives": 8.0, "log_loss": None},
            "realised": {"rows": 40, "skill": 0.125, "metrics": {"roc_auc": 0.75}},
            "missing": {"expected": HOSTILE},
            "by_channel": [GROUP],
            "by_segment": [{**GROUP, "low": None, "high": None, "agrees": True}],
        },
        "clv": {"expected": None, "realised": None, "missing": {}, "by_channel": [], "by_segment": []},
    },
    "track_record": {"models": [{"model": "churn", "text": SAID}], "forecasts": [{"quantity": "sales", "text": SAID}]},
    "alerts": [
        {"kind": "tracking", "subject": HOSTILE, "severity": severity, "text": SAID, "effect_text": SAID, "action": SAID, "effect": None}
        for severity in ("error", "warning", "note")
    ],
    "budget": {"per_month": 1.0, "series": 3, "text": SAID},
}


class Page(HTMLParser):
    """What a browser would load and run, and the headings by language."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.languages: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [str(value) for name, value in attrs if name in {"src", "href", "srcset"}]
        self.languages += [str(value) for name, value in attrs if name == "lang"]


def page_of(document: dict[str, Any]) -> tuple[str, Page]:
    text = report(document).decode()
    page = Page()
    page.feed(text)
    return text, page


def test_the_page_needs_nothing_else_and_nothing_of_the_facts_runs_in_it() -> None:
    text, page = page_of(DOCUMENT)
    assert "script" not in page.tags
    assert page.loaded
    assert all(one.startswith("data:image/png;base64,") for one in page.loaded)
    assert "&lt;script&gt;" in text
    assert "url(" not in text
    assert page.languages[0] == "fr"
    assert page.languages.count("en") == page.languages.count("fr") - 1


def test_the_page_tells_every_part_in_both_languages() -> None:
    text, page = page_of(DOCUMENT)
    for title in ("Alertes", "Alerts", "What changed within a quarter", "La qualité des modèles", "Historique des prédictions"):
        assert title in text
    assert page.tags.count("img") == len(plots(DOCUMENT)) == 2
    assert text.count('class="alert ') == 3
    assert "<code>funnelcast retrain</code>" in text
    assert "<tr class=moved><td>&lt;script" in text
    assert "roc_auc" in text


def test_a_quiet_company_has_a_page_too() -> None:
    quiet = copy.deepcopy(DOCUMENT) | {"alerts": [], "drift": {"churn": []}, "scores": {}, "performance": {}, "track_record": {}}
    text, page = page_of(quiet)
    assert "Rien ne dévie." in text
    assert "img" not in page.tags
    assert figures(quiet) == {"alerts": 0.0, "drifted_columns": 0.0}


def test_the_figures_count_what_deserves_attention() -> None:
    assert figures(DOCUMENT) == pytest.approx({"alerts": 2.0, "drifted_columns": 1.0, "worst_effect.churn": 0.4, "skill.churn": 0.125})


def test_the_same_document_gives_the_same_bytes() -> None:
    assert report(DOCUMENT) == report(copy.deepcopy(DOCUMENT))
    assert all(content.startswith(b"\x89PNG") for content in plots(DOCUMENT).values())
