"""Injected leaks are found, each by its evidence; strong, rare, missing or many-valued attributes that are honest are kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.leaks import FAMILIES, pool, rates, trials
from funnelcast.families.scoring.evidence import Split
from funnelcast.families.scoring.leaks import Rules, Suspect, suspects
from funnelcast.families.scoring.rows import Rows, latest
from funnelcast.splits import Grid
from funnelcast.terms import AsOf

ROWS = 4_000


def company(seed: int, base: float) -> tuple[pd.DataFrame, np.ndarray]:
    """Honest attributes: strong, weak, none, many values, missing at random or by a strong cause."""
    rng = np.random.default_rng(seed)
    propensity = rng.normal(size=ROWS)
    outcome = (propensity + rng.normal(0, 0.7, ROWS) > np.quantile(propensity, 1 - base) * 1.2).astype(float)
    honest = pd.DataFrame(
        {
            "strong": propensity + rng.normal(0, 0.5, ROWS),
            "strong level": pd.cut(propensity + rng.normal(0, 0.6, ROWS), 6, labels=list("abcdef")).astype(str),
            "weak": rng.normal(size=ROWS) + 0.2 * outcome,
            "noise": rng.choice(list("vwxyz"), ROWS),
            "city": rng.choice([f"city {number}" for number in range(700)], ROWS),
            "code": [f"id{number}" for number in rng.permutation(ROWS)],
            "asked rarely": np.where(rng.random(ROWS) < 0.9, np.nan, rng.normal(size=ROWS)),
            "asked the keen": np.where(propensity < 0.8, np.nan, propensity),
            "number": rng.integers(0, 10**6, ROWS),
        }
    )
    return honest, outcome


def leaks(outcome: np.ndarray, seed: int) -> dict[str, pd.Series]:
    rng = np.random.default_rng(seed)
    won = outcome == 1
    tags = np.where(won, rng.choice(["will come", "enrolled"], ROWS), rng.choice(["ringing", "switched off", "busy"], ROWS))
    undecided = rng.random(ROWS) < 0.35
    return {
        "written after the call": pd.Series(np.where(undecided, rng.choice(["call back", "unclear"], ROWS), tags)),
        "closing note": pd.Series("thanks", range(ROWS)).where(won & (rng.random(ROWS) < 0.6)),
        "balance": pd.Series(outcome + rng.normal(0, 0.2, ROWS)),
        "farewell": pd.Series(np.where(~won & (rng.random(ROWS) < 0.97), np.nan, 1.0)),
    }


def examine(rows: pd.DataFrame, outcome: np.ndarray, rules: Rules, seed: int = 1) -> list[Suspect]:
    return suspects(rows, outcome, [str(name) for name in rows.columns], rules, seed)


def excluded(found: list[Suspect]) -> set[str]:
    return {suspect.name for suspect in found if suspect.action == "excluded"}


@pytest.mark.parametrize("base", [0.1, 0.3, 0.5])
def test_honest_attributes_raise_no_alarm(base: float) -> None:
    alarms = []
    for seed in range(6):
        rows, outcome = company(seed, base)
        alarms += sorted(excluded(examine(rows, outcome, Rules(), seed)))
    assert alarms == []


@pytest.mark.parametrize("base", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("leak", ["written after the call", "closing note", "balance", "farewell"])
def test_injected_leaks_are_found(base: float, leak: str) -> None:
    for seed in range(4):
        rows, outcome = company(seed, base)
        with_leak = rows.assign(**{leak: leaks(outcome, seed)[leak]})
        assert excluded(examine(with_leak, outcome, Rules(), seed)) == {leak}


def test_what_the_spec_allows_is_kept_and_shown() -> None:
    rows, outcome = company(1, 0.3)
    rows = rows.assign(balance=leaks(outcome, 1)["balance"])
    (found,) = examine(rows, outcome, Rules(allow=["balance"]))
    assert (found.name, found.action) == ("balance", "review")
    assert found.reason.endswith("spec.toml allows it")


def test_names_and_the_spec_only_ask_for_a_review() -> None:
    rows, outcome = company(2, 0.3)
    rows = rows.rename(columns={"noise": "Last Activity", "weak": "lead_status"})
    found = examine(rows, outcome, Rules(after_contact=["city"]))
    assert {suspect.name: suspect.action for suspect in found} == {"Last Activity": "review", "lead_status": "review", "city": "review"}
    assert found[-1].document() == {"name": "city", "reason": "spec.toml lists it as written after the contact", "action": "review"}


def test_too_few_outcomes_accuse_nobody() -> None:
    rows = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    assert suspects(rows, np.array([0.0, 1.0, 0.0]), ["x"], Rules(), 1) == []


HALF = np.repeat([0.0, 1.0], 200)
AS_OF = pd.Series(pd.Timestamp("2025-06-01"), index=range(400))
EARLIER, LATER = "15/05/2025", "20/06/2025"
SECONDS = pd.Timestamp("2025-06-20").timestamp()


def only(column: object, outcome: np.ndarray = HALF) -> str:
    """What one attribute is excluded for; empty where it isn't."""
    found = suspects(pd.DataFrame({"x": column, "as_of": AS_OF[: outcome.size]}), outcome, ["x"], Rules(), 1)
    return "".join(one.reason for one in found if one.action == "excluded")


def mostly(before: object, after: object, wrong: int) -> list[object]:
    """The first 200 rows say one thing, those whose outcome came true another, but for so many of each."""
    return [after] * wrong + [before] * (200 - wrong) + [before] * wrong + [after] * (200 - wrong)


def test_almost_perfect_alone() -> None:
    assert only(np.arange(400) + np.tile([0.0, 8.5], 200)) == "alone it ranks almost perfectly (ROC-AUC 0.999 on held-out rows)"


@pytest.mark.parametrize("late", [LATER, "2025-06-20 08:00"])
def test_dates_after_the_row_for_one_outcome(late: str) -> None:
    dates = [None if number % 9 == 0 else date for number, date in enumerate(mostly(EARLIER, late, 10))]
    dates[1:4] = ["01/01/2024", "02/01/2024", "03/01/2024"]
    assert only(dates) == ("its dates follow the outcome: they lie on or after as_of for 84% of the positives and 2% of the others")


@pytest.mark.parametrize("late", [20250620.0, SECONDS, SECONDS * 1_000])
def test_dates_as_numbers_after_the_row_for_one_outcome(late: float) -> None:
    assert "its dates follow" in only(mostly(np.nan, late, 10))


def test_dates_after_the_row_for_both_outcomes_are_plans() -> None:
    assert only([EARLIER, LATER, "01/07/2025", None] * 100) == ""


def test_filled_in_for_one_outcome() -> None:
    assert only(mostly(None, "thanks", 10)) == (
        "whether it is filled in tells the outcome: it is for 95% of the positives and 5% of the others"
    )


def test_filled_in_for_a_part_of_one_outcome() -> None:
    assert "it is filled in in 40 of 400 rows, and 100.0% of those are one way" in only([None] * 360 + ["thanks"] * 40)


def test_most_rows_in_pure_levels() -> None:
    third = np.tile([True, False, False], 134)[:400]
    tags = np.where(third, np.tile(["call back", "busy"], 200), np.where(HALF == 1, "enrolled", "switched off"))
    assert only(tags) == "66% of the rows sit in levels that are over 92% one way"


def test_two_groups_of_values() -> None:
    assert only(mostly(3.0, 7.0, 14)) == "its values fall into two groups: one holds 93% of the positives and 7% of the others"


BOX = np.repeat([False, True, False, True], [310, 30, 4, 56])
RARE = np.repeat([0.0, 1.0], [340, 60])


@pytest.mark.parametrize("column", [np.where(BOX, "yes", "no"), np.where(BOX, 1.0, 0.0)])
def test_a_box_ticked_for_a_rare_outcome_and_sometimes_otherwise(column: object) -> None:
    assert only(column, RARE) == "its values fall into two groups: one holds 93% of the positives and 9% of the others"


def test_a_number_that_parts_the_rows_so_may_be_a_strong_cause() -> None:
    assert only(100.0 * BOX + np.arange(400) % 7, RARE) == ""


def test_a_distance_worked_by_hand() -> None:
    split = Split.of(HALF == 1, HALF)
    assert (split.hits, split.alarms, split.purity) == (200, 0, 1)
    even = Split(hits=60, positives=100, alarms=30, negatives=300)
    assert even.purity == pytest.approx(60 / 90)
    assert even.gap == pytest.approx(0.6 - 0.1 - 1.645 * np.sqrt(0.24 / 100 + 0.09 / 300))
    # z(60.5 / 101) = 0.2509 and z(30.5 / 301) = -1.2733; densities 0.3866 and 0.1773
    error = np.sqrt(0.2401 / (100 * 0.3866**2) + 0.0911 / (300 * 0.1773**2))
    assert even.apart == pytest.approx(0.2509 + 1.2733 - 1.645 * error, abs=2e-3)


def test_each_contact_is_examined_at_its_latest_date_with_a_known_outcome() -> None:
    dates = [AsOf.parse(f"2025-0{month}-01", "UTC") for month in (1, 3, 5)]
    earlier = pd.DataFrame({"contact_id": ["a", "b", "a"], "as_of": [dates[0].at, dates[0].at, dates[1].at], "label": [0.0, 1.0, 0.0]})
    newest = pd.DataFrame({"contact_id": ["a"], "as_of": [dates[2].at], "label": [1.0]})
    rows = Rows(earlier, newest, Grid(dates[2], tuple(dates[:2])))
    assert latest(rows, dates[2].plus(60))[["contact_id", "label"]].to_numpy().tolist() == [["b", 1.0], ["a", 1.0]]
    assert latest(rows, dates[2])[["contact_id", "label"]].to_numpy().tolist() == [["b", 1.0], ["a", 0.0]]


def test_on_simulated_companies_leaks_are_found_and_honest_attributes_kept() -> None:
    found = trials(8, {family: pool(family, companies=1, contacts=2_000) for family in FAMILIES})
    detected, alarms = rates(found)
    assert detected >= 0.95
    assert alarms < 0.02
