"""Does the budget of false alarms hold, and what is seen in time? `python -m benchmarks.alert_budget [companies]`.

Each simulated company has 60 weekly series of five years in which nothing changes but chance and the season: autoregressive errors, heavy
tails (Student's t with 3 degrees of freedom), and small counts of sales with amounts of their own. The last two years are watched by the
very rule that `funnelcast refresh` runs, models and all. Beside it stand what one would otherwise pick: three standard deviations around
the mean of the last 52 weeks, and the 90 % band of the forecast of each week.

What is seen in time: in 12 of the 60 series the level falls or rises for good in a random week of those two years.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.special import stdtrit

from benchmarks.measure import Row
from funnelcast.families.one_thread import one_thread
from funnelcast.forecast.sales.history import History
from funnelcast.monitor.budget import CALIBRATION_BLOCKS, episodes
from funnelcast.monitor.surprises import Surprises, surprises
from funnelcast.monitor.watched import Watched
from funnelcast.terms import DAYS_PER_MONTH

Floats = npt.NDArray[np.float64]
Seen = Mapping[str, list[tuple[int, int, bool]]]
"""By rule, what it announced: the series, the week, and whether it was above."""

COMPANIES = 40
KINDS = ("autoregressive",) * 28 + ("heavy tails",) * 18 + ("small counts",) * 14
CHANGES = (-0.5, -0.3, 0.3, 0.5)
WITHIN = (1, 4, 13)
RULES = ("funnelcast", "3 sigma of 52 weeks", "90 % band each week")
_WEEKS, _WATCHED_BLOCKS, _BLOCK, _YEAR = 260, 8, 13, 365.25 / 7
_WATCHED = _WATCHED_BLOCKS * _BLOCK
_MONTHS = _WATCHED * 7 / DAYS_PER_MONTH
_START = datetime(2021, 1, 25)  # noqa: DTZ001 (wall-clock; the Monday with which a block of weeks begins)
_EVERY_FIFTH = 5


@dataclass(frozen=True)
class Setting:
    """What is tried.

    Parameters
    ----------
    per_month
        The budget.
    changes
        By how much levels change, each in a company of its own.
    every
        Takes each so-manieth of the 60 series.
    shared
        The standard deviation (of a logarithm) of what moves all series of a company in one week.
    """

    per_month: float = 1.0
    changes: Sequence[float] = CHANGES
    every: int = 1
    shared: float = 0.0

    @property
    def kinds(self) -> Sequence[str]:
        """The series, by their kind."""
        return KINDS[:: self.every]


@dataclass(frozen=True)
class Company:
    """What became of one company.

    Parameters
    ----------
    alarms
        By rule, false alarms a month where nothing changed.
    waited
        By rule and change, by changed series its kind and after how many weeks it was seen; infinite: not at all.
    """

    alarms: Mapping[str, float]
    waited: Mapping[tuple[str, float], Sequence[tuple[str, float]]]


def series(kind: str, random: np.random.Generator) -> Floats:
    """Simulate five years of one series in which nothing changes, shape (260,)."""
    turn, half = 2 * np.pi * np.arange(_WEEKS) / _YEAR, 4 * np.pi * np.arange(_WEEKS) / _YEAR
    season = random.uniform(0, 0.3) * np.sin(turn + random.uniform(0, 7)) + random.uniform(0, 0.15) * np.sin(half + random.uniform(0, 7))
    if kind == "small counts":
        counts = random.poisson(random.uniform(0.3, 4.0) * np.exp(season))
        return np.array([random.lognormal(7.0, 0.6, count).sum() for count in counts])
    warm_up = 100
    news = random.standard_normal(warm_up + _WEEKS) if kind == "autoregressive" else random.standard_t(3, warm_up + _WEEKS) / np.sqrt(3)
    memory, deviation, errors = random.uniform(0.0, 0.9), random.uniform(0.05, 0.3), np.zeros(warm_up + _WEEKS)
    for week in range(1, errors.size):
        errors[week] = memory * errors[week - 1] + np.sqrt(1 - memory**2) * news[week]
    return np.asarray(np.exp(random.uniform(7.0, 11.0) + season + deviation * errors[warm_up:]))


def measured(values: Floats) -> Surprises:
    """Run one series through the models, as a refresh does."""
    watched = Watched("sales", History("", "week", _START, values, np.full(7, 1 / 7)))
    return next(filter(None, [surprises(watched, "FR", _WATCHED_BLOCKS + CALIBRATION_BLOCKS)]))


def announced(values: Sequence[Floats], found: Sequence[Surprises], per_month: float = 1.0) -> Seen:
    """Give what each rule announces in the last two years."""
    place = {id(one): number for number, one in enumerate(found)}
    own = [
        (place[id(episode.surprises)], episode.surprises.first + episode.place, episode.score > 0)
        for episode in episodes(found, per_month, _WATCHED_BLOCKS - 1)
    ]
    return {
        RULES[0]: [one for one in own if one[1] >= _WEEKS - _WATCHED],
        RULES[1]: [(number, *alarm) for number, one in enumerate(values) for alarm in _beyond_three_sigma(one)],
        RULES[2]: [(number, *alarm) for number, one in enumerate(found) for alarm in _outside_its_band(one)],
    }


def judged(setting: Setting, seed: int) -> Company:
    """Simulate a company and watch it, as it is and with each change."""
    with one_thread():
        random, kinds = np.random.default_rng([seed, 60]), setting.kinds
        alike = np.exp(setting.shared * np.random.default_rng([seed, 1]).standard_normal(_WEEKS))
        values = [series(kind, random) * alike for kind in kinds]
        found = [measured(one) for one in values]
        alarms = {rule: len(seen) / _MONTHS for rule, seen in announced(values, found, setting.per_month).items()}
        waited: dict[tuple[str, float], list[tuple[str, float]]] = {}
        for change in setting.changes:
            chosen = range(seed % _EVERY_FIFTH, len(kinds), _EVERY_FIFTH)
            changed = {number: int(random.integers(_WEEKS - _WATCHED, _WEEKS - _BLOCK)) for number in chosen}
            new = [_shifted(one, changed[number], change) if number in changed else one for number, one in enumerate(values)]
            again = [measured(new[number]) if number in changed else one for number, one in enumerate(found)]
            for rule, seen in announced(new, again, setting.per_month).items():
                waited[rule, change] = [(kinds[number], _wait(seen, number, week, above=change > 0)) for number, week in changed.items()]
        return Company(alarms, waited)


def rows(companies: int = 3) -> Iterator[Row]:
    """Give false alarms a month beside the other rules', for the table of all benchmarks."""
    found = [judged(Setting(changes=()), seed) for seed in range(companies)]
    for rule in RULES[1:]:
        own, theirs = (float(np.mean([company.alarms[name] for company in found])) for name in (RULES[0], rule))
        kept = f"budget of 1 {'kept' if own <= 1 else 'BROKEN'}"
        yield Row("false alarms a month, 60 series", rule, own, theirs, theirs / max(own, 1e-9), kept, "")


def main() -> None:
    """Print false alarms a month by rule, and what is seen within how many weeks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alert_budget")
    parser.add_argument("companies", type=int, nargs="?", default=COMPANIES)
    parser.add_argument("--per-month", type=float, default=1.0, help="the budget")
    parser.add_argument("--every", type=int, default=1, help="take each so-manieth of the 60 series: 10 makes companies of six")
    parser.add_argument("--shared", type=float, default=0.0, help="the deviation of what moves all series of a company in one week")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    setting = Setting(options.per_month, CHANGES, options.every, options.shared)
    with ProcessPoolExecutor(options.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        done = pool.map(partial(judged, setting), range(options.companies))
        found = list(track(done, "companies", options.companies, console=Console(stderr=True)))
    console = Console(width=150)
    console.print(f"{len(found)} companies of {len(setting.kinds)} series, {_MONTHS:.1f} months each; budget {setting.per_month:g} a month")
    console.print(_alarm_table(found))
    console.print(_power_table(found))


def _shifted(values: Floats, week: int, change: float) -> Floats:
    return np.where(np.arange(values.size) < week, values, values * (1 + change))


def _wait(seen: Sequence[tuple[int, int, bool]], number: int, week: int, *, above: bool) -> float:
    return min((when - week + 1 for which, when, up in seen if which == number and when >= week and up == above), default=np.inf)


def _beyond_three_sigma(values: Floats) -> Iterator[tuple[int, bool]]:
    for week in range(_WEEKS - _WATCHED, _WEEKS):
        past = values[week - 52 : week]
        if abs(values[week] - past.mean()) > 3 * past.std(ddof=1):
            yield week, bool(values[week] > past.mean())


def _outside_its_band(found: Surprises) -> Iterator[tuple[int, bool]]:
    for place in np.flatnonzero(np.abs(found.errors[-_WATCHED:]) > 1):
        yield _WEEKS - _WATCHED + int(place), bool(found.errors[place - _WATCHED] > 0)


def _alarm_table(found: Sequence[Company]) -> Table:
    table = Table("rule", "false alarms a month", "95 % interval over companies", "most in a company", title="nothing changed")
    for rule in RULES:
        alarms = np.array([company.alarms[rule] for company in found])
        half = float(stdtrit(alarms.size - 1, 0.975)) * alarms.std(ddof=1) / np.sqrt(alarms.size)
        interval = f"{alarms.mean() - half:.2f} to {alarms.mean() + half:.2f}"
        table.add_row(rule, f"{alarms.mean():.2f}", interval, f"{alarms.max():.2f}")
    return table


def _power_table(found: Sequence[Company]) -> Table:
    head = [f"{change:+.0%} within {' / '.join(map(str, WITHIN))} weeks" for change in CHANGES]
    table = Table("rule", "series", *head, title="share of changes seen, %")
    for rule in RULES:
        for kind in dict.fromkeys(KINDS):
            cells = []
            for change in CHANGES:
                waits = np.array([wait for company in found for name, wait in company.waited[rule, change] if name == kind])
                cells.append(" / ".join(f"{100 * (waits <= weeks).mean():.0f}" if waits.size else "–" for weeks in WITHIN))
            table.add_row(rule, kind, *cells)
    return table


if __name__ == "__main__":
    main()
