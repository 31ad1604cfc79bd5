from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from funnelcast.artefacts import to_json
from funnelcast.errors import UsageError
from funnelcast.forecast.periods import calendar
from funnelcast.forecast.result import QUANTILES, Floats, Forecast, statistics
from funnelcast.terms import AsOf

AS_OF = AsOf.parse("2025-12-31", "Europe/Paris")
AMOUNTS = st.floats(-1e9, 1e9, allow_nan=False)


def forecast(**parts: Floats) -> Forecast:
    periods = next(iter(parts.values())).shape[1]
    return Forecast("sales", AS_OF, "EUR", calendar(AS_OF, "week", periods - 1), parts)


def document(subject: Forecast) -> dict[str, Any]:
    """Through bytes and back: what a reader of the JSON sees."""
    read: dict[str, Any] = json.loads(to_json(subject.document()))
    return read


def test_a_document_worked_by_hand() -> None:
    web = np.array([[1.0, 10.0], [3.0, 30.0]])
    shop = np.array([[0.0, 5.0], [0.0, 5.0]])
    answer = document(forecast(web=web, shop=shop))
    assert (answer["as_of"], answer["draws"], answer["unit"], answer["missing"]) == ("2025-12-31T00:00:00+01:00", 2, "EUR", [])
    first, second = answer["periods"]
    assert first == {
        "start": "2025-12-31T00:00:00+01:00",
        "end": "2026-01-05T00:00:00+01:00",
        "partial": True,
        "mean": 2.0,
        "p05": pytest.approx(1.1),
        "p10": pytest.approx(1.2),
        "p25": 1.5,
        "p50": 2.0,
        "p75": 2.5,
        "p90": pytest.approx(2.8),
        "p95": pytest.approx(2.9),
        "parts": {"web": 2.0, "shop": 0.0},
    }
    assert (second["partial"], second["mean"], second["parts"]) == (False, 25.0, {"web": 20.0, "shop": 5.0})
    assert (answer["total"]["mean"], answer["total"]["p50"], answer["total"]["parts"]) == (27.0, 27.0, {"web": 22.0, "shop": 5.0})


@given(arrays.arrays(np.float64, (3, 7, 4), elements=AMOUNTS))
def test_parts_add_up_and_quantiles_rise(amounts: Floats) -> None:
    answer = document(forecast(web=amounts[0], shop=amounts[1], phone=amounts[2]))
    for row in [*answer["periods"], answer["total"]]:
        assert math.isclose(sum(row["parts"].values()), row["mean"], rel_tol=1e-9, abs_tol=1e-5)
        quantiles = [row[key] for key in QUANTILES]
        assert quantiles == sorted(quantiles)
    means = math.fsum(row["mean"] for row in answer["periods"])
    assert math.isclose(answer["total"]["mean"], means, rel_tol=1e-9, abs_tol=1e-5)


def test_the_quantile_of_a_total_is_not_the_sum_of_quantiles() -> None:
    opposed = np.array([[0.0, 10.0], [10.0, 0.0]])
    answer = document(forecast(web=opposed))
    assert answer["total"]["p05"] == answer["total"]["p95"] == 10.0
    assert sum(row["p95"] for row in answer["periods"]) == pytest.approx(19.0)


def test_nothing_modelled_is_zero_and_says_why() -> None:
    periods = calendar(AS_OF, "week", 1)
    answer = document(Forecast("sales", AS_OF, "EUR", periods, {}, missing=("no transactions",), extra={"series": []}))
    assert (answer["draws"], answer["missing"], answer["series"]) == (0, ["no transactions"], [])
    assert [row["p95"] for row in answer["periods"]] == [0.0, 0.0]


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_draw_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(UsageError, match="part web: 1 of 4 draws are not finite"):
        forecast(web=np.array([[1.0, value], [1.0, 2.0]]))


def test_parts_of_another_shape_are_refused() -> None:
    with pytest.raises(UsageError, match="have the shapes"):
        forecast(web=np.ones((3, 2)), shop=np.ones((4, 2)))
    with pytest.raises(UsageError, match="have the shapes"):
        Forecast("sales", AS_OF, "EUR", calendar(AS_OF, "week", 5), {"web": np.ones((3, 2))})


def test_extra_may_not_take_a_key_of_the_document() -> None:
    with pytest.raises(UsageError, match=r"\['total'\]"):
        Forecast("sales", AS_OF, "EUR", calendar(AS_OF, "week", 1), {"web": np.ones((3, 2))}, extra={"total": 1.0})


def test_statistics_of_a_hundred_and_one_draws_are_their_percentiles() -> None:
    assert statistics(np.arange(101.0)) == pytest.approx(
        {"mean": 50.0, "p05": 5.0, "p10": 10.0, "p25": 25.0, "p50": 50.0, "p75": 75.0, "p90": 90.0, "p95": 95.0}
    )
