from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest

from funnelcast.artefacts import to_json
from funnelcast.errors import TooFewRows
from funnelcast.families.clv import FAMILY
from funnelcast.families.clv.choice.windows import window_of
from funnelcast.families.family import Development, Options
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf
from tests.unit.families.battery import spec_of

SPEC = spec_of("clv", label={"horizon_days": 365}, options={"interval_draws": 100})


def at(day: str) -> AsOf:
    return AsOf.parse(day, "UTC")


def company(slump: float = 1.0) -> Facts:
    """Customers of 2023 followed through 2024; after 2024-07-01 only so great a share of purchases goes on."""
    random = np.random.default_rng(8)
    rows: list[tuple[str, float, float]] = []
    for number in range(700):
        rate, leaves, worth = random.gamma(0.9) / 45, random.beta(1.0, 3.0), random.gamma(4.0) / 20
        clock = float(random.uniform(0, 365))
        while clock < 731:
            if clock < 547 or random.random() < slump:
                rows.append((f"secret-{number}", clock, random.gamma(6.0) / worth))
            clock += random.exponential() / rate
            if random.random() < leaves and rows[-1][0] == f"secret-{number}" and rows[-1][1] > 0 and random.random() < 0.9:
                break
    frame = pd.DataFrame(rows, columns=["contact_id", "day", "amount"])
    frame["occurred_at"] = pd.Timestamp("2023-01-01") + pd.to_timedelta(frame.pop("day"), unit="D").dt.floor("s")
    return from_frames(Source("acme"), {"transactions": frame}).with_observation(at("2025-01-01"))


@pytest.fixture(scope="module")
def facts() -> Facts:
    return company()


@pytest.fixture(scope="module")
def held_after(facts: Facts) -> Development:
    return FAMILY.develop(facts, SPEC, at("2024-07-01"), Options())


def test_later_facts_are_the_hold_out_and_the_judged_model_ships(held_after: Development) -> None:
    assert held_after.model is held_after.judged
    assert held_after.baseline is held_after.judged_baseline
    assert held_after.metrics["holdout_days"] == 184
    assert held_after.metrics["actual_purchases"] == held_after.newest["purchases"].sum()
    assert held_after.rows == len(held_after.newest)


def test_earlier_hold_outs_are_as_long_and_never_overlap(facts: Facts, held_after: Development) -> None:
    # 547 days of history before the cut: one more hold-out of 184 days leaves 363, a second 179 and so too few.
    assert [fold["holdout_days"] for fold in held_after.folds] == [184.0]
    table = facts.table("transactions")
    start, end = pd.Timestamp("2023-12-30"), pd.Timestamp("2024-07-01")
    known = table.filter(table.occurred_at < start).contact_id.execute()
    after = table.filter((table.occurred_at >= start) & (table.occurred_at < end) & table.contact_id.isin(sorted(set(known)))).execute()
    days = after.assign(day=after["occurred_at"].dt.floor("D"))[["contact_id", "day"]].drop_duplicates()
    assert held_after.folds[0]["actual_purchases"] == len(days)


def test_without_later_facts_the_last_third_is_held_out_and_all_is_fitted_again(facts: Facts) -> None:
    found = FAMILY.develop(facts, SPEC, at("2025-01-01"), Options())
    assert found.model is not found.judged
    assert found.metrics["holdout_days"] == 243
    parameters = found.details["parameters"]
    assert isinstance(parameters, dict)
    judged, shipped = (json.loads(model.files()["model.json"])["process"] for model in (found.judged, found.model))
    assert judged != shipped
    assert {name: shipped[name] for name in "rab"} == {name: parameters[name] for name in "rab"}
    assert found.metrics["expected_purchases"] == pytest.approx(
        found.judged.predict(found.newest[list(found.judged.columns)], horizon_days=243)["expected_purchases"].sum()  # type: ignore[call-arg]
    )
    assert found.rows >= len(found.newest)


def test_what_comes_later_changes_no_parameter(facts: Facts, held_after: Development) -> None:
    table = facts.table("transactions")
    early = facts.with_tables({"transactions": table.filter(table.occurred_at < pd.Timestamp("2024-07-20"))}, None)
    again = FAMILY.develop(early.with_observation(at("2024-07-20")), SPEC, at("2024-07-01"), Options())
    assert again.model.files() == held_after.model.files()


def test_it_beats_the_stronger_simple_rule_without_much_bias(held_after: Development) -> None:
    own = FAMILY.losses(held_after.judged, held_after.newest)
    simple = FAMILY.losses(held_after.judged_baseline, held_after.newest)
    assert simple.mean() - own.mean() > 0.1
    assert own.mean() == pytest.approx(held_after.metrics["crps"])
    rules = held_after.details["baselines"]
    assert isinstance(rules, dict)
    assert set(rules) == {"past_rate", "mean_rate"}
    assert held_after.baseline_metrics["crps"] == min(float(found["crps"]) for found in rules.values())  # type: ignore[index,call-overload,arg-type]
    assert abs(held_after.metrics["bias_pct"]) < 15


def gates(found: Development) -> dict[str, bool]:
    listed = found.details["gates"]
    assert isinstance(listed, list)
    return {str(gate["name"]): bool(gate["passed"]) for gate in listed if isinstance(gate, dict)}


def test_the_document_names_parameters_unit_member_and_gates(held_after: Development) -> None:
    parameters = held_after.details["parameters"]
    assert isinstance(parameters, dict)
    assert set(parameters) == {"r", "alpha", "a", "b", "p", "q", "v"}
    assert held_after.details["time_unit"] == "week"
    assert held_after.details["member"] == "bg_nbd"
    assert gates(held_after) == {"holdout_bias": True}
    assert b"secret" not in to_json(dict(held_after.details))


def test_document_and_card_tell_how_the_intervals_held(held_after: Development) -> None:
    coverage, pit = held_after.details["coverage"], held_after.details["pit"]
    assert isinstance(coverage, dict)
    assert isinstance(pit, dict)
    assert set(coverage) == {"customers", "draws", "purchases", "spent"}
    assert coverage["customers"] == pit["customers"] == len(held_after.newest)
    assert coverage["purchases"]["total"]["actual"] == held_after.metrics["actual_purchases"]  # type: ignore[index,call-overload]
    assert set(coverage["spent"]["groups_of_200"]) == {"sums", "coverage_50", "coverage_80", "coverage_90"}  # type: ignore[index,call-overload,arg-type]
    assert any(section.startswith("## Intervals in the hold-out") for section in held_after.sections)


def test_a_fit_that_its_hold_out_contradicts_does_not_ship() -> None:
    found = FAMILY.develop(company(slump=0.3), SPEC, at("2024-07-01"), Options())
    assert found.metrics["bias_pct"] > 25
    assert gates(found) == {"holdout_bias": False}


def test_the_plots_can_be_drawn(held_after: Development) -> None:
    assert set(held_after.plots) == {"frequency", "tracking", "tracking_weekly", "p_alive", "deciles", "pit"}
    for draw in held_after.plots.values():
        content = io.BytesIO()
        draw().savefig(content, format="png", dpi=40)
        assert content.getvalue().startswith(b"\x89PNG")


def test_candidates_are_everyone_who_has_bought_before_as_of(facts: Facts) -> None:
    table = facts.table("transactions")
    rows = FAMILY.candidates(facts, SPEC, None, at("2023-03-01")).order_by("contact_id").execute()
    known = table.filter(table.occurred_at < pd.Timestamp("2023-03-01")).contact_id.execute()
    assert rows["contact_id"].tolist() == sorted(set(known))
    assert (rows["T"] < 59).all()


def test_before_the_first_purchase_there_is_nothing_to_fit(facts: Facts) -> None:
    with pytest.raises(TooFewRows, match="purchases before as_of"):
        window_of(facts.with_observation(None), at("2022-01-01"))
    with pytest.raises(TooFewRows, match="customers with a repeat purchase"):
        FAMILY.develop(facts, SPEC, at("2023-01-02"), Options())
