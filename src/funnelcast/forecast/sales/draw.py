"""From fitted series to draws: any weeks or months, by channel or series, and dated amounts for cash."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from funnelcast import deadline
from funnelcast.errors import UsageError
from funnelcast.forecast.flows import NOT_YET, Flows
from funnelcast.forecast.periods import Every, Period, calendar
from funnelcast.forecast.result import Forecast, period_documents, statistics
from funnelcast.forecast.sales.allotment import shares
from funnelcast.forecast.sales.bottom_up import BottomUp, beside
from funnelcast.forecast.sales.effects import SHORTEST
from funnelcast.forecast.sales.inputs import SalesInputs, stale
from funnelcast.forecast.sales.state import Luck, State
from funnelcast.forecast.scenario import Scenario
from funnelcast.terms import Json

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

_DAY = timedelta(days=1)
_PLAN = Scenario()
SPEND_IGNORED = "spend: the effect of a change in spend on transactional sales is not modelled; the scenario's spend changes nothing here"
LOST_IGNORED = "lost_customers: sales are modelled by channel, not by customer; the scenario's lost customers change nothing here"


def forecast_sales(inputs: SalesInputs, periods: tuple[Period, ...], draws: int, seed: int, scenario: Scenario = _PLAN) -> Forecast:
    """Draw revenue by period, each channel or series a part.

    Parameters
    ----------
    periods
        From as_of on, as ``calendar`` gives them.
    draws
        How many possible futures, at least 1.
    seed
        The same seed gives the same futures: the first weeks of a longer forecast are those of a shorter one.

    Raises
    ------
    UsageError
        The periods reach beyond what was fitted.
    """
    _within(inputs, periods[-1].end)
    parts = {state.history.name: _amounts(state, luck, periods) for state, luck in _lucky(inputs, draws, seed) if inputs.goes_on(state)}
    ignored = ((SPEND_IGNORED,) if scenario.spend else ()) + ((LOST_IGNORED,) if scenario.lost_customers else ())
    forecast = Forecast("sales", inputs.as_of, inputs.currency, periods, parts, (*inputs.missing, *ignored), {"basis": inputs.basis})
    return forecast if inputs.bottom_up is None or not parts else replace(forecast, extra=_with_below(forecast, inputs.bottom_up, seed))


def by_series(inputs: SalesInputs, every: Every, count: int, draws: int, seed: int) -> list[Json]:
    """Give each series' own periods with its quantiles: the ``series`` of the JSON under ``--by series`` and ``--by channel``.

    Series of the sales table start after their own last period, channels at as_of.
    """
    documents: list[Json] = []
    for state, luck in _lucky(inputs, draws, seed):
        history = state.history
        origin = inputs.as_of if inputs.basis == "transactions" else type(inputs.as_of)(history.end, inputs.as_of.timezone)
        periods = calendar(origin, every, count)
        amounts = _amounts(state, luck, periods)
        rows = period_documents(periods, amounts, {history.name: amounts.mean(axis=0)}, inputs.as_of.timezone)
        total = statistics(amounts.sum(axis=1))
        documents.append({"series": history.name, "periods": rows, "total": total, "stale": stale(history, inputs.as_of)})
    return documents


def flows(inputs: SalesInputs, horizon_days: int, draws: int, seed: int) -> Flows:
    """Draw revenue by day, for cash: the same futures as ``forecast_sales`` gives for the same seed.

    Raises
    ------
    UsageError
        The horizon reaches beyond what was fitted.
    """
    _within(inputs, inputs.as_of.at + horizon_days * _DAY)
    days = tuple(Period(inputs.as_of.at + day * _DAY, inputs.as_of.at + (day + 1) * _DAY) for day in range(horizon_days))
    total = np.zeros((draws, horizon_days))
    for state, luck in _lucky(inputs, draws, seed):
        if inputs.goes_on(state):
            total += _amounts(state, luck, days)
    draw, day = np.nonzero(total)
    nothing = np.full(draw.size, NOT_YET, dtype=np.int32)
    return Flows(draws, draw.astype(np.int32), day.astype(np.int32), total[draw, day], nothing)


def _with_below(forecast: Forecast, below: BottomUp, seed: int) -> dict[str, Json]:
    parts = below.draw(forecast.as_of, forecast.periods, forecast.draws, seed)
    return {**forecast.extra, "bottom_up": beside(parts, forecast.total())}


def _amounts(state: State, luck: Luck, periods: Sequence[Period]) -> Floats:
    amounts: Floats = state.paths(luck) @ shares(state.history, state.horizon, periods)
    return amounts


def _lucky(inputs: SalesInputs, draws: int, seed: int) -> Iterator[tuple[State, Luck]]:
    """Give every series the same picks of past periods: what moved several channels in one week moves them together again.

    One draw after the other takes the picks of the whole horizon, so that a shorter question gets the same futures. Errors of effects are
    sums of the past's errors, so they are as alike between series as those; what no series has seen yet, a year, is the same for all.
    """
    if not inputs.states:
        return
    columns = max(state.horizon for state in inputs.states) + 1
    known = max(state.shocks.size for state in inputs.states)
    picks = np.random.default_rng(seed).integers(0, 2 * known, size=(draws, columns))
    doubts = max(state.doubt.shape[1] for state in inputs.states)
    alike = likeness(inputs.states)
    shared = np.random.default_rng([seed, 0]).standard_normal((draws, doubts))
    for place, state in enumerate(inputs.states, start=1):
        deadline.check()
        own = np.random.default_rng([seed, place]).standard_normal((draws, doubts))
        yield state, Luck(picks, np.sqrt(alike) * shared + np.sqrt(1 - alike) * own)


def likeness(states: Sequence[State]) -> float:
    """Give the mean correlation between the errors that the series' models made in the same periods, from 0 to 1; 1 before a first year."""
    if max(state.history.values.size for state in states) < SHORTEST:
        return 1.0
    errors = [state.shocks for state in states if state.method == "combination" and state.shocks.any()]
    if len(errors) < 2:
        return 0.0
    together = min(one.size for one in errors)
    correlations = np.corrcoef([one[-together:] for one in errors])
    return float(np.clip((correlations.sum() / len(errors) - 1) / (len(errors) - 1), 0.0, 1.0))


def _within(inputs: SalesInputs, end: datetime) -> None:
    if end > inputs.until:
        reason = f"The sales forecast at {inputs.as_of.at.date()} was fitted to reach {inputs.until.date()}; {end.date()} lies beyond it."
        raise UsageError(reason=f"{reason} Ask for fewer weeks.")
