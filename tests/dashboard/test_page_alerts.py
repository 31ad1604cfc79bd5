"""The alerts on the page are those of the service, the dearest of a kind first, each with what it costs and what to do."""

from __future__ import annotations

import httpx
import pytest

from tests.dashboard.conftest import Open
from tests.dashboard.formats import money
from tests.dashboard.watched import LANGS

RANKS = ("error", "warning", "note")


@pytest.mark.parametrize("lang", LANGS)
def test_alerts_stand_with_effect_and_action(opened: Open, address: str, lang: str) -> None:
    told = httpx.get(f"{address}/v1/alerts", timeout=60).json()
    alerts = sorted(told["alerts"], key=lambda alert: (RANKS.index(alert["severity"]), -abs(alert["effect"] or 0)))
    assert any(alert["effect"] for alert in alerts)
    with opened(lang) as watched:
        watched.show("alerts")
        assert told["budget"]["text"][lang] in watched.texts()
        assert watched.page.locator("nav a[href='#/alerts']").locator(".count").inner_text() == str(
            sum(alert["severity"] != "note" for alert in alerts)
        )
        cards = watched.page.locator(".alert").all_inner_texts()
    assert len(cards) == len(alerts)
    for card, alert in zip(cards, alerts, strict=True):
        assert alert["effect_text"][lang] in card
        assert alert["action"][lang].replace("`", "") in card
        assert alert["effect"] is None or money(alert["effect"], lang, sign=True) in card
