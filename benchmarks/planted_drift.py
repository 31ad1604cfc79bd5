"""Is a planted drift seen within two months, and named? `python -m benchmarks.planted_drift [companies]`.

Simulated companies of 4,000 to 10,000 contacts and three years are written to files, one thing is changed in the files from a random day
of the last year on, and they are opened with their own source.toml as a user would. Eight weeks later the alerts of `funnelcast refresh`
are read: is the change among them, with what it is and where?

- mix: half of the contacts that search brought come by social media instead;
- price: every purchase costs 15 % more;
- tracking: 40 % of the visits to the shop are no longer recorded;
- sales: three purchases on the web in ten are gone. This one is watched twice, as it was before what flows in was watched too: with the
  series of money alone, which then have the whole budget of false alarms.

Beside it: how many alerts a month companies of five years hear in their last two, in which nothing was planted. These companies aren't
strictly stationary: budgets wander by weeks, campaigns push a channel for a week, the year has its seasons and fairs, a burst of leads at
the launch fades within months, and customers gather; what they have none of is a change of level for good.
"""

from __future__ import annotations

import argparse
import multiprocessing
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from funnelcast.families.one_thread import one_thread
from funnelcast.monitor.budget import CALIBRATION_BLOCKS, episodes
from funnelcast.monitor.surprises import BLOCK_DAYS, surprises
from funnelcast.monitor.watched import watched
from funnelcast.simulate import simulate
from funnelcast.sources.facts import Facts
from funnelcast.sources.open import open_source
from funnelcast.terms import DAYS_PER_MONTH, AsOf
from training.alerts import Watch, told
from training.train import default_as_of

COMPANIES = 24
SIZES = (4_000, 6_000, 8_000, 10_000)
PERIOD_DAYS = 28
PERIODS = 2
_QUIET_BLOCKS = 8
_MONTHS, _LONG = 36, 60
_FIRST_DAY, _DAYS = datetime(2025, 1, 6), 290  # noqa: DTZ001 (wall-clock)

Rows = pd.DataFrame
Chosen = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Plant:
    """One change: the table it is made in, its clock, what becomes of the rows since then, and how its alert must read."""

    table: str
    clock: str
    change: Callable[[Rows, Chosen, np.random.Generator], Rows]
    kind: str
    signs: Mapping[str, int]
    money_alone: bool = False

    def named(self, alert: Mapping[str, Any]) -> bool:
        """Say whether an alert names this change: its kind, where, and the direction."""
        return alert["kind"] == self.kind and alert.get("change", alert["effect"]) * self.signs.get(alert["subject"], 0) > 0


def _other_channel(rows: Rows, since: Chosen, random: np.random.Generator) -> Rows:
    moved = since & (rows.source_channel == "search").to_numpy() & (random.random(len(rows)) < 0.5)
    return rows.assign(source_channel=rows.source_channel.mask(moved, "social"))


def _dearer(rows: Rows, since: Chosen, random: np.random.Generator) -> Rows:  # noqa: ARG001 (every purchase)
    return rows.assign(**{name: rows[name].mask(since, (1.15 * rows[name]).round(2)) for name in ("amount", "margin")})


def _lost(rows: Rows, since: Chosen, random: np.random.Generator) -> Rows:
    return rows.loc[~(since & (rows.kind == "store_visit").to_numpy() & (random.random(len(rows)) < 0.4))]


def _fewer(rows: Rows, since: Chosen, random: np.random.Generator) -> Rows:
    return rows.loc[~(since & (rows.channel == "web").to_numpy() & (random.random(len(rows)) < 0.3))]


_FALL = Plant("transactions", "occurred_at", _fewer, "outside_band", {"web": -1})
PLANTS: Mapping[str, Plant] = {
    "mix": Plant("contacts", "created_at", _other_channel, "channel_mix", {"search": -1, "social": 1}),
    "price": Plant("transactions", "occurred_at", _dearer, "price", {"price": 1}),
    "tracking": Plant("touchpoints", "occurred_at", _lost, "tracking", {"store store_visit": -1}),
    "sales": _FALL,
    "sales, of money alone": replace(_FALL, money_alone=True),
}


def plant(folder: Path, name: str, day: datetime, seed: int) -> Path:
    """Change one table of a simulated company's files from a day on, and give where it was kept as it was."""
    planted, kept = PLANTS[name], folder / f"{name}.kept"
    path = folder / f"{planted.table}.parquet"
    rows = pd.read_parquet(path)
    path.rename(kept)
    since = (rows[planted.clock] >= pd.Timestamp(day)).to_numpy()
    planted.change(rows, since, np.random.default_rng([seed, len(planted.table)])).to_parquet(path, index=False)
    return kept


def heard(facts: Facts, as_of: AsOf, *, money_alone: bool = False) -> list[dict[str, Any]]:
    """Give the alerts on series that began in the half year before as_of, as a refresh then words them."""
    watch = Watch.of(facts, as_of)
    series = [one for one in watch.series if not money_alone or one.watched.unit == "money"]
    return [told(episode, facts.source.currency, as_of.timezone).document() for episode in episodes(series, watch.per_month)]


def delay(alerts: Sequence[Mapping[str, Any]], planted: Plant, day: datetime) -> float:
    """Give the days from the change to the end of the first week that tells of it; infinite where none does."""
    ends = [datetime.fromisoformat(alert["until"]).replace(tzinfo=None) for alert in alerts if planted.named(alert)]
    return min(((end - day).total_seconds() / 86_400 for end in ends if end > day), default=np.inf)


def waits(seed: int) -> dict[tuple[str, bool], float]:
    """Simulate a company and plant each change: by change, and whether it was planted, after how many days it was told."""
    found: dict[tuple[str, bool], float] = {}
    with one_thread(), tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = simulate(folder, SIZES[seed % len(SIZES)], seed, _MONTHS)
        for name, planted in PLANTS.items():
            day = _FIRST_DAY + timedelta(days=int(np.random.default_rng([seed, len(planted.kind)]).integers(_DAYS)))
            as_of = AsOf(day + timedelta(days=PERIODS * PERIOD_DAYS), "Europe/Paris")
            found[name, False] = delay(heard(open_source(source), as_of, money_alone=planted.money_alone), planted, day)
            kept = plant(folder, name, day, seed)
            found[name, True] = delay(heard(open_source(source), as_of, money_alone=planted.money_alone), planted, day)
            kept.rename(folder / f"{planted.table}.parquet")
    return found


def quiet(seed: int) -> Counter[str]:
    """Count by quantity what is told of a company of five years, in its last two, in which nothing was planted."""
    with one_thread(), tempfile.TemporaryDirectory() as scratch:
        facts = open_source(simulate(Path(scratch), SIZES[seed % len(SIZES)], 1_000 + seed, _LONG))
        blocks = _QUIET_BLOCKS + CALIBRATION_BLOCKS
        series = [found for one in watched(facts, default_as_of(facts)) if (found := surprises(one, facts.source.country, blocks))]
        counted = Counter(one.surprises.watched.quantity for one in episodes(series, 1.0, _QUIET_BLOCKS - 1))
    return counted + Counter({"series": len(series)})


def main() -> None:
    """Print what is seen within one and two periods, after how long, and the alerts a month where nothing was planted."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.planted_drift")
    parser.add_argument("companies", type=int, nargs="?", default=COMPANIES)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    progress = Console(stderr=True)
    with ProcessPoolExecutor(options.workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        seen = list(track(pool.map(waits, range(options.companies)), "planted", options.companies, console=progress))
        quiet_ones = list(track(pool.map(quiet, range(options.companies)), "quiet", options.companies, console=progress))
    console = Console(width=150)
    console.print(_seen_table(seen))
    console.print(_quiet_table(quiet_ones))


def _seen_table(seen: Sequence[Mapping[tuple[str, bool], float]]) -> Table:
    head = ("planted", f"named within {PERIOD_DAYS} days", f"within {PERIODS * PERIOD_DAYS}", "median delay, days", "told without it")
    table = Table(*head, title=f"{len(seen)} companies")
    for name in PLANTS:
        days, without = (np.array([company[name, planted] for company in seen]) for planted in (True, False))
        shares = [f"{100 * (days <= PERIOD_DAYS * periods).mean():.0f} %" for periods in (1, PERIODS)]
        table.add_row(name, *shares, f"{np.median(days):.0f}", f"{100 * np.isfinite(without).mean():.0f} %")
    return table


def _quiet_table(found: Sequence[Counter[str]]) -> Table:
    months = _QUIET_BLOCKS * BLOCK_DAYS / DAYS_PER_MONTH
    series = [company["series"] for company in found]
    title = f"nothing planted: alerts a month, budget of 1 over {min(series)} to {max(series)} series together"
    table = Table("of", "a month", title=title)
    for name in sorted({name for company in found for name in company} - {"series"}):
        table.add_row(name, f"{np.mean([company[name] for company in found]) / months:.2f}")
    totals = np.array([company.total() - company["series"] for company in found]) / months
    table.add_row("all", f"{totals.mean():.2f} (most in a company {totals.max():.2f})")
    return table


if __name__ == "__main__":
    main()
