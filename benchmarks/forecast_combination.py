"""Would forecasts gain from what earlier origins taught? `python -m benchmarks.forecast_combination pipeline=FILE cash=FILE sales=FILE`.

Each named quantity of a source.toml is back-tested over four weeks, as `funnelcast backtest` does, and so are simulated companies
(`--companies`, each with up to eight origins). From the second origin on, what shipped is compared with

- spread: the quantiles drawn out or in around the median, by the factor that was best at earlier origins (a conformal correction);
- level: all quantiles times what came over what was expected at earlier origins;
- average: the mean, level by level, of the quantiles of forecast and baselines (Vincent), with the weights that were best at earlier
  origins;
- cautious: the same with weights that begin at 0.8 for the forecast and fall exponentially with each origin's loss (Vovk 1990).

What n earlier origins taught the first three counts n / (n + 8): the rest is the forecast as it is. Ratios of pinball loss below 1 would be
a gain.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from funnelcast.evaluate.backtest import Outcome, of_baseline, totals
from funnelcast.evaluate.quantiles import LEVELS, pinball
from funnelcast.families.one_thread import one_thread
from funnelcast.settings import Settings
from funnelcast.simulate import company
from funnelcast.sources.facts import Facts
from funnelcast.sources.open import open_source
from training.backtest import judge

QUANTITIES = ("pipeline", "cash", "sales")
MODEL = "model"
_WEEKS, _MOST_ORIGINS, _SIMULATED_ORIGINS, _PRIOR_ORIGINS = 4, 30, 8, 8.0
_SPREADS = np.geomspace(0.4, 2.5, 41)
_STEPS = np.linspace(0.0, 1.0, 21)
_ROUNDS = 40
_TRUST, _FARTHEST = 0.8, 4.0
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Origins:
    """What came at some origins, shape (origins, periods), and each method's quantiles, shape (levels, origins, periods)."""

    actual: Floats
    quantiles: Mapping[str, Floats]
    mean: Floats

    @classmethod
    def of(cls, outcomes: Sequence[Outcome]) -> Origins:
        """Take the quantiles of all methods."""
        drawn = {MODEL: outcomes, **{name: of_baseline(outcomes, name) for name in outcomes[0].baselines}}
        quantiles = {name: np.stack([np.quantile(one.draws, LEVELS, axis=0) for one in found], axis=1) for name, found in drawn.items()}
        return cls(np.stack([one.actual for one in outcomes]), quantiles, np.stack([one.draws.mean(axis=0) for one in outcomes]))

    def __getitem__(self, chosen: slice) -> Origins:
        """Give some of the origins."""
        return Origins(self.actual[chosen], {name: own[:, chosen] for name, own in self.quantiles.items()}, self.mean[chosen])

    def loss(self, quantiles: Floats) -> float:
        """Give the mean pinball loss of quantiles."""
        return float(pinball(self.actual.ravel(), quantiles.reshape(len(LEVELS), -1)).mean())


Learned = Callable[[Origins, float], Callable[[Origins], Floats]]
"""From earlier origins, and how much they count, to the quantiles of later ones."""


def spread(before: Origins, counts: float) -> Callable[[Origins], Floats]:
    """Learn how far quantiles should lie from the median."""

    def drawn_out(of: Origins, factor: float) -> Floats:
        own = of.quantiles[MODEL]
        middle = own[len(LEVELS) // 2]
        return np.asarray(middle + factor * (own - middle))

    best = min(_SPREADS, key=lambda factor: before.loss(drawn_out(before, factor)))
    return lambda now: drawn_out(now, best**counts)


def level(before: Origins, counts: float) -> Callable[[Origins], Floats]:
    """Learn how much more came than was expected: within a half and twice."""
    ratio = np.clip(before.actual.sum() / max(before.mean.sum(), 1e-9), 0.5, 2.0)
    return lambda now: np.asarray(now.quantiles[MODEL] * ratio**counts)


def average(names: Sequence[str], before: Origins, counts: float) -> Callable[[Origins], Floats]:
    """Learn weights of the model and of baselines, by steps along the best single one (Frank and Wolfe 1956)."""
    methods = [MODEL, *names]
    weights = np.eye(len(methods))[0]

    def mixed(of: Origins, by: Floats) -> Floats:
        return np.asarray(sum(weight * of.quantiles[name] for weight, name in zip(by, methods, strict=True)))

    for _ in range(_ROUNDS):
        now = mixed(before, weights)
        slope = np.where(before.actual > now, -LEVELS[:, None, None], 1 - LEVELS[:, None, None])
        towards = np.eye(len(methods))[np.argmin([(slope * before.quantiles[name]).sum() for name in methods])]
        step = min(_STEPS, key=lambda size: before.loss(mixed(before, (1 - size) * weights + size * towards)))
        if step == 0:
            break
        weights = (1 - step) * weights + step * towards
    shipped = counts * weights + (1 - counts) * np.eye(len(methods))[0]
    return lambda now: mixed(now, shipped)


def cautious(before: Origins, _: float) -> Callable[[Origins], Floats]:
    """Weigh each method by exp(-half the sum over origins of its loss relative to the model's), from 0.8 for the model."""
    methods = [MODEL, *(name for name in before.quantiles if name != MODEL)]
    by_origin = [before[place : place + 1] for place in range(len(before.actual))]
    lost = np.array([[one.loss(one.quantiles[name]) for name in methods] for one in by_origin])
    behind = (lost / np.maximum(lost[:, :1], 1e-9) - 1).clip(max=_FARTHEST).sum(axis=0)
    prior = np.full(len(methods), (1 - _TRUST) / max(len(methods) - 1, 1))
    prior[0] = _TRUST
    weights = prior * np.exp(-behind / 2)
    return lambda now: np.asarray(sum(weight * now.quantiles[name] for weight, name in zip(weights / weights.sum(), methods, strict=True)))


def losses(origins: Origins) -> Iterator[dict[str, float]]:
    """Give the pinball loss of each way at every origin but the first, from what the earlier ones taught."""
    names = [name for name in origins.quantiles if name != MODEL]
    ways: dict[str, Learned] = {"spread": spread, "level": level, "average": partial(average, names), "cautious": cautious}
    for place in range(1, len(origins.actual)):
        before, now = origins[:place], origins[place : place + 1]
        counts = place / (place + _PRIOR_ORIGINS)
        yield {MODEL: now.loss(now.quantiles[MODEL]), **{way: now.loss(learn(before, counts)(now)) for way, learn in ways.items()}}


def judged(facts: Facts, name: str, quantity: str, origins: int) -> pd.DataFrame:
    """Back-test one quantity: a row per origin, by week and in total."""
    outcomes = judge(Settings.read(), facts, quantity, origins=origins, weeks=_WEEKS, progress=lambda _: None)
    return pd.concat(
        pd.DataFrame(losses(Origins.of(of))).assign(facts=name, quantity=quantity, over=over)
        for over, of in (("weeks", outcomes), ("their total", totals(outcomes)))
    )


def simulated(seed: int) -> pd.DataFrame:
    """Back-test every quantity of a simulated company."""
    with one_thread():
        facts = company(2_000, seed=seed).facts()
        return pd.concat(judged(facts, "simulated", quantity, _SIMULATED_ORIGINS) for quantity in QUANTITIES)


def table(rows: pd.DataFrame) -> Table:
    """Tell the ratio of each way's loss to the model's."""
    ways = [name for name in rows if name not in {MODEL, "facts", "quantity", "over"}]
    shown = Table("facts", "forecast of", "origins", "model", *ways, title="pinball loss over four weeks; ways as ratios to the model's")
    for (name, quantity, over), own in rows.groupby(["facts", "quantity", "over"], sort=False):
        means = own[[MODEL, *ways]].mean()
        ratios = [f"{means[way] / means[MODEL]:.3f}" for way in ways]
        shown.add_row(str(name), f"{quantity}, {over}", str(len(own)), f"{means[MODEL]:,.0f}", *ratios)
    return shown


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecast_combination")
    parser.add_argument("sources", nargs="*", metavar="QUANTITY=FILE", help="a quantity and a source.toml")
    parser.add_argument("--companies", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first company")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    rows = []
    for given in options.sources:
        quantity, file = given.split("=", 1)
        facts = open_source(Path(file))
        rows.append(judged(facts, facts.source.name, quantity, _MOST_ORIGINS))
    with ProcessPoolExecutor(options.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        seeds = range(options.first, options.first + options.companies)
        rows += track(pool.map(simulated, seeds), "companies", len(seeds), console=Console(stderr=True))
    Console(width=190).print(table(pd.concat(rows)))


if __name__ == "__main__":
    main()
