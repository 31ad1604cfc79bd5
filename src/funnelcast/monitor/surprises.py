"""How far each period lay from what its own past led to expect, by the very models that the sales forecast is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from funnelcast.forecast.periods import Every
from funnelcast.forecast.sales.fit import fit
from funnelcast.forecast.sales.history import History, starts
from funnelcast.forecast.sales.promotions import known_before
from funnelcast.forecast.sales.state import Scale, State, back, forth, scale_of
from funnelcast.monitor.inflow import Unit
from funnelcast.monitor.watched import Watched

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

BLOCK_DAYS = 91
"""A model is fitted every so many days, on dates that are the same for everyone who looks: a period looked at twice is one comparison."""
WINDOWS = (1, 4)
"""What is compared: each period, and with its three neighbours before it, in which a change of level shows that no single period does."""
STEADY_WINDOWS = (1, 4, 8)
"""Of a series whose level stays where it is: over eight weeks a small change shows that no forecast has got used to."""

_FIRST_BLOCK = datetime(1970, 1, 5)  # noqa: DTZ001 (wall-clock; a Monday)
_LONGEST: Mapping[Every, int] = {"week": 156, "month": 96}
_SHORTEST: Mapping[Every, int] = {"week": 26, "month": 12}
_REACH = 0.90
_YEAR = 52
_WEIGHTS: Mapping[Unit, float] = {"share": 0.8, "index": 1.25}
"""Shares of a mix move with budgets and campaigns, and are many: unweighted they would take most of the budget of alarms. The price is one
series, in which a small change matters."""
_CLIP = 10.0


@dataclass(frozen=True)
class Gap:
    """What came in from ``since`` until ``until``, and what was expected of it with its 90 % band, in the unit of the series.

    Money and counts are added up; a share or an index is the mean of its periods.
    """

    since: datetime
    until: datetime
    actual: float
    expected: float
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Surprises:
    """One series' errors one period ahead.

    Parameters
    ----------
    first
        Which period of the history is the first with an error.
    ends
        Of the periods from there on, in days, shape (n,).
    errors
        What came minus the median, in the scale of the fit, over the distance that 90 % of the model's own errors kept within, shape (n,).
    expected, low, high
        The median and that distance to either side of it, in the currency, shape (n,).
    """

    watched: Watched
    first: int
    ends: Integers
    errors: Floats
    expected: Floats
    low: Floats
    high: Floats

    @property
    def blocks(self) -> Integers:
        """In which block each period ends, shape (n,)."""
        return self.ends // BLOCK_DAYS

    @property
    def windows(self) -> tuple[int, ...]:
        """Over how many periods errors are summed."""
        return STEADY_WINDOWS if self.watched.steady else WINDOWS

    def scores(self) -> Floats:
        """Give sum(errors of the last L periods) / sqrt(L) of the window L that says most, signed, shape (n,).

        1 is the edge of a period's 90 % band; a weight makes a share say less and an index more.
        """
        windows = np.array([self._summed(length) for length in self.windows])
        chosen = np.abs(windows).argmax(axis=0)
        return _WEIGHTS.get(self.watched.unit, 1.0) * np.asarray(windows[chosen, np.arange(self.errors.size)])

    def window(self, place: int) -> int:
        """Say how many periods up to ``place`` its score sums."""
        return min(self.windows[int(np.argmax([abs(self._summed(length)[place]) for length in self.windows]))], place + 1)

    def gap(self, place: int) -> Gap:
        """Say what the score of a period is about."""
        history, window, last = self.watched.history, self.window(place), self.first + place
        span = slice(place + 1 - window, place + 1)
        bounds = starts(history.start, history.every, last + 2)
        times = 1 / window if self.watched.steady else 1.0
        expected = times * float(self.expected[span].sum())
        return Gap(
            since=bounds[last + 1 - window],
            until=bounds[last + 1],
            actual=times * float(history.values[last + 1 - window : last + 1].sum()),
            expected=expected,
            # the sum of L periods is out of the ordinary beyond sqrt(L) times one period's distance, as its score is measured
            low=expected - times * float((self.expected - self.low)[span].sum()) / np.sqrt(window),
            high=expected + times * float((self.high - self.expected)[span].sum()) / np.sqrt(window),
        )

    def _summed(self, length: int) -> Floats:
        sums = np.cumsum(np.concatenate([np.zeros(length), self.errors]))
        return np.asarray((sums[length:] - sums[:-length]) / np.sqrt(length))


def surprises(watched: Watched, country: str, blocks: int) -> Surprises | None:
    """Measure the newest ``blocks`` blocks of a series; None where it is too short.

    Each block is forecast by a model of what was known before it. Within it the errors that were made are passed on as the model's
    states pass them on: z(n + h) = centre[h] + sum_j response[h - j] error_j, the equation of the draws with the errors that came.
    """
    history = watched.history
    ends = np.array([_day(end) for end in starts(history.start, history.every, history.values.size + 1)[1:]])
    number = ends // BLOCK_DAYS
    wanted = [
        np.flatnonzero(number == block)
        for block in range(number[-1] - blocks + 1, number[-1] + 1)
        if (number < block).sum() >= _SHORTEST[history.every]
    ]
    if not wanted:
        return None
    columns = np.concatenate([_block(watched, country, places) for places in wanted], axis=1)
    first = int(wanted[0][0])
    return Surprises(watched, first, ends[first:], *columns)


def _block(watched: Watched, country: str, places: Integers) -> Floats:
    """Give errors in units of their reach, median, and the bounds of the reach, shape (4, len(places))."""
    history, origin = watched.history, int(places[0])
    past = _before(history, origin)
    state = _steady(past, len(places)) if watched.steady else fit(past, len(places), country, known_before(watched.promotions, past.end))
    reach = _reach(state)
    actual = _in_scale(history.values[places], state.scale)
    errors = np.zeros(len(places))
    centre = state.centre.copy()
    for step in range(len(places)):
        centre[step] += state.response[step:0:-1] @ errors[:step]
        # one period beyond all measure says nothing more of the next ones
        errors[step] = np.clip(actual[step] - centre[step], -_CLIP * reach[step], _CLIP * reach[step])
    ceiling = _CLIP * float(np.abs(past.values).max())
    amounts = [back(path, state.scale, ceiling) for path in (centre, centre - reach, centre + reach)]
    if past.values.min() >= 0:
        amounts = [np.maximum(one, 0.0) for one in amounts]
    return np.array([np.divide(errors, reach, out=np.zeros_like(errors), where=reach > 0), *amounts])


def _steady(past: History, horizon: int) -> State:
    """Expect the mean of the last year, whatever came in the newest periods."""
    values = past.values[-_YEAR:]
    scale = scale_of(values)
    transformed = forth(values, scale)
    response = np.concatenate([[1.0], np.zeros(horizon - 1)])
    return State(past, "steady", scale, np.full(horizon, transformed.mean()), response, transformed - transformed.mean(), 0.0)


def _before(history: History, origin: int) -> History:
    skipped = max(origin - _LONGEST[history.every], 0)
    start = starts(history.start, history.every, skipped + 1)[-1]
    return History(history.name, history.every, start, history.values[skipped:origin], history.profile)


def _reach(state: State) -> Floats:
    """Give the distance that 90 % of the model's errors kept within, more where the year isn't known yet, shape (horizon,)."""
    variance = float(state.shocks.var())
    if variance == 0:
        return np.zeros(state.horizon)
    doubt = (state.doubt**2).sum(axis=1)
    return np.asarray(np.quantile(np.abs(state.shocks), _REACH) * np.sqrt(1 + np.broadcast_to(doubt, state.horizon) / variance))


def _in_scale(values: Floats, scale: Scale) -> Floats:
    if scale == "plain":
        return values
    lowest = np.finfo(np.float64).tiny if scale == "log" else 0.0
    return forth(np.maximum(values, lowest), scale)


def _day(instant: datetime) -> int:
    return (instant - _FIRST_BLOCK).days
