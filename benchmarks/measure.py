"""Measure two ways to the same answer in turn, so that a drifting machine is fair to both."""

from __future__ import annotations

import math
import multiprocessing
import os
import platform
import re
import resource
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

Ready = Callable[[], Any]
"""What is timed."""


@dataclass(frozen=True)
class Row:
    """One line of the table; ``ratio`` is how many times as much the other way takes, pair by pair, and its median counts."""

    name: str
    other: str
    own: float
    theirs: float
    ratio: float
    agreement: str
    unit: str = "s"

    @property
    def cells(self) -> tuple[str, ...]:
        """The line as texts; what couldn't be measured is ``–``."""
        own, theirs = (_figure(value, f"{value:,.3f} {self.unit}") for value in (self.own, self.theirs))
        return self.name, self.other, own, theirs, _figure(self.ratio, f"{self.ratio:.2f}"), self.agreement


@dataclass(frozen=True)
class Cost:
    """What one run took: its time, the peak memory of its process, and what was kept of its answer."""

    seconds: float
    gigabytes: float
    kept: Any


HEADS = ("what", "beside", "ours", "theirs", "theirs / ours", "agreement")
_KEPT = re.compile(r"(?<=<!-- bench -->\n).*?(?=<!-- /bench -->)", re.DOTALL)


def show(rows: Iterable[Row], libraries: Sequence[str]) -> list[Row]:
    """Print rows as one table, under the date, the machine and the versions of what took part; each row is told on stderr as it comes."""
    console, progress = Console(width=160), Console(stderr=True, width=160)
    table, told = Table(*HEADS), []
    for row in rows:
        progress.print(f"· {row.name}, beside {row.other}", highlight=False, markup=False)
        table.add_row(*row.cells)
        told.append(row)
    console.print(headline(libraries), highlight=False, markup=False)
    console.print(table)
    return told


def headline(libraries: Sequence[str]) -> str:
    """Say when and on which machine, and the versions of what took part."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"{os.cpu_count()} cores of {_processor()}, {memory:.0f} GiB, {platform.system()}"
    return f"{datetime.now(UTC):%Y-%m-%d}: {machine}. Python {platform.python_version()}, {', '.join(map(_version, libraries))}."


def keep(path: Path, heading: str, rows: Sequence[Row]) -> None:
    """Write the table into a document, between ``<!-- bench -->`` and ``<!-- /bench -->``."""
    lines = [HEADS, ("---",) * len(HEADS), *(row.cells for row in rows)]
    table = "".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |\n" for line in lines)
    text = path.read_text(encoding="utf-8")
    path.write_text(_KEPT.sub(lambda _: f"{heading}\n\n{table}", text), encoding="utf-8")


def _figure(value: float, text: str) -> str:
    return text if math.isfinite(value) else "–"


def _version(name: str) -> str:
    try:
        return f"{name} {version(name)}"
    except PackageNotFoundError:
        return f"{name} not installed"


def _processor() -> str:
    """Name the processor as the system does."""
    told = Path("/proc/cpuinfo")
    names = re.findall(r"^model name\s*: (.+)$", told.read_text(), re.MULTILINE) if told.exists() else []
    return names[0] if names else platform.machine()


def compare(name: str, other: str, own: Ready, theirs: Ready, agreement: str, pairs: int = 3) -> Row:
    """Run both ways in turn after one warm-up each."""
    return seconds(name, other, *in_turn(own, theirs, turns=pairs), agreement)


def in_turn(*ways: Ready, turns: int = 3) -> list[list[Cost]]:
    """Run ways in turn in this process, after one warm-up each; their answers aren't kept."""
    for way in ways:
        way()
    runs = [[_cost(way, _forget) for way in ways] for _ in range(turns)]
    return [list(costs) for costs in zip(*runs, strict=True)]


def apart(prepare: Callable[[], Ready], keep: Callable[[Any], Any]) -> Cost:
    """Run in a process of its own, whose memory nobody else has touched; both functions must be importable.

    Parameters
    ----------
    prepare
        Gives what is timed.
    keep
        Takes from its answer what the caller wants to see, after time and memory were read.
    """
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_prepared_cost, prepare, keep).result()


def seconds(name: str, other: str, own: list[Cost], theirs: list[Cost], agreement: str) -> Row:
    """Compare the times of runs in turn; where one side has fewer, the others' further runs don't count."""
    timed = [(mine.seconds, beside.seconds) for mine, beside in zip(own, theirs, strict=False)]
    return _row(name, other, timed, agreement)


def gigabytes(name: str, other: str, own: list[Cost], theirs: list[Cost], agreement: str) -> Row:
    """Compare their peak memory."""
    measured = [(mine.gigabytes, beside.gigabytes) for mine, beside in zip(own, theirs, strict=False)]
    return _row(name, other, measured, agreement, "GB")


def _row(name: str, other: str, pairs: list[tuple[float, float]], agreement: str, unit: str = "s") -> Row:
    own, theirs = (median(side) for side in zip(*pairs, strict=True))
    return Row(name, other, own, theirs, median(beside / mine for mine, beside in pairs), agreement, unit)


def _prepared_cost(prepare: Callable[[], Ready], keep: Callable[[Any], Any]) -> Cost:
    return _cost(prepare(), keep)


def _cost(ready: Ready, keep: Callable[[Any], Any]) -> Cost:
    started = time.perf_counter()
    answer = ready()
    taken = time.perf_counter() - started
    return Cost(taken, _peak(), keep(answer))


def _peak() -> float:
    """Give the process's highest resident memory in gigabytes."""
    status = Path("/proc/self/status")
    if status.exists():  # a new process's rusage there begins with its parent's peak
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024 / 1e9
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9


def _forget(_: Any) -> None:
    """Keep nothing of an answer."""
