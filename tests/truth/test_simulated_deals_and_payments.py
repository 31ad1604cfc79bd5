"""Deals move and invoices are paid as the simulator's hazards and delays say, recomputed here from the tables and truth.json."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.simulate import Company


def daily_pace(company: Company) -> tuple[list[float], list[float]]:
    """By day: what the calendar does to winning, and to any move (written out again from the calendar)."""
    seasons = company.market.seasons
    deals: Any = company.truth["deals"]
    shock = deals["shock_by_month"]
    winning, moving = [], []
    for day in seasons.dates:
        stamp = pd.Timestamp(day)
        left = (stamp + pd.offsets.QuarterEnd(0) - stamp).days
        closing = 1.9 if left < 12 else 0.7 if left > 76 else 1.0
        winning.append(closing * shock[(day.year - seasons.start.year) * 12 + day.month - seasons.start.month])
        slow = 0.45 if day.month == 8 or (day.month == 12 and day.day >= 22) else 1.0
        moving.append(slow if day.weekday() < 5 and not seasons.holiday[(day - seasons.start).days] else 0.0)
    return winning, moving


def test_deals_move_as_their_hazards_say(large_company: Company) -> None:
    """Moves by stage and direction against the summed chances of every day at risk: each difference is a martingale."""
    start = pd.Timestamp(large_company.market.seasons.start)
    truth = large_company.true_tables["deals"].to_pandas().set_index("deal_id")
    rules: Any = large_company.truth["deals"]
    events = large_company.tables["deal_events"].to_pandas().sort_values(["deal_id", "occurred_at"])
    events["day"] = (events.occurred_at.dt.normalize() - start).dt.days
    winning, moving = daily_pace(large_company)
    expected: Counter[tuple[str, str]] = Counter()
    actual: Counter[tuple[str, str]] = Counter()
    for deal_id, history in events[events.deal_id.isin(sorted(truth.index)[::2])].groupby("deal_id"):
        law = truth.loc[deal_id]
        rows = list(zip(history.day, history.stage, strict=True))
        opened, stage, entered, pushes, nxt = rows[0][0], rows[0][1], rows[0][0], 0, 1
        neglected = np.inf if pd.isna(law.neglected_from_days) else law.neglected_from_days
        for day in range(opened + 1, min(large_company.market.seasons.days, opened + 500)):
            while nxt < len(rows) and rows[nxt][0] == day and rows[nxt][1] == stage:
                pushes, nxt = pushes + 1, nxt + 1
            stale = 1 + (day - entered) / 45
            base = rules["stages"][stage]
            forward = base["forward"] * law.multiplier * 0.8**pushes * stale**-0.5 * (winning[day] if stage == "negotiation" else 1.0)
            lost = base["lost"] * 1.25**pushes * stale**0.35
            total = (forward + lost) * moving[day] * (day - opened < neglected)
            if total > 0:
                expected[stage, "forward"] += -np.expm1(-total) * forward / (forward + lost)
                expected[stage, "lost"] += -np.expm1(-total) * lost / (forward + lost)
            if nxt < len(rows) and rows[nxt][0] == day:
                actual[stage, "lost" if rows[nxt][1] == "lost" else "forward"] += 1
                stage, entered, nxt = rows[nxt][1], day, nxt + 1
                if stage in {"won", "lost"}:
                    break
    assert set(actual) == {(stage, way) for stage in ("qualification", "proposal", "negotiation") for way in ("forward", "lost")}
    for move, count in actual.items():
        assert abs(count - expected[move]) < 4 * np.sqrt(expected[move]) + 3, (move, count, expected[move])


def test_deals_are_won_at_the_end_of_the_quarter(large_company: Company) -> None:
    won = large_company.tables["deals"].to_pandas().query("outcome == 'won'").closed_at
    left = (won + pd.offsets.QuarterEnd(0)).dt.normalize().sub(won.dt.normalize()).dt.days
    assert (left < 12).sum() / 12 > 1.4 * (left >= 12).sum() / 79


def test_owners_pushes_and_age_tell_something_of_the_outcome(large_company: Company) -> None:
    deals = large_company.tables["deals"].to_pandas()
    closed = deals[deals.outcome.notna()]
    rules: Any = large_company.truth["deals"]
    rate = (closed.outcome == "won").groupby(closed.owner).mean()
    skill = pd.Series(rules["owner_skill"])
    assert rate[skill.idxmax()] > rate[skill.idxmin()] + 0.10
    pushes = large_company.tables["deal_events"].to_pandas().groupby("deal_id").expected_close_at.nunique() - 1
    many = closed.deal_id.map(pushes).fillna(0) >= 2
    assert (closed.outcome[many] == "won").mean() < (closed.outcome[~many] == "won").mean() - 0.10


def test_neglected_deals_never_close(large_company: Company) -> None:
    truth = large_company.true_tables["deals"].to_pandas().set_index("deal_id")
    deals = large_company.tables["deals"].to_pandas().set_index("deal_id")
    neglected = truth.neglected_from_days.dropna()
    age = (deals.closed_at - deals.opened_at.dt.normalize()).dt.days.reindex(neglected.index)
    assert len(neglected) > 20
    assert not (age >= neglected + 1).any()
    assert deals.closed_at.reindex(neglected.index).isna().mean() > 0.5


@pytest.fixture(scope="module")
def paid(large_company: Company) -> pd.DataFrame:
    """Invoices due two months or more before the end, each with its payer's truth."""
    payers: pd.DataFrame = large_company.true_tables["customers"].to_pandas()
    invoices: pd.DataFrame = large_company.tables["invoices"].to_pandas()
    invoices = invoices[invoices.due_at < "2025-09-01"].merge(payers, on="contact_id")
    return invoices.assign(late=(invoices.paid_at.dt.normalize() - invoices.due_at).dt.days)


def test_prompt_payers_are_as_common_as_their_habit_says(large_company: Company, paid: pd.DataFrame) -> None:
    payments: Any = large_company.truth["payments"]
    single = paid[~paid.pays_in_runs]
    chance = (
        np.exp(-single.mean_lateness_days / payments["prompt"])
        * (1 - payments["disputed_share"])
        * (1 - large_company.market.world.bad_debt)
    )
    spread = np.sqrt((chance * (1 - chance)).sum())
    on_time = (single.paid_at.dt.normalize() <= single.due_at + pd.to_timedelta(2 * (single.due_at.dt.dayofweek >= 4), unit="D")).sum()
    weekend_tolerance = 0.02 * len(single)
    assert abs(on_time - chance.sum()) < 4 * spread + weekend_tolerance


def test_late_payers_are_late_by_their_habit(paid: pd.DataFrame) -> None:
    late = paid[(paid.late > 0) & ~paid.pays_in_runs]
    habit = pd.cut(late.mean_lateness_days, [0, 3, 8, 16, np.inf])
    seen = late.groupby(habit, observed=True).agg(seen=("late", "median"), meant=("mean_lateness_days", "median"))
    assert seen.seen.is_monotonic_increasing
    assert (seen.seen / (0.8 * (seen.meant + 1.0))).between(0.7, 1.6).all()


def test_payment_runs_are_on_the_fifteenth_and_the_last_of_the_month(paid: pd.DataFrame) -> None:
    runs = paid[paid.pays_in_runs].paid_at.dropna()
    before = [runs.dt.normalize() - pd.to_timedelta(shift, unit="D") for shift in (0, 1, 2)]
    on_run = [(day.dt.day == 15) | day.dt.is_month_end for day in before]
    weekend = runs.dt.dayofweek == 0
    assert (on_run[0] | (weekend & (on_run[1] | on_run[2]))).all()


def test_some_invoices_are_never_paid_and_banks_work_on_weekdays(large_company: Company, paid: pd.DataFrame) -> None:
    unpaid = paid[paid.due_at < "2025-03-01"].paid_at.isna().mean()
    assert 0.004 < unpaid < 0.03
    assert (paid.paid_at.dropna().dt.dayofweek < 5).all()
    known = large_company.tables["invoices"].to_pandas().dropna(subset="paid_at")
    assert (known.paid_at_known_at > known.paid_at).all()


def test_terms_are_data(large_company: Company) -> None:
    invoices = large_company.tables["invoices"].to_pandas()
    days = (invoices.due_at - invoices.issued_at.dt.normalize()).dt.days
    at_month_end = invoices.due_at.dt.is_month_end
    assert set(days[~at_month_end]) == {30, 60}
    assert 0.6 < (days == 30).mean() < 0.95


def test_the_bank_account_comes_close_to_its_floor(large_company: Company) -> None:
    """If receipts go on as in the last half-year, the planned costs leave little: at the lowest less than half a month's costs."""
    source = large_company.source
    items = large_company.tables["cash_items"].to_pandas().set_index("date").amount
    invoices = large_company.tables["invoices"].to_pandas().dropna(subset="paid_at")
    received = pd.concat(
        [large_company.tables["transactions"].to_pandas().set_index("occurred_at").amount, invoices.set_index("paid_at").amount]
    )
    lately = received[received.index >= "2025-07-03"].sum() / 182
    days = pd.date_range("2026-01-01", periods=182)
    path = (items.groupby(level=0).sum().reindex(days, fill_value=0.0) + lately).cumsum() + (source.opening_balance or 0.0)
    monthly = -items[items.index >= "2026-01-01"].sum() / 12
    assert -0.1 * monthly < path.min() < 0.5 * monthly
    assert 0.0 < source.floor < 0.2 * monthly
