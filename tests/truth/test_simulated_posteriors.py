"""The best possible scores mean what they say: as many come true as they promise, in total and by fifth."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from funnelcast.simulate import Company
from funnelcast.simulate.churn_posterior import silence
from funnelcast.simulate.lead_posterior import conversion


def agrees(probability: pd.Series[float], outcome: pd.Series[bool]) -> bool:
    """Whether every fifth of the scores keeps its promise to four standard deviations and one in a hundred."""
    fifth = pd.qcut(probability.rank(method="first"), 5, labels=False)
    expected = probability.groupby(fifth).sum()
    spread = np.sqrt((probability * (1 - probability)).groupby(fifth).sum())
    return bool((abs(outcome.groupby(fifth).sum() - expected) < 4 * spread + len(outcome) / 500).all())


@pytest.mark.parametrize(("as_of", "days"), [("2024-10-01", 30), ("2025-04-01", 90)])
def test_lead_posterior_is_calibrated(large_company: Company, as_of: str, days: int) -> None:
    at = datetime.fromisoformat(as_of)
    probability = conversion(large_company, at, days).to_pandas().set_index("contact_id").probability
    became = large_company.tables["contacts"].to_pandas().set_index("contact_id").became_customer_at.reindex(probability.index)
    outcome = (became >= at) & (became < at + timedelta(days=days))
    assert agrees(probability, outcome)
    assert roc_auc_score(outcome, probability) > 0.78


@pytest.mark.parametrize(("as_of", "days"), [("2024-07-01", 90), ("2025-07-01", 30)])
def test_churn_posterior_is_calibrated_and_beats_recency(large_company: Company, as_of: str, days: int) -> None:
    at = datetime.fromisoformat(as_of)
    best = silence(large_company, at, days).to_pandas().set_index("contact_id")
    bought = large_company.tables["transactions"].to_pandas()
    later = bought[(bought.occurred_at >= at) & (bought.occurred_at < at + timedelta(days=days))].contact_id
    outcome = pd.Series(~best.index.isin(later), best.index)
    recency = (at - bought[bought.occurred_at < at].groupby("contact_id").occurred_at.max()).reindex(best.index)
    assert agrees(best.probability, outcome)
    assert roc_auc_score(outcome, best.probability) > roc_auc_score(outcome, recency.dt.days) + 0.05
    left = large_company.true_tables["customers"].to_pandas().set_index("contact_id").left_at.reindex(best.index) < at
    assert roc_auc_score(~left, best.alive) > 0.93
    assert agrees(best.alive, ~left)


def test_what_comes_later_changes_nothing(company: Company) -> None:
    """Poisoned future: the same company cut at T gives the same scores."""
    at = pd.Timestamp("2025-03-01")
    tables = dict(company.tables)
    for name in ("touchpoints", "transactions"):
        frame = tables[name].to_pandas()
        known = frame.known_at.fillna(frame.occurred_at)
        tables[name] = tables[name].filter((known < at).to_numpy())
    past = Company(tables, company.truth, company.true_tables, company.source, company.market)
    for score in (conversion, silence):
        assert score(past, at.to_pydatetime(), 30).equals(score(company, at.to_pydatetime(), 30))
