"""The two models of when an invoice is paid: the fitted hazard, and the field's simple rules."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.artefacts import to_json
from funnelcast.families.payment_delay import hazard, location, prior
from funnelcast.families.payment_delay.hazard import Hazard, invoice_days
from funnelcast.families.payment_delay.location import Location
from funnelcast.families.payment_delay.prediction import predicted
from funnelcast.families.payment_delay.rows import COLUMNS, checked

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Rule = Literal["last_delay", "due_date"]

_SLOWEST, _FASTEST = 365, -180
_SMOOTHING_DAYS = 3
_EARLY = 0.01


@dataclass(frozen=True)
class PaymentHazard:
    """The challenger: customer effects shrunk to their segment, and the hazard of payment around them."""

    location: Location
    hazard: Hazard
    horizon_days: int

    @property
    def columns(self) -> Mapping[str, str]:
        """What predict reads."""
        return COLUMNS

    def hazards(self, rows: pd.DataFrame, days: Integers) -> Floats:
        """Give the probability of payment on each day after as_of, if still open: shape [rows, days]."""
        return self.hazard.of(rows, self.location.of(rows), days)

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give each invoice's days to payment and the probability of payment in each span after as_of."""
        return predicted(self, checked(rows))

    def files(self) -> dict[str, bytes]:
        """Give the numbers."""
        document = {"kind": "hazard", "horizon_days": self.horizon_days}
        return {"model.json": to_json({**document, "location": self.location.document(), "hazard": self.hazard.document()})}


@dataclass(frozen=True)
class SimpleRule:
    """The baseline: paid as late as last time (or on the due date), give or take what that rule was wrong by in the past.

    Parameters
    ----------
    rule
        ``last_delay``, or ``due_date`` for a delay of 0; a customer without a past pays on the due date.
    errors
        Hazard of payment by days after the day that the rule says, from ``_FASTEST`` to ``_SLOWEST``.
    """

    rule: Rule
    errors: tuple[float, ...]
    horizon_days: int

    @property
    def columns(self) -> Mapping[str, str]:
        """What predict reads."""
        return COLUMNS

    def hazards(self, rows: pd.DataFrame, days: Integers) -> Floats:
        """Give the probability of payment on each day after as_of, if still open: shape [rows, days]."""
        late = (rows["age_days"] - rows["terms_days"] - said(rows, self.rule)).to_numpy(np.float64)[:, None] + days[None, :]
        place = np.clip(np.rint(late).astype(np.int64), _FASTEST, _SLOWEST) - _FASTEST
        return np.asarray(self.errors)[place]

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Give each invoice's days to payment and the probability of payment in each span after as_of."""
        return predicted(self, checked(rows))

    def files(self) -> dict[str, bytes]:
        """Give the numbers."""
        return {"model.json": to_json({"kind": self.rule, "horizon_days": self.horizon_days, "errors": list(self.errors)})}


def rebuild(files: Mapping[str, bytes]) -> PaymentHazard | SimpleRule:
    """Make either model from its artefact."""
    document = json.loads(files["model.json"])
    if document["kind"] == "hazard":
        return PaymentHazard(Location.read(document["location"]), Hazard.read(document["hazard"]), document["horizon_days"])
    return SimpleRule(document["kind"], tuple(document["errors"]), document["horizon_days"])


def fit_hazard(rows: pd.DataFrame, horizon_days: int) -> PaymentHazard:
    """Fit the challenger on rows as of issue with their outcomes."""
    expected = location.fit(rows)
    both, weights = _with_prior(rows)
    return PaymentHazard(expected, hazard.fit(both, expected.of(both), weights), horizon_days)


def fit_rule(rows: pd.DataFrame, rule: Rule, horizon_days: int) -> SimpleRule:
    """Take the distribution of the rule's own errors, censored ones included (Kaplan and Meier), smoothed over a week."""
    both, weights = _with_prior(rows)
    invoice, day, paid = invoice_days(both)
    late = (both["age_days"] - both["terms_days"] - said(both, rule)).to_numpy(np.float64)[invoice] + day
    place = np.clip(np.rint(late).astype(np.int64), _FASTEST, _SLOWEST) - _FASTEST
    size = _SLOWEST - _FASTEST + 1
    at_risk = np.bincount(place, weights=weights[invoice], minlength=size)
    events = np.bincount(place, weights=weights[invoice] * paid, minlength=size)
    near = np.bartlett(2 * _SMOOTHING_DAYS + 3)
    # where nobody was ever at risk, the overall rate stands in after the day that the rule says, next to none before it
    rate = events.sum() / max(float(at_risk.sum()), 1.0)
    stand_in = np.where(np.arange(size) + _FASTEST < 0, _EARLY * rate, rate)
    smooth_events, smooth_risk = (np.convolve(counts, near, mode="same") for counts in (events, at_risk))
    return SimpleRule(rule, tuple(((smooth_events + stand_in) / (smooth_risk + 1.0)).tolist()), horizon_days)


def said(rows: pd.DataFrame, rule: Rule) -> Floats:
    """Give the delay after the due date that a rule says."""
    if rule == "due_date":
        return np.zeros(len(rows))
    return np.asarray(rows["last_delay"].fillna(0.0).clip(-90.0, 180.0), dtype=np.float64)


def _with_prior(rows: pd.DataFrame) -> tuple[pd.DataFrame, Floats]:
    typical = float(rows["terms_days"].median()) if len(rows) else 30.0
    believed = prior.rows(typical).assign(amount=float(rows["amount"].abs().median()) if len(rows) else 1.0)
    both = pd.concat([rows[list(believed.columns)], believed], ignore_index=True)
    return both, np.repeat([1.0, prior.WEIGHT], [len(rows), len(believed)])
