"""What a refresh leaves of alerts and drift, and how little of it depends on when it was run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from funnelcast.champions import Champion
from funnelcast.monitor.drift import BLOCKS, LAG
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf
from tests.service.conftest import Client, Served
from training import alerts as module
from training.alerts import Watch
from training.drift import DRIFT_DAYS, Inputs, at_stake, drift_alerts, inputs_of
from training.monitor import monitor

KEYS = {"kind", "subject", "severity", "text", "effect", "effect_text", "action"}


def test_alerts_are_served_with_their_budget_effect_and_action(client: Client, served: Served) -> None:
    told = client.answer("/v1/alerts")
    document = served.snapshot().document("alerts")
    assert told["budget"] == document["budget"]
    assert told["budget"]["per_month"] == 1.0
    assert told["budget"]["series"] >= 3
    assert set(told["budget"]["text"]) == {"en", "fr"}
    for alert in told["alerts"]:
        assert set(alert) >= KEYS
        assert all(set(alert[name]) == {"en", "fr"} for name in ("text", "effect_text", "action"))
    kinds = {alert["kind"] for alert in told["alerts"]}
    assert "data_quality" in kinds
    stray = next(alert for alert in told["alerts"] if alert["subject"] == "transactions.contact_id")
    assert stray["effect"] > 0


def test_the_snapshot_has_the_drift_of_every_model_and_its_dates(served: Served) -> None:
    document = served.snapshot().document("drift")
    now, then = (AsOf.parse(document["compared"][name], served.facts.source.timezone) for name in ("now", "then"))
    assert now.isoformat() == served.as_of
    assert then.days_until(now) == DRIFT_DAYS
    assert set(document["drift"]) == {"attribution", "churn", "clv", "deal_outcome", "lead_scoring", "payment_delay"}
    assert document["drift"]["attribution"] == []  # whole paths have no columns
    columns = [change["name"] for change in document["drift"]["deal_outcome"]]
    assert "owner_win_rate" in columns
    assert "day" not in columns  # the date is the same for every deal in question: one value, not a sample
    assert set(document["drift"]["churn"][0]) == {"name", "effect", "p_value", "q_value", "drifted"}


def test_monitor_says_the_same_without_the_money_of_a_refresh(served: Served) -> None:
    told: Any = monitor(served.settings, served.facts)
    snapshot = served.snapshot()
    assert {name: told[name] for name in ("drift", "scores", "compared")} == snapshot.document("drift")
    assert told["budget"] == snapshot.document("alerts")["budget"]
    kinds = {"outside_band", "tracking", "channel_mix", "price"}
    bands = [[one for one in alerts if one["kind"] in kinds] for alerts in (told["alerts"], snapshot.document("alerts")["alerts"])]
    assert bands[0] == bands[1]


def test_the_snapshot_has_the_mean_scores_now_and_then_and_by_channel(served: Served) -> None:
    told = served.snapshot().document("drift")["scores"]["churn"]
    by_channel = told["by"]["source_channel"]
    for when in ("now", "then"):
        assert 0 < told[when] < 1
        assert sum(row[f"share_{when}"] for row in by_channel) == pytest.approx(1.0)
        assert sum(row[f"share_{when}"] * (row[f"score_{when}"] or 0.0) for row in by_channel) == pytest.approx(told[when])


def test_a_drifted_model_is_told_once_with_the_expected_loss_that_moved(served: Served) -> None:
    champion = served.champion("churn")
    found = inputs_of(served.settings, served.facts, champion, AsOf.parse(served.as_of, served.facts.source.timezone))
    assert found.sample is not None
    newest = found.sample.block == BLOCKS - 1
    rows = found.sample.rows
    gone = rows["days_since_purchase"].where(~newest, 3 * rows["days_since_purchase"])
    shifted = Inputs(champion, replace(found.sample, rows=rows.assign(days_since_purchase=gone, score=rows["score"].where(~newest, 0.9))))
    (alert,) = drift_alerts({"churn": shifted}, {"churn": -1000.0}, "EUR")
    columns: Any = alert.more["columns"]
    assert {"days_since_purchase", "score"} <= set(columns)
    then = rows["score"][found.sample.block == BLOCKS - 1 - LAG].mean()
    assert alert.effect == pytest.approx(-1000.0 * (1 - then / 0.9))
    (unvalued,) = drift_alerts({"churn": shifted}, {}, "EUR")
    assert unvalued.effect is None


def test_a_model_without_rows_says_nothing(served: Served) -> None:
    champion: Champion = served.champion("churn")
    assert Inputs(champion, None).found == []
    assert Inputs(champion, None).scores() is None
    assert Inputs(champion, None).outlook(5.0) is None


def test_what_is_at_stake_is_below_zero_where_it_would_be_lost() -> None:
    answers = {
        "churn": pd.DataFrame({"expected_loss": [2.0, None, 3.0]}),
        "lead_scoring": pd.DataFrame({"expected_value": [7.0]}),
        "clv": pd.DataFrame({"clv": [9.0]}),
        "unvalued": pd.DataFrame({"expected_loss": [None]}),
    }
    assert at_stake(answers) == {"churn": -5.0, "lead_scoring": 7.0}


def daily(served: Served, days: int) -> Facts:
    """A company that sells the same every day, but a third of it in its last four weeks."""
    frame = pd.DataFrame({"occurred_at": pd.date_range("2022-01-03", periods=days), "channel": "web"})
    frame["contact_id"] = frame.index.astype(str)  # none buys twice, so that there is no price to watch
    amounts = 100.0 + 20.0 * pd.Series(range(days)).mod(11)
    amounts.iloc[-28:] /= 3
    return from_frames(served.facts.source, {"transactions": frame.assign(amount=amounts)})


def test_an_alarm_is_told_for_five_weeks_and_is_the_same_on_every_day_of_them(served: Served) -> None:
    facts = daily(served, 7 * 150)
    last = AsOf.parse("2024-11-18", facts.source.timezone)
    first_seen = last.plus(-21)
    told = {day: [one.place for one in Watch.of(facts, first_seen.plus(day)).begun()] for day in (0, 3, 6, 7, 21)}
    assert told[0]
    assert all(places[-1] == told[0][-1] for places in told.values())
    assert Watch.of(facts, last.plus(7 * 15)).series == ()  # its figures ended long ago: there is no newest week


def test_the_budget_is_said_in_words(served: Served) -> None:
    facts = daily(served, 7 * 150)
    one = Watch.of(facts, AsOf.parse("2024-11-18", facts.source.timezone))
    text: Any = one.budget()["text"]
    assert text["en"].startswith("Where nothing changed, on average at most 1 false alarm a month of the one series that there is; ")
    many: Any = Watch(one.series * 6, 2.5).budget()["text"]
    assert "2.5 false alarms a month over all 6 series together; how far is too far was learned on the 24 months before." in many["en"]
    assert "2,5 fausses alertes par mois sur l'ensemble des 6 séries ; le seuil a été appris sur les 24 mois précédents." in many["fr"]


def test_a_budget_that_the_past_is_too_short_for_is_said(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    young = Watch.of(daily(served, 7 * 42), AsOf.parse("2022-10-24", served.facts.source.timezone))
    assert "too short" in str(young.budget()["text"])
    assert Watch((), 1.0).budget()["series"] == 0
    monkeypatch.setattr(module, "LOOK_BACK_WEEKS", 0)
    assert list(young.begun()) == []
