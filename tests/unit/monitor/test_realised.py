"""How right answers were: figures worked by hand, and intervals that don't take one contact said a hundred times for a hundred contacts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from funnelcast.monitor import words
from funnelcast.monitor.realised import of_models, of_quantity, of_versions
from tests.unit.monitor.kept import answer, forecast, frame

FAMILIES = {"churn": "churn", "clv": "clv", "lead_scoring": "lead_scoring"}


def judged(contacts: list[str], predicted: list[float], outcome: list[float], **more: Any) -> pd.DataFrame:
    rows = frame(*(answer(name, "2024-03-02", predicted=said, **more) for name, said in zip(contacts, predicted, strict=True)))
    return rows.assign(fate="judged", outcome=outcome)


def only(found: list[Any]) -> dict[str, Any]:
    (one,) = found
    assert isinstance(one, dict)
    return one


def test_what_was_expected_stands_beside_what_came() -> None:
    names = [f"c{number}" for number in range(8)]
    rows = judged(names, [0.1, 0.1, 0.2, 0.2, 0.4, 0.6, 0.8, 0.9], [0, 0, 0, 1, 0, 1, 1, 1])
    told = only(of_versions(rows, FAMILIES))
    assert (told["judged"], told["contacts"], told["answers"], told["waiting"]) == (8, 8, 8, 0)
    assert told["expected"] == pytest.approx(3.3)
    assert told["came"] == 4.0
    assert told["brier"] == pytest.approx((0.01 + 0.01 + 0.04 + 0.64 + 0.16 + 0.16 + 0.04 + 0.01) / 8)
    # Jeffreys' interval of 4 of 8, from the quantiles of Beta(4.5, 4.5)
    assert (told["low"], told["high"]) == pytest.approx(stats.beta(4.5, 4.5).ppf([0.05, 0.95]))


def test_the_same_contact_again_tells_nothing_new() -> None:
    once = only(of_versions(judged(["a", "b", "c", "d"], [0.5] * 4, [0, 1, 1, 0]), FAMILIES))
    often = only(of_versions(judged(["a", "b", "c", "d"] * 25, [0.5] * 100, [0, 1, 1, 0] * 25), FAMILIES))
    assert (often["judged"], often["contacts"]) == (100, 4)
    assert (often["low"], often["high"]) == pytest.approx((once["low"], once["high"]))
    hundred = only(of_versions(judged([f"c{n}" for n in range(100)], [0.5] * 100, [0, 1, 1, 0] * 25), FAMILIES))
    assert hundred["high"] - hundred["low"] < (often["high"] - often["low"]) / 3


def test_intervals_hold_as_often_as_they_say() -> None:
    """400 records of 60 contacts with one to nine answers each: whoever leaves does so in all of theirs."""
    generator = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        leaves, answers = generator.random(60) < 0.2, generator.integers(1, 10, 60)
        names = np.repeat([f"c{number}" for number in range(60)], answers)
        told = only(of_versions(judged(list(names), [0.2] * len(names), list(np.repeat(leaves, answers).astype(float))), FAMILIES))
        held += told["low"] <= 0.2 <= told["high"]
    assert 0.85 <= held / 200 <= 0.97


def test_bins_rise_and_add_up_and_say_where_answers_were_wrong() -> None:
    generator = np.random.default_rng(5)
    predicted = generator.uniform(0.01, 0.99, 2_000)
    right = (generator.random(2_000) < predicted).astype(float)
    names = [f"c{number}" for number in range(2_000)]
    told = only(of_versions(judged(names, list(predicted), list(right)), FAMILIES))
    assert [one["count"] for one in told["bins"]] == [200] * 10
    assert sum(one["predicted"] * one["count"] for one in told["bins"]) == pytest.approx(told["expected"])
    assert sum(one["observed"] * one["count"] for one in told["bins"]) == pytest.approx(told["came"])
    assert told["bins_agreeing"] == 10
    assert abs(told["calibration_intercept"]) < 0.2
    wrong = only(of_versions(judged(names, list(predicted / 4), list(right)), FAMILIES))
    assert wrong["bins_agreeing"] <= 1
    assert wrong["calibration_intercept"] > 1.0


def test_one_outcome_alone_gives_no_intercept_and_stays_json() -> None:
    told = only(of_versions(judged(["a", "b"], [0.1, 0.2], [0, 0]), FAMILIES))
    assert told["calibration_intercept"] is None
    assert (told["low"], told["came"]) == (0.0, 0.0)


def test_counts_of_purchases_are_means_with_an_interval() -> None:
    rows = judged([f"c{number}" for number in range(100)], [1.5] * 100, [1.0, 2.0] * 50, model="clv", days=365.0)
    told = only(of_versions(rows, FAMILIES))
    assert (told["expected"], told["came"], told["observed"]) == (150.0, 150.0, 1.5)
    assert (told["low"], told["high"]) == pytest.approx((1.5 - 1.6448536 * 0.05, 1.5 + 1.6448536 * 0.05))
    assert "brier" not in told


def test_versions_stand_apart_and_together() -> None:
    rows = pd.concat([judged(["a", "b"], [0.2, 0.4], [0, 1]), judged(["a", "c"], [0.6, 0.8], [1, 1], version=2)], ignore_index=True)
    rows.loc[len(rows)] = rows.loc[0].to_dict() | {"version": 3, "fate": "waiting", "outcome": np.nan}
    apart: list[Any] = of_versions(rows, FAMILIES)
    assert [(row["version"], row["judged"]) for row in apart] == [(1, 2), (2, 2), (3, 0)]
    together = only(of_models(rows, FAMILIES))
    assert (together["versions"], together["judged"], together["contacts"], together["waiting"]) == ([1, 2], 4, 3, 1)
    assert together["text"]["en"].startswith(
        "Of 4 answers of versions 1 to 2 whose 90 days are over, departures expected: 50.0 %; came: 75.0 % ("
    )
    assert together["text"]["fr"].startswith(
        "Sur 4 réponses des versions 1 à 2 dont les 90 jours sont écoulés, départs attendus : 50,0 % ; survenus : 75,0 % ("
    )


def test_where_nothing_matured_the_words_say_why() -> None:
    rows = judged(["a", "b"], [0.2, 0.4], [np.nan, np.nan]).assign(fate="waiting")
    told = only(of_models(rows, FAMILIES))
    assert told["judged"] == 0
    assert told["text"]["en"] == "No answer can be judged yet: 2 wait for the end of their 90 days."
    assert "90 jours : 2." in told["text"]["fr"]
    unknown = only(of_models(rows.assign(fate="unknown"), FAMILIES))
    assert "don't tell" in unknown["text"]["en"]


def weeks(actual: list[float], leads: list[int]) -> pd.DataFrame:
    rows = frame(*(forecast("sales", "x", "y", "z", 100.0, spread=10.0) for _ in actual))
    starts = pd.to_datetime([f"2024-01-{1 + 7 * (place % 4):02d}" for place in range(len(actual))])
    return rows.assign(start=starts, lead=leads, actual=actual)


def test_bands_hold_or_not_by_distance() -> None:
    #             50 %: 90-110, 80 %: 80-120, 90 %: 70-130, bounds included
    told = of_quantity("sales", 9, weeks([100.0, 110.0, 120.0, 131.0, 90.0, 79.0, 70.0, 100.0], [1, 1, 1, 1, 2, 2, 2, 2]))
    assert (told["periods"], told["judged"], told["weeks"]) == (9, 8, 4)
    assert [told[f"coverage_{level}"] for level in (50, 80, 90)] == [4 / 8, 5 / 8, 7 / 8]
    assert isinstance(told["by_lead"], list)
    first, second = told["by_lead"]
    assert isinstance(first, dict)
    assert isinstance(second, dict)
    assert [first[f"coverage_{level}"] for level in (50, 80, 90)] == [2 / 4, 3 / 4, 3 / 4]
    assert [second[f"coverage_{level}"] for level in (50, 80, 90)] == [2 / 4, 2 / 4, 4 / 4]
    # eight times over four weeks count as four
    assert told["coverage_80_interval"] == pytest.approx(list(stats.beta(2.5 + 0.5, 1.5 + 0.5).ppf([0.05, 0.95])))
    assert isinstance(told["text"], dict)
    assert told["text"]["en"] == "80 % bands held 62 % of 8 times (90 % interval 25 % to 90 %; 4 weeks, forecast 1 to 2 weeks ahead)."


def test_forecast_words_in_french_and_where_nothing_is_over() -> None:
    told = of_quantity("sales", 1_300, weeks([100.0] * 4, [1] * 4))
    assert isinstance(told["text"], dict)
    assert str(told["text"]["fr"]).startswith("Les fourchettes à 80 % ont tenu 100 % de 4 fois (intervalle à 90 % : ")
    assert "4 semaines, prévues 1 semaine à l'avance" in str(told["text"]["fr"])
    nothing = of_quantity("sales", 1_300, weeks([], []))
    assert nothing["text"] == words.no_forecasts(1_300)
    assert "none was on record" in str(words.no_forecasts(0)["en"])
    assert "none over 90 days was on record" in str(words.no_scores(90.0, 0)["en"])
    assert "1\u202f300 périodes" in str(words.no_forecasts(1_300)["fr"])
