"""A company as it was known at earlier origins, with models fitted on that alone: what forecasts are judged from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.evaluate.baselines import Amounts, Periods
from funnelcast.families.deal_outcome import FAMILY as DEAL_OUTCOME
from funnelcast.families.deal_outcome.history import before
from funnelcast.families.deal_outcome.prediction import cumulative_incidence
from funnelcast.families.deal_outcome.table import open_at
from funnelcast.families.family import Model
from funnelcast.families.payment_delay import FAMILY as PAYMENT_DELAY
from funnelcast.forecast.pipeline import weekly
from funnelcast.forecast.projection import Projection
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf
from training.forecast import DEALS, INVOICES, Gatherer

Floats = npt.NDArray[np.float64]


class Hindsight:
    """The company at its origins; each origin's models are fitted once, whichever forecasts ask for them."""

    def __init__(self, settings: Settings, facts: Facts) -> None:
        self.facts = facts
        self._settings = settings
        self._deals, self._invoices = (read(settings.models, name) for name in (DEALS, INVOICES))
        self.known: Callable[[AsOf], Facts] = cache(lambda as_of: cut(facts, as_of))
        self.pipeline: Callable[[AsOf], Projection] = lru_cache(maxsize=1)(self._pipeline)
        self.cash: Callable[[AsOf], Projection] = lru_cache(maxsize=1)(self._cash)
        self._deal_weeks: Callable[[AsOf], pd.DataFrame] = lru_cache(maxsize=1)(self._read_deal_weeks)

    def stage_weighted(self, origins: Sequence[AsOf]) -> Amounts:
        """Give what the stages' win rates alone expect of the deals open at each origin.

        Origins lie whole weeks apart, so that the deal-weeks known at an earlier one are those of the last one that were over by then, and
        the deals open at any of them are read together.
        """
        last = max(origins)
        cohort = open_at(self.known(last), [origin.at for origin in origins])
        deals = DEAL_OUTCOME.candidates(self.known(last), self._deals, cohort, last).execute()
        deal_weeks = self._deal_weeks(last)

        def forecast(origin: AsOf, periods: Periods) -> Floats:
            model = DEAL_OUTCOME.fit_baseline(before(deal_weeks, pd.Timestamp(origin.at)), self._deals)
            predicted = model.predict(deals.loc[deals["as_of"] == origin.at, list(model.columns)])
            by_week, _ = cumulative_incidence(*weekly(predicted, len(periods)))
            amount = predicted["expected_amount"].fillna(0.0).to_numpy(np.float64)
            return np.diff(amount @ by_week, prepend=0.0)

        return forecast

    def _pipeline(self, origin: AsOf) -> Projection:
        model = DEAL_OUTCOME.fit(self._deal_weeks(origin), self._deals)
        return self._gatherer(origin, {DEALS: model}).project(frozenset({"pipeline"}))

    def _cash(self, origin: AsOf) -> Projection:
        models: dict[str, Model] = {}
        if self.facts.has("invoices"):
            rows = PAYMENT_DELAY.rows_at(self.known(origin), self._invoices, origin)
            models[INVOICES] = PAYMENT_DELAY.fit(rows, self._invoices)
        gathered = self._gatherer(origin, models).project(frozenset({"cash"}))
        return replace(gathered, pipeline=self.pipeline(origin).pipeline) if self.facts.has("deals") else gathered

    def _gatherer(self, origin: AsOf, models: Mapping[str, Model]) -> Gatherer:
        return Gatherer(self._settings, self.facts, origin, models, lambda _: None)

    def _read_deal_weeks(self, origin: AsOf) -> pd.DataFrame:
        return DEAL_OUTCOME.rows_at(self.known(origin), self._deals, origin)
