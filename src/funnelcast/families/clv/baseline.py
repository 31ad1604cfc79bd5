"""The field's simple rules: every customer goes on as before, or every customer is the mean customer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import pdtrik

from funnelcast.artefacts import to_json
from funnelcast.families.clv.draws import Sums
from funnelcast.families.clv.gamma_gamma import SpendModel
from funnelcast.families.clv.holdout import crps_of_counts
from funnelcast.families.clv.process.distinct import distinct
from funnelcast.families.clv.process.future import survival_of_poisson
from funnelcast.families.clv.process.parameters import Floats
from funnelcast.families.clv.rows import INPUTS, OUTPUTS, Rows
from funnelcast.families.clv.terms import Terms
from funnelcast.families.table import Table

PAST_RATE, MEAN_RATE = "past_rate", "mean_rate"


@dataclass(frozen=True)
class RateBaseline:
    """Poisson purchases at a constant rate, each worth the customer's mean.

    Parameters
    ----------
    kind
        ``past_rate``: x / T, the customer's own (the mean rate in their first day); ``mean_rate``: the customers' mean.
    rate_per_day
        Repeat purchases of all customers per day of their age.
    """

    kind: str
    rate_per_day: float
    spend: SpendModel
    terms: Terms

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns that predict reads, as the CLV model's."""
        return INPUTS

    def predict(self, rows: pd.DataFrame, horizon_days: float | None = None, discount_rate: float | None = None) -> pd.DataFrame:
        """Predict each customer over the horizon: the CLV model's columns, with p_alive 1 and Poisson quantiles."""
        return pd.DataFrame(self.predictions(Table.of(rows), horizon_days, discount_rate), index=rows.index)

    def predictions(self, rows: Table, horizon_days: float | None = None, discount_rate: float | None = None) -> dict[str, Floats]:
        """Give the same by column, each of shape (n,)."""
        horizon, delta = self.terms.asked(horizon_days, discount_rate)
        read = Rows.of(rows)
        rate = self._rates(read) * self.terms.days_per_unit
        # A constant rate's discounted time: the integral of exp(-delta tau) over the horizon.
        time = -np.expm1(-delta * horizon) / delta if delta > 0 else horizon
        spend = self.spend.expected(read.x, read.m)
        worth = self.terms.margin * spend
        low, high = (_poisson_quantile(rate * horizon, level) * worth * time / horizon for level in (0.1, 0.9))
        expected = rate * horizon
        found = (np.ones_like(rate), -np.expm1(-expected), expected, spend, rate * time * worth, low, high)
        return dict(zip(OUTPUTS, found, strict=True))

    def expected_purchases(self, rows: pd.DataFrame, horizon_days: float) -> Floats:
        """Give the expected purchases alone."""
        return self._rates(Rows.of(rows)) * horizon_days

    def count_losses(self, rows: pd.DataFrame, actual: Floats, horizon_days: float) -> Floats:
        """Give the CRPS of each customer's Poisson count of purchases within the horizon."""
        expected = self.expected_purchases(rows, horizon_days)
        first, place = distinct(expected, actual)
        once = expected[first]
        return crps_of_counts(actual[first], np.ones_like(once), survival_of_poisson(once))[place]

    def simulate(self, rows: pd.DataFrame, horizon_days: int, draws: int, seed: int) -> Sums:
        """Draw the customers' repeat purchases by day after as_of, as the CLV model does: draws x days.

        Independent Poisson customers sum to one Poisson stream, each purchase of which is a customer's in proportion to their rate.
        """
        read, random = Rows.of(rows), np.random.default_rng(seed)
        rates = self._rates(read)
        counts = random.poisson(rates.sum(), (draws, horizon_days))
        amounts = np.zeros(counts.size)
        if counts.any():
            cell = np.repeat(np.arange(counts.size), counts.ravel())
            buyer = np.searchsorted(np.cumsum(rates) / rates.sum(), random.random(len(cell)), side="right")
            worth = self.spend.expected(read.x, read.m)[np.minimum(buyer, len(rates) - 1)]
            amounts = np.bincount(cell, weights=worth, minlength=counts.size).astype(np.float64)
        return Sums(counts.astype(np.float64), amounts.reshape(counts.shape))

    def _rates(self, rows: Rows) -> Floats:
        if self.kind == MEAN_RATE:
            return np.full(len(rows.x), self.rate_per_day)
        own = rows.x / np.maximum(rows.T, 1.0)
        return np.where(rows.T > 0, own, self.rate_per_day)

    def files(self) -> dict[str, bytes]:
        """Give the artefact: one JSON document."""
        document = {"kind": self.kind, "rate_per_day": self.rate_per_day, "spend": self.spend.document(), "terms": self.terms.document()}
        return {"model.json": to_json(document)}


def _poisson_quantile(mean: Floats, level: float) -> Floats:
    """Give the smallest count that is reached with at least this probability."""
    with np.errstate(invalid="ignore"):
        count = np.ceil(np.nan_to_num(pdtrik(level, np.maximum(mean, 1e-12)), nan=0.0) - 1e-9)
    return np.asarray(np.where(np.exp(-mean) >= level, 0.0, np.maximum(count, 0.0)), dtype=np.float64)
