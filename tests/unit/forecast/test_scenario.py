from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from funnelcast.errors import NotFound, UsageError
from funnelcast.forecast.scenario import CashItem, Scenario, load, read

TOML = """
slip_weeks = 2
payment_delay_days = 7.5
new_deals = 1.1
lost_customers = ["c9"]

[win_rate]
web = 0.8
"*" = 1.2

[[cash_items]]
date = 2026-03-31
amount = -40000
category = "tax"
"""
JSON = """{"slip_weeks": 2, "payment_delay_days": 7.5, "new_deals": 1.1, "lost_customers": ["c9"], "win_rate": {"web": 0.8, "*": 1.2},
           "cash_items": [{"date": "2026-03-31", "amount": -40000, "category": "tax"}]}"""


def test_an_empty_document_changes_nothing() -> None:
    assert read({}) == Scenario()
    assert read({}).neutral
    assert Scenario().win_rate_of("web") == 1.0
    assert not read({"slip_weeks": 1}).neutral


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(TOML)
    (tmp_path / "s.json").write_text(JSON)
    expected = Scenario(
        win_rate={"web": 0.8, "*": 1.2},
        new_deals={"*": 1.1},
        slip_weeks=2,
        payment_delay_days=7.5,
        cash_items=(CashItem(date(2026, 3, 31), -40000.0, "tax"),),
        lost_customers=frozenset({"c9"}),
    )
    assert load(tmp_path / "s.toml") == expected
    assert load(tmp_path / "s.json") == expected


def test_a_named_channel_wins_over_every_other() -> None:
    scenario = read({"win_rate": {"web": 0.8, "*": 1.2}, "spend": {"fairs": 0}})
    assert [scenario.win_rate_of(channel) for channel in ("web", "phone", None)] == [0.8, 1.2, 1.2]
    assert [scenario.spend_of(channel) for channel in ("fairs", "web")] == [0.0, 1.0]
    assert scenario.new_deals_of("web") == 1.0


@pytest.mark.parametrize(
    ("document", "path", "value"),
    [
        ({"winrate": 1}, "scenario.winrate", "no such field"),
        ({"win_rate": {"web": -1}}, "scenario.win_rate.web", "-1"),
        ({"win_rate": {"web": True}}, "scenario.win_rate.web", "True"),
        ({"win_rate": True}, "scenario.win_rate", "True"),
        ({"win_rate": "high"}, "scenario.win_rate", "'high'"),
        ({"new_deals": {"web": float("nan")}}, "scenario.new_deals.web", "nan"),
        ({"spend": [1]}, "scenario.spend", "[1]"),
        ({"slip_weeks": 1.5}, "scenario.slip_weeks", "1.5"),
        ({"slip_weeks": 1000}, "scenario.slip_weeks", "1000"),
        ({"payment_delay_days": "7"}, "scenario.payment_delay_days", "'7'"),
        ({"payment_delay_days": float("inf")}, "scenario.payment_delay_days", "inf"),
        ({"cash_items": {"date": "2026-01-01"}}, "scenario.cash_items", "date"),
        ({"cash_items": [{"date": "2026-01-01"}]}, "scenario.cash_items[0]", "date"),
        ({"cash_items": [{"date": "31/12/2026", "amount": 1}]}, "scenario.cash_items[0].date", "31/12/2026"),
        ({"cash_items": [{"date": "2026-01-01", "amount": "1"}]}, "scenario.cash_items[0].amount", "'1'"),
        ({"cash_items": [{"date": "2026-01-01", "amount": 1, "category": 3}]}, "scenario.cash_items[0].category", "3"),
        ({"lost_customers": "c1"}, "scenario.lost_customers", "'c1'"),
        ({"lost_customers": ["c1", 2]}, "scenario.lost_customers[1]", "2"),
        ([], "scenario", "[]"),
    ],
)
def test_what_a_scenario_cannot_say_is_refused_by_name(document: Any, path: str, value: str) -> None:
    with pytest.raises(UsageError) as refused:
        read(document)
    message = str(refused.value)
    assert message.startswith(f"{path}: ")
    assert value in message
    assert "; give " in message


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"nowhere\.toml"):
        load(tmp_path / "nowhere.toml")
    for name, content in (("s.toml", "slip_weeks ="), ("s.json", "{"), ("s.yaml", "slip_weeks: 1"), ("deep.json", "[" * 100_000)):
        (tmp_path / name).write_text(content)
        with pytest.raises(UsageError, match=name.replace(".", r"\.")):
            load(tmp_path / name)
