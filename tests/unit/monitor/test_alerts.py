from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from funnelcast.monitor.alerts import Alert, Outlook, data_quality, drifted, outside_band, shortfall, stale
from funnelcast.monitor.budget import Episode
from funnelcast.monitor.drift import Drift
from funnelcast.monitor.watched import Watched
from tests.unit.monitor.watching import history, measured, noisy

RISK: dict[str, Any] = {
    "probability": 0.4,
    "probability_below_floor": 0.6,
    "first_week_p50": "2026-02-02T00:00:00+01:00",
    "expected_depth": 3000.0,
    "expected_depth_below_floor": 9000.0,
    "levers": [{"id": "I-7", "kind": "invoice", "amount": 8000.0, "effect": 0.1}],
}
FINDING: dict[str, Any] = {
    "level": "warning",
    "table": "invoices",
    "column": "deal_id",
    "rule": "belong to no deal",
    "count": 1234,
    "first": "'d'",
    "amount": 56789.0,
}


def changed(name: str, effect: float = 0.12) -> Drift:
    return Drift(name, effect, 0.0001, 0.001)


def fallen(name: str = "web") -> tuple[Alert, float]:
    """A week that brought a third, and what came in it."""
    values = noisy(104, seed=1)
    values[-1] /= 3
    found = measured(values, name)
    return outside_band(Episode(found, found.errors.size - 1, float(found.scores()[-1])), "EUR", "Europe/Paris"), float(values[-1])


def every_kind() -> list[Alert]:
    values = noisy(104, seed=2)
    values[-4:] *= 1.5
    found = measured(values)
    month = outside_band(Episode(found, found.errors.size - 1, 4.0), "EUR", "UTC")
    pipeline = replace(found, watched=Watched("pipeline", history(values)))
    risks = [{"shortfall": RISK}, {"shortfall": {**RISK, "probability": 0.05, "levers": []}}]
    given = [
        fallen()[0],
        month,
        outside_band(Episode(pipeline, found.errors.size - 1, 4.0), "EUR", "UTC"),
        stale("churn", 1234.0),
        drifted("churn", [changed(f"c{place}") for place in range(5)], Outlook(-20_000.0, 0.25, 0.2), "EUR"),
        drifted("clv", [changed("T")], None, "EUR"),
        *(shortfall(risk, 20_000.0, "EUR") for risk in risks),
        *data_quality([FINDING, {**FINDING, "amount": None}, {**FINDING, "count": 0, "rule": "never heard of"}], "EUR"),
    ]
    return [alert for alert in given if alert is not None]


def test_every_alert_says_in_both_languages_what_it_is_what_it_costs_and_what_to_do() -> None:
    alerts = every_kind()
    assert len(alerts) == 11
    for alert in alerts:
        for text in (alert.text, alert.effect_text, alert.action):
            assert text.en.endswith(".")
            assert text.fr.endswith(".")
            assert text.en != text.fr
            assert not re.search(r"\d,\d{3}|\d%|\bnan\b|None", text.fr), text.fr
            # every number of more than three digits is grouped by a space that no line breaks at, and so is its unit
            assert not re.search(r"\d{5,}|\d (EUR|%|\d)", text.fr), text.fr
            assert re.findall(r"\d+", text.en.replace(",", "")) or not re.findall(r"\d", text.fr)
        document = alert.document()
        assert set(document) >= {"kind", "subject", "severity", "text", "effect", "effect_text", "action"}
        assert document["effect"] is None or np.isfinite(float(str(document["effect"])))


def test_a_fall_is_told_with_its_week_its_band_and_its_gap() -> None:
    alert, actual = fallen()
    expected = float(str(alert.more["expected"]))
    assert alert.effect == pytest.approx(actual - expected)
    assert alert.effect is not None
    assert alert.effect < 0
    assert expected == pytest.approx(1000.0, rel=0.1)
    assert alert.subject == "web"
    assert "from 2023-01-16 to 2023-01-22, below the" in alert.text.en
    assert "du 16/01/2023 au 22/01/2023, au-dessous des" in alert.text.fr
    assert (alert.more["since"], alert.more["until"]) == ("2023-01-16T00:00:00+01:00", "2023-01-23T00:00:00+01:00")
    # minus signs and grouping as each language writes them
    assert f"−{-alert.effect:,.0f} EUR" in alert.effect_text.en
    assert f"−{-alert.effect:,.0f}\u202fEUR".replace(",", "\u202f") in alert.effect_text.fr


def test_a_change_that_shows_over_four_weeks_is_told_with_their_sum() -> None:
    values = noisy(104, seed=2)
    values[-4:] *= 1.2
    found = measured(values)
    place = found.errors.size - 1
    assert found.window(place) == 4
    alert = outside_band(Episode(found, place, float(found.scores()[-1])), "EUR", "UTC")
    assert alert.effect == pytest.approx(values[-4:].sum() - found.expected[-4:].sum())
    assert "from 2022-12-26 to 2023-01-22, above" in alert.text.en
    assert alert.subject == "sales"
    assert alert.text.fr.startswith("ventes totales : ")


def test_a_stale_model_speaks_only_beyond_its_bound() -> None:
    assert stale("churn", 120.0) is None
    alert = stale("churn", 121.0)
    assert alert is not None
    assert (alert.kind, alert.effect) == ("stale_model", None)
    assert "121 days" in alert.text.en
    assert "121 jours" in alert.text.fr


def test_a_shortfall_speaks_from_a_tenth_on_and_tells_the_depth_that_the_draws_expect() -> None:
    assert shortfall({}, 0.0, "EUR") is None
    assert shortfall({"shortfall": {**RISK, "probability": 0.09, "probability_below_floor": 0.09}}, 0.0, "EUR") is None
    alert = shortfall({"shortfall": RISK}, 20_000.0, "EUR")
    assert alert is not None
    assert (alert.subject, alert.severity, alert.effect) == ("balance", "error", -3000.0)
    assert "40%; in the middle case first in the week of 2026-02-02" in alert.text.en
    assert "40\u202f% ; dans le cas médian, dès la semaine du 02/02/2026" in alert.text.fr
    assert "7,500 EUR over those that fall below" in alert.effect_text.en
    assert alert.action.en == "Collect first: invoice I-7 (8,000 EUR)."


def test_the_floor_speaks_where_zero_is_far() -> None:
    alert = shortfall({"shortfall": {**RISK, "probability": 0.0}}, 20_000.0, "EUR")
    assert alert is not None
    assert (alert.subject, alert.severity, alert.effect) == ("floor", "warning", -9000.0)
    assert "the floor of 20,000 EUR with a probability of 60%" in alert.text.en
    assert "le seuil de 20\u202f000\u202fEUR avec une probabilité de 60\u202f%" in alert.text.fr


def test_drift_is_told_once_a_model_with_what_it_moves_in_money() -> None:
    still = Drift("steady", 0.01, 0.9, 0.9)
    assert drifted("churn", [still], None, "EUR") is None
    alert = drifted("churn", [changed("recency"), changed("a"), changed("b"), changed("c"), still], Outlook(-20_000.0, 0.25, 0.2), "EUR")
    assert alert is not None
    assert alert.more["columns"] == ["recency", "a", "b", "c"]
    assert "recency, a, b and 1 more (at least 12% of the rows moved)" in alert.text.en
    assert "recency, a, b et 1 autre (au moins 12\u202f% des lignes ont bougé)" in alert.text.fr
    # the present 20,000 are expected at .25; at the .20 of before they would be 16,000
    assert alert.effect == pytest.approx(-4000.0)
    assert "from 20% to 25%, which is −4,000 EUR" in alert.effect_text.en


def test_a_finding_is_told_with_the_amount_of_its_rows() -> None:
    known, unknown, _ = data_quality([FINDING, {**FINDING, "amount": None}, {**FINDING, "rule": "are odd"}], "EUR")
    assert data_quality([{**FINDING, "level": "note"}], "EUR") == []
    assert (known.effect, unknown.effect) == (56789.0, None)
    assert known.text.en == "invoices, deal_id: belong to no deal (1,234 rows)."
    assert known.text.fr == "invoices, deal_id : ne se rattachent à aucune affaire (1\u202f234 lignes)."
    assert "56\u202f789\u202fEUR" in known.effect_text.fr
    assert unknown.effect_text.en == "These rows carry no amount."
