"""The table of moves: counted a second time by hand, with intervals that hold what they promise."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from funnelcast.families.churn import FAMILY
from funnelcast.families.churn.channels import NEXT_COLUMNS
from funnelcast.families.churn.model import ChurnModel
from funnelcast.families.churn.plots import moves_figure
from funnelcast.families.churn.transitions import common_shocks, expected_moves, judged_moves, share_interval
from funnelcast.labels import STATES
from tests.unit.families.scoring_company import SPECS, earlier, facts, newest

Floats = npt.NDArray[np.float64]
COLUMNS = ("contact_id", "occurred_at", "amount", "channel")


@pytest.fixture(scope="module")
def model() -> ChurnModel:
    found = FAMILY.fit(earlier(FAMILY), SPECS["churn"])
    assert isinstance(found, ChurnModel)
    return found


@pytest.fixture(scope="module")
def judged(model: ChurnModel) -> dict[str, Any]:
    assert model.moves is not None
    return judged_moves(model, model.moves, newest(FAMILY))


def sides(bought: pd.DataFrame, start: pd.Timestamp, end: pd.Timestamp) -> dict[str, str]:
    """The state of everyone who bought in [start, end), one purchase after the other."""
    found: dict[str, set[str]] = {}
    for name, at, amount, channel in zip(*(bought[column] for column in COLUMNS), strict=True):
        if start <= at < end and amount >= 0:
            found.setdefault(name, set()).add("offline" if channel in {"store", "phone", "event"} else "online")
    return {name: "both" if len(where) == 2 else where.pop() for name, where in found.items()}


def test_moves_are_counted_as_a_loop_over_the_purchases_counts_them(judged: dict[str, Any]) -> None:
    rows, horizon = newest(FAMILY), pd.Timedelta(days=90)
    at = rows["as_of"].iloc[0]
    bought = facts().table("transactions").execute()
    before, then = sides(bought[bought["known_at"] < at], at - horizon, at), sides(bought, at, at + horizon)
    counts: dict[tuple[str, str], int] = {}
    for name in rows["contact_id"].str.removeprefix("secret-"):
        move = (before.get(name, "dormant"), then.get(name, "dormant"))
        counts[move] = counts.get(move, 0) + 1
    shown = {
        (row["from"], state): round(cell["observed"] * row["contacts"]) for row in judged["table"] for state, cell in row["to"].items()
    }
    assert {move: count for move, count in shown.items() if count} == counts
    assert sum(row["contacts"] for row in judged["table"]) == judged["total"]["contacts"] == len(rows)


def test_expected_shares_are_means_of_the_contacts_own_chances(model: ChurnModel, judged: dict[str, Any]) -> None:
    predicted = model.predict(newest(FAMILY)[list(model.columns)])
    for row in [*judged["table"], judged["total"]]:
        assert sum(cell["share"] for cell in row["to"].values()) == pytest.approx(1.0, abs=3e-6)
        assert all(cell["low"] <= cell["share"] <= cell["high"] for cell in row["to"].values())
    assert judged["total"]["to"]["dormant"]["share"] == pytest.approx(predicted["probability"].mean(), abs=1e-6)
    weighted = sum(row["contacts"] * row["to"]["both"]["share"] for row in judged["table"]) / len(predicted)
    assert weighted == pytest.approx(predicted["next_both"].mean(), abs=3e-6)


def test_churn_by_the_channel_of_acquisition_adds_up_to_the_whole(judged: dict[str, Any]) -> None:
    rows = newest(FAMILY)
    by_source = judged["churn_by_source_channel"]
    assert [row["contacts"] for row in by_source] == sorted(rows["source_channel"].fillna("unknown").value_counts(), reverse=True)
    left = sum(round(row["contacts"] * row["observed"]) for row in by_source)
    assert left == rows["label"].sum()
    largest = by_source[0]
    assert largest["observed"] == pytest.approx(rows.loc[rows["source_channel"] == largest["source_channel"], "label"].mean(), abs=1e-6)


def test_the_snapshots_table_is_the_same_without_what_came(model: ChurnModel, judged: dict[str, Any]) -> None:
    assert model.moves is not None
    rows = newest(FAMILY)
    present = pd.Series("online", rows.index).mask(np.arange(len(rows)) % 3 == 0, None)
    expected: Any = expected_moves(model.moves, present, model.predict(rows[list(model.columns)]))
    assert expected["states"] == list(STATES)
    assert [row["from"] for row in expected["table"]] == ["online", "unknown"]
    assert expected["table"][1]["contacts"] == (len(rows) + 2) // 3
    for state, cell in expected["total"]["to"].items():
        assert cell == {name: value for name, value in judged["total"]["to"][state].items() if name != "observed"}


def test_nobody_scored_is_an_empty_table(model: ChurnModel) -> None:
    assert model.moves is not None
    rows = newest(FAMILY).iloc[:0]
    empty: Any = expected_moves(model.moves, pd.Series([], dtype=object), model.predict(rows[list(model.columns)]))
    assert empty["table"] == []
    assert empty["total"] == {"contacts": 0, "to": {}}


def counted(chances: list[float]) -> Floats:
    """P(K = 0 … n), one contact after the other."""
    mass = np.ones(1)
    for p in chances:
        mass = np.convolve(mass, [1 - p, p])
    return mass


@given(st.lists(st.floats(0.001, 0.999), min_size=1, max_size=60))
def test_without_a_shock_the_interval_is_the_poisson_binomials(chances: list[float]) -> None:
    low, high = share_interval(np.array(chances), 0.0)
    mass, count = counted(chances), len(chances)
    cumulative = np.cumsum(mass)
    exact = [int(np.searchsorted(cumulative, level)) for level in (0.05, 0.95)]
    assert abs(low * count - exact[0]) <= 1 + 1e-9
    assert abs(high * count - exact[1]) <= 1 + 1e-9
    assert mass[round(low * count) : round(high * count) + 1].sum() >= 0.88


@pytest.mark.parametrize("level", [0.05, 0.5])
@pytest.mark.parametrize("shock", [0.1, 0.4])
def test_a_common_shock_widens_the_interval_as_simulation_says(level: float, shock: float) -> None:
    rng = np.random.default_rng(4)
    chances = expit(logit(level) + rng.normal(0, 0.8, 400))
    moved = expit(logit(chances) + rng.normal(0, shock, (4_000, 1)))
    came = (rng.random(moved.shape) < moved).mean(axis=1)
    low, high = share_interval(chances, shock)
    np.testing.assert_allclose([low, high], np.quantile(came, [0.05, 0.95]), atol=0.012)
    assert high - low > share_interval(chances, 0.0)[1] - share_interval(chances, 0.0)[0]


def test_certain_moves_have_no_interval() -> None:
    assert share_interval(np.array([0.0, 1.0]), 0.3) == (0.5, 0.5)


def dates_with(shock: float, seed: int, dates: int = 40) -> tuple[pd.DataFrame, pd.Series, pd.Series]:
    """Contacts at some dates, whose log-odds of being dormant move together from date to date."""
    rng = np.random.default_rng(seed)
    size = 400
    leaves = expit(rng.normal(0, 1, (dates, size)))
    left = rng.random((dates, size)) < expit(logit(leaves) + rng.normal(0, shock, (dates, 1)))
    chances = pd.DataFrame(np.column_stack([*[(1 - leaves.ravel()) / 3] * 3, leaves.ravel()]), columns=list(NEXT_COLUMNS))
    came = pd.Series(np.where(left.ravel(), "dormant", rng.choice(STATES[:3], left.size)))
    return chances, came, pd.Series(np.repeat(np.arange(dates), size))


@pytest.mark.parametrize("shock", [0.15, 0.4])
def test_the_shock_of_many_dates_is_recovered(shock: float) -> None:
    found = [common_shocks(*dates_with(shock, seed))[3] for seed in range(12)]
    assert np.mean(found) == pytest.approx(shock, rel=0.1)


def test_without_a_shock_next_to_none_is_found_and_few_dates_widen_it() -> None:
    assert np.mean([common_shocks(*dates_with(0.0, seed))[3] for seed in range(12)]) < 0.05
    few = np.mean([common_shocks(*dates_with(0.4, seed, dates=4))[3] for seed in range(40)])
    assert few > 0.5  # Student's t with three degrees of freedom and one more date: 0.4 x 1.6, less what four dates scatter


def test_one_date_says_nothing_of_shocks() -> None:
    assert common_shocks(*dates_with(0.4, 1, dates=1)) == (0.0, 0.0, 0.0, 0.0)


def test_the_heat_map_shows_every_row_and_cell(judged: dict[str, Any]) -> None:
    figure = moves_figure(judged["table"], 90)
    axes = figure.axes[0]
    assert len(axes.texts) == 4 * len(judged["table"])
    assert [label.get_text() for label in axes.get_xticklabels()] == list(STATES)
    first = judged["table"][0]["to"]["online"]
    assert axes.texts[0].get_text() == f"{first['share']:.0%} ({first['observed']:.0%})"
