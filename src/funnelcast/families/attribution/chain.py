"""The states of a Markov chain of order k over touches, and the counts of what followed each state.

A state is the tuple of the last k channels, the start of the journey counting as one of them. A tuple that too few journeys took backs off
to its shorter suffix, so that the chain's order varies with the facts (a variable-length Markov chain; Bühlmann and Wyner 1999, Annals of
Statistics 27). Suffixes and prefixes of a kept tuple are kept, so a state and the next channel determine the next state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp

from funnelcast.families.attribution.paths import Floats, Ints, Paths, added, distinct, significant

START = 0
_LENGTHS = 8  # tuples are told apart by id * 8 + length
_PATHS_AT_ONCE = 250_000  # so many are counted in memory that is used again and again


@dataclass(frozen=True)
class States:
    """The kept tuples, shorter ones first.

    Parameters
    ----------
    order
        The longest tuple.
    channels
        The names behind the symbols: symbol 0 is the start of a journey, symbol i channel i - 1.
    keys
        One number per state, shape (states,): its symbols in base ``channels + 1``, the last symbol least, times 8, plus its length.
        State 0 is the start.
    """

    order: int
    channels: tuple[str, ...]
    keys: Ints

    @property
    def base(self) -> int:
        """The base in which tuples are written."""
        return len(self.channels) + 1

    @property
    def lengths(self) -> Ints:
        """How many symbols each state holds."""
        return self.keys % _LENGTHS

    @property
    def last(self) -> Ints:
        """The last channel of each state, -1 for the start."""
        return (self.keys // _LENGTHS) % self.base - 1

    @property
    def parents(self) -> Ints:
        """The state that each state backs off to, without its oldest symbol; -1 for single symbols."""
        lengths = self.lengths
        shorter = (self.keys // _LENGTHS) % self.base ** (lengths - 1) * _LENGTHS + lengths - 1
        return np.where(lengths > 1, self.find(np.where(lengths > 1, shorter, self.keys[0])), -1)

    def symbols(self, state: int) -> tuple[int, ...]:
        """Give a state's symbols, oldest first."""
        number, length = divmod(int(self.keys[state]), _LENGTHS)
        return tuple(number // self.base**place % self.base for place in reversed(range(length)))

    def holds(self, channel: int) -> Any:
        """Say of each state whether its tuple holds a channel."""
        number = self.keys // _LENGTHS
        held = np.zeros(len(self.keys), dtype=bool)
        for place in range(self.order):
            held |= number // self.base**place % self.base == channel + 1
        return held

    def find(self, keys: Ints) -> Ints:
        """Give the index of each key, -1 where it isn't a state."""
        order = np.argsort(self.keys)
        place = np.minimum(np.searchsorted(self.keys, keys, sorter=order), len(self.keys) - 1)
        found = order[place]
        return np.where(self.keys[found] == keys, found, -1)


@dataclass(frozen=True)
class Chain:
    """Counts by cluster: from a state, a channel, the conversion or the null; and the value of conversions from a state.

    Parameters
    ----------
    source, symbol, target
        Of each counted transition, shape (transitions,). Symbols are channel codes, then C for a conversion and C + 1 for null; the target
        of those two is -1.
    value_source
        The state of each value sum, shape (values,).
    statistics
        Sparse, shape (clusters, transitions + values).
    """

    states: States
    source: Ints
    symbol: Ints
    target: Ints
    value_source: Ints
    statistics: Any

    @cached_property
    def totals(self) -> Floats:
        """The statistics of all clusters, shape (statistics,)."""
        return np.asarray(self.statistics.sum(axis=0), dtype=np.float64).ravel()

    def visits(self, totals: Floats) -> Floats:
        """Count how often each state was left, from totals of shape (samples, statistics); shape (samples, states)."""
        return scatter(totals[:, : len(self.source)], self.source, len(self.states.keys))

    def outcomes(self, totals: Floats) -> tuple[Floats, Floats, Floats]:
        """Give conversions, value and journeys of each sample, each of shape (samples,)."""
        counts, values = totals[:, : len(self.source)], totals[:, len(self.source) :]
        ends = self.symbol - len(self.states.channels)
        return counts[:, ends == 0].sum(axis=1), values.sum(axis=1), counts[:, ends >= 0].sum(axis=1)


def states_of(paths: Paths, order: int, minimum: float) -> tuple[States, Ints]:
    """Choose the states, and place every touch in one.

    Parameters
    ----------
    order
        k, the longest tuple.
    minimum
        Journeys that must have taken a tuple of two symbols or more for it to be kept.

    Returns
    -------
    The states and, of each touch, the index of its state, shape (touches,).
    """
    single, at = distinct(paths.codes, len(paths.channels))
    keys = [np.array([START * _LENGTHS + 1]), (single + 1) * _LENGTHS + 1]
    at += 1
    for length, number in enumerate(_numbers(paths, order), start=2):
        reaches = np.flatnonzero(paths.position + 2 >= length)
        tuples, place = distinct(number[reaches], (len(paths.channels) + 1) ** length)
        enough = np.bincount(place, weights=paths.journeys[paths.row[reaches]], minlength=len(tuples)) >= minimum
        kept = enough[place]
        at[reaches[kept]] = (sum(map(len, keys)) - 1 + np.cumsum(enough))[place[kept]]
        keys.append(tuples[enough] * _LENGTHS + length)
    return States(order, paths.channels, np.concatenate(keys)), at


def chain_of(paths: Paths, order: int, minimum: float) -> Chain:
    """Count what followed each state, by cluster."""
    states, at = states_of(paths, order, minimum)
    width = len(paths.channels) + 2
    shape = paths.clusters, len(states.keys) * width
    last = at[paths.offsets[1:] - 1]
    won, lost = last * width + width - 2, last * width + width - 1
    counts = _sparse(paths.conversions, paths.cluster, won, shape) + _sparse(paths.nulls, paths.cluster, lost, shape)
    target = np.full(shape[1], -1)
    for start in range(0, len(last), _PATHS_AT_ONCE):
        some = slice(start, start + _PATHS_AT_ONCE)
        begins, ends, lengths = paths.offsets[:-1][some], paths.offsets[1:][some], paths.lengths[some]
        touches = slice(begins[0], ends[-1])
        before = np.roll(at[touches], 1)
        before[begins - begins[0]] = START
        step = before * width + paths.codes[touches]
        target[step] = at[touches]
        counts += _sparse(np.repeat(paths.journeys[some], lengths), np.repeat(paths.cluster[some], lengths), step, shape)
    used = np.flatnonzero(counts.sum(axis=0))
    value_states, value_column = distinct(last, len(states.keys))
    values = _sparse(paths.value, paths.cluster, value_column, (paths.clusters, len(value_states)))
    values.data = significant(values.data)  # whatever the order of the rows
    return Chain(states, used // width, used % width, target[used], value_states, sp.hstack([counts[:, used], values], format="csr"))


def scatter(values: Floats, columns: Ints, width: int) -> Floats:
    """Add up the columns of values, shape (samples, columns), that belong together; shape (samples, width)."""
    spread = sp.coo_array((np.ones(len(columns)), (np.arange(len(columns)), columns)), shape=(len(columns), width)).tocsr()
    return np.asarray(values @ spread, dtype=np.float64)


def _numbers(paths: Paths, order: int) -> Iterator[Ints]:
    """Write the last 2, 3, … k symbols before and at each touch as one number."""
    if order == 1:
        return
    base, symbol = len(paths.channels) + 1, paths.codes + 1
    number = symbol
    for back in range(1, order):
        earlier = np.zeros_like(symbol)
        earlier[back:] = symbol[:-back] if back <= len(symbol) else 0
        number = number + np.where(paths.position >= back, earlier, START) * base**back
        yield number


def _sparse(weights: Floats, rows: Ints, columns: Ints, shape: tuple[int, int]) -> Any:
    """Sum weights by row and column."""
    cells, place = distinct(rows * shape[1] + columns, shape[0] * shape[1])
    return sp.coo_array((added(place, weights, len(cells)), (cells // shape[1], cells % shape[1])), shape=shape).tocsr()
