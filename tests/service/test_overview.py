"""The first figures of the served company: what each says, held against the documents and facts that it comes from."""

from __future__ import annotations

import io
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.forecast.projection import Ask, rebuild
from funnelcast.settings import CHECKOUT
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts, Label
from funnelcast.spec import Spec, read
from funnelcast.terms import FIGURES, AsOf
from tests.service.conftest import Client, Served
from training.overview import Overview, chance_below, share_leaving
from training.train import default_as_of


@pytest.fixture(scope="module")
def figures(client: Client) -> dict[str, dict[str, Any]]:
    answer = client.answer("/v1/overview")
    assert answer["missing"] == []
    assert [figure["name"] for figure in answer["figures"]] == list(FIGURES)
    return {figure["name"]: figure for figure in answer["figures"]}


def test_every_figure_is_whole(figures: dict[str, dict[str, Any]]) -> None:
    for figure in figures.values():
        assert figure["low"] <= figure["value"] <= figure["high"], figure["name"]
        assert {*figure["title"]} == {*figure["explanation"]} == {*figure["trend"]["than"]} == {"en", "fr"}
        assert "{" not in f"{figure['explanation']}{figure['trend']}"[1:].replace("{'", "").replace(": {", "")
        assert figure["target"] is not None
        assert 0 <= figure["on_target"] <= 1


@pytest.mark.parametrize("quantity", ["sales", "pipeline"])
def test_sums_and_their_intervals_are_those_of_the_forecast(client: Client, figures: dict[str, dict[str, Any]], quantity: str) -> None:
    total = client.answer(f"/v1/forecast/{quantity}", {"weeks": 13})["total"]
    figure = figures[quantity]
    assert [figure[end] for end in ("value", "low", "high")] == pytest.approx([total[end] for end in ("mean", "p10", "p90")], rel=1e-12)
    assert figure["level"] == 0.80


def test_a_year_before_is_the_same_days_of_the_facts(served: Served, figures: dict[str, dict[str, Any]]) -> None:
    bought = pd.read_parquet(served.source.parent / "transactions.parquet")
    forecast = rebuild(served.snapshot().folder("forecast")).forecast(Ask("sales"))
    back = pd.Timedelta(weeks=52)
    start, end = (pd.Timestamp(at) - back for at in (forecast.periods[0].start, forecast.periods[-1].end))
    within = bought[(bought["occurred_at"] >= start) & (bought["occurred_at"] < end)]
    trend = figures["sales"]["trend"]
    assert trend["value"] == pytest.approx(within["amount"].sum())
    assert trend["change"] == pytest.approx(figures["sales"]["value"] / trend["value"] - 1)
    assert str(start.date()) in trend["than"]["fr"]


def test_the_lowest_balance_is_that_of_each_future_and_its_target_the_floor(served: Served, figures: dict[str, dict[str, Any]]) -> None:
    projection = rebuild(served.snapshot().folder("forecast"))
    source = served.facts.source
    assert source.opening_balance is not None
    forecast = projection.forecast(Ask("cash"))
    lowest = [min(np.cumsum([source.opening_balance, *future])[1:]) for future in forecast.total()]
    figure = figures["cash"]
    assert figure["value"] == pytest.approx(np.mean(lowest))
    assert figure["target"] == source.floor
    assert figure["on_target"] == pytest.approx(np.mean(np.array(lowest) >= source.floor))
    assert figure["trend"]["value"] == source.opening_balance


def test_the_cost_of_a_customer_is_spend_by_those_won(served: Served, figures: dict[str, dict[str, Any]]) -> None:
    spend = pd.read_parquet(served.source.parent / "spend.parquet")
    contacts = pd.read_parquet(served.source.parent / "contacts.parquet")
    for start, end, value in (
        ("2025-10-01", "2026-01-01", figures["cac"]["value"]),
        ("2025-07-01", "2025-10-01", figures["cac"]["trend"]["value"]),
    ):
        spent = spend.loc[(spend["date"] >= start) & (spend["date"] < end), "amount"].sum()
        became = contacts["became_customer_at"]
        assert value == pytest.approx(spent / ((became >= start) & (became < end)).sum())
    clv = pd.read_parquet(io.BytesIO(served.snapshot().folder("scores")["clv.parquet"])).set_index("contact_id")["clv"]
    customers = contacts.loc[contacts["became_customer_at"].notna(), "contact_id"]
    assert figures["clv_cac"]["value"] == pytest.approx(clv.reindex(customers).dropna().mean() / figures["cac"]["value"], rel=0.02)


def test_churn_is_the_mean_of_all_and_is_compared_with_who_did_leave(served: Served, figures: dict[str, dict[str, Any]]) -> None:
    scores = pd.read_parquet(io.BytesIO(served.snapshot().folder("scores")["churn.parquet"]))
    assert figures["churn"]["value"] == pytest.approx(scores["probability"].mean())
    bought = served.facts.table("transactions").execute()
    now = pd.Timestamp(served.as_of[:10])
    then = now - pd.Timedelta(days=90)
    bought = bought[bought["amount"] >= 0]
    earlier = bought[(bought["occurred_at"] < then) & ~(bought["known_at"] >= then)]
    active = set(earlier.loc[earlier["occurred_at"] >= then - pd.Timedelta(days=365), "contact_id"])
    later = bought[(bought["occurred_at"] >= then) & (bought["occurred_at"] < now) & ~(bought["known_at"] >= now)]
    assert figures["churn"]["trend"]["value"] == pytest.approx(1 - len(active & set(later["contact_id"])) / len(active))
    assert figures["churn"]["trend"]["change"] == pytest.approx(figures["churn"]["value"] - figures["churn"]["trend"]["value"])


def test_velocity_is_compared_with_that_of_a_quarter_before(served: Served, figures: dict[str, dict[str, Any]]) -> None:
    then = default_as_of(served.facts).plus(-91)
    deals = cut(served.facts, then).table("deals").execute()
    closed = deals["outcome"].isin(["won", "lost"]) & deals["closed_at"].notna()
    won = deals[closed & (deals["outcome"] == "won")]
    days = (deals["closed_at"].where(closed, pd.Timestamp(then.at)) - deals["opened_at"]).dt.total_seconds().clip(lower=0).sum() / 86_400
    win_rate, amount, cycle = len(won) / closed.sum(), won["closed_amount"].fillna(won["amount"]).mean(), days / closed.sum()
    assert figures["velocity"]["trend"]["value"] == pytest.approx((~closed).sum() * win_rate * amount / cycle, rel=1e-4)
    assert figures["velocity"]["unit"] == "EUR/day"


def test_errors_that_are_shared_don_t_cancel_among_many_customers() -> None:
    """Independent errors of 10,000 customers would leave an interval of a hundredth; shared ones leave that of one customer."""
    many = pd.DataFrame({"probability": np.full(10_000, 0.3), "low": 0.25, "high": 0.36})
    low, high = np.quantile(share_leaving(many, 1), [0.05, 0.95])
    assert (low, high) == (pytest.approx(0.25, abs=0.006), pytest.approx(0.36, abs=0.006))


def test_few_customers_leave_by_chance_too() -> None:
    few = pd.DataFrame({"probability": [0.5] * 100, "low": 0.5, "high": 0.5})
    drawn = share_leaving(few, 1)
    assert np.std(drawn) == pytest.approx(0.05, rel=0.05)  # sqrt(p (1 - p) / n)
    assert (share_leaving(few, 1) == drawn).all()


def test_the_chance_of_a_target_agrees_with_its_interval() -> None:
    for level in (0.8, 0.9):
        assert chance_below(50.0, 40.0, 70.0, level, 40.0) == pytest.approx((1 - level) / 2)
        assert chance_below(50.0, 40.0, 70.0, level, 50.0) == 0.5
        assert chance_below(50.0, 40.0, 70.0, level, 70.0) == pytest.approx((1 + level) / 2)
    spread = np.log(60 / 50) / NormalDist().inv_cdf(0.95)  # of a log-normal law whose 90 % interval ends at 60
    assert chance_below(50.0, 50**2 / 60, 60.0, 0.9, 55.0) == pytest.approx(NormalDist(np.log(50), spread).cdf(np.log(55)))


@pytest.mark.parametrize(("value", "low", "high", "target", "chance"), [
    (50.0, 50.0, 50.0, 49.0, 0.0), (50.0, 50.0, 50.0, 51.0, 1.0), (50.0, 40.0, 60.0, 0.0, 0.0), (0.0, 0.0, 1.0, 2.0, 1.0),
])  # fmt: skip
def test_a_target_of_a_figure_without_doubt_is_met_or_not(value: float, low: float, high: float, target: float, chance: float) -> None:
    assert chance_below(value, low, high, 0.9, target) == chance


def overview_of(facts: Facts, churn: tuple[Spec, pd.DataFrame] | None) -> Any:
    """Give the overview of a company without forecasts."""
    as_of = AsOf.parse("2026-01-01", facts.source.timezone)
    empty = rebuild({"projection.json": b'{"as_of": "2026-01-01T00:00:00", "timezone": "UTC", "missing": {}, "seed": 1, "draws": 2}'})
    return Overview(cut(facts, as_of), as_of, {}, empty, {}, None, churn).document()


def bare(facts: Facts, tables: tuple[str, ...], **source: Any) -> dict[str, Any]:
    """Give the figures of a company with these tables alone, none of which could be forecast."""
    kept = {name: facts.tables[name] for name in tables}
    found = overview_of(replace(facts, source=replace(facts.source, **source)).with_tables(kept, None), None)
    return {"figures": found["figures"], **{one["name"]: one["reason"] for one in found["missing"]}}


def test_what_is_missing_names_the_table_that_would_tell_it(served: Served) -> None:
    found = bare(served.facts, ("contacts",))
    assert found["figures"] == []
    for name, table in {"sales": "transactions", "pipeline": "deals", "cash": "invoices", "cac": "spend", "velocity": "deals"}.items():
        assert table in found[name]["en"]
        assert table in found[name]["fr"]


def test_churn_by_a_column_of_outcomes_has_no_horizon(served: Served) -> None:
    answers = pd.DataFrame({"probability": [0.2, 0.4], "low": [0.1, 0.3], "high": [0.3, 0.5]})
    source = replace(served.facts.source, labels={"churn": Label("left", "yes")})
    overview = overview_of(replace(served.facts, source=source), (read(CHECKOUT / "models", "churn"), answers))
    (figure,) = overview["figures"]
    assert figure["value"] == pytest.approx(0.3)
    assert figure["trend"] is None
    assert "90" not in f"{figure['explanation']}"


def test_without_a_balance_the_lowest_one_needs_it(served: Served) -> None:
    found = bare(served.facts, ("contacts", "invoices"), opening_balance=None)
    assert "opening_balance" in found["cash"]["en"]
    assert "opening_balance" in found["cash"]["fr"]
    assert "funnelcast train" in bare(served.facts, ("transactions",))["sales"]["fr"]
