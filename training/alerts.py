"""What deserves attention at a refresh: last weeks' sales against their forecast, stale models, drift, cash and data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from funnelcast.champions import Champion
from funnelcast.errors import FunnelcastError
from funnelcast.families.family import Progress
from funnelcast.forecast.periods import boundary, calendar
from funnelcast.forecast.result import statistics
from funnelcast.forecast.sales import forecast_sales, sales_inputs
from funnelcast.forecast.sales.history import basis_of, histories
from funnelcast.monitor.alerts import Alert, comparisons_per_month, data_quality, outside_band, shortfall, stale
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json

LOOK_BACK_WEEKS = 4
_DRAWS, _SEED = 1_000, 20_260_101


def alerts(
    facts: Facts, as_of: AsOf, serving: Mapping[str, Champion], cash: Mapping[str, Json] | None, progress: Progress
) -> dict[str, Json]:
    """Gather every alert, the ones on money first."""
    progress("alerts")
    found = [alert for alert in (shortfall(cash),) if alert] if cash else []
    found += list(_outside(facts, as_of))
    found += [alert for name, champion in serving.items() if (alert := stale(name, _age_days(champion, as_of)))]
    found += data_quality([finding.document() for finding in facts.findings])
    return {"alerts": [alert.document() for alert in found], "look_back_weeks": LOOK_BACK_WEEKS}


def _age_days(champion: Champion, as_of: AsOf) -> float:
    return AsOf.parse(champion.about.trained_as_of, as_of.timezone).days_until(as_of)


def _outside(facts: Facts, as_of: AsOf) -> Iterator[Alert]:
    """Compare the last full weeks of each channel with what would have been forecast before them."""
    origin = AsOf(boundary(as_of.at, "week"), as_of.timezone).plus(-7 * LOOK_BACK_WEEKS)
    periods = calendar(origin, "week", LOOK_BACK_WEEKS)
    try:
        basis = basis_of(facts)
        forecast = forecast_sales(sales_inputs(facts, origin, "week", LOOK_BACK_WEEKS), periods, _DRAWS, _SEED)
    except FunnelcastError:
        # no sales, or none so early: nothing to compare with
        return
    came = {history.name: history for history in histories(facts, as_of, "week", basis)}
    chance = comparisons_per_month(len(forecast.parts), 7.0 * LOOK_BACK_WEEKS)
    for name, draws in forecast.parts.items():
        history = came.get(name)
        if history is None or history.every != "week" or history.end != periods[-1].end:
            continue
        total = statistics(draws.sum(axis=1))
        band = {level: float(str(total[level])) for level in ("p05", "p50", "p95")}
        alert = outside_band(name, band, float(np.sum(history.values[-LOOK_BACK_WEEKS:])), comparisons_per_month=chance)
        if alert:
            yield alert
