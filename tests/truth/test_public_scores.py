"""Public tables whose attainable figures are known: measured by logistic regression and boosting, see the data sets' README."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from funnelcast.families.churn import FAMILY as CHURN
from funnelcast.families.family import Options
from funnelcast.families.lead_scoring import FAMILY as LEADS
from funnelcast.sources.conform import from_frames
from funnelcast.sources.facts import Label, Source
from funnelcast.terms import AsOf
from tests.unit.families.battery import spec_of

NOW = AsOf.parse("2025-01-01", "UTC")
FOLDS = {"groups": 4, "inner": 3}


def test_telco_ranks_as_well_as_any_public_model(real_data: Path) -> None:
    frame = pd.read_csv(real_data / "telco_churn" / "WA_Fn-UseC_-Telco-Customer-Churn.csv").rename(columns={"customerID": "contact_id"})
    facts = from_frames(Source("telco", labels={"churn": Label("Churn", "Yes")}), {"contacts": frame})
    found = CHURN.develop(facts, spec_of("churn", folds=FOLDS), NOW, Options(trials=1))
    assert found.metrics["roc_auc"] >= 0.847
    assert found.metrics["brier"] <= 0.135
    assert 0.95 <= found.metrics["calibration_slope"] <= 1.05
    assert found.details["positives"] == 1869
    assert found.details["leak_suspects"] == []


def test_x_education_without_its_leak(real_data: Path) -> None:
    frame = pd.read_csv(real_data / "lead_scoring_x_education" / "Leads.csv.gz").rename(columns={"Prospect ID": "contact_id"})
    facts = from_frames(Source("leads", labels={"lead_scoring": Label("Converted", "1")}), {"contacts": frame.drop(columns="Lead Number")})
    found = LEADS.develop(facts, spec_of("lead_scoring", folds={"groups": 3, "inner": 2}), NOW, Options(trials=1))
    suspects = {str(suspect["name"]): suspect["action"] for suspect in found.details["leak_suspects"]}  # type: ignore[union-attr,index,call-overload]
    assert suspects == {"Tags": "excluded", "Lead Quality": "review", "Last Activity": "review", "Last Notable Activity": "review"}
    assert 0.93 <= found.metrics["roc_auc"] <= 0.965
    assert 0.93 <= found.metrics["calibration_slope"] <= 1.07
    assert found.metrics["ece"] <= 0.025
    assert found.details["left_out"]["Magazine"] == "constant"  # type: ignore[index,call-overload]
