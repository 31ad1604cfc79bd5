"""The smallest companies: the pipeline of three deals, none won, or of one, is answered with wide intervals and says what is missing."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from funnelcast.families.deal_outcome import FAMILY
from funnelcast.families.family import Development, Options
from funnelcast.forecast.projection import Ask
from funnelcast.settings import CHECKOUT, Settings
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Facts, Source
from funnelcast.spec import read
from funnelcast.terms import AsOf
from training.forecast import Gatherer

NOW = AsOf.parse("2026-01-05", "UTC")


def facts(*deals: tuple[str, float | None, str | None]) -> Facts:
    """Deals: opened when, for how much, and lost or won when (``lost 2025-12-24``)."""
    ends = [end.split() if end else [None, None] for _, _, end in deals]
    opened = pd.to_datetime([start for start, *_ in deals])
    table = pd.DataFrame({"deal_id": [f"d{place}" for place in range(len(deals))], "opened_at": opened})
    table["amount"] = np.array([amount for _, amount, _ in deals], dtype=np.float64)
    table["outcome"] = pd.Series([outcome for outcome, _ in ends], dtype="str")
    table["closed_at"] = pd.to_datetime(pd.Series([when for _, when in ends]))
    moves = pd.DataFrame({"deal_id": table["deal_id"], "occurred_at": opened, "stage": "open"})
    closed = table[table["outcome"].notna()]
    last = pd.DataFrame({"deal_id": closed["deal_id"], "occurred_at": closed["closed_at"], "stage": closed["outcome"]})
    return from_frames(Source("t"), {"deals": table, "deal_events": pd.concat([moves, last], ignore_index=True)})


CASES = {
    "three, none won": facts(("2025-11-03", 900.0, "lost 2025-12-24"), ("2025-11-17", 1500.0, None), ("2025-12-15", None, None)),
    "one open": facts(("2025-12-20", 900.0, None)),
    "one of yesterday without an amount": facts(("2026-01-04", None, None)),
    "one won on its day": facts(("2025-12-24", 900.0, "won 2025-12-24")),
}


@cache
def developed(name: str) -> Development:
    return FAMILY.develop(CASES[name], read(CHECKOUT / "models", "deal_outcome"), NOW, Options())


@cache
def answer(name: str, kind: str = "model") -> dict[str, Any]:
    """Train as of now and forecast with what was trained."""
    found = developed(name)
    model = found.model if kind == "model" else found.baseline
    gatherer = Gatherer(Settings.read(), CASES[name], NOW, {"deal_outcome": model}, lambda _: None)
    return gatherer.project(frozenset({"pipeline"})).document(Ask("pipeline", count=13))


@pytest.mark.parametrize(("name", "kind"), [*((name, "model") for name in CASES), ("three, none won", "baseline")])
def test_it_is_answered_in_finite_numbers(name: str, kind: str) -> None:
    found = answer(name, kind)
    total = found["total"]
    quantiles = [total[quantile] for quantile in ("p05", "p10", "p25", "p50", "p75", "p90", "p95")]
    assert np.isfinite([total["mean"], *quantiles]).all()
    assert quantiles == sorted(quantiles)
    assert total["p05"] >= 0
    assert total["mean"] == pytest.approx(sum(period["mean"] for period in found["periods"]))


@pytest.mark.parametrize("name", ["three, none won", "one open"])
def test_it_is_wide_and_says_what_is_missing(name: str) -> None:
    found = answer(name)
    # it may well be nothing, and it may be many times what is expected
    assert found["total"]["p10"] == 0
    assert found["total"]["p95"] > 4.0 * found["total"]["mean"] > 0.0
    for lack in ("only a few have closed", "weeks of opened deals are known", "amounts are known from", "no spend is known"):
        assert any(lack in said for said in found["missing"]), lack


def test_without_any_amount_that_is_said() -> None:
    found = answer("one of yesterday without an amount")
    assert found["total"]["p95"] == 0
    assert any("no deal has an amount" in said for said in found["missing"])
    assert any("1 have no amount" in said for said in found["missing"])


def test_what_was_won_once_may_be_won_again() -> None:
    found = answer("one won on its day")
    assert found["total"]["parts"]["open_deals"] == 0
    assert found["total"]["parts"]["new_deals"] > 0
    assert "open_deals: no deal is open" in found["missing"]
