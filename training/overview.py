"""The figures that a planner looks at first: each with interval, trend and target, or the reason why it can't be told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from math import log
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.errors import FunnelcastError
from funnelcast.evaluate.calibration import log_odds
from funnelcast.families.churn import FAMILY as CHURN
from funnelcast.forecast.past import came_in
from funnelcast.forecast.periods import Period
from funnelcast.forecast.projection import Projection
from funnelcast.forecast.result import Forecast
from funnelcast.labels import LABEL, matured
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec
from funnelcast.terms import FIGURES, AsOf, Json
from funnelcast.worklist import REACH, moved
from training.overview_words import lacking, than, told

LEVEL = 0.80
"""Of the intervals that come from draws; the economics' own is 90 %."""
BETTER: Mapping[str, str] = {**dict.fromkeys(FIGURES, "higher"), "cac": "lower", "churn": "lower"}
VIEWS: Mapping[str, str] = {
    **dict.fromkeys(("sales", "pipeline", "cash"), "forecast"),
    **dict.fromkeys(("cac", "clv_cac", "velocity"), "channels"),
    "churn": "people",
}
_YEAR = timedelta(weeks=52)
_QUANTILES, _DRAWS_EACH = 99, 50

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trend:
    """An earlier value; ``than`` says which, by the key of its words."""

    value: float
    than: str
    when: str = ""


@dataclass(frozen=True)
class Figure:
    """One figure; ``chance`` gives the probability that it lies below a target, ``about`` fills its explanation."""

    value: float
    low: float
    high: float
    level: float
    unit: str
    chance: Callable[[float], float]
    trend: Trend | None
    about: Mapping[str, object]


@dataclass(frozen=True)
class Overview:
    """What the figures are taken from: what a refresh has anyhow.

    Parameters
    ----------
    known
        Facts cut at ``as_of``.
    forecasts
        By quantity, by week.
    projection
        What they were drawn from.
    past
        The document of what came in before.
    economics
        The document; None where there is none.
    churn
        The spec of the churn model and everyone's answers; None where it doesn't serve.
    """

    known: Facts
    as_of: AsOf
    forecasts: Mapping[str, Forecast]
    projection: Projection
    past: Mapping[str, Any]
    economics: Mapping[str, Any] | None
    churn: tuple[Spec, pd.DataFrame] | None

    def document(self) -> dict[str, Json]:
        """Give the figures in their order, and why others are missing."""
        found = {name: self._figure(name) for name in FIGURES}
        return {
            "figures": [self._told(name, figure) for name, figure in found.items() if figure is not None],
            "missing": [lacking(name, self.known) for name, figure in found.items() if figure is None],
        }

    def _figure(self, name: str) -> Figure | None:
        if name in {"sales", "pipeline"}:
            return self._forecast(name)
        if name in {"cac", "clv_cac"}:
            return self._cost(name)
        return {"cash": self._cash, "churn": self._churn, "velocity": self._velocity}[name]()

    def _told(self, name: str, figure: Figure) -> dict[str, Json]:
        target = self.known.source.targets.get(name, self.known.source.floor if name == "cash" else None)
        below = None if target is None else figure.chance(target)
        met = below if below is None or BETTER[name] == "lower" else 1.0 - below
        return {
            "name": name,
            "value": figure.value,
            "low": figure.low,
            "high": figure.high,
            "level": figure.level,
            "unit": figure.unit,
            "better": BETTER[name],
            "target": target,
            "on_target": met,
            "trend": None if figure.trend is None else _change(figure, figure.trend),
            "view": VIEWS[name],
            **told(name, figure.about),
        }

    def _forecast(self, quantity: str) -> Figure | None:
        forecast = self.forecasts.get(quantity)
        if forecast is None or not forecast.draws:
            return None
        trend = self._same_weeks_before(quantity, forecast.periods)
        return _drawn(forecast.total().sum(axis=1), self.known.source.currency, trend, _span(forecast))

    def _cash(self) -> Figure | None:
        forecast, inputs = self.forecasts.get("cash"), self.projection.cash
        if forecast is None or inputs is None or inputs.opening_balance is None:
            return None
        lowest = (inputs.opening_balance + np.cumsum(forecast.total(), axis=1)).min(axis=1)
        return _drawn(lowest, self.known.source.currency, Trend(inputs.opening_balance, "today"), _span(forecast))

    def _same_weeks_before(self, quantity: str, periods: tuple[Period, ...]) -> Trend | None:
        """Give what came in over the same days 52 weeks before, else over as many before as_of: whole weeks, for weekdays to agree."""
        weeks = self.past.get(quantity, {}).get("week", [])
        if not weeks:
            return None
        first = AsOf.parse(weeks[0]["start"], self.as_of.timezone).at
        lately = timedelta(weeks=-((periods[0].start - periods[-1].end) // timedelta(weeks=1)))
        for back, words in ((_YEAR, "year"), (lately, "before")):
            then = tuple(Period(period.start - back, period.end - back) for period in periods)
            if first <= then[0].start:
                return Trend(came_in(quantity, self.known, self.projection, then), words, then[0].start.date().isoformat())
        return None

    def _cost(self, name: str) -> Figure | None:
        recent: Any = (self.economics or {}).get("recent") or {}
        key = {"cac": "cac_blended", "clv_cac": "clv_cac"}[name]
        now, before = (((recent.get(part) or {}).get(key) or {}) for part in ("now", "before"))
        trend = None if before.get("value") is None else Trend(before["value"], "months", recent["before"]["start"])
        unit = {"cac": self.known.source.currency, "clv_cac": "ratio"}[name]
        span = recent.get("now") or {}
        return self._estimated(now, unit, trend, {"start": span.get("start"), "end": span.get("end")})

    def _velocity(self) -> Figure | None:
        economics: Any = self.economics or {}
        speed = (economics.get("velocity") or {}).get("per_day") or {}
        earlier = (economics.get("recent") or {}).get("velocity") or {}
        before = (earlier.get("per_day") or {}).get("value")
        trend = None if before is None else Trend(before, "then", str(earlier["as_of"])[:10])
        return self._estimated(speed, f"{self.known.source.currency}/day", trend, {})

    def _estimated(self, found: Mapping[str, Any], unit: str, trend: Trend | None, about: Mapping[str, object]) -> Figure | None:
        if found.get("value") is None or self.economics is None:
            return None
        value, low, high, level = (*(float(found[end]) for end in ("value", "low", "high")), float(self.economics["level"]))
        return Figure(value, low, high, level, unit, partial(chance_below, value, low, high, level), trend, about)

    def _churn(self) -> Figure | None:
        if self.churn is None or self.churn[1].empty:
            return None
        spec, answers = self.churn
        stated = CHURN.name in self.known.source.labels  # in a column of contacts, which knows no horizon
        about = {"customers": len(answers), **({} if stated else {"days": spec.horizon_days})}
        trend = None if stated else self._left(spec)
        return _drawn(share_leaving(answers, spec.seed), "share", trend, about, value=float(answers["probability"].mean()))

    def _left(self, spec: Spec) -> Trend | None:
        """Give the share that did leave of those who were active a horizon ago; None where the facts don't tell."""
        then = self.as_of.plus(-spec.horizon_days)
        try:
            cohort = matured(CHURN.cohort(self.known, spec, [then]), spec.horizon_days, self.known.observed_until or self.as_of)
            left = CHURN.label(self.known, spec)(self.known, cohort, spec.horizon_days)[LABEL].mean().execute()
        except FunnelcastError:
            return None
        return None if left is None or not np.isfinite(left) else Trend(float(left), "left", then.at.date().isoformat())


def share_leaving(answers: pd.DataFrame, seed: int) -> Floats:
    """Draw the share of customers that will have left: the probabilities err together, as a list's expected profit has it, then chance.

        share | z ~ Normal(mean p(z), sum p(z) (1 - p(z)) / n^2),  z ~ Normal(0, 1) / z_95

    where p(z) are the probabilities moved within their 90 % intervals by the same part z in log-odds. z is taken at 99 even quantiles, so
    that the cost grows with the customers and not with the draws.
    """
    odds, low, high = (log_odds(answers[name].to_numpy(np.float64)) for name in ("probability", "low", "high"))
    rng = np.random.default_rng(seed)
    drawn = []
    for place in range(_QUANTILES):
        chances = moved(odds, low, high, NormalDist().inv_cdf((place + 0.5) / _QUANTILES) / REACH)
        spread = float(np.sqrt((chances * (1.0 - chances)).sum())) / chances.size
        drawn.append(rng.normal(float(chances.mean()), spread, _DRAWS_EACH))
    return np.clip(np.concatenate(drawn), 0.0, 1.0)


def chance_below(value: float, low: float, high: float, level: float, target: float) -> float:
    """Give the probability that a positive figure lies below a target, from its interval alone.

    Its logarithm is taken as normal on either side of the value, with the spread that the interval has on that side. Where a side has
    none, the figure lies on the other for certain.
    """
    if min(target, value, low) <= 0.0:
        return 0.0 if target < value else 1.0
    end = high if target >= value else low
    spread, distance = abs(log(end / value)), log(target / value)
    if spread == 0.0:
        return float(distance >= 0.0)
    return NormalDist().cdf(distance / spread * NormalDist().inv_cdf((1 + level) / 2))


def _drawn(draws: Floats, unit: str, trend: Trend | None, about: Mapping[str, object], value: float | None = None) -> Figure:
    low, high = (float(end) for end in np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]))
    mean = float(draws.mean()) if value is None else value
    return Figure(mean, low, high, LEVEL, unit, partial(_share_below, draws), trend, {"draws": len(draws), **about})


def _share_below(draws: Floats, target: float) -> float:
    return float((draws < target).mean())


def _span(forecast: Forecast) -> dict[str, object]:
    start, end = forecast.periods[0].start, forecast.periods[-1].end
    return {"start": start.date().isoformat(), "end": (end - timedelta(days=1)).date().isoformat()}


def _change(figure: Figure, trend: Trend) -> dict[str, Json]:
    """Give the relative change, of shares the difference; null where there was nothing to compare with."""
    earlier = trend.value
    relative = (figure.value - earlier) / abs(earlier) if earlier else None
    change = figure.value - earlier if figure.unit == "share" else relative
    return {"value": earlier, "change": change, "than": than(trend.than, trend.when)}
