"""Exact Markov credits, from rows of paths and from touchpoints, beside ChannelAttribution's simulation on the ready paths.

ChannelAttribution (built from source, GPL-3; `make bench` installs it apart from everything else) runs in processes of its own; where it
couldn't be built its column is empty, and the row says so.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from benchmarks import attribution_company
from benchmarks.attribution_company import AS_OF
from benchmarks.measure import Cost, Ready, Row, apart, gigabytes, in_turn, seconds
from funnelcast import journeys
from funnelcast.families.attribution.credit import Credit, attribute
from funnelcast.families.attribution.markov import markov
from funnelcast.families.attribution.paths import each_row, from_rows, from_settled
from funnelcast.families.attribution.shapley import Shapley, shapley
from funnelcast.journeys import SEPARATOR, JourneyRules
from funnelcast.sources.facts import Facts

Floats = npt.NDArray[np.float64]
OTHER = "ChannelAttribution"
REPLICATES, SHAPLEY_CHANNELS = 200, 20
_ROUNDS, _SEED = 3, 1


def rows(count: int) -> Iterator[Row]:
    """Draw journeys, credit their channels in each way in turn, and hold the answers against each other."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        attribution_company.draw(folder, count)
        yield from _markov(folder)
        twenty = folder / "twenty"
        twenty.mkdir()
        attribution_company.draw(twenty, count, channels=SHAPLEY_CHANNELS)
        yield _shapley(twenty)


def by_funnelcast(folder: Path, *, value: bool = True, grouped: bool = False) -> Ready:
    """Give the credits of the path strings."""
    frame = given(folder, value=value, grouped=grouped)

    def run() -> Credit:
        return markov(each_row(frame), 1).credit()

    run()
    return run


def with_intervals(folder: Path) -> Ready:
    """Give the credits of the path strings, their intervals, and how sure their order is."""
    frame = given(folder)

    def run() -> dict[str, Any]:
        paths = from_rows(frame, _SEED)
        return attribute(markov(paths, 1), paths, REPLICATES, _SEED).document()

    run()
    return run


def from_touchpoints(folder: Path) -> Ready:
    """Make the journeys of touchpoints and purchases in the engine, and give their credits."""
    facts = attribution_company.open_folder(folder)

    def run(company: Facts = facts) -> Credit:
        settled = journeys.settle(company, AS_OF, JourneyRules())
        return markov(from_settled(journeys.paths(settled), settled.stamps.channels)[0], 1).credit()

    run(attribution_company.open_folder(folder))  # an engine keeps what it has made
    return run


def by_channelattribution(folder: Path, *, value: bool = True) -> Ready:
    """Give the credits by Monte Carlo, as the library's example calls it."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():  # it greets when imported
        warnings.simplefilter("ignore")
        from ChannelAttribution import markov_model  # noqa: PLC0415 (not everyone has it)

    frame = given(folder, value=value)
    names = {"var_path": "path", "var_conv": "conversions", "var_null": "nulls", **({"var_value": "value"} if value else {})}

    def run() -> pd.DataFrame:
        with contextlib.redirect_stdout(io.StringIO()):
            return markov_model(frame, **names, order=1, verbose=False, flg_pro=False)

    run()
    return run


def given(folder: Path, *, value: bool = True, grouped: bool = False) -> pd.DataFrame:
    """Read the rows of paths, with their value or not, summed by path or not."""
    frame = attribution_company.paths(folder).drop(columns=[] if value else ["value"])
    return frame.groupby("path", sort=False, as_index=False).sum() if grouped else frame


def dense_removal_effects(frame: pd.DataFrame) -> Floats:
    """Count steps in a plain loop, and solve the whole chain once without each channel."""
    steps: Counter[tuple[str, str]] = Counter()
    for text, won, lost in zip(frame["path"], frame["conversions"], frame["nulls"], strict=True):
        touches = text.split(SEPARATOR)
        for step in zip(["(start)", *touches[:-1]], touches, strict=True):
            steps[step] += won + lost
        steps[touches[-1], "(won)"] += won
        steps[touches[-1], "(lost)"] += lost
    states = ["(start)", *sorted({source for source, _ in steps} - {"(start)"})]
    counts = np.array([[steps[source, target] for target in (*states, "(won)", "(lost)")] for source in states], dtype=np.float64)
    share = counts / counts.sum(axis=1, keepdims=True)
    between, ends = share[:, : len(states)], share[:, len(states)]
    whole = np.linalg.solve(np.eye(len(states)) - between, ends)[0]
    effects = []
    for removed in range(1, len(states)):
        kept = np.arange(len(states)) != removed
        effects.append(1 - np.linalg.solve(np.eye(kept.sum()) - between[np.ix_(kept, kept)], ends[kept])[0] / whole)
    return np.array(effects)


def shapley_by_subsets(made: Shapley) -> Floats:
    """Give the conversions' credit by the Harsanyi dividends of every coalition, each split equally over its channels."""
    width = len(made.channels)
    coalition, values = np.arange(2**width), np.zeros(width)
    within = [(coalition >> place & 1).astype(bool) for place in range(width)]
    size = np.maximum(np.sum(within, axis=0), 1)
    for part in made.parts:
        common, *rates = part.rates
        hazard = part.base_hazard + common * (coalition > 0) + sum(rate * held for rate, held in zip(rates, within, strict=True))
        dividend, holders = -np.exp(-hazard), np.zeros(2**width)
        np.add.at(holders, (part.members @ 2.0 ** np.arange(width)).astype(np.int64), part.journeys.sum(axis=0))
        for place in range(width):
            below, above = dividend.reshape(-1, 2, 2**place), holders.reshape(-1, 2, 2**place)
            below[:, 1] -= below[:, 0]
            above[:, 0] += above[:, 1]
        values += [float((dividend * holders / size)[held].sum()) for held in within]
    return values


def _markov(folder: Path) -> Iterator[Row]:
    """Run all ways in turn, each in a process of its own and after one warm-up."""
    ways: dict[str, Any] = {
        "strings": partial(by_funnelcast, folder),
        "counts": partial(by_funnelcast, folder, value=False),
        "grouped": partial(by_funnelcast, folder, grouped=True),
        "touchpoints": partial(from_touchpoints, folder),
        "intervals": partial(with_intervals, folder),
    }
    if find_spec(OTHER):
        ways |= {OTHER: partial(by_channelattribution, folder), "simple": partial(by_channelattribution, folder, value=False)}
    found: dict[str, list[Cost]] = {name: [] for name in (*ways, OTHER, "simple")}
    for _ in range(_ROUNDS):
        for name, way in ways.items():
            found[name].append(apart(way, _kept))
    yield from _beside(found, given(folder))


def _beside(found: dict[str, list[Cost]], frame: pd.DataFrame) -> Iterator[Row]:
    own, theirs, simple = found["strings"], found[OTHER] or _absent(), found["simple"] or _absent()
    name, credit = f"exact Markov credits of {len(frame):,} path strings, with value", own[0].kept
    dense = f"removal effects within {np.abs(credit[2] - dense_removal_effects(frame)).max():.0e} of a dense solve"
    off = f"; theirs up to {np.max(np.abs(theirs[0].kept[0] / credit[0] - 1)):.1%} off" if found[OTHER] else "; it isn't installed"
    same = "the same to the last bit" if _same(credit, found["grouped"][0].kept) else "DIFFERENT CREDITS"
    apart_by = np.max(np.abs(found["touchpoints"][0].kept[0] / credit[0] - 1))
    yield seconds(name, OTHER, own, theirs, dense + off)
    yield gigabytes("peak memory of that", OTHER, own, theirs, "a process each, with the rows")
    yield seconds("that without value", f"{OTHER} without value", found["counts"], simple, "")
    yield seconds(f"that of {frame['path'].nunique():,} grouped rows", f"{OTHER} on all", found["grouped"], theirs, same)
    touches = int(frame["path"].str.count(SEPARATOR).sum()) + len(frame)
    said = f"within {apart_by:.0e} of those of the paths"
    yield seconds(f"that of {touches:,} touchpoints", f"{OTHER} on ready paths", found["touchpoints"], theirs, said)
    yield seconds(
        f"that of the strings with {REPLICATES} replicates", f"{OTHER} once", found["intervals"], theirs, "with intervals and ranks"
    )


def _shapley(folder: Path) -> Row:
    """Credit 20 channels by the formula, fitted to the strings, and that game by all of its coalitions."""
    frame = given(folder)
    made = shapley(each_row(frame))
    by_formula = sum((part.values()[0] for part in made.parts), np.zeros(SHAPLEY_CHANNELS))
    gap = np.max(np.abs(shapley_by_subsets(made) / by_formula - 1))
    own, theirs = in_turn(lambda: shapley(each_row(frame)).credit(), partial(shapley_by_subsets, made), turns=_ROUNDS)
    name = f"exact Shapley credits of {len(frame):,} path strings, {SHAPLEY_CHANNELS} channels"
    return seconds(name, f"all {2**SHAPLEY_CHANNELS:,} coalitions of the fitted game", own, theirs, f"within {gap:.0e} of each other")


def _kept(answer: Any) -> Any:
    """Keep conversions, value and removal effects by channel, in the order of their names."""
    if isinstance(answer, Credit):
        return answer.conversions, answer.value, answer.removal_effect
    if isinstance(answer, pd.DataFrame):
        ordered = answer.sort_values("channel_name")
        return tuple(ordered[name].to_numpy() for name in ordered if name != "channel_name")
    return None


def _same(own: tuple[Floats, ...], other: tuple[Floats, ...]) -> bool:
    return all(np.array_equal(mine, theirs) for mine, theirs in zip(own, other, strict=True))


def _absent() -> list[Cost]:
    return [Cost(np.nan, np.nan, None)] * _ROUNDS
