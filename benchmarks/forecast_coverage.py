"""Do forecasts cover, and do they beat the field? `python -m benchmarks.forecast_coverage [companies] [contacts] [--rows FILE]`.

Each simulated company is forecast from one Monday by the very code that ships, with models fitted on what it knew then, and its totals of
bookings, sales and receipts over 4, 13 and 26 weeks are compared with what came. The Mondays differ from company to company, so that what
one date has in common is no noise that all share. A figure misses only where its 99 % interval, by a bootstrap over companies, excludes
what it should be; for fewer than a hundred companies that interval is too short where nearly all hold.

The pipeline's pinball loss over four weeks stands beside the baselines', each with the errors that it made at earlier origins: up to twelve
of them, four weeks apart. Sums of losses over companies are compared, where a company has the baseline (two seasons before its origin).

With ``--rows`` each company's figures are appended to a csv as they come; companies that it holds already aren't simulated again.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from funnelcast.evaluate.backtest import earlier_origins, run
from funnelcast.evaluate.baselines import Periods, baselines
from funnelcast.evaluate.quantiles import mean_pinball, pit
from funnelcast.families.one_thread import one_thread
from funnelcast.forecast.periods import calendar
from funnelcast.settings import Settings
from funnelcast.simulate import company
from funnelcast.terms import AsOf
from training.hindsight import Hindsight
from training.trials import Trial, cash_trial, pipeline_trial, sales_trial

COMPANIES, CONTACTS, FIRST = 400, 2_000, 1_000
SPANS, LEVELS = (4, 13, 26), (50, 80, 90)
ORIGINS = ("2024-12-02", "2025-01-13", "2025-02-24", "2025-04-07", "2025-05-19", "2025-06-30")
BASELINES = ("stage_weighted", "last_period", "quarter_naive", "seasonal_naive")
_EARLIER, _WEEKS, _BAR, _RESAMPLES = 12, 4, 0.85, 10_000
_QUANTILES: Mapping[str, float] = {"p05": 0.05, "p10": 0.1, "p25": 0.25, "p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95}
_LOSSES = [f"{name} {scope}" for scope in ("by week", "in total") for name in ("model", *BASELINES)]
_COLUMNS = ["company", "origin", "quantity", "weeks", "actual", "mean", "sd", *_QUANTILES, "pit", *_LOSSES]
Floats = npt.NDArray[np.float64]
Row = dict[str, str | int | float]


def origin_of(seed: int) -> AsOf:
    """Give the Monday from which a company is forecast: they take turns."""
    return AsOf.parse(ORIGINS[seed % len(ORIGINS)], "Europe/Paris")


def judged(contacts: int, seed: int) -> list[Row]:
    """Simulate a company and judge its forecasts: a row per quantity and span."""
    with one_thread():
        facts, origin = company(contacts, seed=seed).facts(), origin_of(seed)
        hindsight = Hindsight(Settings.read(), facts)
        trials = {"bookings": pipeline_trial(hindsight), "sales": sales_trial(facts), "receipts": cash_trial(hindsight)}
        about: Row = {"company": seed, "origin": ORIGINS[seed % len(ORIGINS)]}
        rows: list[Row] = []
        for quantity, trial in trials.items():
            periods = calendar(origin, "week", SPANS[-1])
            draws, came = trial.forecast_at(origin, periods), trial.actual(origin, periods)
            found = [{**about, "quantity": quantity, **total(draws[:, :weeks], came[:weeks], seed)} for weeks in SPANS]
            rows += [{**row, **beside(trial, origin, draws)} if quantity == "bookings" and row["weeks"] == _WEEKS else row for row in found]
        return rows


def total(draws: Floats, came: Floats, seed: int) -> Row:
    """Say where a total lies among its draws."""
    sums, actual = draws.sum(axis=1, keepdims=True), came.sum(keepdims=True)
    quantiles = {name: float(np.quantile(sums, level)) for name, level in _QUANTILES.items()}
    place = float(pit(actual, sums, seed)[0])
    return {"weeks": came.size, "actual": float(actual[0]), "mean": float(sums.mean()), "sd": float(sums.std()), **quantiles, "pit": place}


def beside(trial: Trial, origin: AsOf, draws: Floats) -> Row:
    """Give the pinball loss of the model and of each baseline, per period and in total."""
    earlier = earlier_origins(trial.begins, origin, _WEEKS, _EARLIER)
    simple = {**baselines(trial.known, trial.begins, origin), **trial.own_baselines([*earlier, origin])}

    def drawn(_: AsOf, periods: Periods) -> Floats:
        return draws[:, : len(periods)]

    (outcome,) = run([origin], _WEEKS, drawn, trial.actual, baselines=simple, earlier=earlier)
    actual, sums = outcome.actual, outcome.draws.sum(axis=1, keepdims=True)
    by_week = {f"{name} by week": mean_pinball(actual, own) for name, own in {"model": outcome.draws, **outcome.baselines}.items()}
    whole = {"model": sums, **outcome.baseline_totals}
    return {**by_week, **{f"{name} in total": mean_pinball(actual.sum(keepdims=True), own) for name, own in whole.items()}}


def resampled(columns: Sequence[Floats]) -> list[Floats]:
    """Resample companies: the sums of columns (one value per company) in each of the resamples, drawn together."""
    count = len(columns[0])
    times = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), _RESAMPLES)
    return [times @ column for column in columns]


def interval(values: Floats) -> tuple[float, float]:
    """Give the 99 % interval of resampled values."""
    low, high = np.quantile(values, (0.005, 0.995))
    return float(low), float(high)


def covered(pits: Floats, level: int) -> tuple[float, float, float]:
    """Give the share of totals within the central interval of a level in %, and its 99 % interval."""
    held = (np.abs(pits - 0.5) <= level / 200).astype(np.float64)
    return float(held.mean()), *interval(resampled([held])[0] / len(held))


def ratio(own: Floats, other: Floats) -> tuple[float, float, float]:
    """Give the sum of one loss over the sum of another, and its 99 % interval."""
    ours, theirs = resampled([own, other])
    return float(own.sum() / other.sum()), *interval(ours / theirs)


def coverage_table(rows: pd.DataFrame) -> Table:
    """Tell coverage, bias and mean PIT by quantity and span."""
    head = [f"{level} % holds" for level in LEVELS]
    table = Table("total of", "weeks", *head, "below p10", "above p90", "bias %", "mean PIT", title="with 99 % intervals")
    for (quantity, weeks), own in rows.groupby(["quantity", "weeks"], sort=False):
        pits = own["pit"].to_numpy(np.float64)
        held = [_against(covered(pits, level), level / 100, 100) for level in LEVELS]
        bias, *bounds = ratio(own["mean"].to_numpy(np.float64), own["actual"].to_numpy(np.float64))
        middle = (float(pits.mean()), *interval(resampled([pits])[0] / len(pits)))
        sides = (f"{100 * (pits < 0.1).mean():.1f}", f"{100 * (pits > 0.9).mean():.1f}")
        told = f"{100 * bias - 100:+.1f} ({100 * bounds[0] - 100:+.1f} to {100 * bounds[1] - 100:+.1f})"
        table.add_row(str(quantity), str(weeks), *held, *sides, told, f"{middle[0]:.3f} ({middle[1]:.3f} to {middle[2]:.3f})")
    return table


def pinball_table(rows: pd.DataFrame) -> Table:
    """Tell the pipeline's pinball loss beside each baseline's; the bar is 15 % below each."""
    table = Table("pinball of bookings, four weeks", "companies", "model", "baseline", "ratio (99 % interval)")
    for scope in ("by week", "in total"):
        for name in BASELINES:
            own = rows.reindex(columns=[f"model {scope}", f"{name} {scope}"]).dropna().to_numpy(np.float64)
            if not len(own):
                continue
            share, low, high = ratio(own[:, 0], own[:, 1])
            verdict = "" if share <= _BAR else " MISSES"
            means = (f"{value:,.0f}" for value in own.mean(axis=0))
            table.add_row(f"{name} {scope}", str(len(own)), *means, f"{share:.3f} ({low:.3f} to {high:.3f}){verdict}")
    return table


def collected(seeds: Sequence[int], contacts: int, file: Path | None, workers: int) -> Iterator[Row]:
    """Judge the companies that the file doesn't hold yet, and append each to it."""
    known = pd.read_csv(file) if file is not None and file.exists() else pd.DataFrame({"company": []})
    yield from known[known["company"].isin(seeds)].to_dict("records")  # type: ignore[misc]
    left = [seed for seed in seeds if seed not in set(known["company"])]
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        for rows in track(pool.map(partial(judged, contacts), left), "companies", len(left), console=Console(stderr=True)):
            if file is not None:
                pd.DataFrame(rows, columns=_COLUMNS).to_csv(file, mode="a", header=not file.exists(), index=False)
            yield from rows


def main() -> None:
    """Print the coverage of totals, and the pipeline's pinball loss beside the baselines'."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.forecast_coverage")
    parser.add_argument("companies", type=int, nargs="?", default=COMPANIES)
    parser.add_argument("contacts", type=int, nargs="?", default=CONTACTS)
    parser.add_argument("--first", type=int, default=FIRST, help="the seed of the first company")
    parser.add_argument("--rows", type=Path, help="a csv of every company's figures; a run that was broken off goes on from it")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.companies)
    rows = pd.DataFrame(collected(seeds, options.contacts, options.rows, options.workers))
    console = Console(width=190)
    console.print(f"{rows['company'].nunique()} companies of {options.contacts:,} contacts, seeds from {options.first}", highlight=False)
    console.print(coverage_table(rows))
    console.print(pinball_table(rows[rows["quantity"] == "bookings"]))


def _against(found: tuple[float, float, float], meant: float, times: float) -> str:
    share, low, high = found
    verdict = "" if low <= meant <= high else " MISSES"
    return f"{times * share:.1f} ({times * low:.1f} to {times * high:.1f}){verdict}"


if __name__ == "__main__":
    main()
