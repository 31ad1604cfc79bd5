"""Gather what forecasts are drawn from: the company's facts, and what its models predict of open deals and invoices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import pandas as pd

from funnelcast import champions
from funnelcast.errors import FunnelcastError, NoChampion
from funnelcast.families.clv.groups import PurchaseModel
from funnelcast.families.deal_outcome import FAMILY as DEAL_OUTCOME
from funnelcast.families.family import Model, Progress
from funnelcast.families.payment_delay import FAMILY as PAYMENT_DELAY
from funnelcast.forecast.cash_facts import cash_inputs, issued_and_paid
from funnelcast.forecast.cash_inputs import CashInputs
from funnelcast.forecast.new_deals import estimate
from funnelcast.forecast.periods import Every
from funnelcast.forecast.pipeline import WEEKS, PipelineInputs
from funnelcast.forecast.projection import LONGEST_MONTHS, LONGEST_WEEKS, Ask, Projection
from funnelcast.forecast.sales import SalesInputs, sales_inputs
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec, read
from funnelcast.terms import QUANTITIES, AsOf, Json
from training.bottom_up import bottom_up
from training.train import default_as_of

SEED = 20_260_101
DEALS, INVOICES, CLV = "deal_outcome", "payment_delay", "clv"
"""The models behind the forecasts."""

Part = TypeVar("Part", SalesInputs, PipelineInputs, CashInputs)


def forecast(settings: Settings, facts: Facts, ask: Ask, *, as_of: AsOf | None, progress: Progress) -> dict[str, Json]:
    """Answer one forecast from the facts and the champions of their source."""
    gatherer = Gatherer(settings, facts, as_of or default_as_of(facts), serving_models(settings, facts.source.name), progress)
    wanted = frozenset({ask.quantity}) if ask.quantity != "cash" else frozenset(QUANTITIES)
    return gatherer.project(wanted, ask).document(ask)


def serving_models(settings: Settings, source: str) -> dict[str, Model]:
    """Load the champions behind the forecasts, those that there are."""
    listed = champions.listed(settings, source)
    return {name: champions.load(settings, source, name).model for name in (DEALS, INVOICES, CLV) if name in listed}


@dataclass(frozen=True)
class Gatherer:
    """Gathers the inputs of forecasts as of one instant with given models: the champions, or those of a back-test's origin."""

    settings: Settings
    facts: Facts
    as_of: AsOf
    models: Mapping[str, Model]
    progress: Progress

    def project(self, wanted: frozenset[str], ask: Ask | None = None) -> Projection:
        """Gather the wanted quantities; one that the facts don't allow is left out, with the reason.

        ``ask`` says how far sales must reach and in which periods; without it, all that may be asked by week.
        """
        missing: dict[str, str] = {}

        def attempt(name: str, make: Callable[[], Part]) -> Part | None:
            if name not in wanted:
                return None
            self.progress(f"gathering what {name} is drawn from")
            try:
                return make()
            except FunnelcastError as error:
                missing[name] = str(error)
                return None

        return Projection(
            as_of=self.as_of,
            sales=attempt("sales", lambda: self._sales(ask)),
            pipeline=attempt("pipeline", self._pipeline),
            cash=attempt("cash", self._cash),
            missing=missing,
            seed=SEED,
        )

    def _sales(self, ask: Ask | None) -> SalesInputs:
        if ask is not None and ask.quantity == "cash":
            return sales_inputs(self.facts, self.as_of, "week", LONGEST_WEEKS + 1)
        every: Every = "week" if ask is None else ask.every
        longest = LONGEST_WEEKS if every == "week" else LONGEST_MONTHS
        inputs = sales_inputs(self.facts, self.as_of, every, longest + 1 if ask is None else min(ask.count, longest))
        model = self.models.get(CLV)
        if inputs.basis != "transactions" or not isinstance(model, PurchaseModel):
            return inputs
        try:
            below = bottom_up(self.facts, self.as_of, model, self._spec(CLV), inputs.horizon_days, SEED)
        except FunnelcastError as error:
            return replace(inputs, missing=(*inputs.missing, f"bottom_up: {error}"))
        return replace(inputs, bottom_up=below)

    def _pipeline(self) -> PipelineInputs:
        self.facts.table("deals", "The pipeline forecast")
        model, spec = self._model(DEALS), self._spec(DEALS)
        known = cut(self.facts, self.as_of)
        deals = DEAL_OUTCOME.candidates(known, spec, None, self.as_of).execute().reset_index(drop=True)
        whose = known.table("deals").select("deal_id", "contact_id", "owner").execute()
        owners = deals[["deal_id", "channel"]].merge(whose, on="deal_id", how="left")
        typical = DEAL_OUTCOME.newcomers(self.facts, self.as_of, WEEKS)
        return PipelineInputs(
            as_of=self.as_of,
            currency=self.facts.source.currency,
            open_deals=pd.concat([owners, model.predict(deals[list(model.columns)])], axis=1),
            newcomers=pd.concat([typical[["channel", "week"]], model.predict(typical[list(model.columns)])], axis=1),
            process=estimate(known, self.as_of, WEEKS),
        )

    def _cash(self) -> CashInputs:
        if not any(self.facts.has(table) for table in ("invoices", "deals", "transactions")):
            self.facts.table("invoices", "The cash forecast")
        known = cut(self.facts, self.as_of)
        issued, _ = issued_and_paid(known)
        if issued == 0:
            return cash_inputs(self.facts, self.as_of, None, None)
        model, spec = self._model(INVOICES), self._spec(INVOICES)
        owed = PAYMENT_DELAY.candidates(known, spec, None, self.as_of).execute()
        templates = PAYMENT_DELAY.templates(known, spec, self.as_of).execute()
        return cash_inputs(self.facts, self.as_of, _with_predictions(model, owed), _with_predictions(model, templates))

    def _model(self, name: str) -> Model:
        if name not in self.models:
            raise NoChampion(model=name, source=self.facts.source.name, path=self.facts.source.path or "FILE")
        return self.models[name]

    def _spec(self, name: str) -> Spec:
        return read(self.settings.models, name)


def _with_predictions(model: Model, rows: pd.DataFrame) -> pd.DataFrame:
    rows = rows.reset_index(drop=True)
    predicted = model.predict(rows[list(model.columns)])
    return pd.concat([rows.drop(columns=[name for name in predicted.columns if name in rows]), predicted], axis=1)
