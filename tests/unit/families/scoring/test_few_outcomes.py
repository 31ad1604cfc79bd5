"""Thirty conversions are enough for an honest answer: shrunk to the base rate by segment, with wide intervals, and what is missing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from funnelcast.families.lead_scoring import FAMILY
from funnelcast.families.scoring.model import ScoringModel
from funnelcast.families.scoring.reasons import sufficiency
from tests.unit.families.battery import spec_of

RATES = {"fair": 0.16, "web": 0.05, "social": 0.015}
SPEC = spec_of("lead_scoring", folds={"inner": 4})


def leads(count: int, seed: int) -> pd.DataFrame:
    """Only the channel matters; thirty columns of noise don't."""
    random = np.random.default_rng(seed)
    channel = random.choice(list(RATES), count, p=[0.2, 0.4, 0.4])
    noise = {f"noise {k}": random.normal(size=count) for k in range(30)}
    label = (random.random(count) < np.vectorize(RATES.get)(channel)).astype(float)
    ids = [f"lead-{k}" for k in range(count)]
    return pd.DataFrame({"contact_id": ids, "source_channel": channel, **noise, "label": label})


def test_segments_are_shrunk_to_the_base_rate_and_noise_is_left_out() -> None:
    rows = leads(700, seed=5)
    assert 30 <= rows["label"].sum() < 60
    model = FAMILY.fit(rows, SPEC)
    assert list(model.columns) == ["source_channel"]
    assert model.read.left_out["noise 3"] == "too few outcomes to read more than source_channel"
    one_each = pd.DataFrame({"source_channel": list(RATES)})
    predicted = model.predict(one_each).set_axis(list(RATES))
    seen = rows.groupby("source_channel")["label"].mean()
    base = rows["label"].mean()
    for channel in RATES:  # between what was seen and the base rate, up to the calibration's own shrinkage
        low, high = sorted([seen[channel], base])
        assert low - 0.01 <= predicted["probability"][channel] <= high + 0.01
    assert (predicted["low"] < pd.Series(RATES)).all()
    assert (predicted["high"] > pd.Series(RATES)).all()
    assert (predicted["high"] - predicted["low"]).max() > 0.05
    assert ScoringModel.rebuild(model.files()).predict(one_each).equals(model.predict(one_each))


def test_four_times_the_outcomes_halve_the_intervals() -> None:
    columns = ["contact_id", "source_channel", "label"]
    one_each = pd.DataFrame({"source_channel": list(RATES)})

    def width(count: int, seed: int) -> float:
        predicted = FAMILY.fit(leads(count, seed)[columns], SPEC).predict(one_each)
        return float(np.log(predicted["high"] / predicted["low"]).mean())

    ratios = [width(8000, seed) / width(2000, seed) for seed in (1, 2, 3)]
    assert np.mean(ratios) == pytest.approx(0.5, abs=0.1)


def test_what_is_missing_is_said_in_both_languages() -> None:
    model = FAMILY.fit(leads(700, seed=5), SPEC)
    told = model.sufficiency
    known = int(told["outcomes"])  # type: ignore[arg-type]
    assert told["enough"] is False
    assert float(str(told["more_to_halve"])) == pytest.approx(3 * known, rel=0.05)
    assert (
        told["text_en"]
        == f"Learned from {known} conversions. Intervals are wide. About {told['more_to_halve']} more would halve the intervals."
    )
    assert "Environ" in str(told["text_fr"])
    assert sufficiency(1234, {"en": "departures", "fr": "départs"})["text_fr"] == (
        "Appris sur 1\u202f234 départs. Environ 3\u202f700 de plus réduiraient les intervalles de moitié."
    )


def test_where_leaving_is_the_rule_those_who_stayed_are_counted() -> None:
    rows = leads(700, seed=5)
    model = FAMILY.fit(rows.assign(label=1 - rows["label"]), SPEC)
    assert "leads without conversion" in str(model.sufficiency["text_en"])
