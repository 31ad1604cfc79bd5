"""The permutation proof: with outcomes dealt at random among the rows of each date, nothing can be learned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from funnelcast.evaluate.metrics import roc_auc
from funnelcast.families.churn import FAMILY as CHURN
from funnelcast.families.lead_scoring import FAMILY as LEADS
from funnelcast.families.scoring.family import ScoringFamily
from tests.unit.families.scoring_company import SPECS, earlier, newest


def dealt_anew(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return rows.assign(label=rows.groupby("as_of")["label"].transform(lambda outcome: rng.permutation(outcome.to_numpy())))


@pytest.mark.parametrize("family", [CHURN, LEADS], ids=lambda family: family.name)
def test_nothing_is_learned_from_shuffled_outcomes(family: ScoringFamily) -> None:
    model = family.fit(dealt_anew(earlier(family), seed=1), SPECS[family.name])
    judged = newest(family)
    outcome = dealt_anew(judged, seed=2)["label"].to_numpy()
    probability = model.predict(judged[list(model.columns)])["probability"].to_numpy()
    positives, negatives = outcome.sum(), (1 - outcome).sum()
    noise = np.sqrt((positives + negatives + 1) / (12 * positives * negatives))  # standard error of the AUC of no skill
    assert abs(roc_auc(outcome, probability) - 0.5) < 3.5 * noise
