"""From files to the scores of three models, by size of the company and by engine: what one machine holds, and how long it takes."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.large_company import AS_OF, TABLE_NAMES, draw
from funnelcast.families.family import Options
from funnelcast.settings import Settings
from funnelcast.sources.open import open_source
from training.score import score
from training.train import Request, train

MODELS = ("clv", "churn", "lead_scoring")
_TRAINED_ON = 10_000  # contacts: what a model costs to apply doesn't depend on it
_EVERY = 0.2  # seconds between two looks at the memory


@dataclass(frozen=True)
class Size:
    """A company and the engine that holds it; touchpoints and transactions are per contact."""

    contacts: int
    touchpoints: int
    transactions: int
    backend: str = "duckdb"
    memory: str = "8GB"


SIZES = (
    Size(100_000, 20, 10),
    Size(1_000_000, 20, 10),
    Size(10_000_000, 3, 3),
    Size(100_000, 20, 10, "pyspark"),
    Size(1_000_000, 20, 10, "pyspark"),
)


@dataclass(frozen=True)
class Took:
    """What a run took: seconds by step, those of processors over all its processes, and their highest resident memory together."""

    seconds: dict[str, float]
    rows: dict[str, int]
    processor: float
    gigabytes: float


def main() -> None:
    """Run the sizes one after another, each in a process of its own, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizes", description="From files to scores, by size and engine.")
    parser.add_argument("--only", type=int, nargs="*", help="places among the sizes, from 0; default: all")
    parser.add_argument("--within", type=float, default=1800.0, help="seconds that one size may take (default 1800)")
    parser.add_argument("--child", nargs=2, metavar=("FOLDER", "BACKEND"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(_steps(Path(options.child[0]), options.child[1])))
        return
    with tempfile.TemporaryDirectory(prefix="funnelcast-sizes-") as made:
        home = _train(Path(made))
        for size in [SIZES[place] for place in options.only] if options.only else SIZES:
            print(_row(size, home, options.within), flush=True)


def _row(size: Size, home: Path, within: float) -> str:
    touchpoints, transactions = size.contacts * size.touchpoints, size.contacts * size.transactions
    what = f"{size.contacts:,} contacts, {touchpoints:,} touchpoints, {transactions:,} transactions"
    with tempfile.TemporaryDirectory(prefix="funnelcast-sizes-") as made:
        folder = Path(made)
        _write(folder, size.contacts, size.touchpoints, size.transactions)
        took = run(folder, home, size, within)
    if isinstance(took, str):
        return f"| {what} | {size.backend} | {size.memory} | {took} | | | |"
    steps = ", ".join(f"{name} {seconds:.0f}" for name, seconds in took.seconds.items())
    rows = ", ".join(f"{name} {count:,}" for name, count in took.rows.items())
    wall = f"{sum(took.seconds.values()):.0f} s ({steps})"
    return f"| {what} | {size.backend} | {size.memory} | {wall} | {took.processor:.0f} s | {took.gigabytes:.1f} GB | {rows} |"


def run(folder: Path, home: Path, size: Size, within: float) -> Took | str:
    """Run one size in a process of its own; a text says why there is no result."""
    command = [sys.executable, "-m", "benchmarks.sizes", "--child", str(folder), size.backend]
    environment = {**os.environ, "FUNNELCAST_HOME": str(home), "FUNNELCAST_MEMORY": size.memory, "TMPDIR": str(folder)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        processor, gigabytes = _watch(process, within)
        said, complained = process.communicate()
    if process.returncode:
        return "took too long" if process.returncode < 0 else f"failed: {complained.strip().splitlines()[-1][:200]}"
    found = json.loads(said.splitlines()[-1])
    return Took(found["seconds"], found["rows"], processor, gigabytes)


def _steps(folder: Path, backend: str) -> dict[str, object]:
    """Open the files and score everyone with each model: what a nightly job does."""
    settings, seconds, rows = Settings.read(), {}, {}
    started = time.perf_counter()
    facts = open_source(_source(folder, backend), threads=settings.threads, memory=settings.memory)
    seconds["open"] = time.perf_counter() - started
    for model in MODELS:
        started = time.perf_counter()
        document = score(settings, facts, model, folder / f"{model}.parquet", as_of=AS_OF, progress=lambda _: None)
        seconds[model] = time.perf_counter() - started
        rows[model] = int(str(document["rows"]))
    return {"seconds": seconds, "rows": rows}


def _train(folder: Path) -> Path:
    """Give a home with champions, fitted on a company of the same columns."""
    _write(folder, _TRAINED_ON, SIZES[0].touchpoints, SIZES[0].transactions)
    home = folder / "home"
    settings = Settings.read({"FUNNELCAST_HOME": str(home)})
    facts = open_source(_source(folder, "duckdb"))
    for model in MODELS:
        train(settings, facts, Request(model, options=Options(trials=1)))
    return home


def _write(folder: Path, contacts: int, touchpoints: int, transactions: int) -> None:
    draw(folder, contacts, contacts * touchpoints, contacts * transactions)


def _source(folder: Path, backend: str) -> Path:
    path = folder / "source.toml"
    tables = "".join(f'[tables.{name}]\npath = "{name}.parquet"\n' for name in TABLE_NAMES)
    path.write_text(f'[source]\nname = "large"\nbackend = "{backend}"\n{tables}')
    return path


def _watch(process: subprocess.Popen[str], within: float) -> tuple[float, float]:
    """Wait for a process, or end it when its time is over; give the processor seconds of it and its children, and their highest memory."""
    peak, deadline = 0, time.monotonic() + within
    processor: dict[int, float] = {}
    while process.poll() is None:
        family = list(_family(process.pid))
        peak = max(peak, sum(_resident(number) for number in family))
        processor |= {number: _processor(number, processor.get(number, 0.0)) for number in family}
        if time.monotonic() > deadline:
            for number in reversed(family):
                os.kill(number, 9)
        time.sleep(_EVERY)
    return sum(processor.values()), peak / 1e9


def _family(number: int) -> Iterator[int]:
    yield number
    for thread in Path(f"/proc/{number}/task").glob("*/children"):
        try:
            children = thread.read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _family(int(child))


def _processor(number: int, before: float) -> float:
    try:
        ticks = Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[11:13]
    except OSError:
        return before
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def _resident(number: int) -> int:
    try:
        return int(Path(f"/proc/{number}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


if __name__ == "__main__":
    main()
