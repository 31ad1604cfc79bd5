"""The economics as people read them in the terminal."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from funnelcast.economics import economics
from funnelcast.economics.tables import money, percent, told
from funnelcast.simulate import company
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from funnelcast.terminal import show
from funnelcast.terms import AsOf

NOW = AsOf(datetime.fromisoformat("2025-05-10"))


@pytest.mark.parametrize(("value", "written"), [(1234.5, "1,234"), (12.34, "12.3"), (1.234, "1.23"), (0.0, "0"), (-1234.5, "-1,234")])
def test_amounts_have_about_three_digits(value: float, written: str) -> None:
    assert money(value) == written


@pytest.mark.parametrize(("value", "written"), [(0.123, "12%"), (0.0123, "1.2%"), (0.0, "0%"), (1.0, "100%")])
def test_small_shares_have_a_decimal(value: float, written: str) -> None:
    assert percent(value) == written


def test_intervals_stand_in_brackets_and_what_is_not_known_is_a_dash() -> None:
    assert told({"value": 12.34, "low": 10.0, "high": 15.0}, money) == "12.3 (10.0–15.0)"
    assert told({"value": -5.0, "low": -8.0, "high": -2.0}, money) == "-5.00 (-8.00 to -2.00)"
    assert told({"value": None, "low": 260.0, "high": None}, money) == "– (260 to –)"
    assert told({"value": None, "low": None, "high": None}, money) == "–"
    assert told(None, money) == "–"


def test_a_company_is_shown_from_total_to_stages(capsys: pytest.CaptureFixture[str]) -> None:
    facts = company(400, seed=3).facts()
    assert facts.observed_until is not None
    show("economics", economics(facts, facts.observed_until))
    said = capsys.readouterr().out
    titles = ("All channels", "Channels: the leads", "(CAC)", "By quarter", "newest quarter", "Combinations", "Types of journey",
              "buy again in a month", "Nothing bought for 90 days", "Touches per person", "Deals by stage", "pipeline earns")  # fmt: skip
    assert [said.count(title) > 0 for title in titles] == [True] * len(titles)
    assert "Not told: clv_cac. It needs a CLV model (transactions)." in said
    assert "channels have touchpoints but no spend (1: web)" in said


def test_a_company_of_spend_alone_is_told_what_it_lacks(capsys: pytest.CaptureFixture[str]) -> None:
    spend = pd.DataFrame({"date": [NOW.at.replace(day=1), NOW.at.replace(day=9)], "channel": ["web [new]"] * 2, "amount": [100.0, 50.0]})
    document: dict[str, Any] = economics(from_frames(Source("t", spend_lag_days=7), {"spend": spend}), NOW)
    show("economics", document)
    said = " ".join(capsys.readouterr().out.split())
    assert "won 7 days later; 50.0 is too young for that and isn't counted" in said
    assert "web [new]" in said
    assert "2025-Q2*" in said
    assert "Not told: retention, reactivation. It needs transactions." in said
