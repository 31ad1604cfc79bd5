from __future__ import annotations

import io
import subprocess
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.answers import GRADES
from funnelcast.forecast import projection
from funnelcast.forecast.projection import Ask
from funnelcast.forecast.scenario import Scenario
from serving.scoring import plain_record
from tests.service.conftest import Client, Served

SUMMARIES = [
    {"contact_id": "never again", "frequency": 0, "recency": 0, "T": 100, "monetary_value": 0},
    {"contact_id": "often", "frequency": 9, "recency": 280.0, "T": 290.0, "monetary_value": 60.0},
]


def test_every_answer_names_its_as_of_its_request_and_its_models(client: Client, person: dict[str, Any]) -> None:
    answers = {
        "/v1/churn/score": {"contacts": [person]},
        "/v1/leads/score": {"contacts": [person]},
        "/v1/clv/predict": {"contacts": SUMMARIES},
        "/v1/attribution/journey": {"touchpoints": person["touchpoints"]},
        **{f"/v1/forecast/{quantity}": {"weeks": 2} for quantity in ("sales", "pipeline", "cash")},
        **{f"/v1/{name}": None for name in ("attribution", "economics", "alerts", "track-record", "models", "contacts/C0000001")},
    }
    seen = set()
    for path, body in answers.items():
        response = client.get(path) if body is None else client.post(path, body)
        document = response.json()
        assert pd.Timestamp(document["as_of"]).tzinfo is not None, path
        assert document["request_id"] == response.headers["x-request-id"]
        assert {"name", "version", "trained_as_of"} <= set(document["models"][0]), path
        seen.add(document["request_id"])
    assert len(seen) == len(answers)


def test_churn_is_told_with_its_place_its_value_and_its_reasons(client: Client, served: Served, person: dict[str, Any]) -> None:
    asked = {"contacts": [person], "as_of": "2025-06-01T00:00:00+02:00", "explain": 3, "lang": "fr"}
    answer = client.answer("/v1/churn/score", asked)
    (score,) = answer["scores"]
    model: Any = served.champion("churn").model
    assert answer["data_sufficiency"] == model.sufficiency
    assert answer["data_sufficiency"]["text_fr"].startswith("Appris sur")
    used = [{"name": name, "version": served.champion(name).version, "trained_as_of": served.as_of} for name in ("churn", "clv")]
    assert answer["models"] == used  # the loss expected is churn times value
    assert score["low"] <= score["probability"] <= score["high"]
    scale = np.array(served.snapshot().document("scales")["churn"]["probability"])
    place = (np.searchsorted(scale, score["probability"], "left") + np.searchsorted(scale, score["probability"], "right")) / (
        2 * scale.size
    )
    assert score["percentile"] == pytest.approx(100 * place, abs=0.051)
    assert score["grade"] == next(grade for grade, lowest in GRADES if score["percentile"] >= lowest)
    effects = [abs(reason["effect"]) for reason in score["reasons"]]
    assert len(effects) == 3
    assert effects == sorted(effects, reverse=True)
    assert all("risque de départ" in reason["text"] for reason in score["reasons"])
    bought = {"contact_id": "x1", "transactions": person["transactions"]}
    (worth,) = client.answer("/v1/clv/predict", {"contacts": [bought], "as_of": asked["as_of"]})["predictions"]
    assert score["expected_loss"] == pytest.approx(score["probability"] * worth["clv"], rel=1e-12)


def test_a_regular_buyer_is_less_likely_gone_than_one_who_stopped(client: Client) -> None:
    def buyer(name: str, months: list[str]) -> dict[str, Any]:
        bought = [{"occurred_at": f"{month}-20T12:00:00Z", "amount": 50.0, "channel": "web"} for month in months]
        opened = [{"occurred_at": f"{month}-19T12:00:00Z", "channel": "email", "kind": "email_open"} for month in months]
        return {"contact_id": name, "created_at": "2024-01-01T00:00:00Z", "transactions": bought, "touchpoints": opened}

    regular, stopped = buyer("regular", [f"2025-{month:02}" for month in range(1, 13)]), buyer("stopped", ["2024-12", "2025-01"])
    scores = client.answer("/v1/churn/score", {"contacts": [regular, stopped], "as_of": "2026-01-01"})["scores"]
    assert [score["contact_id"] for score in scores] == ["regular", "stopped"]
    assert [score["channel_state"] for score in scores] == ["online", "dormant"]
    assert scores[0]["probability"] < scores[1]["probability"] - 0.2
    for score in scores:
        assert sum(score["channel_next"][state] for state in ("online", "offline", "both", "dormant")) == 1.0
        assert score["channel_next"]["dormant"] == score["probability"]
    assert scores[0]["channel_next"]["online"] > 5 * scores[0]["channel_next"]["offline"]


def test_a_lead_gains_by_what_it_does(client: Client) -> None:
    def lead(name: str, touches: int) -> dict[str, Any]:
        seen = [{"occurred_at": f"2025-12-{20 + touch}T10:00:00Z", "channel": "web", "kind": "download"} for touch in range(touches)]
        return {"contact_id": name, "created_at": "2025-12-01T00:00:00Z", "touchpoints": seen}

    scores = client.answer("/v1/leads/score", {"contacts": [lead("cold", 1), lead("warm", 8)], "as_of": "2026-01-01"})["scores"]
    cold, warm = scores
    assert warm["engagement_points"] == pytest.approx(8 * cold["engagement_points"])
    assert warm["probability"] > cold["probability"]
    assert cold["reasons"] == []


def test_clv_is_the_models_own_prediction(client: Client, served: Served) -> None:
    model: Any = served.champion("clv").model
    rows = pd.DataFrame(SUMMARIES).set_index("contact_id").astype(float)
    expected = model.predict(rows, horizon_days=180.0, discount_rate=0.2)
    predictions = client.answer("/v1/clv/predict", {"contacts": SUMMARIES, "horizon_days": 180, "discount_rate": 0.2})["predictions"]
    for name, prediction in zip(rows.index, predictions, strict=True):
        assert prediction.pop("contact_id") == name
        assert prediction == pytest.approx(expected.loc[name].to_dict(), rel=1e-12)


def test_purchases_are_summarised_by_day_in_the_companys_zone(client: Client) -> None:
    # 22:30 and 23:30 in Paris are one evening; 23:30 UTC is already the next day there
    times = ["2025-03-01T21:30:00Z", "2025-03-01T22:30:00Z", "2025-03-11T23:30:00Z"]
    bought = {"contact_id": "raw", "transactions": [{"occurred_at": at, "amount": 30.0} for at in times]}
    summary = {"contact_id": "told", "frequency": 1, "recency": 11, "T": 30, "monetary_value": 30.0, "first_value": 60.0}
    raw, told = client.answer("/v1/clv/predict", {"contacts": [bought, summary], "as_of": "2025-04-01"})["predictions"]
    assert (raw.pop("contact_id"), told.pop("contact_id")) == ("raw", "told")
    assert raw == pytest.approx(told, rel=1e-12)


def test_one_who_only_returned_goods_fails_alone(client: Client) -> None:
    returned = {"contact_id": "r", "transactions": [{"occurred_at": "2025-03-01T21:30:00Z", "amount": -30.0}]}
    first, second = client.answer("/v1/clv/predict", {"contacts": [returned, SUMMARIES[1]]})["predictions"]
    assert first["contact_id"] == "r"
    assert "no purchase" in first["error"]
    assert second["p_alive"] > 0.5


def test_a_journey_shares_its_value(client: Client) -> None:
    touches = [{"occurred_at": f"2025-02-0{day}T10:00:00+01:00", "channel": channel} for day, channel in enumerate(("email", "store"), 1)]
    journey = client.answer("/v1/attribution/journey", {"touchpoints": touches[::-1], "value": 250.0})
    assert [touch["channel"] for touch in journey["touchpoints"]] == ["email", "store"]
    assert sum(touch["credit"] for touch in journey["touchpoints"]) == pytest.approx(1.0)
    assert sum(touch["value"] for touch in journey["touchpoints"]) == pytest.approx(250.0)
    last = client.answer("/v1/attribution/journey", {"touchpoints": touches, "method": "last"})
    assert [touch["credit"] for touch in last["touchpoints"]] == [0.0, 1.0]


@pytest.mark.parametrize("quantity", ["sales", "pipeline", "cash"])
def test_forecasts_are_those_of_the_snapshot(client: Client, served: Served, quantity: str) -> None:
    drawn = projection.rebuild(served.snapshot().folder("forecast"))
    answer = client.answer(f"/v1/forecast/{quantity}", {"weeks": 3})
    expected = drawn.document(Ask(quantity, count=3))
    assert answer["periods"] == expected["periods"]
    assert answer["total"] == expected["total"]
    for period in answer["periods"]:
        assert sum(period["parts"].values()) == pytest.approx(period["mean"], rel=1e-9)
    if quantity == "cash":
        delayed = client.answer("/v1/forecast/cash", {"weeks": 3, "scenario": {"payment_delay_days": 20}})
        assert delayed["periods"] == drawn.document(Ask("cash", count=3, scenario=Scenario(payment_delay_days=20.0)))["periods"]
        assert delayed["total"]["mean"] < answer["total"]["mean"]


@pytest.mark.parametrize(("quantity", "by"), [("sales", "channel"), ("pipeline", "owner"), ("cash", None)])
def test_a_forecast_by_month_with_its_past(client: Client, served: Served, quantity: str, by: str | None) -> None:
    drawn = projection.rebuild(served.snapshot().folder("forecast"))
    asked: dict[str, Any] = {"every": "month", "periods": 2, "past": 5, **({"by": by} if by else {})}
    answer = client.answer(f"/v1/forecast/{quantity}", asked)
    expected: Any = drawn.document(Ask(quantity, "month", 2, "channel" if by == "channel" else "owner" if by else None))
    assert answer["periods"] == expected["periods"]
    assert answer.get("series") == expected.get("series")
    assert len(answer["past"]) == 5
    # the past ends where the forecast begins
    assert answer["past"][-1]["end"] == answer["periods"][0]["start"] == answer["as_of"]
    assert "past" not in client.answer(f"/v1/forecast/{quantity}", {"weeks": 1})


def test_a_forecast_can_t_be_told_by_what_it_has_not(client: Client) -> None:
    answer = client.post("/v1/forecast/cash", {"by": "owner"})
    assert answer.status_code == 422
    assert answer.json()["field"] == "by"
    assert answer.json()["detail"].startswith("by: cash can't be told by owner")


def test_attribution_credits_every_conversion_by_any_method(client: Client, served: Served) -> None:
    methods = client.answer("/v1/attribution?method=all")["methods"]
    assert {one["method"] for one in methods} >= {"first", "last", "linear", "markov", "shapley"}
    for one in methods:
        assert sum(row["conversions"] for row in one["credits"]) == pytest.approx(one["conversions"])
    model: Any = served.champion("attribution").model
    assert client.answer("/v1/attribution")["method"] == model.document["method"]
    assert client.answer("/v1/attribution?method=linear")["method"] == "linear"


def test_economics_and_alerts_are_those_of_the_snapshot(client: Client, served: Served) -> None:
    for name in ("economics", "alerts"):
        document = served.snapshot().document(name)
        answer = client.answer(f"/v1/{name}")
        assert {key: answer[key] for key in document} == document
        assert answer["as_of"] == served.as_of


def test_a_contact_is_looked_up_with_all_its_scores(client: Client, served: Served) -> None:
    frames = {
        path.removesuffix(".parquet"): pd.read_parquet(io.BytesIO(content)) for path, content in served.snapshot().folder("scores").items()
    }
    name = str(frames["churn"]["contact_id"].iloc[0])
    scores = client.answer(f"/v1/contacts/{name}")["scores"]
    assert {"churn", "clv"} <= set(scores)
    chances = scores["churn"].pop("channel_next")
    scores["churn"] |= {f"next_{state}": chance for state, chance in chances.items()}
    for model in ("churn", "clv"):
        row = frames[model].set_index("contact_id").loc[name].dropna()
        assert {column: scores[model][column] for column in row.index} == row.to_dict()


def test_invoices_stand_by_their_own_ids_and_in_a_list_beside_their_customer(client: Client, served: Served) -> None:
    frame = pd.read_parquet(io.BytesIO(served.snapshot().folder("scores")["payment_delay.parquet"]))
    assert list(frame.columns[:2]) == ["invoice_id", "contact_id"]
    assert frame["invoice_id"].is_unique
    counts = frame["contact_id"].value_counts()
    assert counts.iloc[0] > 1 == counts.iloc[-1]
    # whether one or several: the shape is the same
    for contact_id in (counts.index[0], counts.index[-1]):
        listed = client.answer(f"/v1/contacts/{contact_id}")["scores"]["payment_delay"]
        assert [row["invoice_id"] for row in listed] == frame.loc[frame["contact_id"] == contact_id, "invoice_id"].tolist()


def test_what_is_not_known_of_the_next_channel_is_null() -> None:
    row = {"contact_id": "a", "probability": 0.5, **dict.fromkeys(("next_online", "next_offline", "next_both", "next_dormant"), np.nan)}
    assert plain_record(row) == {"contact_id": "a", "probability": 0.5, "channel_next": None}


def test_the_snapshot_holds_the_expected_moves_of_everyone_scored(served: Served) -> None:
    moves = served.snapshot().document("channel_moves")
    scores = pd.read_parquet(io.BytesIO(served.snapshot().folder("scores")["churn.parquet"]))
    assert moves["horizon_days"] == 90
    assert {row["from"]: row["contacts"] for row in moves["table"]} == scores["channel_state"].value_counts().to_dict()
    for row in moves["table"]:
        chosen = scores[scores["channel_state"] == row["from"]]
        for state, cell in row["to"].items():
            assert cell["share"] == pytest.approx(chosen[f"next_{state}"].mean(), abs=1e-6)
            assert 0.0 <= cell["low"] <= cell["share"] <= cell["high"] <= 1.0


def test_a_contact_with_several_open_invoices_has_a_score_for_each(client: Client, served: Served) -> None:
    owed = pd.read_parquet(io.BytesIO(served.snapshot().files["scores/payment_delay.parquet"]))["contact_id"]
    (several,) = owed[owed.duplicated()].iloc[:1]
    scores = client.answer(f"/v1/contacts/{several}")["scores"]["payment_delay"]
    assert len(scores) == (owed == several).sum() > 1
    assert all(0.0 <= score["p_paid"] <= 1.0 for score in scores)


def test_models_say_since_when_they_serve(client: Client, served: Served) -> None:
    models = {model["name"]: model for model in client.answer("/v1/models")["models"]}
    assert set(models) == {"attribution", "churn", "clv", "deal_outcome", "lead_scoring", "payment_delay"}
    for name, model in models.items():
        pointer = served.settings.champions / "demo" / f"{name}.json"
        assert pd.Timestamp(model["served_since"]).timestamp() == pytest.approx(pointer.stat().st_mtime, abs=1.0)
        assert model["trained_as_of"] == served.as_of


def test_every_answer_is_kept_without_the_name(client: Client, served: Served, person: dict[str, Any]) -> None:
    def kept() -> dict[str, int]:
        return {row["model"]: row["answers"] for row in client.answer("/v1/track-record")["answers"]}

    before = kept()
    known, wrong = {**person, "contact_id": "kept-1"}, {**person, "contact_id": "kept-2", "surprise": 1}
    (score, _) = client.answer("/v1/churn/score", {"contacts": [known, wrong]})["scores"]
    after = kept()
    assert after["churn"] == before.get("churn", 0) + 1
    # read by another process: whoever closes the file drops all the locks that SQLite holds on it in this one
    files = sorted(served.settings.track_record("demo").parent.iterdir())
    content = subprocess.run(["cat", *files], capture_output=True, check=True).stdout
    assert b"churn" in content
    assert b"email_open" not in content
    assert score["contact_id"] == "kept-1"


def test_readiness_tells_what_is_there(client: Client) -> None:
    assert client.answer("/livez") == {"status": "alive"}
    ready = client.answer("/readyz")
    assert ready["ready"] is True
    assert ready["missing"] == []
    assert "deal_outcome" in ready["models"]
