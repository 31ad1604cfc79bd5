"""The model of weekly hazards: fitted on the person-period table, kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.artefacts import to_json
from funnelcast.families import softmax
from funnelcast.families.deal_outcome import prediction
from funnelcast.families.deal_outcome.amounts import Amounts
from funnelcast.families.deal_outcome.design import Design
from funnelcast.families.deal_outcome.table import COLUMNS
from funnelcast.families.deal_outcome.uncertainty import Pace, Shocks, pace_of

Floats = npt.NDArray[np.float64]

KIND = "hazards"

_PRIOR_WEEKLY_HAZARD = 1.0 / 52.0
_NAMED_FROM_CLOSINGS = 20
_DIGITS = 12


@dataclass(frozen=True)
class Tail:
    """What is said of deals older than any that ever closed.

    Parameters
    ----------
    oldest_closed_days
        The greatest age at a closing; infinite where nothing closed yet.
    highest_hazard
        Per week, beyond that age: half an event over the deal-weeks spent there without one (Jeffreys' prior of a rate).
    named
        Whether enough deals closed to call older ones dead weight.
    """

    oldest_closed_days: float
    highest_hazard: float
    named: bool

    @classmethod
    def of(cls, rows: pd.DataFrame) -> Tail:
        """Learn from the rows without a lead."""
        now = rows[rows["lead_weeks"] == 0]
        closed = now.loc[now["outcome"] != "open", "age_days"]
        if not len(closed):
            return cls(float("inf"), 1.0, named=False)
        oldest = float(closed.max()) + 7.0
        spent = float(now.loc[now["age_days"] >= oldest, "weight"].sum())
        return cls(oldest, min(0.5 / max(spent, 0.5), 1.0), named=len(closed) >= _NAMED_FROM_CLOSINGS)

    def beyond(self, age_days: Floats) -> npt.NDArray[np.bool_]:
        """Say which ages lie beyond every closing."""
        return np.asarray(age_days >= self.oldest_closed_days)

    def hold_down(self, hazards: Floats, age_days: Floats) -> Floats:
        """Scale hazards (shape [rows, 2]) so that their sum beyond the oldest closing is at most ``highest_hazard``."""
        total = hazards.sum(axis=1)
        factor = np.where(self.beyond(age_days), np.minimum(1.0, self.highest_hazard / np.maximum(total, 1e-300)), 1.0)
        return hazards * factor[:, None]


@dataclass(frozen=True)
class HazardModel:
    """Weekly hazards of won and lost.

    Parameters
    ----------
    coefficients
        Of won and of lost against staying open: shape [2, columns of the design].
    """

    design: Design
    coefficients: Floats
    tail: Tail
    amounts: Amounts
    pace: Pace
    horizon_weeks: int

    @property
    def shocks(self) -> Shocks:
        """The standard deviations of what all deals share."""
        return self.pace.shocks

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns that predict reads, with ``number`` or ``category``."""
        return COLUMNS

    def hazards(self, rows: pd.DataFrame, lead_weeks: npt.ArrayLike) -> Floats:
        """Give shape [rows, 2]: P(won) and P(lost) in the week so many weeks after as_of, for a deal that is still open then."""
        ahead = 7.0 * np.asarray(lead_weeks, dtype=np.float64)
        raw = softmax.probabilities(self.design.matrix(rows, lead_weeks), self.coefficients)
        paced = self.pace.applied(raw, rows["day"].to_numpy(np.float64) + ahead)
        return self.tail.hold_down(paced, rows["age_days"].to_numpy(np.float64) + ahead)

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Predict each deal, see ``prediction.frame``; ``dead_weight`` marks deals older than any that ever closed."""
        prediction.check_columns(rows)
        predicted = prediction.frame(rows, lambda week: self.hazards(rows, week), self.horizon_weeks, self.amounts, self.shocks)
        predicted["dead_weight"] = self.tail.named & self.tail.beyond(rows["age_days"].to_numpy(np.float64))
        return predicted

    def files(self) -> dict[str, bytes]:
        """Give the artefact."""
        oldest = self.tail.oldest_closed_days
        document = {
            "kind": KIND,
            "design": self.design.document(),
            "coefficients": self.coefficients.tolist(),
            "tail": {
                "oldest_closed_days": oldest if np.isfinite(oldest) else None,
                "highest_hazard": self.tail.highest_hazard,
                "named": self.tail.named,
            },
            "amounts": self.amounts.document(),
            "pace": self.pace.document(),
            "horizon_weeks": self.horizon_weeks,
        }
        return {"model.json": to_json(document)}


def fit(rows: pd.DataFrame, horizon_weeks: int, half_life_weeks: float = 104.0) -> HazardModel:
    """Fit on the person-period table; without a row, the model is its prior: one deal in 52 won and one lost in a week.

    Parameters
    ----------
    rows
        As ``table.thinned`` gives them.
    half_life_weeks
        After so many weeks a deal-week counts half: companies change.
    """
    tail = Tail.of(rows)
    young = rows[~tail.beyond(rows["age_days"].to_numpy(np.float64) + 7.0 * rows["lead_weeks"].to_numpy(np.float64))]
    design = Design.of(young, min(tail.oldest_closed_days, 2.0 * 365.0))
    lead = young["lead_weeks"].to_numpy(np.float64)
    # each deal-week is looked at once per lead: together they count as one
    weights = young["weight"].to_numpy(np.float64) * _recency(young, half_life_weeks) / max(young["lead_weeks"].nunique(), 1)
    precision = design.precision()
    centre = np.zeros((2, len(precision)))
    centre[:, 0] = np.log(_PRIOR_WEEKLY_HAZARD)
    coefficients = np.round(softmax.fit(softmax.Problem(design.matrix(young, lead), events(young), weights, precision, centre)), _DIGITS)
    amounts = Amounts.of(rows)
    even = HazardModel(design, coefficients, tail, amounts, Pace.even(), horizon_weeks)
    return replace(even, pace=pace_seen(even, rows))


def rebuild(document: Mapping[str, Any]) -> HazardModel:
    """Make the model from its JSON."""
    tail = document["tail"]
    oldest = tail["oldest_closed_days"]
    return HazardModel(
        Design.read(document["design"]),
        np.array(document["coefficients"], dtype=np.float64),
        Tail(float("inf") if oldest is None else float(oldest), float(tail["highest_hazard"]), bool(tail["named"])),
        Amounts.read(document["amounts"]),
        Pace.read(document["pace"]),
        int(document["horizon_weeks"]),
    )


def events(rows: pd.DataFrame) -> Floats:
    """Give shape [rows, 2]: 1 where the deal was won, or lost, in the row's week."""
    outcome = rows["outcome"].to_numpy(object)
    return np.column_stack([outcome == "won", outcome == "lost"]).astype(np.float64)


def _recency(rows: pd.DataFrame, half_life_weeks: float) -> Floats:
    day = rows["day"].to_numpy(np.float64) + 7.0 * rows["lead_weeks"].to_numpy(np.float64)
    return np.asarray(0.5 ** ((day.max(initial=-np.inf) - day) / (7.0 * half_life_weeks)))


def pace_seen(model: Any, rows: pd.DataFrame) -> Pace:
    """Learn the pace of the months from the weekly rows without a lead, beside the hazards of a model that knows none."""
    now = rows[(rows["lead_weeks"] == 0) & ~rows["entry"].astype(bool)]
    hazards = model.hazards(now, 0) * now["weight"].to_numpy(np.float64)[:, None]
    return pace_of(now["day"].to_numpy(np.float64), events(now), hazards)
