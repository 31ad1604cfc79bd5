"""A large company's facts as typed parquet files, drawn from a seed: contacts, touchpoints and transactions in order of time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ibis
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from funnelcast.sources.conform import conform, plain_times
from funnelcast.sources.facts import Facts, Source
from funnelcast.sources.schema import TABLES
from funnelcast.terms import AsOf

AS_OF = AsOf.parse("2026-01-01", "UTC")
TABLE_NAMES = ("contacts", "touchpoints", "transactions")
Columns = dict[str, pa.Array]
Floats = npt.NDArray[np.float64]

_SECONDS = 3 * 365 * 86_400
_ROWS = 1_000_000  # drawn at a time
_ROW_GROUP = 122_880  # as DuckDB writes them
_CHANNELS = ("web", "store", "phone", "email", "ads", "event")
_KINDS = ("email_open", "visit", "email_click", "store_visit", "call", "download", "webinar", "meeting", "event", "quote_request")
_SURVEYS = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
_SHARES = (0.42, 0.24, 0.12, 0.07, 0.04, 0.03, 0.01, 0.01, 0.01, 0.01, 0.02, 0.01, 0.01)
_CHANNEL_OF = np.array([3, 0, 3, 1, 2, 0, 0, 1, 5, 0, 3, 3, 0])
_HAVE_DURATION = np.isin(np.arange(13), [3, 4, 6, 7])
_ATTRIBUTES = {
    "sector": ("retail", "industry", "services", "health", "public"),
    "region": ("north", "south", "east", "west", "centre", "abroad"),
    "size": ("1-9", "10-49", "50-249", "250+"),
}


def draw(folder: Path, contacts: int, touchpoints: int, transactions: int, seed: int = 1) -> None:
    """Write the files of three years; some contacts are far more active than others."""
    rng = np.random.default_rng(seed)
    names = pa.array([f"c{number:07d}" for number in range(contacts)])
    activity = np.cumsum(rng.gamma(0.7, size=contacts))
    pq.write_table(pa.table(_contacts(names, rng)), folder / "contacts.parquet", row_group_size=_ROW_GROUP)
    _write(folder / "touchpoints.parquet", touchpoints, _touches, names, activity / activity[-1], rng)
    _write(folder / "transactions.parquet", transactions, _purchases, names, activity / activity[-1], rng)


def connect() -> Any:
    """Start an engine as it comes; DuckDB takes a process of a benchmark for a person and would draw bars."""
    connection = ibis.duckdb.connect()
    connection.con.execute("set enable_progress_bar = false")
    return connection


def open_folder(folder: Path) -> Facts:
    """Give the files as canonical tables; each query reads what it needs of them."""
    connection = connect()
    files = {name: connection.read_parquet(folder / f"{name}.parquet", table_name=f"file_{name}") for name in TABLE_NAMES}
    tables = {name: plain_times(conform(table, name)) for name, table in files.items()}
    brought = {name: frozenset(table.columns) & frozenset(TABLES[name].names) for name, table in files.items()}
    return Facts(Source("large"), connection, tables, brought)


def _write(
    path: Path,
    rows: int,
    columns: Callable[[int, np.random.Generator], Columns],
    names: pa.Array,
    activity: Floats,
    rng: np.random.Generator,
) -> None:
    writer = None
    for start in range(0, rows, _ROWS):
        size = min(_ROWS, rows - start)
        when = np.sort(rng.uniform(start / rows, (start + size) / rows, size))
        whose = np.searchsorted(activity, rng.random(size))
        table = pa.table({"contact_id": names.take(pa.array(whose)), "occurred_at": _stamps(when), **columns(size, rng)})
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table, row_group_size=_ROW_GROUP)
    if writer:
        writer.close()


def _touches(size: int, rng: np.random.Generator) -> Columns:
    kind = rng.choice(len(_SHARES), size, p=_SHARES)
    lowest, highest = (np.array([0] * len(_KINDS) + [scale[end] for scale in _SURVEYS.values()]) for end in (0, 1))
    asked = kind >= len(_KINDS)
    channel = np.where(rng.random(size) < 0.1, 4, _CHANNEL_OF[kind])
    return {
        "channel": _words(_CHANNELS, channel),
        "kind": _words((*_KINDS, *_SURVEYS), kind),
        "duration_minutes": _numbers(rng.gamma(2.0, 10.0, size).round(1), ~_HAVE_DURATION[kind]),
        "score": _numbers(rng.integers(lowest[kind], highest[kind] + 1).astype(np.float64), ~asked),
    }


def _purchases(size: int, rng: np.random.Generator) -> Columns:
    amount = rng.gamma(2.0, 40.0, size).round(2) * np.where(rng.random(size) < 0.03, -1.0, 1.0)
    return {
        "amount": pa.array(amount),
        "margin": pa.array((amount * rng.uniform(0.2, 0.6, size)).round(2)),
        "channel": _words(_CHANNELS[:3], rng.choice(3, size, p=(0.5, 0.4, 0.1))),
    }


def _contacts(names: pa.Array, rng: np.random.Generator) -> Columns:
    size = len(names)
    created = rng.uniform(-1.0, 1.0, size)
    became, opted_out = (created + rng.exponential(mean, size) for mean in (0.4, 5.0))
    return {
        "contact_id": names,
        "created_at": _stamps(created),
        "source_channel": _words(_CHANNELS, rng.integers(0, len(_CHANNELS), size)),
        "became_customer_at": _stamps(became, became > 1),
        "opted_out_at": _stamps(opted_out, opted_out > 1),
        "distance_km": _numbers(rng.gamma(1.5, 20.0, size).round(1), rng.random(size) < 0.2),
        **{name: _words(levels, rng.integers(0, len(levels), size)) for name, levels in _ATTRIBUTES.items()},
    }


def _stamps(share: Floats, missing: npt.NDArray[np.bool_] | None = None) -> pa.Array:
    seconds = (share * _SECONDS).astype("timedelta64[s]")
    begin = np.datetime64(AS_OF.at, "s") - np.timedelta64(_SECONDS, "s")
    return pa.array((begin + seconds).astype("datetime64[us]"), mask=missing)


def _words(levels: tuple[str, ...], codes: npt.NDArray[np.int64]) -> pa.Array:
    return pa.array(np.array(levels, dtype=object)).take(pa.array(codes))


def _numbers(values: Floats, missing: npt.NDArray[np.bool_]) -> pa.Array:
    return pa.array(values, mask=missing)
