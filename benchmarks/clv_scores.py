"""From a file of transactions to a trained, judged model, and to a file of scores: time and memory as customers grow."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks import clv_company
from benchmarks.measure import Cost, Ready, Row, apart, gigabytes, seconds
from funnelcast.settings import Settings
from funnelcast.sources.open import open_source
from training.score import score
from training.train import Request, train

MODEL = "clv"


def rows(customers: int) -> Iterator[Row]:
    """Train and score a quarter of the customers, then all of them; each in a process of its own."""
    sizes = customers // 4, customers
    with tempfile.TemporaryDirectory() as made:
        costs = [_costs(Path(made) / str(size), size) for size in sizes]
    beside = f"{sizes[0]:,} customers"
    for place, what in enumerate((f"training on {customers:,} customers' transactions", f"scoring {customers:,} customers from them")):
        few, many = ([found[place]] for found in costs)
        said = f"{many[0].kept:,} customers; a process each"
        yield seconds(what, beside, many, few, said)
        yield gigabytes("peak memory of that", beside, many, few, said)


def training(folder: Path) -> Ready:
    """Train from the file, as ``funnelcast train clv`` does."""
    settings = _settings(folder)
    return lambda: train(settings, open_source(folder / "source.toml", settings.threads), Request(MODEL))["rows"]


def scoring(folder: Path) -> Ready:
    """Score from the file, as ``funnelcast score clv`` does."""
    settings, out = _settings(folder), folder / "scores.parquet"

    def run() -> int:
        score(settings, open_source(folder / "source.toml", settings.threads), MODEL, out, as_of=None, progress=_silent)
        return int(pq.read_metadata(out).num_rows)

    return run


def _costs(folder: Path, customers: int) -> tuple[Cost, Cost]:
    folder.mkdir()
    clv_company.write(folder, customers)
    return apart(partial(training, folder), int), apart(partial(scoring, folder), int)


def _settings(folder: Path) -> Settings:
    return Settings.read({"FUNNELCAST_HOME": str(folder / "home")})


def _silent(_: str) -> None:
    """Show no progress."""
