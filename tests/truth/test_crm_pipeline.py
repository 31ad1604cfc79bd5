"""Maven Analytics' CRM Sales Opportunities: the pipeline of a fictional seller, forecast as of October 2017 and judged on what came."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from funnelcast.families.deal_outcome import FAMILY
from funnelcast.families.family import Development, Options
from funnelcast.forecast.new_deals import estimate
from funnelcast.forecast.periods import calendar
from funnelcast.forecast.pipeline import WEEKS, PipelineInputs, forecast_pipeline
from funnelcast.settings import CHECKOUT
from funnelcast.sources.as_of import cut
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.spec import read
from funnelcast.terms import AsOf

AS_OF = AsOf(datetime.fromisoformat("2017-10-01"))


@cache
def opportunities(folder: Path) -> pd.DataFrame:
    given = pd.read_csv(folder / "crm_sales_opportunities" / "sales_pipeline.csv", parse_dates=["engage_date", "close_date"])
    products = pd.read_csv(folder / "crm_sales_opportunities" / "products.csv")
    prices = products.set_index(products["product"].str.replace(" ", ""))["sales_price"].astype(float)
    given = given[given["engage_date"].notna()]
    won = given["deal_stage"] == "Won"
    return pd.DataFrame(
        {
            "deal_id": given["opportunity_id"],
            "owner": given["sales_agent"],
            "opened_at": given["engage_date"],
            "closed_at": given["close_date"],
            "outcome": given["deal_stage"].str.lower().where(given["close_date"].notna()),
            "amount": given["product"].str.replace(" ", "").map(prices),
            "closed_amount": given["close_value"].where(won),
        }
    )


@cache
def facts_of(folder: Path) -> Facts:
    deals = opportunities(folder)
    opened = pd.DataFrame({"deal_id": deals["deal_id"], "occurred_at": deals["opened_at"], "stage": "open", "amount": deals["amount"]})
    closed = deals[deals["closed_at"].notna()]
    ended = {
        "deal_id": closed["deal_id"],
        "occurred_at": closed["closed_at"],
        "stage": closed["outcome"],
        "amount": closed["closed_amount"],
    }
    events = pd.concat([opened, pd.DataFrame(ended)], ignore_index=True)
    return from_frames(Source("crm", currency="USD"), {"deals": deals, "deal_events": events})


@cache
def developed(folder: Path) -> Development:
    return FAMILY.develop(facts_of(folder), read(CHECKOUT / "models", "deal_outcome"), AS_OF, Options())


def test_what_the_closed_deals_say(real_data: Path) -> None:
    # README of the data: cycle median 45 days and longest 138, closings from 2017-03-01 on
    details = developed(real_data).details
    assert details["oldest_closed_days"] == 138
    assert details["median_cycle_days"] == pytest.approx(45, abs=3)
    assert details["win_rate"] == pytest.approx(0.6315, abs=0.02)
    assert str(details["closings_recorded_from"])[:10] == "2017-03-05"


def test_dead_weight_is_told_from_what_is_pending(real_data: Path) -> None:
    deals = opportunities(real_data)
    pending = deals[(deals["opened_at"] < AS_OF.at) & ~(deals["closed_at"] < AS_OF.at)]
    old = pending[(AS_OF.at - pending["opened_at"]) > timedelta(days=145)]
    rows = FAMILY.candidates(facts_of(real_data), read(CHECKOUT / "models", "deal_outcome"), None, AS_OF).execute().set_index("deal_id")
    model = developed(real_data).model
    predicted = model.predict(rows[list(model.columns)])
    assert sorted(predicted.index) == sorted(pending["deal_id"])
    assert set(old["deal_id"]) <= set(predicted.index[predicted["dead_weight"]])
    # not one of them was ever closed
    assert old["closed_at"].isna().all()
    assert predicted.loc[old["deal_id"], "p_win"].max() < 0.01


def test_it_beats_the_stage_weighted_pipeline_where_nothing_is_known_of_who_wins(real_data: Path) -> None:
    found = developed(real_data)
    assert found.metrics["log_loss"] < 0.9 * found.baseline_metrics["log_loss"]
    assert found.metrics["brier_win"] < 0.95 * found.baseline_metrics["brier_win"]
    assert abs(found.metrics["bias_pct"]) < 15 < found.baseline_metrics["bias_pct"]
    assert 0.7 < found.metrics["calibration_slope"] < 1.4


def test_the_next_quarter_comes_within_the_forecast(real_data: Path) -> None:
    facts, model = facts_of(real_data), developed(real_data).model
    known = cut(facts, AS_OF)
    rows = FAMILY.candidates(facts, read(CHECKOUT / "models", "deal_outcome"), None, AS_OF).execute().reset_index(drop=True)
    typical = FAMILY.newcomers(facts, AS_OF, WEEKS)
    columns = list(model.columns)
    inputs = PipelineInputs(
        AS_OF,
        "USD",
        pd.concat([rows[["deal_id", "channel"]].assign(contact_id=None, owner=None), model.predict(rows[columns])], axis=1),
        pd.concat([typical[["channel", "week"]], model.predict(typical[columns])], axis=1),
        estimate(known, AS_OF, WEEKS),
    )
    periods = calendar(AS_OF, "week", 12)
    total = forecast_pipeline(inputs, periods, 1000, 1).total()
    won = opportunities(real_data).query("outcome == 'won'")
    inside = (won["closed_at"] >= AS_OF.at) & (won["closed_at"] < periods[-1].end)
    # 2.8 million by then, of which two thirds from deals that aren't open yet
    actual = float(won.loc[inside, "closed_amount"].sum())
    low, middle, high = np.quantile(total.sum(axis=1), [0.05, 0.5, 0.95])
    assert low < actual < high
    assert middle == pytest.approx(actual, rel=0.3)
