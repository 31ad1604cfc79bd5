"""The attribution family: what it develops, and one journey's credit."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from funnelcast.errors import NotFound, SpecError, TooFewRows, UsageError
from funnelcast.families.attribution import FAMILY, AttributionModel, credits, journey_credit, truth  # noqa: A004 (the word of the field)
from funnelcast.families.attribution.setup import setup_of
from funnelcast.families.family import Development, Options
from funnelcast.settings import CHECKOUT
from funnelcast.simulate import company
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from funnelcast.spec import Spec, read
from funnelcast.terms import AsOf

START = datetime(2025, 3, 1)  # noqa: DTZ001 (wall-clock time)


@pytest.fixture(scope="module")
def spec() -> Spec:
    return replace(read(CHECKOUT / "models", "attribution"), options={"replicates": 20})


@pytest.fixture(scope="module")
def developed(spec: Spec) -> Development:
    facts = company(1500, seed=2).facts()
    assert facts.observed_until is not None
    return FAMILY.develop(facts, spec, facts.observed_until, Options())


@pytest.fixture(scope="module")
def model(developed: Development) -> AttributionModel:
    assert isinstance(developed.model, AttributionModel)
    return developed.model


def touches(*channels: str) -> list[dict[str, object]]:
    return [{"channel": channel, "occurred_at": START + timedelta(days=7 * place)} for place, channel in enumerate(channels)]


def shares(document: Any) -> list[float]:
    return [row["credit"] for row in document["touchpoints"]]


def credited(document: Any, name: str = "conversions") -> dict[str, Any]:
    return {row["channel"]: row[name] for row in document["credits"]}


def test_the_chain_beats_the_rate_by_last_touch_on_the_newest_journeys(developed: Development) -> None:
    gain = FAMILY.losses(developed.judged_baseline, developed.newest) - FAMILY.losses(developed.judged, developed.newest)
    assert gain.mean() > 0
    assert developed.metrics["log_loss"] < developed.baseline_metrics["log_loss"]
    assert developed.metrics["mean_predicted"] == pytest.approx(developed.metrics["observed_rate"], abs=0.05)


def test_the_train_document_has_the_credits_of_the_default_method(developed: Development, model: AttributionModel) -> None:
    assert developed.details["credits"] == model.credits("shapley")["credits"]
    assert (developed.details["method"], developed.details["question"]) == ("shapley", "predictive")


def test_the_baseline_credits_as_the_model_does(developed: Development, model: AttributionModel) -> None:
    assert isinstance(developed.baseline, AttributionModel)
    assert developed.baseline.credits("markov") == model.credits("markov")
    with pytest.raises(NotFound, match="guess"):
        model.credits("guess")


def test_the_newest_journeys_are_seen_only_up_to_one_of_their_touches(developed: Development) -> None:
    newest = developed.newest
    assert newest[["conversions", "nulls"]].sum(axis=1).unique().tolist() == [1.0]
    assert newest["path"].str.count(" > ").eq(0).mean() > 0.2


def test_the_card_and_the_readme_show_what_was_measured_against_the_truth(developed: Development) -> None:
    kept, markdown = truth.measured(), truth.markdown()
    assert f"{kept['companies']} of {kept['contacts']:,} contacts" in developed.sections[0]
    assert markdown in developed.sections[0]
    assert markdown in (CHECKOUT / "README.md").read_text()
    assert f"{kept['companies']} companies of {kept['contacts']:,} contacts" in (CHECKOUT / "README.md").read_text()


def test_the_default_method_is_the_nearest_to_the_truth_of_those_with_a_fit(spec: Spec) -> None:
    errors = {(row["conversions"], row["truth"], row["method"]): row["errors"] for row in truth.measured()["rows"]}
    default = read(CHECKOUT / "models", "attribution").options["method"]
    for conversions, judged_by in (("first", "expected_incremental_conversions"), ("each", "incremental_purchases")):
        for other in {"markov", "shapley", "last"} - {default}:
            own, beside = errors[conversions, judged_by, default], errors[conversions, judged_by, other]
            assert all(own[world]["mean"] < beside[world]["mean"] for world in truth.WORLDS), (conversions, other)


def test_open_journeys_are_the_candidates(spec: Spec, model: AttributionModel) -> None:
    met = [("a", START, "web"), ("a", START + timedelta(days=1), "store"), ("b", START - timedelta(days=200), "web")]
    rows = pd.DataFrame(met, columns=["contact_id", "occurred_at", "channel"])
    bought = pd.DataFrame([("b", START - timedelta(days=199), 5.0)], columns=["contact_id", "occurred_at", "amount"])
    facts = from_frames(Source("t"), {"touchpoints": rows, "transactions": bought})
    found = FAMILY.candidates(facts, spec, None, AsOf(START + timedelta(days=5))).execute()
    assert found[["contact_id", "path"]].to_numpy().tolist() == [["a", "web > store"]]
    predicted = model.predict(found[["path"]])["probability"]
    assert predicted.tolist() == [model.probability("web > store")]


@pytest.mark.parametrize("method", ["first", "last", "linear", "position", "time_decay", "markov", "shapley"])
def test_the_credit_of_one_journey_sums_to_one_and_to_its_value(model: AttributionModel, method: str) -> None:
    document: Any = journey_credit(model, touches("web", "email", "store", "email"), value=200.0, method=method)
    assert sum(shares(document)) == pytest.approx(1.0, abs=1e-12)
    rows = document["touchpoints"]
    assert sum(row["value"] for row in rows) == pytest.approx(200.0, abs=1e-9)


def test_the_credit_of_one_journey_follows_time_whatever_the_order_of_the_request(model: AttributionModel) -> None:
    given = touches("web", "email", "store")
    assert journey_credit(model, given[::-1], method="time_decay") == journey_credit(model, given, method="time_decay")
    assert shares(journey_credit(model, given, method="time_decay")) == pytest.approx([1 / 7, 2 / 7, 4 / 7])
    assert shares(journey_credit(model, given, method="first")) == [1.0, 0.0, 0.0]


def test_the_credit_of_one_journey_by_markov_follows_removal_effects(model: AttributionModel) -> None:
    document: Any = journey_credit(model, touches("web", "email", "web", "store"), method="markov")
    lost = credited(model.credits("markov"), "removal_effect")
    web, email, store = (lost[name] / (lost["web"] + lost["email"] + lost["store"]) for name in ("web", "email", "store"))
    assert shares(document) == pytest.approx([web / 2, email, web / 2, store])
    assert document["probability"] == model.probability("web > email > web > store")


def test_a_channel_that_the_model_does_not_know_shares_only_with_its_like(model: AttributionModel) -> None:
    assert shares(journey_credit(model, touches("pigeon", "web"), method="shapley")) == [0.0, 1.0]
    assert shares(journey_credit(model, touches("pigeon", "smoke"), method="markov")) == [0.5, 0.5]


def test_a_journey_without_a_touch_or_an_unknown_method_is_refused(model: AttributionModel) -> None:
    with pytest.raises(UsageError, match="at least one"):
        journey_credit(model, [])
    with pytest.raises(UsageError, match="astrology"):
        journey_credit(model, touches("web"), method="astrology")


def test_unknown_methods_and_orders_are_refused_before_anything_is_computed(spec: Spec) -> None:
    facts = from_frames(Source("t"), {"journeys": pd.DataFrame({"path": ["a"], "conversions": [1.0], "nulls": [1.0]})})
    with pytest.raises(UsageError, match="astrology"):
        credits(facts, spec, AsOf(START), "astrology")
    with pytest.raises(UsageError, match="not 5"):
        credits(facts, spec, AsOf(START), "markov", order=5)


def test_paths_of_which_none_converted_are_refused(spec: Spec) -> None:
    facts = from_frames(Source("t"), {"journeys": pd.DataFrame({"path": ["a"], "conversions": [0.0], "nulls": [9.0]})})
    with pytest.raises(TooFewRows, match="9 journeys"):
        credits(facts, spec, AsOf(START), "last")


def test_without_values_none_is_invented(spec: Spec) -> None:
    facts = from_frames(Source("t"), {"journeys": pd.DataFrame({"path": ["a", "b"], "conversions": [3.0, 1.0], "nulls": [9.0, 1.0]})})
    document = credits(facts, spec, AsOf(START), "last")
    assert isinstance(document, dict)
    assert document["value"] is None
    assert credited(document) == {"a": 3.0, "b": 1.0}
    assert credited(document, "value") == {"a": None, "b": None}


@pytest.mark.parametrize(
    ("section", "wrong", "said"),
    [("cohort", {"look_back": 3}, "look_back"), ("search", {"orders": [7]}, "orders"), ("features", {"position": [0.5, 0.5]}, "position")],
)
def test_a_spec_that_says_what_cannot_be_is_refused(spec: Spec, section: str, wrong: dict[str, object], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        setup_of(replace(spec, **{section: wrong}))  # type: ignore[arg-type]


def test_repeats_are_merged_where_the_spec_says_so(spec: Spec) -> None:
    rows = pd.DataFrame({"path": ["a > a > b", "b"], "conversions": [2.0, 1.0], "nulls": [1.0, 1.0]})
    facts = from_frames(Source("t"), {"journeys": rows})
    merged = credits(facts, replace(spec, cohort={"collapse_repeats": True}), AsOf(START), "linear")
    kept = credits(facts, spec, AsOf(START), "linear")
    assert credited(merged) == pytest.approx({"a": 1.0, "b": 2.0})
    assert credited(kept) == pytest.approx({"a": 4 / 3, "b": 5 / 3})
