"""From rows of candidates to answers, batch by batch, and into a file: the same in this process and in the workers of Spark."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from funnelcast.answers import READ, Scale, answer_rows
from funnelcast.champions import Champion
from funnelcast.families.table import Array, Table

_SIDE_BY_SIDE = 2  # batches; the trees use all threads for their part anyway
KEYS = ("invoice_id", "deal_id", "contact_id", "path")
"""By which a row of some family is known: by its own id, before that of its contact, who may have several."""
VALUE = "value of the contact"
"""The column that may stand beside a model's own: what each row's contact is worth."""
ValueOf: TypeAlias = Callable[[pd.Index, Table], "Array | None"]
"""Gives the value of each row, by their keys and themselves; NaN where it isn't known, None where no row's is."""


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
                under_way.append(pool.submit(self.answer, batch))
                if len(under_way) > _SIDE_BY_SIDE:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()

    def answer(self, batch: pa.RecordBatch) -> pd.DataFrame:
        """Answer one batch."""
        model, read = self.champion.model, list(self.champion.model.columns)
        beside = [name for name in batch.schema.names if name not in {*read, self.key}]
        rows = batch.select([*read, *beside]).to_pandas()  # what is read comes first, so that it needs no copy
        keys, table = pd.Index(batch.column(self.key).to_pandas()), Table.of(rows.filter([*READ, VALUE]))
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
            table = to_arrow(frame)
            if self._parquet is None:
                words = [field.name for field in table.schema if field.type == pa.string() and field.name not in KEYS]
                self._parquet = pq.ParquetWriter(self._path, table.schema, use_dictionary=words)  # numbers and ids hardly repeat
            self._parquet.write_table(table.cast(self._parquet.schema))
        self._started = True


def to_arrow(frame: pd.DataFrame) -> pa.Table:
    """Give answers as Arrow."""
    return pa.table({name: _column(frame[name]) for name in frame.columns})


def _column(values: pd.Series) -> pa.Array:
    # a batch in which a text column is empty throughout must not make it a column of nulls
    return pa.array(values, pa.string() if values.dtype == object else None, from_pandas=True)
