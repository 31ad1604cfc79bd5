"""The bridge of a simulated company: whole points on the rule's scale, the figures of each step, words, and why there may be none."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest

from funnelcast.artefacts import to_json
from funnelcast.cohorts import open_leads
from funnelcast.families.family import Development, Options
from funnelcast.families.lead_scoring import FAMILY
from funnelcast.families.lead_scoring.bridge import Bridge, PointsOfKind, Question, build_bridge, scaled
from funnelcast.families.lead_scoring.exposure import by_kind, scores
from funnelcast.families.lead_scoring.learning import Found
from funnelcast.families.lead_scoring.plots import bridge_figure
from funnelcast.families.lead_scoring.risk import TENURE, weekly_rows
from funnelcast.families.lead_scoring.wording import document, scale, section, sentence
from funnelcast.features.touches import points
from funnelcast.simulate import company
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Label, Source
from funnelcast.terms import AsOf
from tests.unit.families.scoring_company import SPECS, facts, rows_of

SPEC = SPECS["lead_scoring"]


def asked(known: Facts) -> Question:
    return Question(known, SPEC, lambda cut, dates: open_leads(cut, dates, 365))


@cache
def developed() -> Development:
    """What the bridge needs of a development, without the fits."""
    rows = rows_of(FAMILY)
    figures = {"roc_auc": 0.7, "log_loss": 0.2, "lift_at_10pct": 3.0, "brier": 0.1}
    stand_in: Any = None
    return Development(
        stand_in, stand_in, stand_in, stand_in, rows.newest, figures, {**figures, "roc_auc": 0.5}, len(rows.earlier), earlier=rows.earlier
    )


@cache
def bridge() -> Bridge:
    found = build_bridge(asked(facts()), developed())
    assert isinstance(found, Bridge)
    return found


def with_touches(change: Any) -> Facts:
    """The same company with other touchpoints."""
    known = facts()
    return known.with_tables({**known.tables, "touchpoints": change(known.table("touchpoints"))}, None)


def test_whole_points_of_every_kind_within_their_intervals() -> None:
    found = {one.kind: one for one in bridge().kinds}
    assert set(found) == {
        "email_open",
        "email_click",
        "visit",
        "download",
        "webinar",
        "store_visit",
        "call",
        "meeting",
        "event",
        "quote_request",
    }
    for one in found.values():
        assert all(isinstance(value, int) for value in (one.learned, one.low, one.high))
        assert 0 <= one.low <= one.learned <= one.high <= 100
        assert one.rule == points(facts())[one.kind]
    assert [one.learned for one in bridge().kinds] == sorted((one.learned for one in bridge().kinds), reverse=True)
    assert found["quote_request"].learned > found["visit"].learned
    assert 7 <= bridge().half_life <= 30  # true: 12


def test_learned_points_earn_in_total_what_the_rule_gives() -> None:
    """sum_k learned_k T_k = sum_k rule_k T_k before rounding, in the fit and in every replicate."""
    rng = np.random.default_rng(0)
    found = Found(14.0, ("a", "b", "c"), rng.uniform(1, 9, 3), rng.uniform(1, 9, (50, 3)), {})
    totals, total = np.array([200.0, 30.0, 7.0]), 4_000.0
    middle, low, high = scaled(found, totals, total)
    factor = total / (found.points @ totals)
    np.testing.assert_array_equal(middle, np.round(found.points * factor))
    exact = found.replicates * (total / (found.replicates @ totals))[:, None]
    np.testing.assert_allclose(exact @ totals, total)
    np.testing.assert_array_equal(low, np.minimum(np.floor(np.quantile(exact, 0.05, axis=0)), middle))
    np.testing.assert_array_equal(high, np.maximum(np.ceil(np.quantile(exact, 0.95, axis=0)), middle))


def test_the_totals_are_those_of_the_newest_leads() -> None:
    newest = rows_of(FAMILY).newest
    judged = by_kind(facts(), newest, [bridge().half_life])
    earned = dict(zip(judged.kinds, judged.faded[0].sum(axis=0), strict=True))
    rule, learned = points(facts()), {one.kind: one.learned for one in bridge().kinds}
    assert bridge().totals["rule"] == pytest.approx(sum(rule[kind] * earned[kind] for kind in learned), rel=1e-4)
    assert bridge().totals["learned_rule"] == pytest.approx(sum(learned[kind] * earned[kind] for kind in learned), rel=1e-4)
    rounding = 0.5 * sum(earned[kind] for kind in learned)
    assert abs(bridge().totals["learned_rule"] - bridge().totals["rule"]) <= rounding + 1


def test_points_are_at_most_a_hundred_and_zero_where_nothing_is_earned() -> None:
    found = Found(14.0, ("a", "b"), np.array([1.0, 900.0]), np.tile([1.0, 900.0], (5, 1)), {})
    assert [part.tolist() for part in scaled(found, np.array([100.0, 0.0]), 300.0)] == [[3, 100], [3, 100], [3, 100]]
    nothing = replace(found, points=np.zeros(2), replicates=np.zeros((5, 2)))
    assert [part.tolist() for part in scaled(nothing, np.array([100.0, 0.0]), 300.0)] == [[0, 0], [0, 0], [0, 0]]


def test_one_table_shows_what_each_step_gains() -> None:
    metrics = bridge().metrics
    assert list(metrics) == ["rule", "rule_with_half_life", "learned_rule", "model"]
    assert all(set(figures) == {"roc_auc", "log_loss", "lift_at_10pct"} for figures in metrics.values())
    assert (metrics["rule"]["roc_auc"], metrics["model"]["roc_auc"]) == (0.5, 0.7)  # of the development
    assert metrics["rule_with_half_life"]["roc_auc"] > 0.7
    assert metrics["learned_rule"]["roc_auc"] > 0.7


def test_a_threshold_calls_as_many_leads_as_before() -> None:
    newest, learned = rows_of(FAMILY).newest, {one.kind: float(one.learned) for one in bridge().kinds}
    for rule, half_life, name in ((points(facts()), np.inf, "rule"), (learned, bridge().half_life, "learned_rule")):
        score = scores(facts(), newest, rule, [half_life])[:, 0]
        assert (score >= bridge().best_tenth[name]).mean() == pytest.approx(0.1, abs=0.02)


def test_weeks_hold_every_conversion_and_eight_others_each() -> None:
    first, until = pd.Timestamp("2025-01-01"), pd.Timestamp("2025-07-01")
    zone = facts().source.timezone
    rows = weekly_rows(facts(), asked(facts()).cohort, _as_of(first, zone), _as_of(until, zone), seed=1)
    contacts = facts().table("contacts").execute().set_index("contact_id")
    became = contacts["became_customer_at"].reindex(rows["contact_id"]).to_numpy()
    within = (became >= rows["as_of"].to_numpy()) & (became < (rows["as_of"] + pd.Timedelta(days=7)).to_numpy())
    known = contacts["became_customer_at_known_at"].reindex(rows["contact_id"]).to_numpy() < np.datetime64(until)
    np.testing.assert_array_equal(rows["label"] == 1, within & known)
    assert rows["label"].sum() > 50
    assert (rows["label"] == 0).sum() == 8 * rows["label"].sum()
    assert (first <= rows["as_of"]).all()
    assert (rows["as_of"] <= until - pd.Timedelta(days=7)).all()
    born = contacts["created_at"].reindex(rows["contact_id"]).to_numpy()
    whole = np.ceil((rows["as_of"].to_numpy() - born) / np.timedelta64(1, "D")) - 1
    np.testing.assert_array_equal(rows[TENURE], whole)


def _as_of(stamp: pd.Timestamp, zone: str) -> AsOf:
    return AsOf(stamp.to_pydatetime(), zone)


def test_the_order_of_rows_and_the_number_of_threads_change_no_byte() -> None:
    known = facts()
    turned = {name: ibis.memtable(table.execute().sample(frac=1, random_state=4)) for name, table in known.tables.items() if name in _READ}
    known.backend.raw_sql("SET threads = 2")
    again = build_bridge(asked(known.with_tables({**known.tables, **turned}, None)), developed())
    assert isinstance(again, Bridge)
    assert to_json(document(again)) == to_json(document(bridge()))


_READ = ("contacts", "touchpoints", "transactions")


def test_what_is_known_from_the_newest_date_on_teaches_nothing() -> None:
    """Poisoned future: a flood of touches that came to be known later leaves every point where it was."""
    newest = rows_of(FAMILY).newest["as_of"].iloc[0]

    def poisoned(touches: Any) -> Any:
        later = touches.filter(touches.occurred_at < ibis.timestamp(str(newest))).mutate(known_at=ibis.timestamp(str(newest)))
        return touches.union(later.mutate(kind=ibis.literal("webinar")))

    again = build_bridge(asked(with_touches(poisoned)), developed())
    assert isinstance(again, Bridge)
    assert again == bridge()


def test_a_kind_that_the_rule_does_not_know_gets_points_too_and_a_rare_one_says_so() -> None:
    def renamed(touches: Any) -> Any:
        most = (touches.kind == "webinar") & ~touches.contact_id.endswith("7")
        return touches.mutate(kind=ibis.cases((touches.kind == "store_visit", "showroom"), (most, "call"), else_=touches.kind))

    found = build_bridge(asked(with_touches(renamed)), developed())
    assert isinstance(found, Bridge)
    lines = {one.kind: one for one in found.kinds}
    assert lines["showroom"].rule is None
    assert lines["showroom"].learned >= 3
    assert lines["webinar"].too_few
    assert not lines["webinar"].corrects
    noted: Any = next(line for line in document(found)["points"] if line["kind"] == "webinar")  # type: ignore[union-attr, index, call-overload]
    assert noted["note"] == f"too few to say: {lines['webinar'].touches} touches"


def test_sentences_in_both_languages() -> None:
    webinar = PointsOfKind("webinar", 10.0, 17, 12, 22, 400)
    assert webinar.corrects
    assert sentence(webinar, "en") == "a webinar is worth 17 (12 to 22), not 10"
    assert sentence(webinar, "fr") == "un webinaire vaut 17 (12 à 22), pas 10"
    assert sentence(replace(webinar, rule=2.5), "fr").endswith("pas 2,5")
    own = PointsOfKind("démo", None, 9, 4, 15, 80)
    assert sentence(own, "en") == "one touch “démo” is worth 9 (4 to 15); the rule doesn't count it"
    assert sentence(own, "fr") == "un contact « démo » vaut 9 (4 à 15) ; la règle ne le compte pas"
    assert not replace(webinar, low=10).corrects
    assert not replace(webinar, touches=10).corrects


def test_the_document_the_card_and_the_figure_say_the_same() -> None:
    found = replace(bridge(), kinds=(PointsOfKind("webinar", 10.0, 17, 12, 22, 400), PointsOfKind("demo", None, 0, 0, 3, 20)))
    said = json.loads(to_json(document(found)))
    assert said["points"][0] == {"kind": "webinar", "rule": 10.0, "learned": 17, "low": 12, "high": 22, "touches": 400}
    assert said["points"][1]["note"] == "too few to say: 20 touches"
    assert said["sentences"] == {"en": ["a webinar is worth 17 (12 to 22), not 10"], "fr": ["un webinaire vaut 17 (12 à 22), pas 10"]}
    assert said["half_life_days"] == found.half_life
    assert json.loads(to_json(document(replace(found, half_life=np.inf))))["half_life_days"] is None
    card = section(found)
    assert "| webinar | 10 | 17 | 12 to 22 | 400 |" in card
    assert "| demo | none | 0 | 0 to 3 | 20 (too few to say) |" in card
    assert "- a webinar is worth 17 (12 to 22), not 10" in card
    assert f"halved every {found.half_life:.0f} days" in card
    assert "halved" not in scale(replace(found, half_life=np.inf))
    assert "divisés par deux" in scale(found, "fr")
    labels = [text.get_text() for text in bridge_figure(found).axes[0].get_yticklabels()]
    assert labels == ["demo (20)", "webinar (400)"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda touches: touches.mutate(kind=ibis.literal("demo")), "no lead had a touch of a kind that the rule gives points"),
        (lambda touches: touches.filter(touches.kind == "nps"), "no lead had a touch of a kind that the rule gives points"),
    ],
)
def test_no_bridge_without_a_kind_of_the_rule(change: Any, reason: str) -> None:
    assert build_bridge(asked(with_touches(change)), developed()) == reason


def test_no_bridge_from_few_conversions() -> None:
    found = build_bridge(asked(company(150, seed=2).facts()), developed())
    assert isinstance(found, str)
    assert found.endswith("are too few to learn points from: 30 are needed")


def test_no_bridge_without_touchpoints_or_where_the_outcome_has_no_date() -> None:
    known = facts()
    bare = known.with_tables({name: table for name, table in known.tables.items() if name != "touchpoints"}, None)
    found = FAMILY.develop(bare, SPEC, _end(known), Options(trials=1))
    assert found.details["bridge"] == {"missing": "no touchpoints that have a kind are among the tables to read"}
    assert not any("rule" in part for part in found.sections)
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"contact_id": [f"c{n}" for n in range(300)], "size": rng.normal(size=300), "won": rng.choice(["yes", "no"], 300)})
    flat = from_frames(Source("flat", labels={"lead_scoring": Label("won", "yes")}), {"contacts": frame})
    missing: Any = FAMILY.develop(flat, SPEC, _as_of(pd.Timestamp("2025-01-01"), "UTC"), Options(trials=1)).details["bridge"]
    assert missing["missing"].startswith("the outcome is a column of contacts")


def _end(known: Facts) -> AsOf:
    assert known.observed_until is not None
    return known.observed_until
