"""Batch scoring: everyone in question to parquet or csv, in a stream, so that memory doesn't grow with the rows."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from funnelcast import champions
from funnelcast.answers import READ, Scale, answer_rows
from funnelcast.champions import Champion
from funnelcast.errors import NotFound
from funnelcast.families.family import Progress
from funnelcast.families.registry import family_of
from funnelcast.families.table import Array, Table
from funnelcast.settings import Settings
from funnelcast.snapshots import latest
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf, Json
from training.output import replaced, require_table_file
from training.train import default_as_of, require_tables
from training.values import value_of_contacts, value_of_conversions

BATCH_ROWS = 25_000
_BATCH_VALUES = 1_000_000
_SIDE_BY_SIDE = 2  # batches; the trees use all threads for their part anyway
KEYS = ("invoice_id", "deal_id", "contact_id", "path")
"""By which a row of some family is known: by its own id, before that of its contact, who may have several."""
ValueOf: TypeAlias = Callable[[pd.Index, Table], "Array | None"]
"""Gives the value of each row, by their keys and themselves; NaN where it isn't known, None where no row's is."""


def score(settings: Settings, facts: Facts, model: str, out: Path, *, as_of: AsOf | None, progress: Progress) -> dict[str, Json]:
    """Score everyone in question with the champion of one model.

    Parameters
    ----------
    out
        ``.parquet`` or ``.csv``; it appears only when it is complete.
    """
    require_table_file(out)
    started = time.monotonic()
    champion = champions.load(settings, facts.source.name, model, facts.source.path or "FILE")
    as_of = as_of or default_as_of(facts)
    rows = 0
    with replaced(out) as beside, Writer(beside, out.suffix) as writer:
        for batch in stream(settings, facts, champion, as_of):
            writer.write(batch)
            rows += len(batch)
            progress(f"{model}: {rows} rows scored")
    seconds = round(time.monotonic() - started, 3)
    return {"model": model, "version": champion.version, "as_of": as_of.isoformat(), "rows": rows, "out": str(out), "seconds": seconds}


def stream(settings: Settings, facts: Facts, champion: Champion, as_of: AsOf) -> Iterator[pd.DataFrame]:
    """Score in batches; at least one batch comes, empty where nobody is in question."""
    spec = read(settings.models, champion.about.model)
    family = family_of(champion.about.family)
    require_tables(facts, family, champion.about.model)
    known = cut(facts, as_of)
    candidates = family.candidates(known, spec, None, as_of)
    key = next(name for name in KEYS if name in candidates.columns)
    value = _values(settings, known, champion.about.family, as_of)
    scorer = Scorer(champion, key, scale_in_use(settings, champion), value, float(spec.label.get("horizon_days", 0)))
    batches = candidates.order_by(key).to_pyarrow_batches(chunk_size=batch_rows(len(candidates.columns)))
    yield from scorer.answers(batches, settings.threads)


def batch_rows(columns: int) -> int:
    """Give how many rows are scored at once: more where they are narrow, since what is common to rows is found once a batch."""
    return max(BATCH_ROWS, _BATCH_VALUES // columns)


def scale_in_use(settings: Settings, champion: Champion) -> Scale:
    """Give the population for percentiles: the last refresh, else the fold on which the champion was judged."""
    try:
        scales = latest(settings, champion.about.source).document("scales")
    except NotFound:
        scales = {}
    return Scale.in_use(scales, champion.about.model, champion.about.scale)


def _values(settings: Settings, known: Facts, family: str, as_of: AsOf) -> ValueOf:
    """Give what tells the value of rows: by contact for churn, by channel for leads."""
    if family == "churn":
        clv = value_of_contacts(settings, known, as_of)
        return lambda keys, _: None if clv is None else clv.reindex(keys).to_numpy()
    worth = value_of_conversions(settings, known, as_of) if family == "lead_scoring" else None
    return lambda _, rows: None if worth is None else worth.of_rows(rows)


@dataclass(frozen=True)
class Scorer:
    """What turns batches of candidates into answers."""

    champion: Champion
    key: str
    scale: Scale
    value: ValueOf
    horizon_days: float

    def answers(self, candidates: pa.RecordBatchReader, threads: int) -> Iterator[pd.DataFrame]:
        """Answer batch by batch, in their order; at least one comes. Where threads allow it, one is scored while the next is read."""
        under_way: deque[Future[pd.DataFrame]] = deque()
        with ThreadPoolExecutor(min(threads, _SIDE_BY_SIDE)) as pool:
            for batch in _at_least_one(candidates):
                under_way.append(pool.submit(self._answer, batch))
                if len(under_way) > _SIDE_BY_SIDE:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()

    def _answer(self, batch: pa.RecordBatch) -> pd.DataFrame:
        model, read = self.champion.model, list(self.champion.model.columns)
        beside = [name for name in batch.schema.names if name not in {*read, self.key}]
        rows = batch.select([*read, *beside]).to_pandas()  # what is read comes first, so that it needs no copy
        keys, table = pd.Index(batch.column(self.key).to_pandas()), Table.of(rows.filter(list(READ)))
        predicted = Table.of(model.predict(rows.iloc[:, : len(read)])).columns
        answers = answer_rows(self.champion.about.family, table, predicted, self.scale, self.value(keys, table), self.horizon_days)
        return pd.DataFrame({self.key: keys, **rows.filter(["contact_id"]), **answers})


def _at_least_one(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    first = next(reader, None)
    yield first if first is not None else pa.RecordBatch.from_pylist([], reader.schema)
    yield from reader


class Writer:
    """Appends frames to one parquet or csv file."""

    def __init__(self, path: Path, suffix: str) -> None:
        self._path, self._suffix = path, suffix
        self._parquet: pq.ParquetWriter | None = None
        self._started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._parquet is not None:
            self._parquet.close()

    def write(self, frame: pd.DataFrame) -> None:
        """Append one batch; the first one decides the columns."""
        if self._suffix == ".csv":
            frame.to_csv(self._path, mode="a" if self._started else "w", header=not self._started, index=False)
        else:
            table = pa.table({name: _column(frame[name]) for name in frame.columns})
            if self._parquet is None:
                words = [field.name for field in table.schema if field.type == pa.string() and field.name not in KEYS]
                self._parquet = pq.ParquetWriter(self._path, table.schema, use_dictionary=words)  # numbers and ids hardly repeat
            self._parquet.write_table(table.cast(self._parquet.schema))
        self._started = True


def _column(values: pd.Series) -> pa.Array:
    # a batch in which a text column is empty throughout must not make it a column of nulls
    return pa.array(values, pa.string() if values.dtype == object else None, from_pandas=True)
