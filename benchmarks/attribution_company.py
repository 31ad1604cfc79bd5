"""Journeys as their paths, row by row, and as the touchpoints and purchases that make them: the very same journeys."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.large_company import connect
from funnelcast.journeys import SEPARATOR
from funnelcast.sources.conform import conform, plain_times
from funnelcast.sources.facts import Facts, Source
from funnelcast.sources.schema import TABLES
from funnelcast.terms import AsOf

CHANNELS = ("affiliate", "direct", "display", "email", "fair", "partner", "phone", "referral", "search", "social", "store", "video")
AS_OF = AsOf.parse("2028-01-01", "UTC")
TABLE_NAMES = ("touchpoints", "transactions")

_BEGIN = np.datetime64("2024-01-01", "us")
_MEAN_TOUCHES, _MOST_TOUCHES = 4.0, 30
_MOST_JOURNEYS, _APART = 4, 183.0  # a contact's journeys begin half a year apart, far beyond the look-back
_ROW_GROUP = 122_880  # as DuckDB writes them
Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


def draw(folder: Path, journeys: int, channels: int = len(CHANNELS), seed: int = 1) -> None:
    """Write paths.parquet (path, conversions, value, nulls; one row a journey), touchpoints.parquet and transactions.parquet.

    Each touch converts with a chance of its channel's own; a contact has one to four journeys.
    """
    rng = np.random.default_rng(seed)
    names = pa.array(np.array([*CHANNELS, *(f"channel {number}" for number in range(len(CHANNELS), channels))][:channels], dtype=object))
    per_contact = np.minimum(rng.geometric(0.5, journeys), _MOST_JOURNEYS)
    contact = np.repeat(np.arange(journeys), per_contact)[:journeys]
    lengths = np.minimum(rng.geometric(1 / _MEAN_TOUCHES, journeys), _MOST_TOUCHES)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    codes = rng.choice(channels, size=offsets[-1], p=rng.dirichlet(np.full(channels, 3.0)))
    withstood = np.add.reduceat(np.log1p(-rng.uniform(0.01, 0.08, channels)[codes]), offsets[:-1])
    won = rng.random(journeys) < -np.expm1(withstood)
    value = np.where(won, rng.gamma(2.0, 50.0, journeys).round(2) + 0.01, 0.0).round(2)
    text = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), names.take(pa.array(codes))), SEPARATOR)
    amounts = {"conversions": won.astype(np.float64), "value": value, "nulls": (~won).astype(np.float64)}
    pq.write_table(pa.table({"path": text, **amounts}), folder / "paths.parquet")
    day = _days(contact, lengths, offsets, rng)
    _write(folder / "touchpoints.parquet", np.repeat(contact, lengths), day, {"channel": names.take(pa.array(codes))})
    _write(folder / "transactions.parquet", contact[won], day[offsets[1:] - 1][won] + 0.01, {"amount": pa.array(value[won])})


def paths(folder: Path) -> pd.DataFrame:
    """Read the rows of paths as one would: text as Python's strings."""
    return pd.read_parquet(folder / "paths.parquet")


def open_folder(folder: Path) -> Facts:
    """Give touchpoints and transactions as canonical tables."""
    connection = connect()
    files = {name: connection.read_parquet(folder / f"{name}.parquet", table_name=f"file_{name}") for name in TABLE_NAMES}
    tables = {name: plain_times(conform(table, name)) for name, table in files.items()}
    brought = {name: frozenset(table.columns) & frozenset(TABLES[name].names) for name, table in files.items()}
    return Facts(Source("journeys"), connection, tables, brought)


def _days(contact: Whole, lengths: Whole, offsets: Whole, rng: np.random.Generator) -> Floats:
    """Give the day of each touch: less than a day after the one before."""
    first = np.searchsorted(contact, contact)
    begin = _APART * (np.arange(len(contact)) - first) + rng.uniform(0, 2, len(contact))
    gap = rng.uniform(0.001, 1.0, offsets[-1])
    gap[offsets[:-1]] = 0.0
    since = np.cumsum(gap)
    return np.asarray(np.repeat(begin - since[offsets[:-1]], lengths) + since, dtype=np.float64)


def _write(path: Path, contact: Whole, day: Floats, columns: dict[str, pa.Array]) -> None:
    """Write a log in order of time."""
    order = np.argsort(day, kind="stable")
    names = pa.array([f"c{number:07d}" for number in range(int(contact.max(initial=0)) + 1)])
    when = _BEGIN + (day[order] * 86_400e6).astype("timedelta64[us]")
    placed = {name: column.take(pa.array(order)) for name, column in columns.items()}
    table = pa.table({"contact_id": names.take(pa.array(contact[order])), "occurred_at": pa.array(when), **placed})
    pq.write_table(table, path, row_group_size=_ROW_GROUP)
