from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from funnelcast.artefacts import to_json
from funnelcast.errors import TooFewRows
from funnelcast.settings import Settings
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from tests.unit.forecast.sales.series import shop, weekly_shop
from training.backtest import backtest_quantity

SETTINGS = Settings.read({"FUNNELCAST_HOME": "unused"})


def judged(facts: Any, origins: int, weeks: int) -> dict[str, Any]:
    return backtest_quantity(SETTINGS, facts, "sales", origins=origins, weeks=weeks, progress=lambda _: None)


def test_sales_of_a_seasonal_shop_beat_every_baseline() -> None:
    answer = judged(weekly_shop(130), origins=3, weeks=4)
    assert to_json(answer)
    assert answer["origins"] == ["2025-03-31", "2025-04-28", "2025-05-26"]
    assert sorted(answer["baselines"]) == ["last_period", "quarter_naive", "seasonal_naive"]
    assert all(answer["pinball"] < baseline["pinball"] for baseline in answer["baselines"].values())
    assert answer["coverage_80"] >= 0.6
    assert abs(answer["bias_pct"]) < 10


def test_two_weeks_of_sales_are_too_short_to_judge() -> None:
    with pytest.raises(TooFewRows, match="backtest: 0 origins"):
        judged(weekly_shop(2), origins=3, weeks=4)


def test_purchases_without_a_date_are_none() -> None:
    facts = shop([("2023-01-02T09:00", 10.0, "web")])
    empty = facts.with_tables({"transactions": facts.tables["transactions"].filter(False)}, None)
    with pytest.raises(TooFewRows, match="0 rows of transactions"):
        judged(empty, origins=3, weeks=4)


def test_superstore_by_week_beats_the_seasonal_naive(real_data: Path) -> None:
    orders = pd.read_csv(real_data / "superstore_orders" / "superstore_orders.csv.gz", usecols=["Customer ID", "Order Date", "Sales"])
    orders.columns = pd.Index(["occurred_at", "contact_id", "amount"])
    orders["occurred_at"] = pd.to_datetime(orders.occurred_at, format="%m/%d/%Y")
    answer = judged(from_frames(Source("superstore", country="US"), {"transactions": orders}), origins=4, weeks=13)
    assert answer["pinball"] < 0.75 * answer["baselines"]["seasonal_naive"]["pinball"]
    assert 0.65 <= answer["coverage_80"] <= 0.95
