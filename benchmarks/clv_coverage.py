"""Do the intervals of customer value cover? `python -m benchmarks.clv_coverage [companies] [published|instants|loyal|busy|dependent]`.

Companies buy as BG/NBD and Gamma-Gamma assume, by the day, purchases of one day merged as in real data (but ``instants``). Each has
parameters of its own, is fitted on a year or more, and is judged on a hold-out of 13 to 52 weeks, by the very code that ships. A figure
misses only where its 99 % interval, by a bootstrap over companies, excludes what it should be: sums of one company share its parameters
and are no independent trials.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table
from scipy.stats import chi2

from funnelcast.families.clv import FAMILY
from funnelcast.families.clv.coverage import met
from funnelcast.families.clv.holdout import BINS, LEVELS, evenness
from funnelcast.settings import CHECKOUT
from funnelcast.spec import read

COMPANIES, DRAWS, FEWEST = 400, 1000, 200
_COHORT_DAYS, _RESAMPLES = 365, 10_000
_INPUTS = ["frequency", "recency", "T", "monetary_value", "first_value"]
Floats = npt.NDArray[np.float64]
Random = np.random.Generator


@dataclass(frozen=True)
class Range:
    """From where a company's parameters are drawn: low and high, in days.

    ``leaves`` is the mean chance of leaving after a purchase; ``dependence`` the rank correlation of a customer's rate and mean value.
    """

    r: tuple[float, float]
    alpha: tuple[float, float]
    leaves: tuple[float, float]
    customers: tuple[float, float]
    dependence: float = 0.0
    by_day: bool = True


RANGES: Mapping[str, Range] = {
    # Around CDNOW (r .243, alpha 30.9 days, a .793, b 2.426) and what other retailers' fits are printed with.
    "published": Range(r=(0.2, 1.2), alpha=(20, 100), leaves=(0.05, 0.35), customers=(300, 5000)),
    # The same without the calendar, at any instant: nothing but what the model assumes.
    "instants": Range(r=(0.2, 1.2), alpha=(20, 100), leaves=(0.05, 0.35), customers=(300, 5000), by_day=False),
    # Few customers, of whom hardly anyone leaves: dropout is not identified, many fits end at its boundary.
    "loyal": Range(r=(0.2, 1.2), alpha=(30, 200), leaves=(0.01, 0.12), customers=(300, 1200)),
    # Several purchases a week: many fall on one day and merge, which the model knows nothing of.
    "busy": Range(r=(0.5, 2.0), alpha=(5, 20), leaves=(0.05, 0.35), customers=(300, 3000)),
    # Whoever buys often spends more at a time: against Gamma-Gamma's assumption, whose place the means take.
    "dependent": Range(r=(0.5, 2.0), alpha=(20, 100), leaves=(0.05, 0.35), customers=(300, 3000), dependence=0.7),
}


@dataclass(frozen=True)
class Company:
    """How one company's customers buy, in days; and how many of them are followed for how long."""

    r: float
    alpha: float
    a: float
    b: float
    p: float
    q: float
    v: float
    customers: int
    history_days: int
    horizon_days: int
    dependence: float = 0.0
    by_day: bool = True


def company(name: str, seed: int) -> Company:
    """Draw a company, evenly on the scale of logarithms; its spend from around CDNOW's 6.25, 3.74 and 15.45."""
    random, drawn_from = np.random.default_rng([seed, 0]), RANGES[name]

    def between(low: float, high: float) -> float:
        return float(np.exp(random.uniform(np.log(low), np.log(high))))

    leaves, concentration = between(*drawn_from.leaves), between(1.5, 10.0)
    return Company(
        r=between(*drawn_from.r),
        alpha=between(*drawn_from.alpha),
        a=leaves * concentration,
        b=(1 - leaves) * concentration,
        p=between(2.0, 8.0),
        q=between(2.5, 6.0),
        v=between(10.0, 60.0),
        customers=int(between(*drawn_from.customers)),
        history_days=_COHORT_DAYS + int(random.integers(0, 183)),
        horizon_days=7 * int(random.integers(13, 53)),
        dependence=drawn_from.dependence,
        by_day=drawn_from.by_day,
    )


def customers(of: Company, seed: int) -> pd.DataFrame:
    """Follow everyone from their first purchase to the end of the hold-out: the columns of the model, ``purchases`` and ``spent``."""
    random = np.random.default_rng([seed, 1])
    first = random.integers(0, _COHORT_DAYS, of.customers)
    bought = purchase_days(random, of, of.history_days + of.horizon_days - first)
    age = of.history_days - 1 - first  # the last whole day before as_of
    before = bought["day"].to_numpy() <= age[bought["customer"]]
    past, later = (bought[side & (bought["day"] > 0)].groupby("customer") for side in (before, ~before))
    columns = {
        "frequency": past.size(),
        "recency": past["day"].max(),
        "monetary_value": past["value"].mean(),
        "first_value": bought[bought["day"] == 0].set_index("customer")["value"],
        "purchases": later.size(),
        "spent": later["value"].sum(),
    }
    frame = pd.DataFrame({"T": age, **columns}, index=pd.RangeIndex(of.customers))
    return frame.astype(np.float64).fillna(0.0)


def purchase_days(random: Random, of: Company, days: npt.NDArray[np.int64]) -> pd.DataFrame:
    """Give the days since the first purchase's on which each customer buys, before the end of their ``days``: customer, day, value."""
    count = len(days)
    rate, leaves = random.gamma(of.r, 1 / of.alpha, count), random.beta(of.a, of.b, count)
    worth = random.gamma(of.q, 1 / of.v, count)
    if of.dependence:  # pair them by the ranks of correlated normals; a customer's mean value is p / worth
        first, second = random.standard_normal((2, count))
        mixed = of.dependence * first + np.sqrt(1 - of.dependence**2) * second
        rate, worth = np.sort(rate)[first.argsort().argsort()], np.sort(worth)[(-mixed).argsort().argsort()]
    who, clock = np.arange(count), random.random(count) * of.by_day
    found = [pd.DataFrame({"customer": who, "day": 0, "value": random.gamma(of.p, size=count) / worth})]
    while len(who):
        clock = clock + random.exponential(size=len(who)) / np.maximum(rate[who], np.finfo(np.float64).tiny)
        who, clock = who[clock < days[who]], clock[clock < days[who]]
        value = random.gamma(of.p, size=len(who)) / worth[who]
        found.append(pd.DataFrame({"customer": who, "day": np.floor(clock) if of.by_day else clock, "value": value}))
        stays = random.random(len(who)) >= leaves[who]
        who, clock = who[stays], clock[stays]
    return pd.concat(found).groupby(["customer", "day"], as_index=False)["value"].sum()


def judged(name: str, seed: int) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Fit one company: where each sum lies among its futures, and how evenly single customers lie in their predictions."""
    of = company(name, seed)
    rows = customers(of, seed).sample(frac=1.0, random_state=seed)
    model = FAMILY.fit(rows[_INPUTS], read(CHECKOUT / "models", "clv"))
    sums = met(model, rows, of.horizon_days, DRAWS, seed)
    values = [
        pd.DataFrame(
            {
                "company": seed,
                "sum of": what,
                "over": kind,
                "pit": found.pit(seed),
                "inside": found.inside(0.8),
                "spend": model.spend.member,
            }
        )
        for what, kinds in sums.items()
        for kind, found in kinds.items()
        if kind != "deciles" or len(rows) >= 10 * FEWEST
    ]
    single = model.count_pit(rows[_INPUTS], rows["purchases"].to_numpy(), of.horizon_days, seed)
    return pd.concat(values), dict(evenness(single))


def of_companies(inside: pd.Series, by: pd.Series) -> tuple[float, float, float, float]:
    """Give a share, its standard error, and its 99 % interval, by a bootstrap over companies."""
    held, sums = inside.groupby(by).agg(["sum", "count"]).to_numpy(dtype=np.float64).T
    count = len(held)
    times = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), _RESAMPLES)
    shares = (times @ held) / (times @ sums)
    return (float(inside.mean()), float(shares.std()), *(float(bound) for bound in np.quantile(shares, (0.005, 0.995))))


def told(inside: pd.Series, by: pd.Series, level: float) -> str:
    """Say what was covered, and whether that is consistent with the level."""
    share, error, low, high = of_companies(inside, by)
    verdict = "" if low <= level <= high else " MISSES"
    return f"{100 * share:.1f} ± {100 * error:.1f} ({100 * low:.1f} to {100 * high:.1f}){verdict}"


def even_in_mean(shares: Floats) -> tuple[float, float]:
    """Test that the mean over companies of the shares in each tenth is a tenth: Hotelling's T^2 as a chi-square, and its p-value."""
    apart = shares[:, 1:] - 1 / shares.shape[1]
    mean = apart.mean(axis=0)
    statistic = float(mean @ np.linalg.pinv(np.cov(apart.T) / len(apart)) @ mean)
    return statistic, float(chi2.sf(statistic, len(mean)))


def main() -> None:
    """Print coverage by kind of sum, and how evenly the PIT of single customers lies."""
    count, name = int([*sys.argv[1:2], str(COMPANIES)][0]), [*sys.argv[2:3], "published"][0]
    console = Console(width=150)
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as pool:
        found = list(track(pool.map(partial(judged, name), range(count)), f"companies, {name}", count, console=console))
    sums, pits = pd.concat([one for one, _ in found]), [one for _, one in found]
    head = [f"{level} % holds, ± se (99 % interval)" for level in LEVELS]
    table = Table("sum of", "over", "sums", *head, "p10 to p90", title=f"{count} companies, {name}; {DRAWS:,} futures each")
    for (what, kind, member), own in sums.groupby(["sum of", "over", "spend"]):
        held = [told((own["pit"] - 0.5).abs() <= level / 200, own["company"], level / 100) for level in LEVELS]
        table.add_row(f"{what}, {member}", str(kind), f"{len(own):,}", *held, f"{100 * own['inside'].mean():.1f}")
    console.print(table)
    shares = np.array([one["bins"] for one in pits])
    statistic, chance = even_in_mean(shares)
    tenths = " ".join(f"{100 * share:.2f}" for share in shares.mean(axis=0))
    apart = sum(one["ks"] > one["ks_by_chance"] for one in pits)
    console.print(f"PIT of single customers, % by tenth: {tenths}", highlight=False)
    console.print(f"even in the mean over companies: chi-square {statistic:.1f} on {BINS - 1}, p = {chance:.3f}", highlight=False)
    console.print(f"Kolmogorov-Smirnov refuses at 1 % in {apart} of {count} companies", highlight=False)


if __name__ == "__main__":
    main()
