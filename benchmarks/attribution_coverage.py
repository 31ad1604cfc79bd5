"""Do the intervals of attribution cover? `python -m benchmarks.attribution_coverage [companies] [--first SEED] [--replicates B]`.

Journeys follow a known law: a start, a walk over channels that remembers the last touch or the last two, an end that depends on the last
touch, and a chance to convert there. A contact has several journeys, with a channel that it tends to start from and a readiness of its own,
so that its journeys are no independent trials. Every third law is inert: each journey converts with the same chance, whatever it met.

What an interval should hold is the method's share of the credit under the very law, found exactly (Markov by the absorbing chain, Shapley
by the distribution over sets of channels), times the conversions of the sample. A figure misses only where its 99 % interval, by a
bootstrap over companies, excludes the level: channels of one company are no independent trials either.
"""

from __future__ import annotations

import argparse
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from funnelcast.families.attribution.credit import LEVEL, Attribution, Method, attribute
from funnelcast.families.attribution.markov import choose_order, markov
from funnelcast.families.attribution.paths import from_rows
from funnelcast.families.attribution.ranks import SURE
from funnelcast.families.attribution.setup import Setup, setup_of
from funnelcast.families.attribution.shapley import LEADS, Part, Shapley, shapley
from funnelcast.journeys import SEPARATOR, Organic
from funnelcast.settings import CHECKOUT
from funnelcast.spec import read

COMPANIES = 1_200
SMALLEST, LARGEST = 500, 20_000
INERT = "inert"
_KINDS = ("remembers one", "remembers two", INERT)
_HABIT, _RESAMPLES, _HUGE, _FEW = 0.5, 10_000, 1e9, 200
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Law:
    """How journeys run.

    Parameters
    ----------
    kind
        Whether the walk remembers one touch or two; or no channel has an effect.
    start
        The chance of each channel to be the first touch, shape (channels,).
    channel
        Of each state, its last touch. States are the channels, then (of a walk that remembers two) every channel after every other; shape
        (states,). A journey starts in one of the first.
    following
        The state that each channel leads to, shape (states, channels).
    step, end, converts
        Of each state: the chances of the next channel where the journey goes on, shape (states, channels); of the last touch; and to
        convert there, shape (states,).
    organic_rate
        The chance to convert without a touch.
    """

    kind: str
    start: Floats
    channel: Ints
    following: Ints
    step: Floats
    end: Floats
    converts: Floats
    organic_rate: float

    @property
    def width(self) -> int:
        """How many channels there are."""
        return len(self.start)

    @property
    def channels(self) -> tuple[str, ...]:
        """Their names, sorted."""
        return tuple(f"c{number}" for number in range(self.width))

    @property
    def begins(self) -> Floats:
        """The chance of each state to be the first, shape (states,)."""
        return np.concatenate([self.start, np.zeros(len(self.channel) - self.width)])

    @property
    def between(self) -> Floats:
        """The chance to go from state to state, shape (states, states)."""
        found = np.zeros((len(self.channel), len(self.channel)))
        np.put_along_axis(found, self.following, self.step * (1 - self.end)[:, None], axis=1)
        return found


def law(seed: int) -> Law:
    """Draw a company's law."""
    random = np.random.default_rng([seed, 0])
    kind, width = _KINDS[seed % len(_KINDS)], int(random.integers(3, 9))
    pairs = width**2 if kind == "remembers two" else 0
    channel = np.concatenate([np.arange(width), np.arange(pairs) % width])
    following = width + channel[:, None] * width + np.arange(width) if pairs else np.tile(np.arange(width), (width, 1))
    step = random.dirichlet(np.full(width, 1.5), size=width)[channel]
    step[width:] = 0.4 * step[width:] + 0.6 * random.dirichlet(np.full(width, 0.5), size=pairs) if pairs else step[width:]
    rate = float(np.exp(random.uniform(np.log(0.04), np.log(0.3))))
    effect = np.zeros(width) if kind == INERT else random.normal(0.0, 0.7, width)
    start, end = random.dirichlet(np.full(width, 1.5)), random.uniform(0.2, 0.6, width)
    return Law(kind, start, channel, following, step, end[channel], np.clip(rate * np.exp(effect), 0.005, 0.5)[channel], 0.2 * rate)


def journeys(of: Law, count: int, seed: int) -> pd.DataFrame:
    """Draw journeys: ``path``, ``conversions``, ``nulls`` and ``contact_id``."""
    random = np.random.default_rng([seed, 1])
    contact = np.sort(random.integers(0, max(count // 2, 1), count))
    people = int(contact[-1]) + 1
    habit, ready = random.choice(of.width, people, p=of.start), 2 * random.beta(0.7, 0.7, people)
    state = np.where(random.random(count) < _HABIT, habit[contact], random.choice(of.width, count, p=of.start))
    steps, names = of.step.cumsum(axis=1), np.array(of.channels)
    path, walking = names[state].astype(object), np.arange(count)
    while True:
        walking = walking[random.random(len(walking)) >= of.end[state[walking]]]
        if not len(walking):
            break
        chosen = np.minimum((random.random(len(walking))[:, None] > steps[state[walking]]).sum(axis=1), of.width - 1)
        path[walking] = path[walking] + SEPARATOR + names[chosen]
        state[walking] = of.following[state[walking], chosen]
    won = (random.random(count) < of.converts[state] * ready[contact]).astype(np.float64)
    return pd.DataFrame({"path": path, "conversions": won, "nulls": 1 - won, "contact_id": contact})


def markov_shares(of: Law, order: int) -> Floats:
    """Give what is lost without each channel, as shares: exact for as many touches as the law remembers, or more.

    Of a law that remembers two, a chain of order 1 knows what follows a channel only on average over its expected visits.
    """
    begins, between, ends = of.begins, of.between, of.end * of.converts
    channel = of.channel
    if order == 1 and len(channel) > of.width:
        visits = np.linalg.solve(np.eye(len(channel)) - between.T, begins)
        pool = np.zeros((of.width, len(channel)))
        pool[channel, np.arange(len(channel))] = visits
        average = pool / pool.sum(axis=1, keepdims=True)
        begins, between, ends = of.start, average @ between @ (pool > 0).T, average @ ends
        channel = np.arange(of.width)

    def converts(kept: Bools) -> float:
        inside = np.ix_(kept, kept)
        return float(begins[kept] @ np.linalg.solve(np.eye(int(kept.sum())) - between[inside], ends[kept]))

    whole = converts(np.ones(len(channel), dtype=bool))
    lost = np.array([whole - converts(channel != own) for own in range(of.width)])
    return np.asarray(lost / lost.sum(), dtype=np.float64)


def set_outcomes(of: Law) -> tuple[Floats, Floats, Floats]:
    """Give every set of channels (members, of shape (sets, channels)), the chance that a journey meets just it, and so converts.

    Touches in state u after just the set S are expected f(S, u) times; smaller sets first, f(S, .) (I - Q within S) = what enters S by its
    last new channel.
    """
    width, between = of.width, of.between
    touches = np.zeros((2**width, len(of.channel)))
    for number in sorted(range(1, 2**width), key=int.bit_count):
        held = np.flatnonzero(number >> of.channel & 1)
        enters = np.where(number == 1 << of.channel[held], of.begins[held], 0.0)
        for place, state in enumerate(held):
            enters[place] += touches[number ^ 1 << of.channel[state]] @ between[:, state]
        touches[number, held] = np.linalg.solve(np.eye(len(held)) - between[np.ix_(held, held)].T, enters)
    members = (np.arange(2**width)[:, None] >> np.arange(width) & 1).astype(np.float64)
    return members[1:], touches[1:] @ of.end, touches[1:] @ (of.end * of.converts)


def shapley_shares(of: Law) -> Floats:
    """Give the shares of the method fitted on so many journeys that its prior and chance no longer matter."""
    members, met, won = set_outcomes(of)
    journeys_, conversions = _HUGE * met[None, :], _HUGE * won[None, :]
    part = Part(LEADS, members, journeys_, conversions, np.zeros_like(conversions), min(of.organic_rate, float(won.sum())))
    found = Shapley(of.channels, (part,)).credit().conversions
    return np.asarray(found / found.sum(), dtype=np.float64)


def visited_shares(of: Law) -> Floats:
    """Give each channel's share of the journeys that visit it: what Markov should follow where no channel has an effect."""
    members, met, _ = set_outcomes(of)
    return np.asarray(met @ members / (met @ members).sum(), dtype=np.float64)


def equal_shares(of: Law) -> Floats:
    """Give the shares of an equal split of each conversion over its journey's channels: what Shapley should give there."""
    members, _, won = set_outcomes(of)
    return np.asarray(won @ (members / members.sum(axis=1, keepdims=True)) / won.sum(), dtype=np.float64)


def answers(of: Law, rows: pd.DataFrame, setup: Setup) -> Iterator[tuple[Attribution, Floats]]:
    """Credit a sample by each data-driven method, beside the exact shares of the channels that it met."""
    paths = from_rows(rows, setup.seed)
    order = choose_order(paths, setup.orders, setup.minimum).order
    organic = Organic(of.organic_rate, of.organic_rate, of.organic_rate)
    inert = of.kind == INERT
    methods: tuple[tuple[Method, Floats], ...] = (
        (markov(paths, order, setup.minimum), visited_shares(of) if inert else markov_shares(of, order)),
        (shapley(paths, organic), equal_shares(of) if inert else shapley_shares(of)),
    )
    met = [of.channels.index(channel) for channel in paths.channels]
    for method, shares in methods:
        yield attribute(method, paths, setup.replicates, setup.seed), shares[met]


def judged(setup: Setup, seed: int) -> list[dict[str, Any]]:
    """Draw a company of 500 to 20,000 journeys, and give a row for each method and channel, and for each pair of channels."""
    random, of = np.random.default_rng([seed, 2]), law(seed)
    count = int(np.exp(random.uniform(np.log(SMALLEST), np.log(LARGEST))))
    found: list[dict[str, Any]] = []
    for answer, shares in answers(of, journeys(of, count, seed), replace(setup, seed=seed)):
        about = {"company": seed, "kind": of.kind, "method": answer.method, "order": answer.order, "conversions": answer.conversions}
        low, high = (bound / answer.conversions for bound in answer.interval)
        for place, share in enumerate(shares):
            inside = bool(low[place] - 1e-9 <= share <= high[place] + 1e-9)
            found.append({**about, "what": "share", "inside": inside, "width": high[place] - low[place], "above": share > high[place]})
        above = answer.probability_above()
        for own, other in combinations(range(len(shares)), 2):
            wrong = above[own, other] if shares[own] < shares[other] else above[other, own]
            found.append({**about, "what": "pair", "inside": bool(wrong <= SURE)})
    return found


def over_companies(values: pd.Series, company: pd.Series) -> tuple[float, float, float, float]:
    """Give a share, its standard error and its 99 % interval, by a bootstrap over companies."""
    held, counts = values.groupby(company).agg(["sum", "count"]).to_numpy(dtype=np.float64).T
    times = np.random.default_rng(0).multinomial(len(held), np.full(len(held), 1 / len(held)), _RESAMPLES)
    shares = (times @ held) / (times @ counts)
    low, high = np.quantile(shares, (0.005, 0.995))
    return float(values.mean()), float(shares.std()), float(low), float(high)


def covered(rows: pd.DataFrame) -> pd.DataFrame:
    """Give coverage by method, kind of law and size, each with its error, and whether it is consistent with the level."""
    shares = rows[rows["what"] == "share"]
    sizes = np.where(shares["conversions"] < _FEW, f"under {_FEW} conversions", f"{_FEW} or more")
    found = []
    for by in (None, "kind", sizes):
        for (method, of), own in shares.groupby(["method", np.full(len(shares), "all") if by is None else by], sort=False):
            share, error, low, high = over_companies(own["inside"], own["company"])
            miss = {"below": ((~own["inside"]) & ~own["above"].astype(bool)).mean(), "above": own["above"].astype(bool).mean()}
            told = {"covered": share, "error": error, "low": low, "high": high, **miss, "width": own["width"].mean()}
            found.append({"method": method, "of": of, "companies": own["company"].nunique(), **told, "holds": low <= LEVEL <= high})
    return pd.DataFrame(found)


def main() -> None:
    """Print coverage, and how often a channel is called better that isn't."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.attribution_coverage")
    parser.add_argument("companies", type=int, nargs="?", default=COMPANIES)
    parser.add_argument("--first", type=int, default=0, help="the seed of the first company")
    setup = setup_of(read(CHECKOUT / "models", "attribution"))
    parser.add_argument("--replicates", type=int, default=setup.replicates)
    options = parser.parse_args()
    console = Console(width=150)
    one = partial(judged, replace(setup, replicates=options.replicates))
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        seeds = range(options.first, options.first + options.companies)
        found = track(pool.map(one, seeds), "companies", len(seeds), console=console)
        rows = pd.DataFrame([row for company in found for row in company])
    head = ("method", "companies", "", f"{LEVEL:.0%} hold, ± se (99 % interval)", "truth below", "truth above", "width")
    table = Table(*head, title=f"{options.companies} companies, {options.replicates} replicates")
    for row in covered(rows).itertuples(index=False):
        told = f"{100 * row.covered:.1f} ± {100 * row.error:.1f} ({100 * row.low:.1f} to {100 * row.high:.1f})"
        sides = (f"{100 * row.below:.1f}", f"{100 * row.above:.1f}", f"{row.width:.3f}")
        table.add_row(str(row.method), str(row.companies), str(row.of), told + ("" if row.holds else " MISSES"), *sides)
    console.print(table)
    orders = rows[rows["method"] == "markov"].groupby("kind")["order"].value_counts(normalize=True).unstack().fillna(0.0)
    console.print(f"orders chosen by kind of law:\n{orders.round(2).to_string()}", highlight=False)
    for (kind, method), own in rows[rows["what"] == "pair"].groupby(["kind", "method"]):
        share, error, _, high = over_companies(~own["inside"].astype(bool), own["company"])
        console.print(
            f"{kind}, {method}: of two channels the lesser is called better (over {SURE:.0%}) {share:.1%} ± {error:.1%} (to {high:.1%})",
            highlight=False,
        )


if __name__ == "__main__":
    main()
