"""Batch scoring: everyone in question to parquet or csv, in a stream, so that memory doesn't grow with the rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from funnelcast import champions
from funnelcast.answers import Scale, answer_rows
from funnelcast.champions import Champion
from funnelcast.errors import NotFound
from funnelcast.families.family import Progress
from funnelcast.families.registry import family_of
from funnelcast.settings import Settings
from funnelcast.snapshots import latest
from funnelcast.sources.as_of import cut
from funnelcast.sources.facts import Facts
from funnelcast.spec import read
from funnelcast.terms import AsOf, Json
from training.output import replaced, require_table_file
from training.train import default_as_of, require_tables
from training.values import value_of_contacts, value_of_conversions

_BATCH_ROWS = 100_000
KEYS = ("contact_id", "deal_id", "invoice_id", "path")
"""By which a row of some family is known."""
ValueOf: TypeAlias = Callable[[pd.DataFrame], "pd.Series | None"]
"""Gives the value of rows by their index, where it is known."""


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
    require_table_file(out)
    started = time.monotonic()
    champion = champions.load(settings, facts.source.name, model, facts.source.path or "FILE")
    as_of = as_of or default_as_of(facts)
    rows = 0
    with replaced(out) as beside, _Writer(beside, out.suffix) as writer:
        for batch in stream(settings, facts, champion, as_of):
            writer.write(batch.answers)
            rows += len(batch.answers)
            progress(f"{model}: {rows} rows scored")
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
    value = _values(settings, known, champion.about.family, as_of)
    scorer = _Scorer(champion, key, scale_in_use(settings, champion), value, float(spec.label.get("horizon_days", 0)))
    reader = candidates.order_by(key).to_pyarrow_batches(chunk_size=_BATCH_ROWS)
    batches: Iterator[pd.DataFrame] = (batch.to_pandas() for batch in reader)
    first = next(batches, None)
    yield scorer.score(first if first is not None else reader.schema.empty_table().to_pandas())
    for batch in batches:
        yield scorer.score(batch)


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
        return lambda _: clv
    worth = value_of_conversions(settings, known, as_of) if family == "lead_scoring" else None
    return lambda rows: None if worth is None else worth.of_rows(rows)


@dataclass(frozen=True)
class _Scorer:
    """What turns a batch of candidates into answers."""

    champion: Champion
    key: str
    scale: Scale
    value: ValueOf
    horizon_days: float

    def score(self, batch: pd.DataFrame) -> Scored:
        rows, model = batch.set_index(self.key), self.champion.model
        predictions = model.predict(rows[list(model.columns)])
        answers = answer_rows(self.champion.about.family, rows, predictions, self.scale, self.value(rows), self.horizon_days)
        return Scored(answers.reset_index(names=self.key), rows, predictions)


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
