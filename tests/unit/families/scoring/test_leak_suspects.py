"""Injected leaks are found; strong, rare, missing or many-valued attributes that are honest are kept."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from funnelcast.families.scoring.leaks import Rules, Suspect, suspects

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
