"""How sales, the pipeline and cash are forecast and judged at an origin, with models fitted on what was known then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt

from funnelcast.errors import TooFewRows
from funnelcast.evaluate.backtest import Draws
from funnelcast.evaluate.baselines import Amounts, Periods
from funnelcast.families.deal_outcome import FAMILY as DEAL_OUTCOME
from funnelcast.families.family import Model
from funnelcast.families.payment_delay import FAMILY as PAYMENT_DELAY
from funnelcast.forecast.bookings_known import won
from funnelcast.forecast.cash import RECEIPTS
from funnelcast.forecast.periods import calendar
from funnelcast.forecast.projection import Ask, Projection
from funnelcast.forecast.receipts import received, when_due
from funnelcast.forecast.sales import forecast_sales, sales_inputs
from funnelcast.forecast.sales.history import basis_of
from funnelcast.forecast.sales.revenue import Revenue
from funnelcast.settings import Settings
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import Spec, read
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

    def drawn(origin: AsOf, periods: Periods, models: Mapping[str, Model], part: str | None = None) -> Floats:
        forecast = _project(settings, facts, origin, models, frozenset({"pipeline"})).forecast(_ask("pipeline", origin, periods))
        return forecast.total() if part is None else forecast.parts[part]

    def stage_weighted(origin: AsOf, periods: Periods) -> Floats:
        known = _cut(facts, origin)
        simple = DEAL_OUTCOME.baseline_at(known, read(settings.models, DEALS), origin)
        return np.asarray(drawn(origin, periods, {DEALS: simple}, "open_deals").mean(axis=0))

    return Trial(
        begins=_first(facts, "deals", "opened_at"),
        forecast_at=lambda origin, periods: drawn(origin, periods, _fitted(settings, facts, origin, (DEALS,))),
        actual=lambda _, periods: won(facts, periods),
        known=lambda as_of, periods: won(_cut(facts, as_of), periods),
        own_baselines={"stage_weighted": stage_weighted},
    )


def cash_trial(settings: Settings, facts: Facts) -> Trial:
    """Judge cash by receipts: what invoices brought; ``due_date`` has every open invoice paid when due."""

    def forecast_at(origin: AsOf, periods: Periods) -> Floats:
        names = tuple(name for name, table in ((DEALS, "deals"), (INVOICES, "invoices")) if facts.has(table))
        models = _fitted(settings, facts, origin, names)
        wanted = frozenset({"cash", "pipeline"} if facts.has("deals") else {"cash"})
        forecast = _project(settings, facts, origin, models, wanted).forecast(_ask("cash", origin, periods))
        return np.asarray(sum(forecast.parts[name] for name in RECEIPTS))

    return Trial(
        begins=_first(facts, "invoices", "issued_at"),
        forecast_at=forecast_at,
        actual=lambda _, periods: received(facts, periods),
        known=lambda as_of, periods: received(_cut(facts, as_of), periods),
        own_baselines={"due_date": lambda origin, periods: when_due(facts, origin, periods)},
    )


def _project(settings: Settings, facts: Facts, origin: AsOf, models: Mapping[str, Model], wanted: frozenset[str]) -> Projection:
    return Gatherer(settings, facts, origin, models, lambda _: None).project(wanted)


def _ask(quantity: str, origin: AsOf, periods: Periods) -> Ask:
    ask = Ask(quantity, count=len(periods))
    if calendar(origin, "week", len(periods)) != tuple(periods):
        message = f"a back-test's periods are the {len(periods)} weeks after its origin {origin.isoformat()}"
        raise ValueError(message)
    return ask


def _fitted(settings: Settings, facts: Facts, origin: AsOf, names: tuple[str, ...]) -> dict[str, Model]:
    known = _cut(facts, origin)
    fits: Mapping[str, Callable[[Facts, Spec, AsOf], Model]] = {DEALS: DEAL_OUTCOME.fit_at, INVOICES: PAYMENT_DELAY.fit_at}
    return {name: fits[name](known, read(settings.models, name), origin) for name in names}


@lru_cache(maxsize=64)
def _cut(facts: Facts, as_of: AsOf) -> Facts:
    return cut(facts, as_of)


def _first(facts: Facts, table: str, clock: str) -> AsOf:
    column = facts.table(table, f"The back-test on {table}")[clock]
    first = column.min().execute()
    if first is None or first != first:  # noqa: PLR0124 (NaT)
        raise TooFewRows(model="backtest", found=0, what=f"rows of {table} with {clock}", needed=1, advice="")
    return AsOf(first.to_pydatetime().replace(hour=0, minute=0, second=0, microsecond=0), facts.source.timezone)


TRIALS: Mapping[str, Callable[[Settings, Facts], Trial]] = {"sales": sales_trial, "pipeline": pipeline_trial, "cash": cash_trial}
"""How each quantity is forecast and judged."""
