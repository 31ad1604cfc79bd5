"""Rolling origins: forecast from frozen pasts, compare with what came, beside the baselines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from funnelcast.errors import TooFewRows
from funnelcast.evaluate.baselines import Amounts, Periods, with_errors
from funnelcast.evaluate.quantiles import LEVELS, crps, inside, mean_pinball, pit
from funnelcast.forecast.periods import boundary, calendar
from funnelcast.terms import AsOf, Json

Floats = npt.NDArray[np.float64]
Draws = Callable[[AsOf, Periods], Floats]
"""A forecast from an origin: draws of shape (draws, periods)."""

COVERAGES: Mapping[str, float] = {"coverage_50": 0.5, "coverage_80": 0.8, "coverage_90": 0.9}


@dataclass(frozen=True, eq=False)
class Outcome:
    """One origin.

    Parameters
    ----------
    draws, actual
        The forecast, shape (draws, periods), and what came, shape (periods,).
    baselines, baseline_totals
        Each baseline's draws of the periods, shape (errors, periods), and of their sum, shape (errors, 1).
    """

    origin: AsOf
    periods: Periods
    draws: Floats
    actual: Floats
    baselines: Mapping[str, Floats]
    baseline_totals: Mapping[str, Floats]


def choose_origins(first: AsOf, last: AsOf, weeks: int, count: int) -> tuple[AsOf, ...]:
    """Choose Mondays so that the periods after them don't overlap and end no later than what was observed.

    Parameters
    ----------
    first
        The earliest origin that leaves enough history.
    last
        The end of what was observed.
    weeks
        Between neighbouring origins, and forecast from each.
    count
        How many at most.

    Returns
    -------
    Ascending.

    Raises
    ------
    TooFewRows
        There is no room for a single one.
    """
    step = timedelta(weeks=weeks)
    newest = boundary(last.at, "week") - step
    origins = [AsOf(newest - place * step, last.timezone) for place in range(count)]
    kept = tuple(origin for origin in reversed(origins) if origin >= first)
    if not kept:
        ends, begins = last.at.date(), first.at.date()
        advice = f"The facts end on {ends}; the earliest origin with enough history is {begins}. Bring older facts, or ask for fewer weeks."
        raise TooFewRows(model="backtest", found=0, what=f"origins with {weeks} weeks after them", needed=1, advice=advice)
    return kept


def earlier_origins(begins: AsOf, first: AsOf, weeks: int, count: int) -> tuple[AsOf, ...]:
    """Choose the origins before the first that is judged at which the baselines alone are tried, so that they know their errors.

    Parameters
    ----------
    begins
        Where the facts begin; an origin has a week or more of them.
    first
        The first that is judged.
    weeks, count
        As for ``choose_origins``.

    Returns
    -------
    Ascending; none where the facts are too short.
    """
    try:
        return choose_origins(begins.plus(7), first, weeks, count)
    except TooFewRows:
        return ()


def run(
    origins: Sequence[AsOf],
    weeks: int,
    forecast_at: Draws,
    actual: Amounts,
    *,
    baselines: Mapping[str, Amounts],
    earlier: Sequence[AsOf] = (),
) -> tuple[Outcome, ...]:
    """Forecast from each origin, and let each baseline forecast with the errors that it had made before.

    Parameters
    ----------
    origins
        Ascending, ``weeks`` or more apart.
    forecast_at
        Draws as they would have been made at an origin, from what was known then.
    actual
        What came in the periods after an origin.
    baselines
        Point forecasts from what was known at an origin; not a number where a baseline has no past yet.
    earlier
        Origins before the first, ascending, at which the baselines alone are tried, so that they have errors to learn from.
    """
    errors: dict[str, list[Floats]] = {name: [] for name in baselines}
    outcomes = []
    judged = set(origins)
    for origin in (*earlier, *origins):
        periods = calendar(origin, "week", weeks)
        came = actual(origin, periods)
        points = {name: point(origin, periods) for name, point in baselines.items()}
        if origin in judged:
            drawn = {name: with_errors(point, errors[name]) for name, point in points.items()}
            sums = {name: with_errors(_sum(point), [_sum(error) for error in errors[name]]) for name, point in points.items()}
            outcomes.append(Outcome(origin, periods, forecast_at(origin, periods), came, drawn, sums))
        for name, point in points.items():
            errors[name] += [came - point] if np.isfinite(point).all() else []
    return tuple(outcomes)


def document(outcomes: Sequence[Outcome], weeks: int) -> dict[str, Json]:
    """Sum up forecast and, under ``baselines``, each of them: over periods and, under ``total``, over each origin's sum of them.

    Pinball loss is the mean over the levels 0.05 to 0.95 in steps of 0.05, over periods and origins, in the currency. ``bias_pct`` is
    100 (sum of means / sum of what came - 1), null where nothing came.
    """
    sums = totals(outcomes)
    compared: dict[str, Json] = {
        name: {**figures(of_baseline(outcomes, name)), "total": figures(of_baseline(sums, name))} for name in outcomes[0].baselines
    }
    return {
        "origins": [one.origin.at.date().isoformat() for one in outcomes],
        "weeks": weeks,
        **figures(outcomes),
        "levels": [float(level) for level in LEVELS],
        "pit": _pit(outcomes),
        "total": {**figures(sums), "pit": _pit(sums)},
        "baselines": compared,
        "periods": _rows(outcomes),
        "notes": _notes(outcomes),
    }


def totals(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Give each origin with all its periods as one."""
    return [_total(one) for one in outcomes]


def of_baseline(outcomes: Sequence[Outcome], name: str) -> list[Outcome]:
    """Give the outcomes as if a baseline's draws were the forecast."""
    return [replace(one, draws=one.baselines[name]) for one in outcomes]


def figures(outcomes: Sequence[Outcome]) -> dict[str, Json]:
    """Give coverage, pinball loss, CRPS and bias over all periods of all origins."""
    covered: dict[str, Json] = {
        name: float(np.mean(np.concatenate([inside(one.actual, one.draws, level) for one in outcomes])))
        for name, level in COVERAGES.items()
    }
    came = float(sum(one.actual.sum() for one in outcomes))
    expected = float(sum(one.draws.mean(axis=0).sum() for one in outcomes))
    return {
        **covered,
        "pinball": float(np.mean([mean_pinball(one.actual, one.draws) for one in outcomes])),
        "crps": float(np.mean([crps(one.actual, one.draws).mean() for one in outcomes])),
        "bias_pct": 100 * (expected / came - 1) if came != 0 else None,
    }


def _sum(amounts: Floats) -> Floats:
    return np.asarray(amounts.sum(keepdims=True))


def _total(outcome: Outcome) -> Outcome:
    drawn = outcome.draws.sum(axis=1, keepdims=True)
    sums = outcome.baseline_totals
    return Outcome(outcome.origin, outcome.periods, drawn, _sum(outcome.actual), sums, sums)


def _pit(outcomes: Sequence[Outcome]) -> list[Json]:
    return [float(value) for place, one in enumerate(outcomes) for value in pit(one.actual, one.draws, seed=place)]


def _rows(outcomes: Sequence[Outcome]) -> list[Json]:
    """Give every judged period: what was expected, the central 80 %, and what came."""
    rows: list[Json] = []
    for one in outcomes:
        low, middle, high = np.quantile(one.draws, [0.1, 0.5, 0.9], axis=0)
        for place, period in enumerate(one.periods):
            expected = {"p10": float(low[place]), "p50": float(middle[place]), "p90": float(high[place])}
            dates = {"origin": one.origin.at.date().isoformat(), "start": period.start.date().isoformat()}
            rows.append({**dates, **expected, "actual": float(one.actual[place])})
    return rows


def _notes(outcomes: Sequence[Outcome]) -> list[Json]:
    """Say how much the figures can say: how far coverage strays by chance, and which baselines had no errors to learn from."""
    count = sum(one.actual.size for one in outcomes)
    low, high = (100 * bound / count for bound in binom.interval(0.9, count, COVERAGES["coverage_80"]))
    origins = f"{len(outcomes)} origin{'s' if len(outcomes) > 1 else ''}"
    chance = f"80 % intervals that are right hold {low:.0f} to {high:.0f} % of so many, nine times in ten"
    said: list[Json] = [f"{origins} of {outcomes[0].actual.size} periods: by chance alone, {chance}; periods of one origin widen that."]
    bare = [name for name, draws in outcomes[0].baselines.items() if len(draws) == 1]
    if bare:
        said.append(f"Before the first origin nothing is known of the errors of {', '.join(bare)}: a point is compared there.")
    return said
