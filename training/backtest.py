"""Back-test what the company will see: forecasts made as they would have been at earlier dates, beside the baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import numpy.typing as npt

from funnelcast.errors import TooFewRows
from funnelcast.evaluate.backtest import Draws, backtest, choose_origins
from funnelcast.evaluate.baselines import Amounts, Periods, baselines
from funnelcast.families.family import Progress
from funnelcast.forecast.sales import forecast_sales, sales_inputs
from funnelcast.forecast.sales.history import basis_of
from funnelcast.forecast.sales.revenue import Revenue
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json
from training.train import default_as_of

Floats = npt.NDArray[np.float64]

DRAWS = 1000
SEED = 20_260_101
_EARLIER = 26
_FEWEST_WEEKS = 12


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


def backtest_quantity(settings: Settings, facts: Facts, quantity: str, *, origins: int, weeks: int, progress: Progress) -> dict[str, Json]:
    """Back-test sales, pipeline or cash.

    Parameters
    ----------
    origins
        How many at most; fewer where the facts are too short.
    weeks
        Forecast from each, and between neighbouring origins.

    Raises
    ------
    MissingTable, TooFewRows
        The facts don't allow it.
    """
    trial = TRIALS[quantity](settings, facts)
    last = default_as_of(facts)
    chosen = choose_origins(trial.begins.plus(7 * max(_FEWEST_WEEKS, 2 * weeks)), last, weeks, origins)

    def forecast_at(origin: AsOf, periods: Periods) -> Floats:
        progress(f"{quantity}: forecasting from {origin.at.date()}")
        return trial.forecast_at(origin, periods)

    simple = {**baselines(trial.known, trial.begins, chosen[0]), **trial.own_baselines}
    earlier = _earlier(trial.begins, chosen[0], weeks)
    return {"quantity": quantity, **backtest(chosen, weeks, forecast_at, trial.actual, baselines=simple, earlier=earlier)}


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


def _earlier(begins: AsOf, first: AsOf, weeks: int) -> Sequence[AsOf]:
    """Choose the origins at which the baselines alone are tried, so that they know their errors."""
    try:
        return choose_origins(begins.plus(7), first, weeks, _EARLIER)
    except TooFewRows:
        return ()


TRIALS: Mapping[str, Callable[[Settings, Facts], Trial]] = {"sales": sales_trial}
"""How each quantity is forecast and judged."""
