"""The field's simple rule: each stage closes at its own constant weekly rate, whatever the deal's age."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.artefacts import to_json
from funnelcast.families.deal_outcome import prediction
from funnelcast.families.deal_outcome.amounts import Amounts
from funnelcast.families.deal_outcome.model import events, pace_seen
from funnelcast.families.deal_outcome.table import COLUMNS
from funnelcast.families.deal_outcome.uncertainty import Shocks

Floats = npt.NDArray[np.float64]

KIND = "stage_weighted"

_PRIOR_WEEKS = 26.0
_PRIOR_EVENTS = 0.5


@dataclass(frozen=True)
class StageWeighted:
    """Constant weekly hazards by stage; ``other`` stands for a stage that wasn't seen."""

    rates: Mapping[str, tuple[float, float]]
    other: tuple[float, float]
    amounts: Amounts
    shocks: Shocks
    horizon_weeks: int

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns that predict reads: the same as the model's, so that either can be served."""
        return COLUMNS

    def hazards(self, rows: pd.DataFrame, lead_weeks: npt.ArrayLike) -> Floats:  # noqa: ARG002 (constant, whenever the week is)
        """Give shape [rows, 2]: P(won) and P(lost) in a week."""
        given = [self.rates.get(stage, self.other) for stage in rows["stage"].to_numpy(object)]
        return np.array(given, dtype=np.float64).reshape(-1, 2)

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Predict each deal, see ``prediction.frame``; no deal is ever called dead weight."""
        prediction.check_columns(rows)
        predicted = prediction.frame(rows, lambda week: self.hazards(rows, week), self.horizon_weeks, self.amounts, self.shocks)
        predicted["dead_weight"] = np.zeros(len(rows), dtype=np.bool_)
        return predicted

    def files(self) -> dict[str, bytes]:
        """Give the artefact."""
        document = {
            "kind": KIND,
            "rates": {stage: list(rates) for stage, rates in self.rates.items()},
            "other": list(self.other),
            "amounts": self.amounts.document(),
            "shocks": self.shocks.document(),
            "horizon_weeks": self.horizon_weeks,
        }
        return {"model.json": to_json(document)}


def fit(rows: pd.DataFrame, horizon_weeks: int) -> StageWeighted:
    """Count the closings of each stage over the deal-weeks spent in it, with half a closing in 26 weeks added to each."""
    now = rows[(rows["lead_weeks"] == 0) & ~rows["entry"].astype(bool)]
    weight = now["weight"].to_numpy(np.float64)
    counts = events(now)
    stages = now["stage"].to_numpy(object)
    chosen = {str(stage): stages == stage for stage in sorted(set(stages))}
    rates = {stage: _rates(counts[rows_of_stage], weight[rows_of_stage]) for stage, rows_of_stage in chosen.items()}
    amounts = Amounts.of(rows)
    other = _rates(counts, weight)
    unsized = StageWeighted(rates, other, amounts, Shocks(0.0, 0.0, 0.0, 0.0), horizon_weeks)
    return StageWeighted(rates, other, amounts, pace_seen(unsized, rows).shocks, horizon_weeks)


def rebuild(document: Mapping[str, Any]) -> StageWeighted:
    """Make the rule from its JSON."""
    rates = {stage: (float(won), float(lost)) for stage, (won, lost) in document["rates"].items()}
    won, lost = document["other"]
    return StageWeighted(
        rates,
        (float(won), float(lost)),
        Amounts.read(document["amounts"]),
        Shocks.read(document["shocks"]),
        int(document["horizon_weeks"]),
    )


def _rates(counts: Floats, weight: Floats) -> tuple[float, float]:
    won, lost = (counts.sum(axis=0) + _PRIOR_EVENTS) / (weight.sum() + _PRIOR_WEEKS)
    return float(won), float(lost)
