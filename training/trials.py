"""How sales, the pipeline and cash are forecast and judged at an origin, with models fitted on what was known then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.errors import TooFewRows
from funnelcast.evaluate.backtest import Draws
from funnelcast.evaluate.baselines import Amounts, Periods
from funnelcast.forecast.bookings_known import won
from funnelcast.forecast.cash import RECEIPTS
from funnelcast.forecast.periods import calendar
from funnelcast.forecast.projection import Ask
from funnelcast.forecast.receipts import received, when_due
from funnelcast.forecast.sales import forecast_sales, sales_inputs
from funnelcast.forecast.sales.history import basis_of
from funnelcast.forecast.sales.revenue import Revenue
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf
from training.forecast import SEED
from training.hindsight import Hindsight

Floats = npt.NDArray[np.float64]


DRAWS = 1000

_NOTHING_CAME = "A back-test compares forecasts with what came, and nothing has come yet."


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
        Beside those of every quantity, for the origins at which they'll be asked.
    """

    begins: AsOf
    forecast_at: Draws
    actual: Amounts
    known: Amounts
    own_baselines: Callable[[Sequence[AsOf]], Mapping[str, Amounts]] = lambda _: {}


def sales_trial(facts: Facts) -> Trial:
    """Judge sales by the revenue of each week."""
    basis = basis_of(facts)
    came = Revenue.of(facts, basis)
    if came.days.size == 0:
        raise TooFewRows(model="backtest sales", found=0, what=f"rows of {basis} with a date and an amount", needed=1, advice=_NOTHING_CAME)

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


def pipeline_trial(hindsight: Hindsight) -> Trial:
    """Judge the pipeline by the amounts won; ``stage_weighted`` is what stages' win rates alone expect of the open deals."""
    facts = hindsight.facts

    def forecast_at(origin: AsOf, periods: Periods) -> Floats:
        return hindsight.pipeline(origin).forecast(_ask("pipeline", origin, periods)).total()

    return Trial(
        begins=_first(facts, "deals", "closed_at_known_at"),
        forecast_at=forecast_at,
        actual=lambda _, periods: won(facts, periods),
        known=lambda as_of, periods: won(hindsight.known(as_of), periods),
        own_baselines=lambda origins: {"stage_weighted": hindsight.stage_weighted(origins)},
    )


def cash_trial(hindsight: Hindsight) -> Trial:
    """Judge cash by receipts: what invoices brought; ``due_date`` has every open invoice paid when due."""
    facts = hindsight.facts

    def forecast_at(origin: AsOf, periods: Periods) -> Floats:
        forecast = hindsight.cash(origin).forecast(_ask("cash", origin, periods))
        return np.asarray(sum(forecast.parts[name] for name in RECEIPTS))

    return Trial(
        begins=_first(facts, "invoices", "issued_at"),
        forecast_at=forecast_at,
        actual=lambda _, periods: received(facts, periods),
        known=lambda as_of, periods: received(hindsight.known(as_of), periods),
        own_baselines=lambda _: {"due_date": lambda origin, periods: when_due(facts, origin, periods)},
    )


def _ask(quantity: str, origin: AsOf, periods: Periods) -> Ask:
    if calendar(origin, "week", len(periods)) != tuple(periods):
        message = f"a back-test's periods are the {len(periods)} weeks after its origin {origin.isoformat()}"
        raise ValueError(message)
    return Ask(quantity, count=len(periods))


def _first(facts: Facts, table: str, clock: str) -> AsOf:
    """Give the midnight before the first fact."""
    first = facts.table(table, f"The back-test on {table}")[clock].min().execute()
    if pd.isna(first):
        raise TooFewRows(model="backtest", found=0, what=f"rows of {table} with {clock}", needed=1, advice=_NOTHING_CAME)
    return AsOf(first.to_pydatetime().replace(hour=0, minute=0, second=0, microsecond=0), facts.source.timezone)


TRIALS: Mapping[str, Callable[[Settings, Facts], Trial]] = {
    "sales": lambda _, facts: sales_trial(facts),
    "pipeline": lambda settings, facts: pipeline_trial(Hindsight(settings, facts)),
    "cash": lambda settings, facts: cash_trial(Hindsight(settings, facts)),
}
"""How each quantity is forecast and judged."""
