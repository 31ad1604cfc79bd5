from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from funnelcast.answers import Scale, grades, percentile, ranks, scale_of
from funnelcast.answers import answer_rows as answer_arrays
from funnelcast.families.table import Table

PREDICTED = pd.DataFrame({"probability": [0.05, 0.5, 0.95], "low": [0.0, 0.4, 0.9], "high": [0.1, 0.6, 1.0]}, index=["a", "b", "c"])
SCALE = Scale(scale_of(np.linspace(0.0, 1.0, 1001)))


def answer_rows(
    family: str, rows: pd.DataFrame, predictions: pd.DataFrame, scale: Scale, value: pd.Series | None, horizon_days: float
) -> pd.DataFrame:
    """The answers as a frame with the rows' index, which the value's may differ from."""
    worth = None if value is None else value.reindex(rows.index).to_numpy()
    return pd.DataFrame(answer_arrays(family, Table.of(rows), Table.of(predictions).columns, scale, worth, horizon_days), index=rows.index)


def test_percentiles_count_who_lies_below_and_half_of_the_ties() -> None:
    np.testing.assert_allclose(percentile(np.array([0.0, 0.255, 1.0]), SCALE.probability), [0.5, 25.7, 99.5])
    np.testing.assert_allclose(percentile(np.array([0.3]), [0.3] * 101), [50.0])


def test_without_a_scale_there_is_neither_percentile_nor_grade() -> None:
    ranks = percentile(np.array([0.3]), [])
    assert np.isnan(ranks).all()
    assert list(grades(ranks)) == [None]


def test_grades_take_the_highest_bound_that_is_reached() -> None:
    assert list(grades(np.array([100.0, 90.0, 89.9, 70.0, 40.0, 20.0, 0.0]))) == ["A", "A", "B", "B", "C", "D", "E"]


def test_expected_loss_is_probability_times_value_where_that_is_known() -> None:
    rows = pd.DataFrame(index=["a", "b", "c"])
    answer = answer_rows("churn", rows, PREDICTED, SCALE, pd.Series({"c": 200.0, "a": 100.0}), 90.0)
    assert answer.loc["a", "expected_loss"] == pytest.approx(5.0)
    assert answer.loc["c", "expected_loss"] == pytest.approx(190.0)
    assert answer["expected_loss"].isna().tolist() == [False, True, False]
    assert list(answer["grade"]) == ["E", "C", "A"]


def test_leads_carry_their_engagement_points_and_no_loss() -> None:
    rows = pd.DataFrame({"engagement_points": [1.0, 30.0, 60.0]}, index=["a", "b", "c"])
    answer = answer_rows("lead_scoring", rows, PREDICTED, SCALE, None, 60.0)
    assert list(answer["engagement_points"]) == [1.0, 30.0, 60.0]
    assert "expected_loss" not in answer


def test_a_lead_is_graded_by_expected_value_and_placed_by_probability() -> None:
    rows = pd.DataFrame({"engagement_points": [1.0, 30.0, 60.0]}, index=["a", "b", "c"])
    scale = Scale(SCALE.probability, scale_of(np.linspace(0.0, 100.0, 1001)))
    answer = answer_rows("lead_scoring", rows, PREDICTED, scale, pd.Series({"a": 2_000.0, "b": 20.0}), 60.0)
    assert answer["expected_value"].tolist() == pytest.approx([100.0, 10.0, np.nan], nan_ok=True)
    # the last one's value isn't known: its grade is that of its probability
    assert list(answer["grade"]) == ["A", "E", "A"]
    assert list(answer["percentile"]) == list(answer_rows("lead_scoring", rows, PREDICTED, SCALE, None, 60.0)["percentile"])


def test_without_a_scale_of_values_a_lead_is_graded_by_probability() -> None:
    rows = pd.DataFrame(index=["a", "b", "c"])
    answer = answer_rows("lead_scoring", rows, PREDICTED, SCALE, pd.Series(1.0, index=rows.index), 60.0)
    assert list(answer["grade"]) == ["E", "C", "A"]


def test_answers_are_placed_anew_among_their_own_population() -> None:
    rows = pd.DataFrame(index=["a", "b", "c"])
    answer = answer_rows("lead_scoring", rows, PREDICTED, Scale(), pd.Series([300.0, 20.0, 20.0], index=rows.index), 60.0)
    assert answer["percentile"].isna().all()
    scale = Scale.of_answers(answer)
    again = ranks(answer["probability"].to_numpy(), answer["expected_value"].to_numpy(), scale)
    assert list(answer.columns)[3:5] == list(again)
    assert again["percentile"].tolist() == [0.5, 50.0, 99.5]
    assert list(again["grade"]) == ["C", "E", "A"]
    assert Scale.in_use({"leads": scale.document()}, "leads", []) == scale
    assert Scale.in_use({}, "leads", [0.5]) == Scale([0.5])


def test_gone_online_but_alive_in_the_shop_is_a_state_and_not_a_loss() -> None:
    rows = pd.DataFrame(
        {
            "days_since_purchase": [3.0, 5.0, 3.0],
            "days_since_online_purchase": [3.0, 90.0, np.nan],
            "days_since_offline_purchase": [200.0, 5.0, np.nan],
        },
        index=PREDICTED.index,
    )
    following = pd.DataFrame(0.25, PREDICTED.index, ["next_online", "next_offline", "next_both", "next_dormant"])
    answer = answer_rows("churn", rows, PREDICTED.join(following), SCALE, None, 90.0)
    # a purchase without a channel is no sign of dormancy
    assert list(answer["channel_state"]) == ["online", "offline", None]
    pd.testing.assert_frame_equal(answer[list(following)], following)
    longer = answer_rows("churn", rows, PREDICTED, SCALE, None, 365.0)
    assert list(longer["channel_state"]) == ["both", "both", None]
    assert longer[list(following)].isna().all(axis=None)
    assert list(longer.columns) == list(answer.columns)
