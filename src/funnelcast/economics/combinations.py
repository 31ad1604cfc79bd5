"""Which channels work together: how journeys convert by the set of channels that they met."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pandas as pd

from funnelcast.economics.estimates import CLUSTERS, Bootstrap, Floats, estimate
from funnelcast.economics.people import frame_of
from funnelcast.journeys import CONVERTED, OPEN
from funnelcast.terms import Json, Question

ENOUGH = 30  # journeys without which a set or pair isn't listed
PRIOR = 20.0  # journeys that the rate of all weighs, beside those seen
_BETWEEN = "\x1f"  # the separator of units, which no channel's name holds

Channels = tuple[str, ...]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Met:
    """Settled journeys by the set of channels that they met.

    Parameters
    ----------
    sets
        Each as the sorted names of its channels.
    of_set, cluster, journeys, won
        One entry for each set and cluster of contacts, each of shape (entries,).
    """

    sets: tuple[Channels, ...]
    of_set: Ints
    cluster: Ints
    journeys: Floats
    won: Floats

    @property
    def channels(self) -> Channels:
        """Every channel met."""
        return tuple(sorted({name for names in self.sets for name in names}))

    @property
    def counts(self) -> Floats:
        """Journeys by set, shape (sets,)."""
        return np.bincount(self.of_set, weights=self.journeys, minlength=len(self.sets)).astype(np.float64)

    def where(self, chosen: Bools) -> tuple[Floats, Floats]:
        """Sum the journeys, and those that converted, of some sets by cluster."""
        mine = chosen[self.of_set]
        cluster = self.cluster[mine]
        journeys, won = (np.bincount(cluster, weights=of[mine], minlength=CLUSTERS) for of in (self.journeys, self.won))
        return journeys.astype(np.float64), won.astype(np.float64)

    def exactly(self, channels: Channels) -> tuple[Floats, Floats]:
        """Sum the journeys that met these channels and no other."""
        return self.where(np.array([names == channels for names in self.sets], dtype=bool))

    def holds(self) -> dict[str, Bools]:
        """Say by channel which sets hold it."""
        return {channel: np.array([channel in names for names in self.sets], dtype=bool) for channel in self.channels}


def by_set(table: ir.Table) -> Met:
    """Count settled journeys, and those that converted, by the channels met."""
    settled = table.filter(table.state != OPEN)
    keyed = settled.mutate(met=settled.path.unique().sort().join(_BETWEEN), won=(settled.state == CONVERTED).cast("float64"))
    summed = keyed.group_by(["met", "cluster"]).aggregate(journeys=keyed.count(), won=keyed.won.sum())
    frame = frame_of(summed.order_by(["met", "cluster"]))
    of_set, sets = pd.factorize(frame["met"])
    return Met(
        tuple(tuple(str(met).split(_BETWEEN)) for met in sets),
        np.asarray(of_set, dtype=np.int64),
        frame["cluster"].to_numpy(dtype=np.int64),
        frame["journeys"].to_numpy(dtype=np.float64),
        frame["won"].to_numpy(dtype=np.float64),
    )


def combinations(met: Met, draws: Bootstrap) -> dict[str, Json]:
    """Compare how journeys convert by the sets, and the pairs, of channels that they met.

    A rate is shrunk to that of all journeys, (won + m * rate of all) / (journeys + m) with m = 20 journeys. It is held against what the
    channels of the set give when met alone, each having its own chance: 1 - product of (1 - rate alone). What is seen is who met which
    channels, not what meeting them causes: journeys that last longer meet more.

    Returns
    -------
    ``question`` (descriptive), ``minimum`` (journeys below which none is listed), ``sets`` (the journey met these and no other channel)
    and ``pairs`` (these and maybe others), best first: ``channels, journeys, conversions, rate`` E, ``expected``, ``lift`` E (rate over
    expected), ``p_better_than_best_single`` (the best of its own channels met alone; null for one channel), ``p_best`` (of all listed
    beside it: with many candidates the first is first partly by luck); ``not_listed``: how many ``sets`` and ``journeys`` are too few.
    """
    rates, counts = _Rates.of(met, draws), met.counts
    listed = [(names, *met.exactly(names)) for names, count in zip(met.sets, counts, strict=True) if count >= ENOUGH]
    holds = met.holds()
    couples = [(pair, *met.where(holds[pair[0]] & holds[pair[1]])) for pair in itertools.combinations(met.channels, 2)]
    thin = counts[counts < ENOUGH]
    return {
        "question": Question.DESCRIPTIVE.value,
        "minimum": ENOUGH,
        "sets": _told(listed, rates),
        "pairs": _told([row for row in couples if row[1].sum() >= ENOUGH], rates),
        "not_listed": {"sets": len(thin), "journeys": float(thin.sum())},
    }


@dataclass(frozen=True)
class _Rates:
    """Rates shrunk to that of all journeys; of each first its value and then that of every replicate, shape (1 + replicates,)."""

    draws: Bootstrap
    of_all: Floats
    alone: Mapping[str, Floats]

    @classmethod
    def of(cls, met: Met, draws: Bootstrap) -> _Rates:
        journeys, won = met.where(np.ones(len(met.sets), dtype=bool))
        base = cls(draws, np.append(won.sum() / max(journeys.sum(), 1.0), draws.shares(won, journeys)), {})
        return replace(base, alone={name: base.rate(*met.exactly((name,))) for name in met.channels})

    def rate(self, journeys: Floats, won: Floats) -> Floats:
        count = np.append(journeys.sum(), self.draws.sums(journeys))
        events = np.append(won.sum(), self.draws.shares(won, journeys) * self.draws.sums(journeys))
        shrunk: Floats = (events + PRIOR * self.of_all) / (count + PRIOR)
        return shrunk


def _told(rows: Sequence[tuple[Channels, Floats, Floats]], rates: _Rates) -> list[Json]:
    if not rows:
        return []
    found = np.array([rates.rate(journeys, won) for _, journeys, won in rows])
    best = np.bincount(np.argmax(found[:, 1:], axis=0), minlength=len(rows)) / (found.shape[1] - 1)
    told: list[Json] = [
        {
            "channels": [*names],
            "journeys": float(journeys.sum()),
            "conversions": float(won.sum()),
            "rate": _estimate(rate),
            **_against(names, rate, rates.alone),
            "p_best": float(first),
        }
        for (names, journeys, won), rate, first in zip(rows, found, best, strict=True)
    ]
    return [told[place] for place in np.argsort(-found[:, 0], kind="stable")]


def _estimate(drawn: Floats) -> dict[str, Json]:
    return estimate(float(drawn[0]), drawn[1:])


def _against(names: Channels, rate: Floats, alone: Mapping[str, Floats]) -> dict[str, Json]:
    if len(names) == 1:
        return {"expected": None, "lift": None, "p_better_than_best_single": None}
    expected = 1 - np.prod([1 - alone[name] for name in names], axis=0)
    single = np.max([alone[name] for name in names], axis=0)
    better = float(np.mean(rate[1:] > single[1:]))
    return {"expected": float(expected[0]), "lift": _estimate(rate / expected), "p_better_than_best_single": better}
