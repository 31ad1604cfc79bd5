from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from funnelcast.artefacts import to_json
from funnelcast.errors import TooFewRows
from funnelcast.evaluate.backtest import document
from funnelcast.settings import Settings
from funnelcast.simulate import company
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from funnelcast.tracking import Tracker
from tests.unit.forecast.sales.series import shop, weekly_shop
from training.backtest import backtest_quantity, judge
from training.backtest_model import backtest_model

SETTINGS = Settings.read({"FUNNELCAST_HOME": "unused"})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings.read({"FUNNELCAST_HOME": str(tmp_path_factory.mktemp("home"))})


def judged(facts: Any, origins: int, weeks: int) -> dict[str, Any]:
    return dict(document(judge(SETTINGS, facts, "sales", origins=origins, weeks=weeks, progress=lambda _: None), weeks))


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


@pytest.mark.parametrize(
    ("quantity", "reason"), [("pipeline", "0 rows of deals with closed_at_known_at"), ("cash", "0 origins with 4 weeks")]
)
def test_three_open_deals_and_one_invoice_are_no_history(quantity: str, reason: str) -> None:
    opened = pd.to_datetime(["2025-05-01", "2025-05-11", "2025-06-01"])
    deals = pd.DataFrame({"deal_id": ["a", "b", "c"], "contact_id": ["x", "y", "z"], "opened_at": opened, "amount": [10.0, 20.0, 5.0]})
    events = pd.DataFrame({"deal_id": ["a", "b", "c"], "occurred_at": opened, "stage": "new"})
    dates = {"issued_at": pd.Timestamp("2025-06-01"), "due_at": pd.Timestamp("2025-07-01"), "paid_at": pd.NaT}
    invoices = pd.DataFrame({"invoice_id": ["i"], "contact_id": ["x"], "amount": [12.0], **dates})
    facts = from_frames(Source("tiny"), {"deals": deals, "deal_events": events, "invoices": invoices})
    with pytest.raises(TooFewRows, match=reason):
        judge(SETTINGS, facts, quantity, origins=6, weeks=4, progress=lambda _: None)


def test_the_run_keeps_figures_document_and_plots(home: Settings) -> None:
    said: list[str] = []
    answer: dict[str, Any] = backtest_quantity(home, weekly_shop(130), "sales", origins=2, weeks=4, progress=said.append)
    assert said == ["sales: forecasting from 2025-04-28", "sales: forecasting from 2025-05-26", "sales: logging"]
    logged = Tracker(home).metrics(answer["run_id"])
    assert logged["total.coverage_80"] == answer["total"]["coverage_80"]
    assert logged["baselines.last_period.total.pinball"] == answer["baselines"]["last_period"]["total"]["pinball"]
    kept = home.artefacts / answer["run_id"] / "artifacts"
    assert sorted(path.relative_to(kept).as_posix() for path in kept.rglob("*.*")) == [
        "backtest.json",
        "plots/fan.png",
        "plots/pinball.png",
        "plots/pit.png",
    ]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in kept.rglob("*.png"))
    assert json.loads((kept / "backtest.json").read_bytes()) == {key: value for key, value in answer.items() if key != "run_id"}


def test_a_model_s_run_holds_its_origins_as_steps(home: Settings) -> None:
    facts = company(1_000, seed=2).facts()
    answer: dict[str, Any] = backtest_model(home, facts, "payment_delay", origins=2, weeks=13, progress=lambda _: None)
    newest, earlier = answer["by_origin"]
    assert (newest["as_of"][:10], earlier["as_of"][:10]) == ("2026-01-01", "2025-10-02")
    assert newest["rows"] > earlier["rows"]
    assert Tracker(home).metrics(answer["run_id"]) == {
        **newest["metrics"],
        **{f"baseline.{name}": value for name, value in newest["baseline"].items()},
    }
    assert answer["mean"] == pytest.approx({name: (value + earlier["metrics"][name]) / 2 for name, value in newest["metrics"].items()})


def test_superstore_by_week_beats_the_seasonal_naive(real_data: Path) -> None:
    orders = pd.read_csv(real_data / "superstore_orders" / "superstore_orders.csv.gz", usecols=["Customer ID", "Order Date", "Sales"])
    orders.columns = pd.Index(["occurred_at", "contact_id", "amount"])
    orders["occurred_at"] = pd.to_datetime(orders.occurred_at, format="%m/%d/%Y")
    answer = judged(from_frames(Source("superstore", country="US"), {"transactions": orders}), origins=4, weeks=13)
    assert answer["pinball"] < 0.75 * answer["baselines"]["seasonal_naive"]["pinball"]
    assert 0.65 <= answer["coverage_80"] <= 0.95
