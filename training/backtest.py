"""Back-test what the company will see: forecasts made as they would have been at earlier dates, beside the baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from funnelcast.artefacts import to_json
from funnelcast.evaluate import backtest_plots as plots
from funnelcast.evaluate.backtest import Outcome, choose_origins, document, earlier_origins, run
from funnelcast.evaluate.baselines import Periods, baselines
from funnelcast.families.family import Progress
from funnelcast.settings import Settings
from funnelcast.sources.facts import Facts
from funnelcast.terms import AsOf, Json
from funnelcast.tracking import Record
from training.provenance import code_commit, data_hash
from training.recording import log_run, png
from training.train import default_as_of
from training.trials import TRIALS

Floats = npt.NDArray[np.float64]

_EARLIER = 26
_FEWEST_WEEKS = 12


def backtest_quantity(settings: Settings, facts: Facts, quantity: str, *, origins: int, weeks: int, progress: Progress) -> dict[str, Json]:
    """Back-test sales, pipeline or cash, and leave the figures and plots in an MLflow run.

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
    outcomes = judge(settings, facts, quantity, origins=origins, weeks=weeks, progress=progress)
    answer: dict[str, Json] = {"quantity": quantity, "unit": facts.source.currency, **document(outcomes, weeks)}
    progress(f"{quantity}: logging")
    run_id = log_run(settings, f"{facts.source.name}.{quantity}.backtest", record_of(facts, outcomes, answer))
    return {**answer, "run_id": run_id}


def judge(settings: Settings, facts: Facts, quantity: str, *, origins: int, weeks: int, progress: Progress) -> tuple[Outcome, ...]:
    """Forecast from each origin, beside the baselines; leaves nothing behind."""
    trial = TRIALS[quantity](settings, facts)
    last = default_as_of(facts)
    chosen = choose_origins(trial.begins.plus(7 * max(_FEWEST_WEEKS, 2 * weeks)), last, weeks, origins)

    def forecast_at(origin: AsOf, periods: Periods) -> Floats:
        progress(f"{quantity}: forecasting from {origin.at.date()}")
        return trial.forecast_at(origin, periods)

    earlier = earlier_origins(trial.begins, chosen[0], weeks, _EARLIER)
    simple = {**baselines(trial.known, trial.begins, chosen[0]), **trial.own_baselines([*earlier, *chosen])}
    return run(chosen, weeks, forecast_at, trial.actual, baselines=simple, earlier=earlier)


def record_of(facts: Facts, outcomes: tuple[Outcome, ...], answer: Mapping[str, Json]) -> Record:
    """Gather what the run keeps: the figures of forecast and baselines, the document and the plots."""
    quantity, unit = str(answer["quantity"]), facts.source.currency
    figures = {
        "fan": plots.fan(outcomes, quantity, unit),
        "pit": plots.pit_histogram(outcomes, quantity),
        "pinball": plots.pinball_by_method(outcomes, quantity, unit),
    }
    return Record(
        # not `origins` or `weeks`: inside `mlflow run` those are parameters of the entry point
        parameters={
            "quantity": quantity,
            "first_origin": outcomes[0].origin.isoformat(),
            "last_origin": outcomes[-1].origin.isoformat(),
            "origins_judged": len(outcomes),
            "weeks_ahead": answer["weeks"],
        },
        metrics=dict(_numbers(answer)),
        tags={"source": facts.source.name, "kind": "backtest", "data_hash": data_hash(facts), "code_commit": code_commit()},
        files={"backtest.json": to_json(dict(answer)), **{f"plots/{name}.png": png(figure) for name, figure in figures.items()}},
    )


def _numbers(answer: Mapping[str, Json], prefix: str = "") -> Iterator[tuple[str, float]]:
    """Give the figures of a document by the names that lead to them, such as ``baselines.last_period.total.pinball``."""
    for name, value in answer.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, float):
            yield f"{prefix}{name}", value
