"""Back-test what the company will see: forecasts made as they would have been at earlier dates, beside the baselines."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from funnelcast.evaluate.backtest import backtest, choose_origins, earlier_origins
from funnelcast.evaluate.baselines import Periods, baselines
from funnelcast.families.family import Progress
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json
from training.train import default_as_of
from training.trials import TRIALS

Floats = npt.NDArray[np.float64]

_EARLIER = 26
_FEWEST_WEEKS = 12


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

    earlier = earlier_origins(trial.begins, chosen[0], weeks, _EARLIER)
    simple = {**baselines(trial.known, trial.begins, chosen[0]), **trial.own_baselines([*earlier, *chosen])}
    return {"quantity": quantity, **backtest(chosen, weeks, forecast_at, trial.actual, baselines=simple, earlier=earlier)}
