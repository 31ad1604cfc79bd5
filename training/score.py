"""Batch scoring: everyone in question to parquet or csv, in a stream, so that memory doesn't grow with the rows."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from funnelcast import champions
from funnelcast.answers import answer_rows
from funnelcast.champions import Champion
from funnelcast.errors import NotFound, UsageError
from funnelcast.families.family import Progress
from funnelcast.families.registry import family_of
from funnelcast.settings import Settings
from funnelcast.snapshots import latest
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf, Json
from training.train import default_as_of, require_tables

_BATCH_ROWS = 100_000
KEYS = ("contact_id", "deal_id", "invoice_id", "path")
"""By which a row of some family is known."""


@dataclass(frozen=True)
class Scored:
    """One batch of answers, beside the features that they were computed from."""

    answers: pd.DataFrame
    rows: pd.DataFrame
    predictions: pd.DataFrame


def score(settings: Settings, facts: Facts, model: str, out: Path, *, as_of: AsOf | None, progress: Progress) -> dict[str, Json]:
    """Score everyone in question with the champion of one model.

    Parameters
    ----------
    out
        ``.parquet`` or ``.csv``; it appears only when it is complete.
    """
    if out.suffix not in {".parquet", ".csv"}:
        raise UsageError(reason=f"--out {out.name}: end the file's name in .parquet or .csv.")
    started = time.monotonic()
    champion = champions.load(settings, facts.source.name, model, facts.source.path or "FILE")
    as_of = as_of or default_as_of(facts)
    beside = out.with_name(f".{out.name}.part")
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = 0
    try:
        with _Writer(beside, out.suffix) as writer:
            for batch in stream(settings, facts, champion, as_of):
                writer.write(batch.answers)
                rows += len(batch.answers)
                progress(f"{model}: {rows} rows scored")
        os.replace(beside, out)  # noqa: PTH105 (atomic)
    finally:
        beside.unlink(missing_ok=True)
    seconds = round(time.monotonic() - started, 3)
    return {"model": model, "version": champion.version, "as_of": as_of.isoformat(), "rows": rows, "out": str(out), "seconds": seconds}


def stream(settings: Settings, facts: Facts, champion: Champion, as_of: AsOf) -> Iterator[Scored]:
    """Score in batches; at least one batch comes, empty where nobody is in question."""
    spec = read(settings.models, champion.about.model)
    family = family_of(champion.about.family)
    require_tables(facts, family, champion.about.model)
    known = cut(facts, as_of)
    candidates = family.candidates(known, spec, None, as_of)
    key = next(name for name in KEYS if name in candidates.columns)
    scale = scale_in_use(settings, champion)
    clv = value_of_contacts(settings, known, as_of) if champion.about.family == "churn" else None
    reader = candidates.order_by(key).to_pyarrow_batches(chunk_size=_BATCH_ROWS)
    batches: Iterator[pd.DataFrame] = (batch.to_pandas() for batch in reader)
    first = next(batches, None)
    yield _score_batch(champion, first if first is not None else reader.schema.empty_table().to_pandas(), key, scale, clv)
    for batch in batches:
        yield _score_batch(champion, batch, key, scale, clv)


def scale_in_use(settings: Settings, champion: Champion) -> list[float]:
    """Give the population for percentiles: the last refresh, else the fold on which the champion was judged."""
    try:
        scales = latest(settings, champion.about.source).document("scales")
    except NotFound:
        scales = {}
    return list(scales.get(champion.about.model, champion.about.scale))


def value_of_contacts(settings: Settings, known: Facts, as_of: AsOf) -> pd.Series | None:
    """Give each customer's CLV by contact_id, where a clv champion and purchases allow it."""
    source = known.source.name
    if "clv" not in champions.listed(settings, source) or not known.has("transactions"):
        return None
    champion = champions.load(settings, source, "clv")
    spec = read(settings.models, "clv")
    rows = family_of("clv").candidates(known, spec, None, as_of).execute().set_index("contact_id").sort_index()
    value = champion.model.predict(rows[list(champion.model.columns)])["clv"]
    return value.rename("clv")


def _score_batch(champion: Champion, batch: pd.DataFrame, key: str, scale: list[float], clv: pd.Series | None) -> Scored:
    rows = batch.set_index(key)
    predictions = champion.model.predict(rows[list(champion.model.columns)])
    answers = answer_rows(champion.about.family, rows, predictions, scale, clv)
    return Scored(answers.reset_index(names=key), rows, predictions)


class _Writer:
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
        if self._suffix == ".csv":
            frame.to_csv(self._path, mode="a" if self._started else "w", header=not self._started, index=False)
        else:
            # a batch in which a text column is empty throughout must not make it a column of nulls
            texts = {name: "string" for name in frame.columns if frame[name].dtype == object}
            table = pa.Table.from_pandas(frame.astype(texts), preserve_index=False)
            if self._parquet is None:
                self._parquet = pq.ParquetWriter(self._path, table.schema)
            self._parquet.write_table(table.cast(self._parquet.schema))
        self._started = True
