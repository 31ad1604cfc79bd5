"""Scores come near the best that the observable history allows: the simulator's posterior given that history.

The means over nine folds stand in the cards (``python -m benchmarks.simulated_scores``); here one fold each, with room for its noise.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from funnelcast.evaluate.metrics import roc_auc
from funnelcast.families.churn import FAMILY as CHURN
from funnelcast.families.family import Options
from funnelcast.families.lead_scoring import FAMILY as LEADS
from funnelcast.families.scoring.family import ScoringFamily
from funnelcast.settings import CHECKOUT
from funnelcast.simulate import Company
from funnelcast.simulate.churn_posterior import silence
from funnelcast.simulate.lead_posterior import conversion
from funnelcast.spec import read
from funnelcast.terms import AsOf

AS_OF = "2025-10-03"  # three months that hold Christmas


@pytest.mark.parametrize(("family", "best", "margin"), [(CHURN, silence, 0.07), (LEADS, conversion, 0.15)], ids=["churn", "lead_scoring"])
def test_near_the_best_and_far_above_the_rule(
    large_company: Company, family: ScoringFamily, best: Callable[..., object], margin: float
) -> None:
    spec = read(CHECKOUT / "models", family.name)
    found = family.develop(large_company.facts(), spec, AsOf.parse(AS_OF, "Europe/Paris"), Options(trials=1, threads=2))
    rows = found.newest
    posterior = best(large_company, datetime.fromisoformat(AS_OF), spec.horizon_days).to_pandas().set_index("contact_id")  # type: ignore[attr-defined]
    probability = posterior["probability"].reindex(rows["contact_id"]).to_numpy()
    known = probability == probability  # noqa: PLR0124 (not a number: the posterior doesn't know them)
    assert known.mean() > 0.97
    outcome = rows["label"].to_numpy(float)
    predicted = found.judged.predict(rows[list(found.judged.columns)])["probability"].to_numpy()
    assert roc_auc(outcome[known], probability[known]) - roc_auc(outcome[known], predicted[known]) < 0.025
    assert found.metrics["roc_auc"] > found.baseline_metrics["roc_auc"] + margin
    assert abs(found.metrics["calibration_intercept"]) < 0.25  # without a season it is beyond .4 at this date for churn
