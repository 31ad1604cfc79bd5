"""The company in memory, and the company on disk."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from funnelcast.artefacts import to_json
from funnelcast.errors import UsageError
from funnelcast.simulate import cash, market
from funnelcast.simulate.block import BLOCK, Block, simulate_block
from funnelcast.simulate.cash import CashPlan
from funnelcast.simulate.counterfactual import Increments
from funnelcast.simulate.market import Market
from funnelcast.simulate.seasons import END, Floats, Seasons
from funnelcast.simulate.tables import Rendered, render
from funnelcast.simulate.truth import document
from funnelcast.simulate.world import KINDS, OFFLINE, World
from funnelcast.sources.conform import from_arrow
from funnelcast.sources.facts import Facts, Source
from funnelcast.terms import AsOf, Json

Progress = Callable[[str], None]
TIMEZONE = "Europe/Paris"


@dataclass(frozen=True)
class Company:
    """A simulated company in memory.

    Parameters
    ----------
    tables
        By canonical name, identities resolved: what opening the written form gives.
    truth
        What truth.json says.
    true_tables
        By name (``leads``, ``customers``, ``deals``): what the parquet files beside truth.json say.
    source
        What source.toml says.
    market
        The surroundings, with the laws and the seasons: what the best possible predictions need.
    """

    tables: Mapping[str, pa.Table]
    truth: Mapping[str, Json]
    true_tables: Mapping[str, pa.Table]
    source: Source
    market: Market

    def facts(self) -> Facts:
        """Open the company's facts on a DuckDB in memory."""
        return from_arrow(self.source, self.tables).with_observation(AsOf.midnight_after(END - timedelta(days=1), TIMEZONE))


def company(contacts: int = 2_000, seed: int = 0, months: int = 36, world: World | None = None) -> Company:
    """Simulate a company in memory.

    Parameters
    ----------
    contacts
        How many people and companies get in touch over the months.
    seed
        Same seed, same company.
    months
        How many, ending with 2025-12-31.
    world
        The laws of this company; the defaults are the demo's.
    """
    run = _Run.start(contacts, seed, months, world or World())
    blocks = [(block, render(block)) for block in run.blocks()]
    tables = {name: pa.concat_tables([rendered.resolved[name] for _, rendered in blocks]) for name in blocks[0][1].resolved}
    true_tables = {name: pa.concat_tables([rendered.truth[name] for _, rendered in blocks]) for name in blocks[0][1].truth}
    totals = reduce(_Totals.__add__, (_Totals.of(block) for block, _ in blocks))
    planned = cash.plan(run.market, totals.receipts)
    tables |= {"spend": cash.spend_table(run.market), "cash_items": planned.table()}
    truth = document(run.market, contacts, seed, totals.increments)
    return Company(tables, truth, true_tables, _source(planned), run.market)


def blocks(contacts: int = 2_000, seed: int = 0, months: int = 36, world: World | None = None) -> Iterator[Block]:
    """Simulate the same company as ``company`` does, block by block, with all that is true of it: what its other futures go on from."""
    yield from _Run.start(contacts, seed, months, world or World()).blocks()


def simulate(
    out: Path,
    contacts: int = 10_000,
    seed: int = 0,
    months: int = 36,
    *,
    progress: Progress = lambda _: None,
    world: World | None = None,
) -> Path:
    """Write a simulated company: parquet tables, source.toml and truth.json; all of it appears at once.

    Memory is bounded by one block of contacts. Same arguments, same bytes.

    Returns
    -------
    The path of source.toml.
    """
    run = _Run.start(contacts, seed, months, world or World())
    out.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(dir=out, prefix=".simulating."))
    try:
        totals = _write_blocks(run, beside, progress)
        planned = cash.plan(run.market, totals.receipts)
        _write_table(beside / "spend.parquet", cash.spend_table(run.market))
        _write_table(beside / "cash_items.parquet", planned.table())
        (beside / "truth.json").write_bytes(to_json(document(run.market, contacts, seed, totals.increments)))
        (beside / "source.toml").write_text(_source_toml(planned), encoding="utf-8")
        for path in sorted(beside.iterdir(), key=lambda path: path.name == "source.toml"):
            os.replace(path, out / path.name)  # noqa: PTH105 (atomic, source.toml last)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return out / "source.toml"


@dataclass(frozen=True)
class _Totals:
    """What is added up over blocks."""

    receipts: Floats
    increments: Increments

    @classmethod
    def of(cls, block: Block) -> _Totals:
        return cls(block.receipts(), block.increments)

    def __add__(self, other: _Totals) -> _Totals:
        return _Totals(self.receipts + other.receipts, self.increments + other.increments)


@dataclass(frozen=True)
class _Run:
    """One company about to be simulated: its surroundings and the seeds of its blocks."""

    market: Market
    sizes: tuple[int, ...]
    seeds: tuple[np.random.SeedSequence, ...]

    @classmethod
    def start(cls, contacts: int, seed: int, months: int, world: World) -> _Run:
        if contacts < 1 or months < 1:
            raise UsageError(reason=f"A company needs at least one contact and one month; got contacts={contacts}, months={months}.")
        sizes = tuple(min(BLOCK, contacts - first) for first in range(0, contacts, BLOCK))
        surroundings, *seeds = np.random.SeedSequence(seed).spawn(1 + len(sizes))
        seasons = Seasons(months, world.seasonality)
        return cls(market.draw(seasons, world, contacts, np.random.default_rng(surroundings)), sizes, tuple(seeds))

    def blocks(self) -> Iterator[Block]:
        for number, (size, seed) in enumerate(zip(self.sizes, self.seeds, strict=True)):
            yield simulate_block(self.market, number, size, seed)


def _write_blocks(run: _Run, folder: Path, progress: Progress) -> _Totals:
    """Write each block as one row group of every table."""
    writers: dict[str, pq.ParquetWriter] = {}
    totals: _Totals | None = None
    done = 0
    try:
        for block in run.blocks():
            for name, table in _files(render(block)).items():
                if name not in writers:
                    writers[name] = pq.ParquetWriter(folder / f"{name}.parquet", table.schema, compression="zstd")
                writers[name].write_table(table)
            totals = _Totals.of(block) if totals is None else totals + _Totals.of(block)
            done += block.count
            progress(f"simulated {done:,} of {sum(run.sizes):,} contacts")
    finally:
        for writer in writers.values():
            writer.close()
    assert totals is not None  # noqa: S101 (a run has at least one block)
    return totals


def _files(rendered: Rendered) -> dict[str, pa.Table]:
    return {**rendered.exported, **{f"truth_{name}": table for name, table in rendered.truth.items()}}


def _write_table(path: Path, table: pa.Table) -> None:
    pq.write_table(table, path, compression="zstd")


_TARGETS = {"cac": 50.0, "clv_cac": 3.0, "churn": 0.6}
_TARGETS_PER_FLOOR = {"sales": 6.0, "pipeline": 18.0, "velocity": 0.17}
"""By the cash floor, which grows with the company."""
_TABLES = (
    "contacts", "identities", "touchpoints", "transactions", "subscriptions", "deals", "deal_events", "invoices", "spend", "cash_items",
)  # fmt: skip


def _source(planned: CashPlan) -> Source:
    return Source(
        name="demo",
        currency="EUR",
        timezone=TIMEZONE,
        country="FR",
        offline=frozenset(OFFLINE),
        engagement={kind.name: kind.points for kind in KINDS if kind.points},
        terms="30 days",
        vat_rate=0.20,
        opening_balance=planned.opening_balance,
        floor=planned.floor,
        targets={**_TARGETS, **{name: round(times * planned.floor, -2) for name, times in _TARGETS_PER_FLOOR.items()}},
    )


def _source_toml(planned: CashPlan) -> str:
    source = _source(planned)
    lines = [
        "# A simulated company; its truth stands in truth.json.",
        "[source]",
        f'name = "{source.name}"',
        f'currency = "{source.currency}"',
        f'timezone = "{source.timezone}"',
        f'country = "{source.country}"',
        f"observed_until = {END - timedelta(days=1)}",
        "",
        *(line for name in _TABLES for line in (f"[tables.{name}]", f'path = "{name}.parquet"', "")),
        "[channels]",
        f"offline = {json.dumps(OFFLINE)}",
        "",
        "[engagement]",
        *(f"{kind} = {points:g}" for kind, points in source.engagement.items()),
        "",
        "[billing]",
        f'terms = "{source.terms}"',
        f"vat_rate = {source.vat_rate:.2f}",
        "",
        "[cash]",
        f"opening_balance = {source.opening_balance}",
        f"floor = {source.floor}",
        "",
        "[targets]",
        *(f"{name} = {target}" for name, target in source.targets.items()),
        "",
    ]
    return "\n".join(lines)
