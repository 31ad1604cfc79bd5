"""What was said comes back beside the next answers, held against what came true."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from anyio.from_thread import BlockingPortal

from funnelcast import champions, snapshots
from funnelcast.artefacts import to_json
from funnelcast.families.family import Options
from funnelcast.forecast.periods import calendar
from funnelcast.forecast.projection import Ask
from funnelcast.forecast.result import Forecast
from funnelcast.monitor.track_record import Answer, TrackRecord
from funnelcast.settings import Settings
from funnelcast.terms import AsOf
from funnelcast.tracking import Tracker
from serving.app import build_app
from tests.service.conftest import Client, Ledger, Served, home_at
from training.forecast import forecast
from training.recording import register
from training.refresh import Refresh
from training.score import stream
from training.track_record import judged
from training.train import Request, default_as_of, fit

FORGOTTEN, ANSWERED_DAYS = 3, (150.0, 120.0, 40.0)


@pytest.fixture(scope="module")
def seasoned(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home whose churn champion is 150 days old and answered three times since, and whose forecasts are eight weeks old."""
    settings, facts = home_at(tmp_path_factory.mktemp("seasoned")), served.facts
    end = default_as_of(facts)
    fitted = fit(settings, facts, Request("churn", as_of=end.plus(-150), options=Options(trials=1, threads=1)))
    register(cast("Tracker", Ledger()), "churn000", fitted, promote=True)
    champion = champions.load(settings, "demo", "churn")
    record = TrackRecord(settings.track_record("demo"))
    for days in ANSWERED_DAYS:
        record.append(list(_answers(settings, served, end.plus(-days))))
    for contact in pd.concat(stream(settings, facts, champion, end.plus(-150)))["contact_id"][:FORGOTTEN]:
        assert record.forget(contact)
    for weeks in (8, 4):
        as_of = AsOf(end.at, end.timezone).plus(-7 * weeks)
        told: Any = forecast(settings, facts, Ask("sales", count=4), as_of=as_of, progress=lambda _: None)
        record.append_forecast("sales", as_of.isoformat(), told["periods"])
    old = served.snapshot()
    snapshots.write(settings, "demo", old.about, {**old.files, "track_record.json": to_json(judged(settings, facts, end))})
    return settings


def _answers(settings: Settings, served: Served, as_of: AsOf) -> Iterator[Answer]:
    champion = champions.load(settings, "demo", "churn")
    for row in pd.concat(stream(settings, served.facts, champion, as_of)).itertuples():
        given: Any = row
        numbers = (given.probability, given.low, given.high)
        yield Answer("r", "churn", champion.version, as_of.at.isoformat(), 90.0, given.contact_id, *numbers, "ab")


@pytest.fixture
def asked(seasoned: Settings, served: Served, portal: BlockingPortal) -> Client:
    return Client(build_app(seasoned, served.source, keyless=True), portal)


def test_the_record_says_what_was_expected_and_what_came(asked: Client, seasoned: Settings) -> None:
    told = asked.answer("/v1/track-record")
    (churn,) = told["answers"]
    (realised,) = churn["realised"]
    kept = TrackRecord(seasoned.track_record("demo")).answers()
    assert (churn["model"], churn["version"], churn["answers"]) == ("churn", 1, len(kept))
    assert churn["mean_predicted"] == pytest.approx(kept["predicted"].mean())
    latest = kept["as_of"].max()
    assert realised["waiting"] == (kept["as_of"] == latest).sum()
    assert realised["forgotten"] == kept.loc[kept["as_of"] != latest, "contact_id"].isna().sum() >= FORGOTTEN
    assert realised["judged"] + realised["waiting"] + realised["forgotten"] == len(kept)  # everyone scored was in question
    over = kept[(kept["as_of"] != latest) & kept["contact_id"].notna()]
    assert realised["expected"] == pytest.approx(over["predicted"].sum())
    assert 0 < realised["came"] < realised["judged"]
    assert sum(one["count"] for one in realised["bins"]) == realised["judged"]
    assert realised["low"] <= realised["observed"] <= realised["high"]
    assert realised["contacts"] == over["contact_id"].nunique()


def test_each_score_says_how_right_earlier_ones_were(asked: Client, person: dict[str, Any]) -> None:
    told = asked.answer("/v1/track-record")
    beside = asked.answer("/v1/churn/score", {"contacts": [person]})["track_record"]
    (churn,) = told["realised"]
    assert beside["text"] == churn["text"]
    assert beside["judged"] == churn["judged"] > 0
    assert f"Of {churn['judged']:,} answers of version 1 whose 90 days are over, departures expected: " in beside["text"]["en"]


def test_each_forecast_says_how_often_its_bands_held(asked: Client) -> None:
    (sales,) = [one for one in asked.answer("/v1/track-record")["forecasts"] if one["quantity"] == "sales"]
    realised = sales["realised"]
    beside = asked.answer("/v1/forecast/sales", {"weeks": 4})["track_record"]
    assert beside["judged"] == realised["judged"] >= 6  # of eight full weeks, the last may not be over
    assert sum(row["judged"] for row in realised["by_lead"]) == realised["judged"]
    assert f"80 % bands held {100 * realised['coverage_80']:.0f} % of {realised['judged']} times" in beside["text"]["en"]
    assert "Les fourchettes à 80 % ont tenu" in beside["text"]["fr"]
    low, high = realised["coverage_80_interval"]
    assert low <= realised["coverage_80"] <= high


def test_where_nothing_is_old_enough_the_answer_says_so(client: Client, person: dict[str, Any]) -> None:
    for path, body in (
        ("/v1/churn/score", {"contacts": [person]}),
        ("/v1/leads/score", {"contacts": [person]}),
        ("/v1/clv/predict", {"contacts": [{"contact_id": "c", "frequency": 2, "recency": 30.0, "T": 60.0, "monetary_value": 9.0}]}),
        ("/v1/forecast/sales", {"weeks": 1}),
        ("/v1/forecast/cash", {"weeks": 1}),
    ):
        beside = client.answer(path, body)["track_record"]
        assert beside["judged"] == 0, path
        assert "can be judged yet" in beside["text"]["en"], path
        assert "encore être jugée" in beside["text"]["fr"], path


def test_a_snapshot_of_before_says_what_to_run(served: Served, portal: BlockingPortal, person: dict[str, Any], tmp_path: Path) -> None:
    settings = served.copied(tmp_path, ("churn",))
    files = {path: content for path, content in served.snapshot().files.items() if path != "track_record.json"}
    snapshots.write(settings, "demo", served.snapshot().about, files)
    older = Client(build_app(settings, served.source, keyless=True), portal)
    assert "`funnelcast refresh`" in older.answer("/v1/churn/score", {"contacts": [person]})["track_record"]["text"]["en"]
    assert older.answer("/v1/track-record")["realised"] == []


def test_a_refresh_records_what_it_forecasts_and_no_hindsight(served: Served, tmp_path: Path) -> None:
    assert set(TrackRecord(served.settings.track_record("demo")).forecast_periods()) == {"sales", "pipeline", "cash", "receipts"}
    settings = served.copied(tmp_path, ("deal_outcome", "payment_delay"))
    said: list[str] = []
    past = Refresh(settings, served.facts, default_as_of(served.facts).plus(-70), said.append)
    drawn = Forecast("sales", past.as_of, "EUR", calendar(past.as_of, "week", 1), {"web": np.ones((20, 2))})
    past.forecasts = dict.fromkeys(("sales", "pipeline", "cash", "receipts"), drawn)
    past.record_forecasts()
    # its models were trained 70 days later; what is fitted on the spot, as sales are, saw nothing of what was to come
    assert set(TrackRecord(settings.track_record("demo")).forecast_periods()) == {"sales"}
    assert "receipts: not recorded as a forecast, since deal_outcome, payment_delay was trained on later facts" in said
