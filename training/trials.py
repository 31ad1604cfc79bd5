"""How sales, the pipeline and cash are forecast and judged at an origin, with models fitted on what was known then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.errors import TooFewRows
from funnelcast.evaluate.backtest import Draws
from funnelcast.evaluate.baselines import Amounts, Periods
from funnelcast.families.deal_outcome import FAMILY as DEAL_OUTCOME
from funnelcast.families.family import Model
from funnelcast.families.payment_delay import FAMILY as PAYMENT_DELAY
from funnelcast.forecast.bookings_known import won
from funnelcast.forecast.cash import RECEIPTS
from funnelcast.forecast.periods import calendar
from funnelcast.forecast.projection import Ask
from funnelcast.forecast.receipts import received, when_due
from funnelcast.forecast.result import Forecast
from funnelcast.forecast.sales import forecast_sales, sales_inputs
from funnelcast.forecast.sales.history import basis_of
from funnelcast.forecast.sales.revenue import Revenue
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf
from training.forecast import DEALS, INVOICES, SEED, Gatherer

Floats = npt.NDArray[np.float64]


DRAWS = 1000


@dataclass(frozen=True)
class Trial:
    """One quantity, ready to be forecast and judged at any origin.

    Parameters
    ----------
    begins
        Where its facts begin.
    forecast_at
        Draws from what was known at an origin.
    actual
        What came in periods, by all facts.
    known
        What was known at an as_of of what had come in earlier periods.
    own_baselines
        Beside those of every quantity.
    """

    begins: AsOf
    forecast_at: Draws
    actual: Amounts
    known: Amounts
    own_baselines: Mapping[str, Amounts] = field(default_factory=dict)


def sales_trial(_: Settings, facts: Facts) -> Trial:
    """Judge sales by the revenue of each week."""
    basis = basis_of(facts)
    came = Revenue.of(facts, basis)
    if came.days.size == 0:
        raise TooFewRows(model="backtest sales", found=0, what=f"rows of {basis} with a date and an amount", needed=1, advice="")

    def forecast_at(origin: AsOf, periods: Periods) -> Floats:
        inputs = sales_inputs(facts, origin, "week", len(periods))
        return forecast_sales(inputs, periods, DRAWS, SEED).total()

    @cache
    def known_at(as_of: AsOf) -> Revenue:
        return Revenue.of(cut(facts, as_of), basis)

    return Trial(
        begins=AsOf(came.first, facts.source.timezone),
        forecast_at=forecast_at,
        actual=lambda _, periods: came.by_period(periods),
        known=lambda as_of, periods: known_at(as_of).by_period(periods),
    )


def pipeline_trial(settings: Settings, facts: Facts) -> Trial:
    """Judge the pipeline by the amounts won; ``stage_weighted`` is what stages' win rates alone expect of the open deals."""
    spec = read(settings.models, DEALS)
    known_at = _cuts(facts)
    rows_at = lru_cache(maxsize=2)(lambda origin: DEAL_OUTCOME.rows_at(known_at(origin), spec, origin))

    def projected(origin: AsOf, periods: Periods, model: Model) -> Forecast:
        return _forecast(settings, facts, origin, {DEALS: model}, _ask("pipeline", origin, periods))

    def forecast_at(origin: AsOf, periods: Periods) -> Floats:
        return projected(origin, periods, DEAL_OUTCOME.fit(rows_at(origin), spec)).total()

    def stage_weighted(origin: AsOf, periods: Periods) -> Floats:
        simple = DEAL_OUTCOME.fit_baseline(rows_at(origin), spec)
        return np.asarray(projected(origin, periods, simple).parts["open_deals"].mean(axis=0))

    return Trial(
        begins=_first(facts, "deals", "closed_at_known_at"),
        forecast_at=forecast_at,
        actual=lambda _, periods: won(facts, periods),
        known=lambda as_of, periods: won(known_at(as_of), periods),
        own_baselines={"stage_weighted": stage_weighted},
    )


def cash_trial(settings: Settings, facts: Facts) -> Trial:
    """Judge cash by receipts: what invoices brought; ``due_date`` has every open invoice paid when due."""
    known_at = _cuts(facts)

    def forecast_at(origin: AsOf, periods: Periods) -> Floats:
        known = known_at(origin)
        models: dict[str, Model] = {}
        for name, family, table in ((DEALS, DEAL_OUTCOME, "deals"), (INVOICES, PAYMENT_DELAY, "invoices")):
            if facts.has(table):
                spec = read(settings.models, name)
                models[name] = family.fit(family.rows_at(known, spec, origin), spec)
        forecast = _forecast(settings, facts, origin, models, _ask("cash", origin, periods))
        return np.asarray(sum(forecast.parts[name] for name in RECEIPTS))

    return Trial(
        begins=_first(facts, "invoices", "issued_at"),
        forecast_at=forecast_at,
        actual=lambda _, periods: received(facts, periods),
        known=lambda as_of, periods: received(known_at(as_of), periods),
        own_baselines={"due_date": lambda origin, periods: when_due(facts, origin, periods)},
    )


def _cuts(facts: Facts) -> Callable[[AsOf], Facts]:
    """Cut the facts at each instant once."""
    return cache(lambda as_of: cut(facts, as_of))


def _forecast(settings: Settings, facts: Facts, origin: AsOf, models: Mapping[str, Model], ask: Ask) -> Forecast:
    wanted = {ask.quantity} | ({"pipeline"} if facts.has("deals") else set())
    return Gatherer(settings, facts, origin, models, lambda _: None).project(frozenset(wanted)).forecast(ask)


def _ask(quantity: str, origin: AsOf, periods: Periods) -> Ask:
    if calendar(origin, "week", len(periods)) != tuple(periods):
        message = f"a back-test's periods are the {len(periods)} weeks after its origin {origin.isoformat()}"
        raise ValueError(message)
    return Ask(quantity, count=len(periods))


def _first(facts: Facts, table: str, clock: str) -> AsOf:
    """Give the midnight before the first fact."""
    first = facts.table(table, f"The back-test on {table}")[clock].min().execute()
    if pd.isna(first):
        raise TooFewRows(model="backtest", found=0, what=f"rows of {table} with {clock}", needed=1, advice="")
    return AsOf(first.to_pydatetime().replace(hour=0, minute=0, second=0, microsecond=0), facts.source.timezone)


TRIALS: Mapping[str, Callable[[Settings, Facts], Trial]] = {"sales": sales_trial, "pipeline": pipeline_trial, "cash": cash_trial}
"""How each quantity is forecast and judged."""
