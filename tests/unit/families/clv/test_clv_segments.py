"""Segments sum the same futures: they add up, differ as they should, and say what they leave out."""

from __future__ import annotations

import io
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.families.clv import FAMILY, card, plots
from funnelcast.families.clv.acquisition import CHANNEL, JOURNEY, USED
from funnelcast.families.clv.segments import table as module
from funnelcast.families.clv.segments.report import omnichannel
from funnelcast.families.clv.segments.table import Holdout, segments, table
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Source
from funnelcast.terms import AsOf
from tests.unit.families.battery import spec_of
from tests.unit.families.clv.bg_nbd_company import customers

SPEC = spec_of("clv", label={"horizon_days": 180}, options={"interval_draws": 200})


@cache
def model() -> Any:
    return FAMILY.fit(customers(1500, seed=3), SPEC)


@cache
def rows() -> pd.DataFrame:
    """Channel ``a`` has those who came back, so that its mean is above the others'."""
    frame = customers(1500, seed=3).reset_index(drop=True)
    channel = np.where(frame["frequency"] > 1, "a", np.where(frame.index % 3 == 0, "b", "c")).astype(object)
    channel[:20] = None
    kinds = np.array(["online", "mixed_started_offline"])[frame.index % 2]
    frame[CHANNEL], frame[JOURNEY], frame[USED] = channel, kinds, 1.0 + frame.index % 8
    return frame


def found(document: Any, name: str) -> dict[str, Any]:
    return {row["segment"]: row for row in document["tables"][name]["segments"]}


@cache
def report() -> Any:
    frame = rows()
    holdout = Holdout(frame, model().expected_purchases(frame[list(model().columns)], 180.0), frame["purchases"].to_numpy())
    return segments(model(), frame, {}, holdout)


def test_points_are_the_models_own_and_every_table_adds_up_to_the_total() -> None:
    predicted = model().predict(rows()[list(model().columns)])
    total = report()["total"]
    assert total["total_clv"] == pytest.approx(predicted["clv"].sum(), rel=1e-12)
    for name in (CHANNEL, JOURNEY, USED):
        listed = found(report(), name).values()
        assert sum(row["customers"] for row in listed) == len(rows())
        for column, whole in (("total_clv", predicted["clv"]), ("expected_purchases", predicted["expected_purchases"])):
            assert sum(row[column] for row in listed) == pytest.approx(whole.sum(), rel=1e-12)
    online = found(report(), JOURNEY)["online"]
    assert online["mean_clv"] == pytest.approx(predicted["clv"][rows()[JOURNEY] == "online"].mean(), rel=1e-12)


def test_intervals_hold_the_points_and_those_of_sums_are_narrower_than_sums_of_intervals() -> None:
    for name in (CHANNEL, JOURNEY, USED):
        for row in found(report(), name).values():
            assert row["total_p10"] < row["total_clv"] < row["total_p90"]
            assert row["mean_p10"] == pytest.approx(row["total_p10"] / row["customers"])
    width = report()["total"]["total_p90"] - report()["total"]["total_p10"]
    apart = sum(row["total_p90"] - row["total_p10"] for row in found(report(), USED).values())
    assert width < 0.8 * apart


def test_one_of_two_lies_above_the_other_and_who_comes_back_is_worth_more() -> None:
    channels = found(report(), CHANNEL)
    assert list(channels)[-1] == "(unknown)"
    assert channels["a"]["p_above"]["b"] > 0.99
    assert channels["b"]["p_above"]["c"] + channels["c"]["p_above"]["b"] == pytest.approx(1.0)
    assert 0.02 < channels["b"]["p_above"]["c"] < 0.98


def test_the_hold_out_is_told_by_segment() -> None:
    of_b = rows()[rows()[CHANNEL] == "b"]
    judged = found(report(), CHANNEL)["b"]["holdout"]
    assert judged["customers"] == len(of_b)
    assert judged["actual"] == of_b["purchases"].sum()
    assert judged["predicted"] == pytest.approx(model().expected_purchases(of_b[list(model().columns)], 180.0).sum())
    assert judged["bias_pct"] == pytest.approx(100 * (judged["predicted"] / judged["actual"] - 1))
    assert found(segments(model(), rows(), {}), CHANNEL)["b"]["holdout"] is None


def test_a_sample_keeps_every_segment_and_the_points_and_is_a_little_less_sure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CELLS", 200 * 400)
    sampled: Any = segments(model(), rows(), {})
    assert 300 <= sampled["simulated"] <= 400
    whole, part = report()["total"], sampled["total"]
    assert part["total_clv"] == whole["total_clv"]
    assert part["total_p10"] < whole["total_p10"] < whole["total_p90"] < part["total_p90"]
    assert part["total_p90"] - part["total_p10"] < 4 * (whole["total_p90"] - whole["total_p10"])
    assert list(found(sampled, CHANNEL)) == list(found(report(), CHANNEL))
    assert segments(model(), rows(), {}) == sampled


def test_many_channels_are_told_as_the_largest_and_the_others() -> None:
    codes = [f"c{number % 25:02d}" for number in range(len(rows()))]
    listed = found(segments(model(), rows().assign(**{CHANNEL: codes}), {}), CHANNEL)
    assert len(listed) == 21
    assert list(listed)[-1] == "(other)"
    assert listed["(other)"]["customers"] == 5 * len(rows()) / 25


def test_words_are_in_both_languages() -> None:
    assert found(report(), JOURNEY)["mixed_started_offline"]["label"]["fr"] == "mixte, commencé hors ligne"
    assert [row["label"]["fr"] for row in found(report(), USED).values()][::5] == ["1 canal", "6 canaux ou plus"]
    assert report()["tables"][USED]["title"] == {"en": "Channels used", "fr": "Canaux utilisés"}
    assert all("description" in report()["tables"][name]["note"][lang] for name in (CHANNEL, USED) for lang in ("en", "fr"))


def test_what_the_facts_cannot_tell_is_left_out_with_the_reason() -> None:
    frame = customers(300, seed=3)
    bought = [(f"c{place}", day, 10.0) for place, recency in enumerate(frame["recency"]) for day in (0.0, recency)]
    dates = pd.DataFrame(bought, columns=["contact_id", "day", "amount"])
    dates["occurred_at"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(dates.pop("day"), unit="D")
    facts = from_frames(Source("acme"), {"transactions": dates})
    document = omnichannel(facts, AsOf.parse("2026-06-01", "UTC"), model())
    assert document["tables"] == {}
    assert set(document["missing"]) == {CHANNEL, JOURNEY, USED}  # type: ignore[arg-type]
    assert "n'apporte pas" in str(document["missing"])
    assert "acquisition_channel is left out: the company doesn't bring contacts.source_channel" in card.segments(document)
    assert table(document).empty


def test_the_table_the_card_and_the_plot_can_be_read() -> None:
    laid = table(report())
    assert laid["customers"].sum() == 3 * len(rows())
    assert laid.loc[laid["segment"] == "b", "holdout_actual"].notna().all()
    assert "| mixed, started offline |" in card.segments(report())
    content = io.BytesIO()
    plots.segments(report()).savefig(content, format="png", dpi=40)
    assert content.getvalue().startswith(b"\x89PNG")
