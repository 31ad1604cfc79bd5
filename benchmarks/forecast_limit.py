"""How near do bookings' forecasts come to the best possible? `python -m benchmarks.forecast_limit [companies] [contacts]`.

A forecaster who knew the laws of the simulated company and the true state of its deals on the Monday of the forecast (each deal's hazards
with what can't be seen in it, which deals are neglected, how large months' shocks are, which companies go on as customers) would forecast
what `funnelcast.simulate.deal_futures` draws: other futures from the same state. No forecast can be better on average, so its pinball loss
beside the stage-weighted baseline's is the limit of what any bar may ask for.

Each loss is taken twice: against what came, and against a second half of those futures in its place, which is the loss to be expected with
hardly any luck in it. The same futures tell the bias: what the model expects over what the true state expects.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.forecast_coverage import SPANS, origin_of, ratio
from funnelcast.evaluate.backtest import earlier_origins, run
from funnelcast.evaluate.quantiles import LEVELS, pinball
from funnelcast.families.one_thread import one_thread
from funnelcast.forecast.periods import calendar
from funnelcast.settings import Settings
from funnelcast.simulate import blocks, company
from funnelcast.simulate.deal_futures import standing, won_ahead
from funnelcast.terms import AsOf
from training.hindsight import Hindsight
from training.trials import pipeline_trial

COMPANIES, CONTACTS, FIRST, FUTURES = 100, 2_000, 0, 400
_WEEKS, _EARLIER = 4, 12
METHODS = ("model", "true state")
Floats = npt.NDArray[np.float64]
Row = dict[str, float]


def futures(contacts: int, seed: int, origin: AsOf, weeks: int, count: int) -> Floats:
    """Draw the amounts won in each of the coming weeks from the true state of a company: shape [count, weeks]."""
    total = np.zeros((count, weeks))
    for block in blocks(contacts, seed):
        day = (origin.at.date() - block.leads.market.seasons.start).days
        stood, generator = standing(block.deals, day), np.random.default_rng([seed, block.number])
        for place in range(count):
            total[place] += won_ahead(block, stood, day, 7 * weeks, generator).reshape(weeks, 7).sum(axis=1)
    return total


def judged(contacts: int, seed: int, count: int) -> Row:
    """Give the losses of the model, of the true state and of the stage-weighted baseline over four weeks, and what the first two expect."""
    with one_thread():
        facts, origin = company(contacts, seed=seed).facts(), origin_of(seed)
        trial = pipeline_trial(Hindsight(Settings.read(), facts))
        periods = calendar(origin, "week", SPANS[-1])
        draws, true = trial.forecast_at(origin, periods), futures(contacts, seed, origin, SPANS[-1], count)
        earlier = earlier_origins(trial.begins, origin, _WEEKS, _EARLIER)
        simple = trial.own_baselines([*earlier, origin])
        (outcome,) = run([origin], _WEEKS, lambda _, asked: draws[:, : len(asked)], trial.actual, baselines=simple, earlier=earlier)
    near, after = true[: count // 2, :_WEEKS], true[count // 2 :, :_WEEKS]
    by_week = {"model": outcome.draws, "true state": near, "stage_weighted": outcome.baselines["stage_weighted"]}
    whole = {name: drawn.sum(axis=1, keepdims=True) for name, drawn in by_week.items() if name != "stage_weighted"}
    whole["stage_weighted"] = outcome.baseline_totals["stage_weighted"]
    came = outcome.actual[None]
    found = losses("by week", by_week, came, after)
    found |= losses("in total", whole, came.sum(axis=1, keepdims=True), after.sum(axis=1, keepdims=True))
    return found | {
        f"{name} {weeks}": float(own[:, :weeks].sum(axis=1).mean())
        for name, own in zip(METHODS, (draws, true), strict=True)
        for weeks in SPANS
    }


def losses(scope: str, methods: Mapping[str, Floats], came: Floats, after: Floats) -> Row:
    """Give each method's mean pinball loss against what came, and against what might have come: each of shape [outcomes, periods]."""
    found: Row = {}
    for name, drawn in methods.items():
        quantiles = np.quantile(drawn, LEVELS, axis=0)
        for against, outcomes in (("came", came), ("might", after)):
            found[f"{name} {scope} {against}"] = float(np.mean([pinball(one, quantiles).mean() for one in outcomes]))
    return found


def loss_table(rows: pd.DataFrame) -> Table:
    """Tell the pinball losses of the model and of the true state beside the stage-weighted baseline's."""
    table = Table("pinball of bookings, four weeks", *METHODS, title="over stage_weighted, with 99 % intervals by companies")
    for scope in ("by week", "in total"):
        for against, said in (("came", "against what came"), ("might", "expected")):
            baseline = _column(rows, f"stage_weighted {scope} {against}")
            own = [ratio(_column(rows, f"{name} {scope} {against}"), baseline) for name in METHODS]
            table.add_row(f"{scope}, {said}", *(f"{share:.3f} ({low:.3f} to {high:.3f})" for share, low, high in own))
    return table


def bias_table(rows: pd.DataFrame) -> Table:
    """Tell what the model expects over what the true state expects."""
    table = Table("total over", "model over true state %", title="bias, with 99 % intervals by companies")
    for weeks in SPANS:
        share, low, high = ratio(*(_column(rows, f"{name} {weeks}") for name in METHODS))
        table.add_row(f"{weeks} weeks", f"{100 * share - 100:+.1f} ({100 * low - 100:+.1f} to {100 * high - 100:+.1f})")
    return table


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how far the model is from the best possible forecast."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecast_limit")
    parser.add_argument("companies", type=int, nargs="?", default=COMPANIES)
    parser.add_argument("contacts", type=int, nargs="?", default=CONTACTS)
    parser.add_argument("--first", type=int, default=FIRST, help="the seed of the first company")
    parser.add_argument("--futures", type=int, default=FUTURES, help="from the true state of each company")
    options = parser.parse_args(arguments)
    seeds = range(options.first, options.first + options.companies)
    console = Console(width=150)
    told = track(seeds, "companies", console=Console(stderr=True))
    rows = pd.DataFrame([judged(options.contacts, seed, options.futures) for seed in told])
    console.print(f"{len(rows)} companies of {options.contacts:,} contacts, seeds from {options.first}", highlight=False)
    console.print(loss_table(rows))
    console.print(bias_table(rows))


def _column(rows: pd.DataFrame, name: str) -> Floats:
    return rows[name].to_numpy(np.float64)


if __name__ == "__main__":
    main()
