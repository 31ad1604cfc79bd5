from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from funnelcast.families.deal_outcome import FAMILY, DealOutcome
from funnelcast.families.deal_outcome.model import HazardModel
from funnelcast.forecast.periods import calendar
from funnelcast.settings import Settings
from funnelcast.simulate import company
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec, read
from funnelcast.terms import AsOf
from training.hindsight import Hindsight
from training.trials import cash_trial, pipeline_trial

SETTINGS = Settings.read({"FUNNELCAST_HOME": "unused"})
ORIGINS = [AsOf.parse(day, "Europe/Paris") for day in ("2024-12-02", "2025-06-30")]


@pytest.fixture(scope="module")
def facts() -> Facts:
    return company(1_000, seed=4).facts()


def test_stage_weighted_at_an_earlier_origin_knows_only_what_was_known_then(facts: Facts) -> None:
    """Read for all origins together, it is what each origin's own facts give: every deal at its stage's constant weekly rates."""
    together = Hindsight(SETTINGS, facts).stage_weighted(ORIGINS)
    spec = read(SETTINGS.models, "deal_outcome")
    for origin in ORIGINS:
        known = cut(facts, origin)
        model = FAMILY.fit_baseline(FAMILY.rows_at(known, spec, origin), spec)
        deals = FAMILY.candidates(known, spec, None, origin).execute()
        won, lost = model.hazards(deals, 0).T
        amounts = model.predict(deals[list(model.columns)])["expected_amount"].fillna(0.0).to_numpy()
        by_hand = [(amounts * won * (1 - won - lost) ** week).sum() for week in range(4)]
        assert together(origin, calendar(origin, "week", 4)) == pytest.approx(by_hand, rel=1e-9)
        assert by_hand[0] > 0


def test_an_origin_is_fitted_once_and_on_what_was_known(facts: Facts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pipeline and cash share the fit of deals, and what came after the origin changes neither."""
    fitted: list[int] = []
    fit = type(FAMILY).fit

    def counted(self: DealOutcome, rows: pd.DataFrame, spec: Spec) -> HazardModel:
        fitted.append(len(rows))
        return fit(self, rows, spec)

    monkeypatch.setattr(DealOutcome, "fit", counted)
    origin, later = ORIGINS[0], ORIGINS[1]
    periods = calendar(origin, "week", 4)
    found = []
    for known in (facts, cut(facts, later)):
        hindsight = Hindsight(SETTINGS, known)
        found.append([trial(hindsight).forecast_at(origin, periods) for trial in (pipeline_trial, cash_trial)])
    assert len(fitted) == 2
    assert all(np.array_equal(full, truncated) for full, truncated in zip(*found, strict=True))


def test_what_came_is_what_the_tables_say(facts: Facts) -> None:
    origin = ORIGINS[-1]
    start, end = (pd.Timestamp(instant.at) for instant in (origin, origin.plus(28)))
    hindsight, periods = Hindsight(SETTINGS, facts), calendar(origin, "week", 4)
    deals, invoices = (facts.table(name).execute() for name in ("deals", "invoices"))
    won = deals[deals["closed_at_known_at"].between(start, end, inclusive="left") & (deals["outcome"] == "won")]
    paid = invoices[invoices["paid_at"].between(start, end, inclusive="left")]
    assert pipeline_trial(hindsight).actual(origin, periods).sum() == pytest.approx(won["closed_amount"].fillna(won["amount"]).sum())
    assert cash_trial(hindsight).actual(origin, periods).sum() == pytest.approx(paid["amount"].sum())
    assert len(won) > 0
    assert len(paid) > 0
