"""Time two ways to the same answer in turn, so that a drifting machine is fair to both."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Row:
    """One line of the table; ``ratio`` is how many times as long the other way takes, pair by pair, and its median counts."""

    name: str
    other: str
    own_seconds: float
    other_seconds: float
    ratio: float
    agreement: str


def compare(name: str, other: str, own: Callable[[], object], theirs: Callable[[], object], agreement: str, pairs: int = 3) -> Row:
    """Run both ways in turn after one warm-up each."""
    own()
    theirs()
    timed = [(_seconds(own), _seconds(theirs)) for _ in range(pairs)]
    ratio = median(beside / mine for mine, beside in timed)
    return Row(name, other, median(mine for mine, _ in timed), median(beside for _, beside in timed), ratio, agreement)


def _seconds(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return time.perf_counter() - started
